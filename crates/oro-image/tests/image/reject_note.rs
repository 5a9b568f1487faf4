//! Files whose notes are wrong (`NOTE-1` to `NOTE-6`, `TYPE-1`, `TYPE-2`, `LIM-*`, `VER-1`, `VER-2`).

use oro_image::{LayoutError, NoteError as E, RelocationError, SegmentError};
use oro_sysabi as sys;

use crate::builder::{
    Builder, CODE, CODE_SIZE, DATA, EM_X86_64, Note, P_ALIGN, P_FILESZ, P_OFFSET, Symbol, entry,
    find_note, get_u64, module, param, port, program, set_u32, set_u64,
};
use crate::rejection::{Rejection, reject};

const MODULE: usize = 0;
const ENTRY: usize = 1;
const PARAMS: usize = 2;
const OUT: usize = 3;
const PARAM: usize = 4;

pub(crate) fn all() -> Vec<Rejection> {
    let mut all = framing();
    all.extend(modules());
    all.extend(names_and_sizes());
    all.extend(entries());
    all.extend(ports());
    all.extend(layouts());
    all.extend(params());
    all.extend(defaults());
    all
}

/// A good file, a u32 of the descriptor of whose note is changed; and where the note is.
fn set(index: usize, field: usize, value: u32) -> (Vec<u8>, u64) {
    let mut file = Builder::pie(EM_X86_64).build();
    let at = find_note(&file, index);
    set_u32(&mut file, at + 16 + field, value);
    (file, at as u64)
}

/// A good file whose notes have been edited; and where the note with this index is.
fn edit(index: usize, change: impl Fn(&mut Vec<Note>)) -> (Vec<u8>, u64) {
    let mut builder = Builder::pie(EM_X86_64);
    change(&mut builder.notes);
    let file = builder.build();
    let at = find_note(&file, index) as u64;
    (file, at)
}

/// A rejection whose error names where the note is.
fn at(name: &'static str, file: (Vec<u8>, u64), error: impl Fn(u64) -> E) -> Rejection {
    reject(name, file.0, error(file.1))
}

fn framing() -> Vec<Rejection> {
    let good = Builder::pie(EM_X86_64).build();
    let mut misaligned = good.clone();
    set_u64(&mut misaligned, program(4, P_ALIGN), 16);
    let size = get_u64(&good, program(4, P_FILESZ));
    let mut cut_header = good.clone();
    set_u64(&mut cut_header, program(4, P_FILESZ), 11);
    let mut cut_descriptor = good.clone();
    set_u64(&mut cut_descriptor, program(4, P_FILESZ), size - 1);
    let start = get_u64(&good, program(4, P_OFFSET));
    let last = find_note(&good, PARAM) as u64;
    let huge = |field: usize| {
        let mut file = good.clone();
        let at = find_note(&file, OUT);
        set_u32(&mut file, at + field, u32::MAX);
        (file, at as u64)
    };
    let cut = |offset| E::CutOff { header: 4, offset };
    vec![
        reject("notes-misaligned", misaligned, E::BadAlignment { header: 4, align: 16 }),
        reject("note-header-cut", cut_header, cut(start)),
        reject("note-descriptor-cut", cut_descriptor, cut(last)),
        at("note-owner-size", huge(0), cut),
        at("note-descriptor-size", huge(4), cut),
        at("note-type-0", edit(OUT, |notes| notes[OUT].kind = 0), |offset| E::UnknownType {
            offset,
            kind: 0,
        }),
        at("note-type-5", edit(OUT, |notes| notes[OUT].kind = 5), |offset| E::UnknownType {
            offset,
            kind: 5,
        }),
    ]
}

