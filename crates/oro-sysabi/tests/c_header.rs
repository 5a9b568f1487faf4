//! The C headers under every supported compiler and standard: no warning, the offsets and constants
//! that Rust has, helpers that do what they say, and notes of the exact form (META-2, NOTE-1, BIND-4).
//!
//! Needs gcc, g++ and clang; one that is missing is a failure that names the package.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use oro_sysabi::{CONSTANTS, ConstantValue, LAYOUT};

/// Compiler, Debian package, flags that choose language and standard.
const COMPILERS: [(&str, &str, &[&str]); 8] = [
    ("gcc", "gcc", &["-xc", "-std=c11"]),
    ("gcc", "gcc", &["-xc", "-std=c2x"]),
    ("clang", "clang", &["-xc", "-std=c11"]),
    ("clang", "clang", &["-xc", "-std=c2x"]),
    ("g++", "g++", &["-xc++", "-std=c++17"]),
    ("g++", "g++", &["-xc++", "-std=c++20"]),
    ("clang++", "clang", &["-xc++", "-std=c++17"]),
    ("clang++", "clang", &["-xc++", "-std=c++20"]),
];
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const FREESTANDING: [&str; 3] = ["-O2", "-ffreestanding", "-fPIE"];

/// META-2: C and C++ see the same sizes, alignments, offsets and constants as Rust.
#[test]
fn meta_2_offsets_and_constants_are_those_of_rust() {
    let (source, expected) = write_probe();
    let path = output_path("probe.c");
    std::fs::write(&path, source).unwrap();
    for compiler in COMPILERS {
        assert_eq!(build_and_run(compiler, &path), expected, "{compiler:?}");
    }
}

/// BIND-2, BIND-4, END-6, END-7, END-8, META-7, TYPE-10, TYPE-11, ASYNC-3, MAN-5, GATE-1, GATE-3, GATE-6: the
/// inline helpers, on values that are chosen.
#[test]
fn bind_4_helpers_do_what_they_say() {
    for compiler in COMPILERS {
        assert_eq!(build_and_run(compiler, &source_path("helpers.c")), "ok\n", "{compiler:?}");
    }
}

/// CTL-2, CTL-4 to CTL-12, META-4, META-5, NOTE-6, GATE-3: likewise those of Ring control.
#[test]
fn ctl_2_helpers_of_ring_control_do_what_they_say() {
    for compiler in COMPILERS {
        assert_eq!(build_and_run(compiler, &source_path("control.c")), "ok\n", "{compiler:?}");
    }
}

#[test]
fn modules_compile_without_a_warning_for_both_machines() {
    for compiler in COMPILERS {
        for optimization in ["-O0", "-O2"] {
            let object = output_path("module.o");
            let flags = [&FREESTANDING[1..], &["-c", optimization]].concat();
            compile(compiler, &flags, &source_path("module.c"), &object);
            if compiler.0.starts_with("clang") {
                let flags = [&flags[..], &["--target=aarch64-linux-gnu"]].concat();
                compile(compiler, &flags, &source_path("module.c"), &object);
            }
        }
    }
}

/// BIND-3: on AArch64, whose plain accesses have no order, loads acquire and stores release.
#[test]
fn bind_3_loads_acquire_and_stores_release() {
    let clang = COMPILERS[2];
    let assembly = output_path("orderings.s");
    let flags = [&FREESTANDING[..], &["-S", "--target=aarch64-linux-gnu"]].concat();
    compile(clang, &flags, &source_path("orderings.c"), &assembly);
    let assembly = std::fs::read_to_string(&assembly).unwrap();
    for (function, expected) in [
        ("load32", "ldar w0"),
        ("load64", "ldar x0"),
        ("store32", "stlr w1"),
        ("store64", "stlr x1"),
    ] {
        let (_, body) = assembly.split_once(&format!("\n{function}:")).unwrap();
        let (body, _) = body.split_once("\n\tret").unwrap();
        let is_access = |line: &&str| line.starts_with("ld") || line.starts_with("st");
        let accesses: Vec<_> = body.lines().map(str::trim).filter(is_access).collect();
        let [access] = accesses[..] else { panic!("{function} has not one access:\n{body}") };
        // LDAPR is an acquiring load too, which other compilers may choose.
        let access = access.replace("ldapr", "ldar").replace('\t', " ");
        assert_eq!(access, format!("{expected}, [x0]"), "{function}");
    }
}

/// NOTE-1 to NOTE-6: what the macros declare is in the linked image, byte for byte.
#[test]
fn note_1_macros_write_notes_of_the_exact_form() {
    for compiler in COMPILERS {
        let image = output_path(&format!("module-{}{}", compiler.0, compiler.2[1]));
        let link = ["-nostdlib", "-static-pie", "-Wl,-e,filter"];
        compile(compiler, &[&FREESTANDING[..], &link].concat(), &source_path("module.c"), &image);
        check_notes(&Elf(std::fs::read(&image).unwrap()), compiler);
    }
}

