//! Good files: what is read out of them is what was put in.

use oro_image::{Direction, Image, Machine, ParamKind};
use oro_sysabi as sys;

use crate::builder::{
    BSS_SIZE, Builder, CODE, CODE_SIZE, DATA, EM_AARCH64, EM_X86_64, FIXED_BASE, Note, P_ALIGN,
    P_FILESZ, P_MEMSZ, P_OFFSET, P_VADDR, Symbol, entry, get_u64, program, set_u64,
};
use crate::invariants::check;

const CODE_BYTES: usize = 0x20;
const _: () = assert!(CODE_BYTES as u64 == CODE_SIZE);

// IMG-1, IMG-3, IMG-4, IMG-7: both machines, segments, relocations and zeros.
#[test]
fn img_1_static_pies_of_both_machines_are_read() {
    for (number, machine) in [(EM_X86_64, Machine::X86_64), (EM_AARCH64, Machine::Aarch64)] {
        let file = Builder::pie(number).build();
        let image = check(&file).unwrap();
        assert_eq!((image.machine, image.is_relocatable), (machine, true));
        assert_eq!(machine.elf_number(), number);
        let seen: Vec<_> = image
            .segments
            .iter()
            .map(|segment| (segment.address, segment.is_writable, segment.is_executable))
            .collect();
        assert_eq!(seen, [(0, false, false), (CODE, false, true), (DATA, true, false)]);
        let memory = get_u64(&file, program(2, P_MEMSZ));
        assert!(memory > BSS_SIZE);
        assert_eq!(image.segments[2].memory_bytes, memory.next_multiple_of(4096));
        assert_eq!(image.span(), 0..DATA + memory.next_multiple_of(4096));
    }
}

// IMG-7: relocations are applied, everything else is as in the file.
#[test]
fn img_7_relocations_are_applied_for_the_bias() {
    let builder = Builder::pie(EM_X86_64);
    let image = check(&builder.build()).unwrap();
    let bias = 0x12_3456_7000;
    let data = image.build_segment(2, bias);
    assert_eq!(get_u64(&data, 0), bias + CODE + 4);
    assert_eq!(get_u64(&data, 8), bias + DATA);
    assert_eq!(&data[16..32], [0xdd; 16]);
    assert_eq!(image.build_segment(1, bias), vec![0x90; CODE_BYTES]);
}

// IMG-4, IMG-7: a segment that begins within a page has zeros before it.
#[test]
fn img_7_bytes_before_a_segment_in_its_page_are_zero() {
    let mut file = Builder::pie(EM_X86_64).build();
    let at = program(1, P_VADDR);
    set_u64(&mut file, at, CODE - 0x18);
    let image = check(&file).unwrap();
    assert_eq!(image.segments[1].address, CODE - 0x1000);
    assert_eq!(image.segments[1].memory_bytes, 0x2000);
    let code = image.build_segment(1, 0);
    assert!(code[..0xfe8].iter().all(|&byte| byte == 0));
    assert_eq!(code[0xfe8..], [0x90; CODE_BYTES]);
}

// IMG-4: ET_EXEC.
#[test]
fn img_4_fixed_images_keep_their_addresses() {
    let image = check(&Builder::fixed(EM_AARCH64).build()).unwrap();
    assert!(!image.is_relocatable);
    assert_eq!(image.span().start, FIXED_BASE);
    assert_eq!(image.interface.entries[0].address, FIXED_BASE + CODE + 4);
}

// NOTE-1 to NOTE-6, LIM-12: everything that notes declare.
#[test]
fn note_1_declarations_are_read() {
    let mut builder = Builder::pie(EM_X86_64);
    builder
        .notes
        .insert(0, Note { owner: b"Oro-like\0", kind: 1, descriptor: vec![1; 5], target: None });
    builder.notes.push(entry(
        1,
        sys::ENTRY_MANAGED | sys::ENTRY_RETURNS_STATUS,
        0x2_0000,
        "second",
        CODE,
    ));
    let image = check(&builder.build()).unwrap();
    let interface = &image.interface;
    assert_eq!((interface.name.as_str(), interface.is_legacy), ("sample", false));
    let [first, second] = &interface.entries[..] else { panic!("two entries") };
    assert_eq!((first.name.as_str(), first.address), ("run", CODE + 4));
    assert_eq!(first.stack_size_bytes, 64 << 10);
    assert!(!first.is_managed && !first.returns_status);
    assert_eq!((second.name.as_str(), second.address), ("second", CODE));
    assert_eq!(second.stack_size_bytes, 0x2_0000);
    assert!(second.is_managed && second.returns_status);
    let [params, out] = &interface.ports[..] else { panic!("two ports") };
    assert_eq!((params.direction, params.slot_size_bytes), (Direction::Consumer, 256));
    assert!(!params.is_flexible && out.is_flexible);
    assert_eq!((out.index, out.max, out.slot_size_bytes, out.slot_align_bytes), (1, 2, 8, 4));
    assert_eq!((out.direction, out.layout.as_str()), (Direction::Producer, sys::BYTES_LAYOUT));
    let [rate] = &interface.params[..] else { panic!("one parameter") };
    assert_eq!((rate.name.as_str(), rate.kind, rate.port), ("rate", ParamKind::Unsigned, 0));
    assert_eq!(rate.default.as_deref(), Some("17"));
    assert_eq!(rate.help, "messages in a second");
}