fn modules() -> Vec<Rejection> {
    const NEXT_MINOR: u32 = oro_sysabi::ABI_MINOR + 1;
    let version = |major, minor| move |offset| E::WrongVersion { offset, major, minor };
    let newer = edit(MODULE, |notes| {
        // A module of the next major may say more, and have notes that are unknown today.
        set_u32(&mut notes[MODULE].descriptor, 4, 1);
        notes[MODULE].descriptor.extend_from_slice(&[7; 16]);
        notes[OUT].kind = 9;
    });
    vec![
        reject("no-module", edit(0, |notes| drop(notes.remove(MODULE))).0, E::NoModule),
        at("two-modules", edit(2, |notes| notes.insert(2, module("other"))), |offset| {
            E::RepeatedModule { offset }
        }),
        at("abi-next-major", newer, version(1, oro_sysabi::ABI_MINOR)),
        at("abi-0.0", set(MODULE, 8, 0), version(0, 0)),
        at("abi-next-minor", set(MODULE, 8, NEXT_MINOR), version(0, NEXT_MINOR)),
        at("module-flags", set(MODULE, 12, 1), |offset| E::UnknownFlags {
            offset,
            kind: "MODULE",
            flags: 1,
        }),
    ]
}

/// What all kinds of notes have.
fn names_and_sizes() -> Vec<Rejection> {
    let mut all = Vec::new();
    let kinds = [
        (MODULE, "MODULE", 16, 48_u64, "module-size", "module-name", "module-short"),
        (ENTRY, "ENTRY", 32, 64, "entry-size", "entry-name", "entry-short"),
        (OUT, "PORT", 32, 64, "port-size", "port-name", "port-short"),
        (PARAM, "PARAM", 16, 48, "param-size", "param-name", "param-short"),
    ];
    for (index, kind, name_field, least, size, name, short) in kinds {
        let (file, offset) = set(index, 0, 3);
        let actual = u64::from(file[usize::try_from(offset).unwrap() + 4]);
        let wrong = |stated, actual| E::WrongSize { offset, kind, stated, actual, least };
        all.push(reject(size, file, wrong(3, actual)));
        let (file, _) = edit(index, |notes| notes[index].descriptor.truncate(12));
        let stated = u32::try_from(actual).unwrap();
        all.push(reject(short, file, wrong(stated, 12)));
        let (file, _) = set(index, name_field, u32::from_le_bytes(*b"a b\0"));
        all.push(reject(name, file, E::BadName { offset, kind }));
    }
    let bad = |offset| E::BadName { offset, kind: "MODULE" };
    all.push(at("name-empty", set(MODULE, 16, 0), bad));
    all.push(at("name-tail", set(MODULE, 44, u32::from_le_bytes([0, 0, 0, 1])), bad));
    let full = edit(MODULE, |notes| notes[MODULE].descriptor[16..].fill(b'a'));
    all.push(at("name-of-32-bytes", full, bad));
    let invalid = edit(MODULE, |notes| notes[MODULE].descriptor[16] = 0xff);
    all.push(at("name-not-utf-8", invalid, bad));
    for (kind, name, note) in [
        ("ENTRY", "entry-name-twice", entry(1, 0, 0, "run", CODE)),
        ("PORT", "port-name-twice", port(9, 0, 1, 1, "out", "a{x:u8,}", 1, 1)),
        ("PARAM", "param-name-twice", param(sys::PARAM_TEXT, 0, 0, "rate", "", "")),
    ] {
        let shared = ["run", "out", "rate"].into_iter();
        let text = shared.zip(["ENTRY", "PORT", "PARAM"]).find(|(_, other)| *other == kind);
        let twice = edit(5, |notes| notes.push(note.clone()));
        let shared = text.unwrap().0;
        all.push(at(name, twice, |offset| E::RepeatedName { offset, kind, name: shared.into() }));
    }
    all
}