fn check_notes(image: &Elf, compiler: (&str, &str, &[&str])) {
    let notes = image.read_notes();
    let find = |kind: u32| notes.iter().filter(|note| note.kind == kind).collect::<Vec<_>>();
    let (modules, mut entries, mut ports, mut params) = (find(1), find(2), find(3), find(4));
    assert_eq!(notes.len(), 1 + 2 + 5 + 2, "{compiler:?}");
    for note in &notes {
        let size = usize::try_from(note.word(0)).unwrap();
        assert_eq!(size, note.descriptor.len(), "{compiler:?}: the size that the note states");
    }

    assert_eq!(modules[0].words(1..4), [oro_sysabi::ABI_MAJOR, oro_sysabi::ABI_MINOR, 0]);
    assert_eq!(modules[0].descriptor[16..], pad("demo", 32));

    entries.sort_by_key(|note| note.word(1));
    let addresses: Vec<_> = entries.iter().map(|note| note.resolve_address()).collect();
    assert_eq!(entries[0].words(1..4), [0, 0, 0]);
    assert_eq!(entries[0].descriptor[20..], [vec![0; 12], pad("filter", 32)].concat());
    assert_eq!(addresses[0], image.u64_at(24), "{compiler:?}: the entry's address is e_entry");
    let flags = oro_sysabi::ENTRY_MANAGED | oro_sysabi::ENTRY_RETURNS_STATUS;
    assert_eq!(entries[1].words(1..4), [1, flags, 128 << 10]);
    assert_eq!(entries[1].descriptor[20..], [vec![0; 12], pad("serve", 32)].concat());
    assert_ne!(addresses[1], addresses[0]);
    assert!(image.is_executable(addresses[1]), "{compiler:?}");

    ports.sort_by_key(|note| note.word(1));
    let (num, bulk) =
        ("demo.num.v1{value:u64,weight:f32,pair:i16[2],}", "demo.bulk.v1{length:u32,data:u8[],}");
    let expected = [
        ([0, 0, 2, 16, 8, 1, 0], "in", num),
        ([1, 0, 1, 16, 8, 1, 0], "out", num),
        ([2, 1, 2, 4, 4, 4, oro_sysabi::NOTE_PORT_OPTIONAL], "clients", bulk),
        ([6, 1, 1, 8, 4, 1, 0], "bytes", oro_sysabi::BYTES_LAYOUT),
        ([7, 1, 2, 256, 4, 1, 0], "params", oro_sysabi::PARAMS_LAYOUT),
    ];
    for (note, (words, name, layout)) in ports.iter().zip(expected) {
        assert_eq!(note.words(1..8), words, "{compiler:?}: {name}");
        let padded_size = (layout.len() + 1).next_multiple_of(4);
        assert_eq!(note.descriptor[32..], [pad(name, 32), pad(layout, padded_size)].concat());
    }

    params.sort_by_key(|note| note.word(2));
    let help = "2\0What each number is multiplied by.";
    assert_eq!(params[0].words(1..4), [oro_sysabi::PARAM_UNSIGNED, 0, 7]);
    assert_eq!(params[0].descriptor[16..], [pad("factor", 32), pad(help, 40)].concat());
    assert_eq!(params[1].words(1..4), [oro_sysabi::PARAM_TEXT, oro_sysabi::PARAM_REQUIRED, 7]);
    assert_eq!(params[1].descriptor[16..], [pad("title", 32), vec![0; 4]].concat());
}

/// Writes a C program that prints the layout as C has it, and what it must print.
fn write_probe() -> (String, String) {
    let mut source = String::from(
        "#include <oro/sysabi.h>\n#include <stdio.h>\n#define SIZE(s, f) sizeof(((s *)0)->f)\n\
         int main(void) {\n",
    );
    let mut expected = String::new();
    let mut print = |expressions: &[String], values: &[String]| {
        let arguments: String = expressions.iter().fold(String::new(), |mut text, expression| {
            let _ = write!(text, ", (unsigned long long)({expression})");
            text
        });
        let format = "%llu ".repeat(expressions.len());
        source.push_str(&format!("    printf(\"{format}\\n\"{arguments});\n"));
        expected.push_str(&format!("{} \n", values.join(" ")));
    };
    for entry in LAYOUT {
        let name = name_in_c(entry.structure);
        print(
            &[format!("sizeof({name})"), format!("ORO_ALIGNOF({name})")],
            &[entry.size_bytes.to_string(), entry.align_bytes.to_string()],
        );
        for field in entry.fields {
            print(
                &[
                    format!("offsetof({name}, {})", field.name),
                    format!("SIZE({name}, {})", field.name),
                ],
                &[field.offset_bytes.to_string(), field.size_bytes.to_string()],
            );
        }
    }
    for constant in CONSTANTS {
        let name = format!("ORO_{}", constant.name);
        let bytes = match constant.value {
            ConstantValue::U32(value) => {
                print(&[format!("sizeof({name})"), name], &["4".into(), value.to_string()]);
                continue;
            }
            ConstantValue::U64(value) => {
                print(&[format!("sizeof({name})"), name], &["8".into(), value.to_string()]);
                continue;
            }
            ConstantValue::Text(text) => [text.as_bytes(), b"\0"].concat(),
            ConstantValue::Bytes(bytes) => bytes.to_vec(),
        };
        print(&[format!("sizeof({name})")], &[bytes.len().to_string()]);
        for (index, byte) in bytes.iter().enumerate() {
            print(&[format!("{name}[{index}]")], &[byte.to_string()]);
        }
    }
    source.push_str("    return 0;\n}\n");
    (source, expected)
}

