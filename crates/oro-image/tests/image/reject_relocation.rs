//! Files whose dynamic table or relocations are wrong (`IMG-1`, `IMG-6`).

use oro_image::RelocationError as E;

use crate::builder::{
    Builder, CODE, DATA, EM_AARCH64, EM_X86_64, P_FILESZ, Symbol, get_u64, program, set_u64,
};
use crate::rejection::{Rejection, reject};

pub(crate) fn all() -> Vec<Rejection> {
    let mut all = dynamic_tables();
    all.extend(relocation_tables());
    all.extend(relocations());
    all.extend(symbols());
    all
}

/// A good file whose dynamic table has been edited.
fn edit(change: impl Fn(&mut Vec<(u64, u64)>) + 'static) -> Vec<u8> {
    Builder { edit_dynamic: Box::new(change), ..Builder::pie(EM_X86_64) }.build()
}

/// With entries before the others.
fn add(entries: &'static [(u64, u64)]) -> Vec<u8> {
    edit(move |table| {
        table.splice(0..0, entries.iter().copied());
    })
}

/// With another value for a tag.
fn set(tag: u64, value: u64) -> Vec<u8> {
    edit(move |table| table.iter_mut().filter(|entry| entry.0 == tag).for_each(|e| e.1 = value))
}

/// Without a tag.
fn remove(tag: u64) -> Vec<u8> {
    edit(move |table| table.retain(|entry| entry.0 != tag))
}

/// Where the relocation with this index is in a file: its address is its offset.
fn find_relocation(file: &[u8], index: u64) -> u64 {
    let at = usize::try_from(get_u64(file, program(3, 8))).unwrap();
    let entries = (0..).map(|index| at + index * 16);
    let rela = entries.map(|at| (get_u64(file, at), get_u64(file, at + 8)));
    rela.into_iter().find(|(tag, _)| *tag == 7).unwrap().1 % 0x40_0000 + index * 24
}

fn dynamic_tables() -> Vec<Rejection> {
    let mut odd = Builder::pie(EM_X86_64).build();
    let size = get_u64(&odd, program(3, P_FILESZ));
    set_u64(&mut odd, program(3, P_FILESZ), size - 8);
    let unsupported = |tag| E::UnsupportedTable { tag };
    let library = Builder {
        dynamic_symbols: vec![Symbol("lib\u{1b}.so", 0x20, 0, 0, 0)],
        edit_dynamic: Box::new(|table| table.insert(0, (1, 1))),
        ..Builder::pie(EM_X86_64)
    };
    vec![
        reject("dynamic-size", odd, E::DynamicSize { header: 3, size: size - 8 }),
        reject("dynamic-unterminated", remove(0), E::DynamicUnterminated { header: 3 }),
        reject("needed", library.build(), E::NeededLibrary { name: "lib\u{1b}.so".into() }),
        reject("needed-nameless", add(&[(1, 1 << 60)]), E::NeededLibrary { name: "?".into() }),
        reject("repeated-tag", add(&[(8, 24)]), E::RepeatedTag { tag: "DT_RELASZ" }),
        reject("rel", add(&[(17, 0)]), unsupported("DT_REL")),
        reject("relr", add(&[(36, 0)]), unsupported("DT_RELR")),
        reject("android-rel", add(&[(0x6000_000f, 0)]), unsupported("DT_ANDROID_REL")),
        reject("android-rela", add(&[(0x6000_0011, 0)]), unsupported("DT_ANDROID_RELA")),
        reject("textrel", add(&[(22, 0)]), E::TextRelocations),
        reject("flags-textrel", add(&[(30, 4)]), E::TextRelocations),
    ]
}

fn relocation_tables() -> Vec<Rejection> {
    let outside = |address, size| E::TableOutside { tag: "DT_RELA", address, size };
    let incomplete = |tag, missing| E::TableIncomplete { tag, missing };
    let rela = find_relocation(&Builder::pie(EM_X86_64).build(), 0);
    vec![
        reject("no-rela", remove(7), incomplete("DT_RELASZ", "DT_RELA")),
        reject("no-relasz", remove(8), incomplete("DT_RELA", "DT_RELASZ")),
        reject("no-relaent", remove(9), incomplete("DT_RELA", "DT_RELAENT")),
        reject("relasz-odd", set(8, 25), E::TableSize { tag: "DT_RELASZ", size: 25 }),
        reject("relaent", set(9, 16), E::TableForm { tag: "DT_RELAENT", found: 16, expected: 24 }),
        reject("rela-outside", set(7, 1 << 50), outside(1 << 50, 48)),
        reject("rela-in-bss", set(7, DATA + 0x1000), outside(DATA + 0x1000, 48)),
        reject("relasz-huge", set(8, 24 << 40), outside(rela, 24 << 40)),
        reject("rela-overflow", set(7, u64::MAX - 8), outside(u64::MAX - 8, 48)),
        reject("plt-without-size", add(&[(23, 0)]), incomplete("DT_JMPREL", "DT_PLTRELSZ")),
        reject("plt-without-kind", add(&[(23, 0), (2, 24)]), incomplete("DT_JMPREL", "DT_PLTREL")),
        reject(
            "plt-rel",
            add(&[(23, 0), (2, 24), (20, 17)]),
            E::TableForm { tag: "DT_PLTREL", found: 17, expected: 7 },
        ),
    ]
}