fn entries() -> Vec<Rejection> {
    let add = |note: Note| edit(5, |notes| notes.push(note.clone()));
    let many = edit(0, |notes| {
        for index in 1..65_u32 {
            notes.push(entry(index, 0, 0, &format!("entry-{index}"), CODE));
        }
    });
    let target = |target: u64| edit(ENTRY, |notes| notes[ENTRY].target = Some(target)).0;
    let outside = |name: &str, address| E::EntryOutside { name: name.into(), address };
    let mut legacy = Builder::pie(EM_X86_64);
    legacy.notes.clear();
    legacy.symbols = vec![Symbol("main", 0x12, 1, DATA, 4)];
    let legacy_main = legacy.build();
    legacy.symbols.clear();
    legacy.entry = 0;
    vec![
        reject("no-entry", edit(0, |notes| drop(notes.remove(ENTRY))).0, E::NoEntry),
        reject("65-entries", many.0, E::TooManyEntries { count: 65 }),
        at("entry-twice", add(entry(0, 0, 0, "again", CODE)), |offset| E::RepeatedEntry {
            offset,
            index: 0,
        }),
        reject(
            "entry-gap",
            add(entry(2, 0, 0, "third", CODE)).0,
            E::MissingEntry { index: 1, found: 2 },
        ),
        reject("no-entry-0", set(ENTRY, 4, 1).0, E::MissingEntry { index: 0, found: 1 }),
        at("entry-flags", set(ENTRY, 8, 4), |offset| E::UnknownFlags {
            offset,
            kind: "ENTRY",
            flags: 4,
        }),
        at("entry-reserved", set(ENTRY, 28, 1), |offset| E::NotZero { offset, kind: "ENTRY" }),
        at("entry-stack", set(ENTRY, 12, (1 << 30) + 1), |offset| E::StackTooLarge {
            offset,
            size: (1 << 30) + 1,
        }),
        reject("entry-in-data", target(DATA), outside("run", DATA)),
        reject("entry-past-code", target(CODE + CODE_SIZE), outside("run", CODE + CODE_SIZE)),
        reject("entry-before-code", target(CODE - 1), outside("run", CODE - 1)),
        reject("main-in-data", legacy_main, outside("main", DATA)),
        reject("e-entry-0", legacy.build(), outside("e_entry", 0)),
    ]
}

fn ports() -> Vec<Rejection> {
    let plain = |index, max, name: &str| port(index, 0, 1, max, name, "a{x:u8,}", 1, 1);
    let add = |note: Note| edit(5, |notes| notes.push(note.clone()));
    let max = |max| move |offset| E::BadPortMax { offset, max };
    let index = |index| move |offset| E::PortIndexTooLarge { offset, index, limit: 256 };
    vec![
        at("port-entry", set(OUT, 8, 1), |offset| E::UnknownPortEntry {
            offset,
            entry: 1,
            count: 1,
        }),
        at("port-direction-0", set(OUT, 12, 0), |offset| E::BadDirection { offset, direction: 0 }),
        at("port-direction-3", set(OUT, 12, 3), |offset| E::BadDirection { offset, direction: 3 }),
        at("port-max-0", set(OUT, 24, 0), max(0)),
        at("port-max-257", set(OUT, 24, 257), max(257)),
        at("port-max-huge", set(OUT, 24, u32::MAX), max(u32::MAX)),
        at("port-index-huge", set(OUT, 4, u32::MAX), index(u32::MAX)),
        at("port-index-past", set(OUT, 4, 255), index(255)),
        at("port-flags", set(OUT, 28, 2), |offset| E::UnknownFlags {
            offset,
            kind: "PORT",
            flags: 2,
        }),
        at("port-overlap", add(plain(2, 1, "late")), |offset| E::PortOverlap {
            offset,
            index: 2,
            name: "out".into(),
        }),
        at("port-same-index", add(plain(0, 1, "late")), |offset| E::PortOverlap {
            offset,
            index: 0,
            name: "params".into(),
        }),
        reject(
            "257-endpoints",
            edit(0, |notes| {
                notes.push(entry(1, 0, 0, "second", CODE));
                notes.push(plain(3, 254, "many"));
            })
            .0,
            E::TooManyEndpoints { entry: 0, count: 257 },
        ),
    ]
}

