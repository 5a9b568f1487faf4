//! Files that a real compiler and linker make.
//!
//! `cc` makes them for the host, so these tests are for x86_64 hosts; the AArch64 file comes from
//! clang and lld, which know all machines, and is left out, saying so, where they are missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oro_image::{Direction, ImageError, Machine, SegmentError};
use oro_sysabi as sys;

use crate::invariants::check;

const SOURCE: &str = "
static int number = 42;
int *pointer = &number;
char zeros[100000];
const char *const texts[] = { \"one\", \"two\" };
long run(void *root) { zeros[1] = 1; return *pointer + texts[(long)root & 1][0]; }
int main(void) { return 0; }
";

/// Notes as the C header's macros write them.
const NOTES: &str = "
.section .note.oro, \"a\", %note
.balign 4
.long 4, 48, 1
.asciz \"Oro\"
.long 48, 0, 2, 0
.ascii \"compiled\"
.zero 24
.long 4, 64, 2
.asciz \"Oro\"
.long 64, 0, 2, 131072
.long run - .
.long 0, 0, 0
.ascii \"run\"
.zero 29
.long 4, 84, 3
.asciz \"Oro\"
.long 84, 0, 0, 1, 8, 8, 1, 0
.ascii \"out\"
.zero 29
.asciz \"demo.n.v1{n:u64,}\"
.balign 4
.section .note.GNU-stack, \"\", %progbits
";

/// Compiles and links; `None` if the compiler is not there.
fn compile(name: &str, compiler: &str, has_notes: bool, arguments: &[&str]) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path: PathBuf = Path::new(&folder).join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let output = folder.join("image");
    let mut command = Command::new(compiler);
    command.args(["-O1", "-nostdlib", "-ffreestanding", "-Wl,-e,run", "-o"]).arg(&output);
    command.args(arguments).arg(write("module.c", SOURCE));
    if has_notes {
        command.arg(write("notes.s", NOTES));
    }
    let result = match command.output() {
        Ok(result) => result,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("{compiler} is not there: nothing tested");
            return None;
        }
        Err(error) => panic!("{compiler}: {error}"),
    };
    assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stderr));
    Some(fs::read(output).unwrap())
}

/// Checks what the source and the notes above must give.
fn check_compiled(file: &[u8], machine: Machine) {
    let image = check(file).unwrap();
    assert_eq!(image.machine, machine);
    let interface = &image.interface;
    assert_eq!((interface.name.as_str(), interface.is_legacy), ("compiled", false));
    let [run] = &interface.entries[..] else { panic!("one entry") };
    assert_eq!((run.name.as_str(), run.stack_size_bytes), ("run", 128 << 10));
    assert!(run.returns_status && !run.is_managed);
    let symbol = image.find_symbol(run.address + 1).unwrap();
    assert_eq!((symbol.name, symbol.offset), ("run", 1));
    let [out] = &interface.ports[..] else { panic!("one port") };
    assert_eq!((out.name.as_str(), out.direction), ("out", Direction::Producer));
    assert_eq!((out.slot_size_bytes, out.slot_align_bytes, out.max), (8, 8, 1));
    assert_eq!(out.layout, "demo.n.v1{n:u64,}");

    // `pointer` points to `number` after relocation, wherever the image is.
    let bias = if image.is_relocatable { 0x7_0000_0000 } else { 0 };
    let read = |address: u64, size: u64| {
        let holds = |segment: &oro_image::Segment| {
            (segment.address..segment.end_address()).contains(&address)
        };
        let index = image.segments.iter().position(holds).unwrap();
        let memory = image.build_segment(index, bias);
        let at = usize::try_from(address - image.segments[index].address).unwrap();
        memory[at..at + usize::try_from(size).unwrap()].to_vec()
    };
    let find = |name: &str| {
        let is_it = |address: &u64| {
            image
                .find_symbol(*address)
                .is_some_and(|symbol| symbol.name == name && symbol.offset == 0)
        };
        image.span().step_by(4).find(is_it).unwrap()
    };
    let pointer = u64::from_le_bytes(read(find("pointer"), 8).try_into().unwrap());
    assert_eq!(read(pointer - bias, 4), 42_i32.to_le_bytes());
    let text = u64::from_le_bytes(read(find("texts") + 8, 8).try_into().unwrap());
    assert_eq!(read(text - bias, 4), b"two\0");
    let writable = image.segments.iter().find(|segment| segment.is_writable).unwrap();
    assert!(image.segments.iter().any(|s| s.is_writable && s.memory_bytes >= 100_000));
    assert!(!writable.is_executable);
}