/// A file with these relocations, and where the last of them is.
fn relocate(machine: u16, relocations: &[[u64; 3]]) -> (Vec<u8>, u64) {
    let file = Builder { relocations: relocations.to_vec(), ..Builder::pie(machine) }.build();
    let offset = find_relocation(&file, relocations.len() as u64 - 1);
    (file, offset)
}

fn relocations() -> Vec<Rejection> {
    let one = |target: u64, addend: u64| relocate(EM_X86_64, &[[target, 8, addend]]);
    let good = Builder::pie(EM_X86_64).build();
    let data_end = DATA + get_u64(&good, program(2, P_FILESZ));
    let memory_end = DATA + get_u64(&good, program(2, 40));
    let (absolute, absolute_at) = relocate(EM_X86_64, &[[DATA, 8, CODE], [DATA, 1, CODE]]);
    let (foreign, foreign_at) = relocate(EM_AARCH64, &[[DATA, 8, CODE]]);
    let (named, named_at) = relocate(EM_X86_64, &[[DATA, 8 | 1 << 32, CODE]]);
    let wrong = |offset, kind, symbol, expected| E::WrongKind { offset, kind, symbol, expected };
    let mut all = vec![
        reject("absolute-relocation", absolute, wrong(absolute_at, 1, 0, 8)),
        reject("relocation-of-other-machine", foreign, wrong(foreign_at, 8, 0, 1027)),
        reject("relative-with-symbol", named, wrong(named_at, 8, 1, 8)),
    ];
    for (name, target) in [
        ("target-outside", 0x50_0000),
        ("target-past-segment", memory_end - 7),
        ("target-overflow", u64::MAX - 3),
        ("target-before-segment", DATA - 4),
    ] {
        let (file, offset) = one(target, CODE);
        all.push(reject(name, file, E::TargetOutside { offset, target }));
    }
    let (file, offset) = one(CODE + 8, CODE);
    all.push(reject("target-in-code", file, E::TargetInCode { offset, target: CODE + 8 }));
    // With one relocation less than the good file the data are as long, so its end is the same.
    for (name, target) in [("target-in-bss", data_end), ("target-half-in-bss", data_end - 7)] {
        let (file, offset) = one(target, CODE);
        all.push(reject(name, file, E::TargetInBss { offset, target }));
    }
    for (name, value) in [("value-outside", 0x50_0000), ("value-negative", u64::MAX - 15)] {
        let (file, offset) = one(DATA, value);
        all.push(reject(name, file, E::ValueOutside { offset, value }));
    }
    let fixed = Builder { is_fixed: true, ..Builder::pie(EM_X86_64) }.build();
    let offset = find_relocation(&fixed, 0);
    all.push(reject("fixed-with-relocation", fixed, E::InFixedImage { offset }));
    all
}

fn symbols() -> Vec<Rejection> {
    let missing = |has_sections, relocations: Vec<[u64; 3]>| Builder {
        dynamic_symbols: vec![Symbol("printf", 0x12, 0, 0, 0)],
        has_sections,
        relocations,
        ..Builder::pie(EM_X86_64)
    };
    let by_section = missing(true, Vec::new()).build();
    let by_relocation = missing(false, vec![[DATA, 6 | 1 << 32, 0]]).build();
    let undefined = |file: &[u8]| {
        // The second entry of the table that DT_SYMTAB, the second of the dynamic table, gives.
        let dynamic = usize::try_from(get_u64(file, program(3, 8))).unwrap();
        E::UndefinedSymbol { offset: get_u64(file, dynamic + 24) + 24, name: "printf".into() }
    };
    vec![
        reject("undefined-symbol", by_section.clone(), undefined(&by_section)),
        reject("undefined-in-relocation", by_relocation.clone(), undefined(&by_relocation)),
    ]
}