fn layouts() -> Vec<Rejection> {
    let text = |text: String, size| {
        edit(5, move |notes| notes.push(port(9, 0, 1, 1, "late", &text, size, 1)))
    };
    // 20 fields of 205 bytes are too long a text; their number does not matter.
    let long: String = (0..20).map(|index| format!("{index:0>201}:u8,")).collect();
    let long = format!("a{{{long}}}");
    let long_size = long.len() as u64;
    let layout = |text: &str, error: LayoutError| {
        let text = String::from(text);
        move |offset| E::BadLayout { offset, text: text.clone(), error: error.clone() }
    };
    let raw = |change: fn(&mut Vec<u8>)| edit(OUT, |notes| change(&mut notes[OUT].descriptor));
    let text_error = |offset| E::BadText { offset, kind: "PORT" };
    let padded = "a{x:u8,y:u32,}";
    vec![
        at("layout-too-long", text(long, 20), |offset| E::LayoutTooLong {
            offset,
            size: long_size,
        }),
        at("layout-without-field", text("a{}".into(), 0), {
            layout("a{}", LayoutError::NoField { at: 2 })
        }),
        at("layout-with-padding", text(padded.into(), 8), {
            layout(padded, LayoutError::Padding { at: 9, offset: 1, align: 4 })
        }),
        at("layout-size", set(OUT, 16, 12), |offset| E::SizeDisagrees {
            offset,
            stated: 12,
            layout: 8,
        }),
        at("layout-align", set(OUT, 20, 3), |offset| E::AlignDisagrees {
            offset,
            stated: 3,
            layout: 4,
        }),
        at("layout-not-utf-8", raw(|descriptor| descriptor[64] = 0xff), text_error),
        at("layout-unterminated", raw(|descriptor| descriptor[64..].fill(b'a')), text_error),
        at(
            "layout-padding-not-zero",
            raw(|descriptor| *descriptor.last_mut().unwrap() = 1),
            |offset| E::NotZero { offset, kind: "PORT" },
        ),
    ]
}

fn params() -> Vec<Rejection> {
    let replace = |kind, flags, port, default: &'static str| {
        edit(PARAM, move |notes| notes[PARAM] = param(kind, flags, port, "rate", default, "help"))
    };
    let port = |port| move |offset| E::BadParamPort { offset, port };
    vec![
        at("param-kind-0", set(PARAM, 4, 0), |offset| E::BadParamKind { offset, found: 0 }),
        at("param-kind-5", set(PARAM, 4, 5), |offset| E::BadParamKind { offset, found: 5 }),
        at("param-flags", set(PARAM, 8, 2), |offset| E::UnknownFlags {
            offset,
            kind: "PARAM",
            flags: 2,
        }),
        at("param-port-unknown", set(PARAM, 12, 7), port(7)),
        at("param-port-of-other-type", set(PARAM, 12, 1), port(1)),
        at(
            "param-port-array",
            edit(PARAM, |notes| {
                set_u32(&mut notes[PARAMS].descriptor, 24, 2);
                set_u32(&mut notes[OUT].descriptor, 4, 2);
            }),
            port(0),
        ),
        at(
            "param-port-producer",
            edit(PARAM, |notes| set_u32(&mut notes[PARAMS].descriptor, 12, 1)),
            port(0),
        ),
        at(
            "param-required-default",
            replace(sys::PARAM_TEXT, sys::PARAM_REQUIRED, 0, "x"),
            |offset| E::DefaultOfRequired { offset },
        ),
        at(
            "param-default-too-long",
            edit(PARAM, |notes| {
                notes[PARAM] = param(sys::PARAM_TEXT, 0, 0, "rate", &"x".repeat(245), "");
            }),
            |offset| E::DefaultTooLong { offset, size: 249 },
        ),
        at(
            "param-help-missing",
            edit(PARAM, |notes| {
                let descriptor = &mut notes[PARAM].descriptor;
                descriptor.truncate(52);
                descriptor[48..].copy_from_slice(b"1\0hi");
                set_u32(descriptor, 0, 52);
            }),
            |offset| E::BadText { offset, kind: "PARAM" },
        ),
    ]
}