// ENTRY-8: without notes, `main`, else `e_entry`.
#[test]
fn entry_8_images_without_notes_start_at_main_or_e_entry() {
    let mut builder = Builder::pie(EM_X86_64);
    builder.notes.clear();
    let interface = check(&builder.build()).unwrap().interface;
    assert!(interface.is_legacy && interface.ports.is_empty() && interface.name.is_empty());
    assert_eq!(interface.entries.len(), 1);
    assert_eq!(
        (interface.entries[0].name.as_str(), interface.entries[0].address),
        ("main", CODE + 8)
    );
    assert!(interface.entries[0].returns_status && !interface.entries[0].is_managed);

    // An object named `main` is no function; a name that begins with `main` is another one.
    builder.symbols = vec![Symbol("main", 0x11, 1, CODE, 8), Symbol("main2", 0x12, 1, CODE, 8)];
    let interface = check(&builder.build()).unwrap().interface;
    assert_eq!(
        (interface.entries[0].name.as_str(), interface.entries[0].address),
        ("e_entry", CODE)
    );
    assert!(!interface.entries[0].returns_status);
}

// BLAME-2: addresses have names, as far as the file knows any.
#[test]
fn blame_2_symbols_are_found_by_address() {
    let mut builder = Builder::pie(EM_X86_64);
    builder.symbols = vec![
        Symbol("whole", 0x12, 1, CODE, 0x18),
        Symbol("label", 0x10, 1, CODE + 0x1a, 0),
        Symbol("inner", 0x12, 1, CODE + 4, 4),
        Symbol("$x", 0x10, 1, CODE + 8, 0),
    ];
    let image = check(&builder.build()).unwrap();
    let find = |address| image.find_symbol(address).map(|symbol| (symbol.name, symbol.offset));
    assert_eq!(find(CODE), Some(("whole", 0)));
    assert_eq!(find(CODE + 5), Some(("inner", 1)));
    assert_eq!(find(CODE + 9), Some(("whole", 9)));
    assert_eq!(find(CODE + 0x19), None);
    assert_eq!(find(CODE + 0x1b), Some(("label", 1)));
    assert_eq!(find(CODE + CODE_SIZE), None, "beyond the segment");
    builder.has_sections = false;
    let image = check(&builder.build()).unwrap();
    assert!(image.find_symbol(CODE).is_none());
}

// IMG-7: a large bss costs a loader nothing.
#[test]
fn img_7_a_bss_of_gigabytes_is_not_allocated() {
    let mut file = Builder::pie(EM_X86_64).build();
    set_u64(&mut file, program(2, P_MEMSZ), 3 << 30);
    let image = Image::parse(&file).unwrap();
    assert_eq!(image.segments[2].memory_bytes, 3 << 30);
    assert!(image.build_segment(2, 0).len() < 4096);
}

// IMG-3: a segment's alignment is one that the bias must have.
#[test]
fn img_3_the_largest_alignment_is_told() {
    let mut builder = Builder::pie(EM_X86_64);
    builder.notes.clear();
    builder.symbols.clear();
    let mut file = builder.build();
    assert_eq!(check(&file).unwrap().align_bytes, 4096);
    let address = CODE + get_u64(&file, program(1, P_OFFSET));
    set_u64(&mut file, program(1, P_VADDR), address);
    set_u64(&mut file, program(1, P_ALIGN), 0x1_0000);
    set_u64(&mut file, 24, address);
    let image = check(&file).unwrap();
    assert_eq!((image.align_bytes, image.interface.entries[0].address), (0x1_0000, address));
}

// NOTE-1: notes of other owners may be aligned to 8 bytes, and need not be loaded.
#[test]
fn note_1_notes_of_other_owners_are_passed_over() {
    let mut file =
        Builder { programs: vec![[4, 4, 0, 0, 0, 0, 8]], ..Builder::pie(EM_X86_64) }.build();
    let (at, properties) =
        (file.len(), b"\x04\0\0\0\x04\0\0\0\x05\0\0\0GNU\0\x01\x02\x03\x04\0\0\0\0");
    // Aligned to 4 bytes, the second one would begin within the padding of the first.
    file.extend_from_slice(properties);
    file.extend_from_slice(properties);
    set_u64(&mut file, program(6, P_OFFSET), at as u64);
    set_u64(&mut file, program(6, P_FILESZ), 48);
    assert_eq!(check(&file).unwrap().interface.name, "sample");
    // With the padding of the last one cut off.
    set_u64(&mut file, program(6, P_FILESZ), 44);
    assert_eq!(check(&file).unwrap().interface.name, "sample");
    set_u64(&mut file, program(6, P_ALIGN), 4);
    assert_eq!(check(&file).unwrap_err().code(), "NOTE-CUT-OFF");
}

// Names and numbers of machines.
#[test]
fn img_1_machines_have_names_and_numbers() {
    for machine in [Machine::X86_64, Machine::Aarch64] {
        assert_eq!(Machine::from_elf_number(machine.elf_number()), Some(machine));
    }
    assert_eq!(Machine::from_elf_number(243), None);
    assert_eq!((Machine::X86_64.name(), Machine::Aarch64.name()), ("x86_64", "aarch64"));
}