fn name_in_c(rust_name: &str) -> String {
    let mut name = String::from("struct oro");
    for letter in rust_name.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Compiles a hosted program without a warning, runs it, and gives what it prints.
fn build_and_run(compiler: (&str, &str, &[&str]), source: &Path) -> String {
    let stem = source.file_stem().unwrap().to_str().unwrap();
    let program = output_path(&format!("{stem}-{}{}", compiler.0, compiler.2[1]));
    compile(compiler, &["-O2"], source, &program);
    let output = Command::new(&program).output().unwrap();
    assert!(output.status.success(), "{compiler:?}: {}", describe(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn compile(compiler: (&str, &str, &[&str]), flags: &[&str], source: &Path, to: &Path) {
    let (program, package, language) = compiler;
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let mut command = Command::new(program);
    command.args(WARNINGS).args(flags).arg("-I").arg(include).arg("-o").arg(to);
    command.args(language).arg(source);
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot run {program} ({error}): install it, Debian's package is `{package}`")
    });
    assert!(output.status.success(), "{command:?}: {}", describe(&output));
}

fn describe(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

fn source_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(name)
}

fn output_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Pads a text with zeros to a size in bytes.
fn pad(text: &str, size_bytes: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(size_bytes, 0);
    bytes
}

/// An Oro note.
struct Note {
    kind: u32,
    /// Address of the descriptor when loaded, less the load bias.
    address: u64,
    descriptor: Vec<u8>,
}

impl Note {
    fn word(&self, index: usize) -> u32 {
        u32::from_le_bytes(self.descriptor[index * 4..][..4].try_into().unwrap())
    }

    fn words(&self, range: std::ops::Range<usize>) -> Vec<u32> {
        range.map(|index| self.word(index)).collect()
    }

    /// The address that an ENTRY note's field at offset 16 means.
    fn resolve_address(&self) -> u64 {
        let offset = i64::from(i32::from_le_bytes(self.descriptor[16..20].try_into().unwrap()));
        (self.address + 16).checked_add_signed(offset).unwrap()
    }
}

/// A 64-bit little-endian ELF file that a linker wrote; just enough of a reader for that.
struct Elf(Vec<u8>);

impl Elf {
    fn u64_at(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.0[offset..][..8].try_into().unwrap())
    }

    fn u32_at(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.0[offset..][..4].try_into().unwrap())
    }

    /// Type, flags, file offset, address and file size of each program header.
    fn read_segments(&self) -> Vec<(u32, u32, usize, u64, usize)> {
        let table = usize::try_from(self.u64_at(32)).unwrap();
        let count = usize::try_from(self.u32_at(56) & 0xffff).unwrap();
        let read = |index: usize| {
            let at = table + index * 56;
            let size_at = |offset| usize::try_from(self.u64_at(at + offset)).unwrap();
            (self.u32_at(at), self.u32_at(at + 4), size_at(8), self.u64_at(at + 16), size_at(32))
        };
        (0..count).map(read).collect()
    }

    fn is_executable(&self, address: u64) -> bool {
        self.read_segments().into_iter().any(|(kind, flags, _, start, size)| {
            kind == 1 && flags & 1 != 0 && (start..start + size as u64).contains(&address)
        })
    }

    /// Reads every note of owner `Oro` in the PT_NOTE segments.
    fn read_notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        for (kind, _, start, address, size) in self.read_segments() {
            let mut at = start;
            while kind == 4 && at < start + size {
                let [name_size, descriptor_size] =
                    [0, 4].map(|offset| usize::try_from(self.u32_at(at + offset)).unwrap());
                let descriptor_at = at + 12 + name_size.next_multiple_of(4);
                if self.0[at + 12..][..name_size] == oro_sysabi::NOTE_OWNER {
                    notes.push(Note {
                        kind: self.u32_at(at + 8),
                        address: address + (descriptor_at - start) as u64,
                        descriptor: self.0[descriptor_at..][..descriptor_size].to_vec(),
                    });
                }
                at = descriptor_at + descriptor_size.next_multiple_of(4);
            }
        }
        notes
    }
}