/// Defaults that are not of their kind.
fn defaults() -> Vec<Rejection> {
    let replace = |kind, default: &'static str| {
        edit(PARAM, move |notes| notes[PARAM] = param(kind, 0, 0, "rate", default, "help"))
    };
    let mut all = Vec::new();
    for (name, kind, text) in [
        ("default-unsigned-sign", sys::PARAM_UNSIGNED, "-1"),
        ("default-unsigned-plus", sys::PARAM_UNSIGNED, "+1"),
        ("default-unsigned-empty", sys::PARAM_UNSIGNED, ""),
        ("default-unsigned-range", sys::PARAM_UNSIGNED, "18446744073709551616"),
        ("default-signed-range", sys::PARAM_SIGNED, "-9223372036854775809"),
        ("default-signed-hex", sys::PARAM_SIGNED, "0x1"),
        ("default-boolean", sys::PARAM_BOOLEAN, "yes"),
    ] {
        let kind_text = match kind {
            sys::PARAM_UNSIGNED => "a decimal integer from 0 to 2^64-1",
            sys::PARAM_SIGNED => "a decimal integer from -2^63 to 2^63-1",
            _ => "`true` or `false`",
        };
        all.push(at(name, replace(kind, text), |offset| E::BadDefault {
            offset,
            text: text.into(),
            kind: kind_text,
        }));
    }
    all
}

// NOTE-5: what is right in defaults is accepted.
#[test]
fn note_5_defaults_of_each_kind_are_accepted() {
    for (kind, text) in [
        (sys::PARAM_TEXT, ""),
        (sys::PARAM_TEXT, "\u{e4} b"),
        (sys::PARAM_UNSIGNED, "18446744073709551615"),
        (sys::PARAM_SIGNED, "-9223372036854775808"),
        (sys::PARAM_SIGNED, "9223372036854775807"),
        (sys::PARAM_BOOLEAN, "false"),
    ] {
        let (file, _) = edit(PARAM, |notes| notes[PARAM] = param(kind, 0, 0, "rate", text, "help"));
        let image = oro_image::Image::parse(&file).unwrap();
        assert_eq!(image.interface.params[0].default.as_deref(), Some(text));
    }
    let required = param(sys::PARAM_SIGNED, sys::PARAM_REQUIRED, 0, "rate", "", "");
    let (file, _) = edit(PARAM, |notes| notes[PARAM] = required.clone());
    assert_eq!(oro_image::Image::parse(&file).unwrap().interface.params[0].default, None);
}

// LIM-5, LIM-7: what is just within the limits is accepted.
#[test]
fn lim_5_and_lim_7_the_limits_themselves_are_accepted() {
    let (file, _) = edit(0, |notes| {
        for index in 1..64_u32 {
            notes.push(entry(index, 0, 1 << 30, &format!("entry-{index}"), CODE));
        }
        notes.push(port(3, 0, 1, 253, "many", "a{x:u8,}", 1, 1));
    });
    let interface = oro_image::Image::parse(&file).unwrap().interface;
    assert_eq!(interface.entries.len(), 64);
    assert_eq!(interface.ports.iter().map(|port| port.max).sum::<u32>(), 256);
}

// The stages are checked in order, so an error of an earlier one comes first.
#[test]
fn img_2_earlier_stages_come_first() {
    let mut builder = Builder::pie(EM_X86_64);
    builder.notes.clear();
    builder.entry = 0;
    builder.relocations = vec![[DATA, 1, 0]];
    builder.symbols.clear();
    let error = oro_image::Image::parse(&builder.build()).unwrap_err();
    assert!(matches!(error, oro_image::ImageError::Relocation(RelocationError::WrongKind { .. })));
    builder.programs = vec![[7, 4, 0, 0, 0, 0, 8]];
    let error = oro_image::Image::parse(&builder.build()).unwrap_err();
    assert!(matches!(error, oro_image::ImageError::Segment(SegmentError::ThreadLocal { .. })));
}