// IMG-1, IMG-4, IMG-7, NOTE-1
#[test]
#[cfg(target_arch = "x86_64")]
fn img_1_what_cc_makes_is_read() {
    let pie = compile("pie", "cc", true, &["-static-pie", "-fPIE"]).unwrap();
    check_compiled(&pie, Machine::X86_64);
    let fixed = compile("fixed", "cc", true, &["-static", "-no-pie", "-fno-pie"]).unwrap();
    check_compiled(&fixed, Machine::X86_64);
    for size in (0..pie.len()).step_by(61) {
        assert!(check(&pie[..size]).is_err(), "cut to {size}");
    }
}

// IMG-1: another linker, and the other machine.
#[test]
fn img_1_what_clang_and_lld_make_is_read() {
    for (target, machine) in
        [("x86_64-linux-gnu", Machine::X86_64), ("aarch64-linux-gnu", Machine::Aarch64)]
    {
        let target = format!("--target={target}");
        for (kind, flags) in [("pie", ["-static-pie", "-fPIE"]), ("fixed", ["-static", "-fno-pie"])]
        {
            let arguments = [&target, "-fuse-ld=lld", flags[0], flags[1]];
            let name = format!("clang-{}-{kind}", machine.name());
            let Some(file) = compile(&name, "clang", true, &arguments) else { return };
            check_compiled(&file, machine);
        }
    }
}

// ENTRY-8: no notes.
#[test]
#[cfg(target_arch = "x86_64")]
fn entry_8_what_cc_makes_without_notes_starts_at_main() {
    for (name, flags) in
        [("legacy-pie", ["-static-pie", "-fPIE"]), ("legacy-fixed", ["-static", "-no-pie"])]
    {
        let image = check(&compile(name, "cc", false, &flags).unwrap()).unwrap();
        assert!(image.interface.is_legacy);
        let [main] = &image.interface.entries[..] else { panic!("one entry") };
        assert_eq!(main.name, "main");
        assert_eq!(image.find_symbol(main.address).unwrap().name, "main");
        assert_eq!(main.stack_size_bytes, u64::from(sys::DEFAULT_STACK_SIZE));
        let stripped = compile(name, "cc", false, &[flags[0], flags[1], "-s"]).unwrap();
        assert_eq!(check(&stripped).unwrap().interface.entries[0].name, "e_entry");
    }
}

// IMG-6: what an author is likely to hand in by mistake.
#[test]
#[cfg(target_arch = "x86_64")]
fn img_6_what_is_linked_otherwise_is_refused() {
    let refuse =
        |name: &str, flags: &[&str]| check(&compile(name, "cc", true, flags).unwrap()).unwrap_err();
    let dynamic = refuse("dynamic", &["-pie", "-fPIE"]);
    assert!(matches!(dynamic, ImageError::Segment(SegmentError::Interpreter { .. })), "{dynamic}");
    let object = refuse("object", &["-r", "-fPIE"]);
    assert_eq!(object.code(), "IMAGE-WRONG-TYPE");
    let stack = refuse("stack", &["-static-pie", "-fPIE", "-Wl,-z,execstack"]);
    assert_eq!(stack.code(), "IMAGE-EXECUTABLE-STACK");
    let packed = refuse("packed", &["-static-pie", "-fPIE", "-Wl,-z,pack-relative-relocs"]);
    assert_eq!(packed.code(), "IMAGE-UNSUPPORTED-RELOCATIONS");
    let joined = refuse("joined", &["-static", "-no-pie", "-Wl,-N"]);
    assert_eq!(joined.code(), "IMAGE-WRITABLE-EXECUTABLE");
}
