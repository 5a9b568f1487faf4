//! Bad input of every kind: a clear error with its code, exit code 2, nothing started (`BLAME-3`).

mod support;

use std::fs;

use support::{FILTER_C, Folder};

const FILTER_SYSTEM: &str = "\
oro = 1
[modules]
filter = { source = \"filter.c\" }
[instance.a]
module = \"filter\"
";

#[test]
fn usage_is_checked() {
    let folder = Folder::new("usage");
    for arguments in [
        "",
        "fly",
        "run",
        "run a.toml b.toml",
        "run a.toml --file",
        "run a.toml --file in",
        "run a.toml --file in=",
        "run a.toml --file ../x=y",
        "run a.toml --timeout 0",
        "run a.toml --timeout soon",
        "run a.toml --pin first",
        "check",
        "doctor now",
    ] {
        folder.oro(arguments).refuses(&["--help"]);
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    let folder = Folder::new("no-manifest");
    folder.build_filter();
    fs::create_dir(folder.path("folder")).unwrap();
    folder.write("source.c", "int x;\n");
    folder.write("binary.toml", [0x6f, 0xff, 0x00, 0x1b]);
    folder.write("empty.toml", "");
    folder.write("nested.toml", format!("oro = {}", "[".repeat(500_000)));
    for (path, code) in [
        ("missing.toml", "SYSTEM-MISSING-FILE"),
        ("folder", "SYSTEM-IS-A-DIRECTORY"),
        ("filter.elf", "SYSTEM-IS-A-MODULE"),
        ("source.c", "SYSTEM-IS-A-MODULE"),
        ("binary.toml", "SYS-ENCODING"),
        ("empty.toml", "error[SYS-"),
        ("nested.toml", "error[SYS-"),
    ] {
        folder.oro(&format!("run {path}")).refuses(&[code, "nothing was started"]);
    }
}

/// A manifest of 10 MB, of comments, of errors, and of endless zeros.
#[test]
fn a_manifest_of_ten_megabytes_is_refused() {
    let folder = Folder::new("ten-megabytes");
    let comments = "# a comment\n".repeat(10_000_000 / 12);
    folder.write("comments.toml", format!("oro = 1\n{comments}"));
    folder.write("keys.toml", "key = 1\n".repeat(10_000_000 / 8));
    for path in ["comments.toml", "keys.toml", "/dev/zero"] {
        let end = folder.oro(&format!("run {path}"));
        end.refuses(&["SYS-TOO-LARGE", "nothing was started"]);
        assert!(end.stderr.len() < 4000, "{} bytes", end.stderr.len());
    }
}

/// A manifest that is all errors, within the limit, floods nobody.
#[test]
fn many_errors_are_cut_for_people_and_not_for_tools() {
    let folder = Folder::new("many-errors");
    let keys: String = (0..300).map(|index| format!("key{index} = 1\n")).collect();
    folder.write("a.toml", format!("oro = 1\n{keys}"));
    folder.oro("run a.toml").refuses(&["more are not shown here; --json shows all"]);
    let json = folder.oro("check a.toml --json").ends(2).json();
    assert!(json["diagnostics"].as_array().unwrap().len() >= 300);
}

/// `SYS-1`: unknown keys, unwired ports, mismatched types and missing modules, all in one run and
/// each with line and column.
#[test]
fn sys_1_all_errors_come_in_one_run() {
    let folder = Folder::new("all-errors");
    folder.write("filter.c", FILTER_C);
    fs::create_dir(folder.path("folder")).unwrap();
    folder.write(
        "a.toml",
        "\
oro = 1
[modules]
filter = { source = \"filter.c\" }
gone = \"gone.elf\"
folder = \"folder\"
[instance.a]
module = \"filter\"
modul = \"filter\"
[[wire]]
from = \"a.out\"
to = \"console.stdout\"
",
    );
    folder.oro("run a.toml").refuses(&[
        "error[MODULE-MISSING-FILE]",
        "a.toml:4:8",
        "error[MODULE-IS-A-DIRECTORY]",
        "a.toml:5:10",
        "error[SYS-UNWIRED]",
        "`a.in`",
        "error[SYS-UNKNOWN-KEY]",
        "a.toml:8:1",
        "error[SYS-TYPE]",
        "a.toml:10:8",
        "demo.num.v1{value:u64,}",
        "oro.bytes.v1{length:u32,flags:u32,data:u8[],}",
        "nothing was started",
    ]);
}

#[test]
fn modules_that_are_no_images_are_refused() {
    let folder = Folder::new("no-images");
    let image = folder.build_filter();
    let mut patched = image.clone();
    patched[18..20].copy_from_slice(&183_u16.to_le_bytes());
    folder.write("aarch64.elf", &patched);
    patched[18..20].copy_from_slice(&40_u16.to_le_bytes());
    folder.write("arm.elf", &patched);
    folder.write("cut.elf", &image[..100]);
    folder.write("text.elf", "just text, and long enough to be an ELF header, were it one ......");
    folder.write("empty.elf", "");
    folder.write("a.c", "void run(const void *root) { (void)root; }\n");
    fs::create_dir(folder.path("folder")).unwrap();
    for (path, parts) in [
        ("\"aarch64.elf\"", ["MODULE-WRONG-MACHINE", "this machine is x86_64"]),
        ("\"arm.elf\"", ["IMAGE-WRONG-MACHINE", "32-bit Arm"]),
        ("\"cut.elf\"", ["error[IMAGE-", "cut.elf"]),
        ("\"text.elf\"", ["IMAGE-BAD-MAGIC", "not an ELF file"]),
        ("\"a.c\"", ["IMAGE-", "write `m = { source = \"a.c\" }`"]),
        ("\"empty.elf\"", ["IMAGE-SHORT", "`oro check empty.elf` looks"]),
        ("{ source = \"a.c\" }", ["NOTE-ENTRY-OUTSIDE", "declare it: in C with ORO_MODULE"]),
        ("\"gone-{arch}.elf\"", ["MODULE-MISSING-FILE", "gone-x86_64.elf"]),
        ("\"folder\"", ["MODULE-IS-A-DIRECTORY", "folder"]),
        ("\".\"", ["MODULE-IS-A-DIRECTORY", "folder"]),
        ("\"/dev/null\"", ["IMAGE-SHORT", "/dev/null"]),
        ("{ source = \"folder\" }", ["MODULE-IS-A-DIRECTORY", "holds no Cargo.toml"]),
        ("{ source = \"gone.c\" }", ["MODULE-MISSING-FILE", "gone.c"]),
        ("{ source = \"text.elf\" }", ["MODULE-UNKNOWN-SOURCE", "text.elf"]),
    ] {
        folder.write(
            "a.toml",
            format!("oro = 1\n[modules]\nm = {path}\n[instance.a]\nmodule = \"m\"\n"),
        );
        folder.oro("run a.toml").refuses(&["a.toml:3:", "nothing was started"]).says(&parts);
    }
}

/// Who asks about one module is not told to ask about it.
#[test]
fn a_module_that_is_looked_at_alone_needs_no_such_help() {
    let folder = Folder::new("alone");
    folder.write("text.elf", "just text, and long enough to be an ELF header, were it one ......");
    let end = folder.oro("check text.elf");
    end.refuses(&["IMAGE-BAD-MAGIC"]);
    assert!(!end.stderr.contains("alone"), "{}", end.stderr);
}

/// Endless files are not read to their end.
#[test]
fn a_module_without_end_is_refused() {
    let folder = Folder::new("endless");
    folder.oro("check /dev/zero").refuses(&["MODULE-TOO-LARGE"]);
}

#[test]
fn what_does_not_compile_is_shown_with_the_compilers_words() {
    let folder = Folder::new("no-compile");
    folder.write("a.c", "#include <oro/oro.h>\nint main(void) { return undeclared_name; }\n");
    folder.write("b.c", "int missing(void);\nint main(void) { return missing(); }\n");
    folder.write("rust/Cargo.toml", "[package]\nname = \"m\"\nedition = \"2024\"\n[workspace]\n");
    folder
        .write("rust/src/main.rs", "#![no_std]\n#![no_main]\nfn broken() -> undeclared_type {}\n");
    folder.write(
        "a.toml",
        "\
oro = 1
[modules]
a = { source = \"a.c\" }
b = { source = \"b.c\" }
c = { source = \"rust\" }
",
    );
    folder.oro("run a.toml").refuses(&[
        "module `a` could not be built",
        "undeclared_name",
        "module `b` could not be built",
        "missing",
        "module `c` could not be built",
        "undeclared_type",
        "MODULE-BUILD-FAILED",
        "a.toml:5:16",
    ]);
}

#[test]
fn a_package_is_one_executable() {
    let folder = Folder::new("one-binary");
    let manifest = "[package]\nname = \"m\"\nedition = \"2024\"\n[workspace]\n";
    let main = "#![no_std]\n#![no_main]\n#[panic_handler]\nfn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n";
    folder.write("two/Cargo.toml", manifest);
    folder.write("two/src/bin/one.rs", main);
    folder.write("two/src/bin/two.rs", main);
    folder.write("lib/Cargo.toml", manifest);
    folder.write("lib/src/lib.rs", "#![no_std]\n");
    folder.oro("check two").refuses(&["MODULE-NOT-ONE-BINARY", "2 executables"]);
    folder.oro("check lib").refuses(&["MODULE-NOT-ONE-BINARY", "builds no executable"]);
}

#[test]
fn a_missing_compiler_is_named_with_what_installs_it() {
    let folder = Folder::new("no-compiler");
    folder.write("a.c", FILTER_C);
    folder.write("rust/Cargo.toml", "[package]\nname = \"m\"\n");
    let path = [("PATH", "/nonexistent")];
    let end = folder.oro_with("check a.c", &path);
    end.refuses(&["TOOL-MISSING", "there is no `cc`", "apt-get install gcc"]);
    let end = folder.oro_with("check rust", &path);
    end.refuses(&["TOOL-MISSING", "there is no `cargo`", "rustup"]);
}

/// `BUILTIN-3`: files are checked before anything starts.
#[test]
fn builtin_3_files_are_checked_before_the_start() {
    let folder = Folder::new("files");
    folder.write("copy.c", COPY_C);
    folder.write(
        "a.toml",
        "\
oro = 1
[modules]
copy = { source = \"copy.c\" }
[instance.a]
module = \"copy\"
[[wire]]
from = \"files.input\"
to = \"a.in\"
[[wire]]
from = \"a.out\"
to = \"files.output\"
",
    );
    folder.write("data", "data");
    let refuse = |files: &str, parts: &[&str]| {
        folder.oro(&format!("run a.toml {files}")).refuses(parts).says(&["nothing was started"]);
        assert_eq!(fs::read(folder.path("data")).unwrap(), b"data");
        assert!(!folder.path("new").exists());
    };
    refuse("", &["SYS-FILE", "--file input=PATH", "--file output=PATH", "a.toml:7:"]);
    // What was given is misspelt, not what the wire says.
    refuse(
        "--file inptu=data --file output=new",
        &["`--file inptu=...` was given", "did you mean `--file input=...`?"],
    );
    refuse("--file input=gone --file output=new", &["FILE-MISSING", "gone"]);
    refuse("--file input=. --file output=new", &["FILE-IS-A-DIRECTORY"]);
    refuse("--file input=data --file output=.", &["FILE-IS-A-DIRECTORY"]);
    refuse("--file input=data --file output=no/new", &["FILE-MISSING", "there is no folder `no`"]);
    refuse("--file input=data --file output=./data", &["FILE-READ-AND-WRITTEN"]);
    refuse("--file input=data --file input=data --file output=new", &["FILE-TWICE"]);
    // A file that no wire names is a warning, shown beside the error.
    refuse("--file input=. --file output=new --file other=data", &["warning[FILE-UNUSED]"]);
    // To look at the system, no file is needed.
    folder.oro("check a.toml").ends(0).prints(&["files.input -> a.in", "a.out -> files.output"]);
}

/// A filter of bytes.
const COPY_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("copy");
ORO_ENTRY(0, copy, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
void copy(const struct oro_root *root) { (void)root; }
"#;

/// `SYS-8`: a cycle is a warning, and the system can be checked out.
#[test]
fn sys_8_a_cycle_is_a_warning() {
    let folder = Folder::new("cycle");
    folder.write("filter.c", FILTER_C);
    folder.write(
        "a.toml",
        format!(
            "{FILTER_SYSTEM}[instance.b]\nmodule = \"filter\"\n\
             [[wire]]\nfrom = \"a.out\"\nto = \"b.in\"\n[[wire]]\nfrom = \"b.out\"\nto = \"a.in\"\n"
        ),
    );
    folder.oro("check a.toml").ends(0).says(&["warning[SYS-DEADLOCK]"]).prints(&["a.out -> b.in"]);
}

/// Text of strangers steers no terminal, and where there is none nothing is painted.
#[test]
fn no_control_reaches_standard_error() {
    let folder = Folder::new("controls");
    folder.write("a.toml", "oro = 1\n\"k\\u001b[2Jey\" = 1\nx = \u{1b}[31m\u{202e}\n");
    for variables in [vec![], vec![("NO_COLOR", "1")], vec![("TERM", "dumb")]] {
        let end = folder.oro_with("run a.toml", &variables);
        end.refuses(&["a.toml:2:1"]);
        assert!(!end.stderr.contains(['\u{1b}', '\u{202e}']), "{:?}", end.stderr);
    }
}

/// With `--json`, tools get the same; a folder that cannot take it is an error before the start.
#[test]
fn json_tells_of_bad_input() {
    let folder = Folder::new("json");
    folder.write("a.toml", "oro = 1\nkey = 2\n");
    let end = folder.oro("run a.toml --json");
    let last = end.refuses(&["SYS-UNKNOWN-KEY"]).stderr.lines().last().unwrap();
    let json: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(json["schema"], "oro.run.v1");
    assert_eq!((&json["result"], &json["exit_code"]), (&"bad-input".into(), &2.into()));
    let found = json["diagnostics"].as_array().unwrap();
    let place = &found.iter().find(|item| item["code"] == "SYS-UNKNOWN-KEY").unwrap()["labels"][0];
    assert_eq!((&place["line"], &place["column"]), (&2.into(), &1.into()));
    assert_eq!((&place["offset"], &place["length"]), (&8.into(), &3.into()));

    folder.oro("run a.toml --json=out.json").refuses(&["SYS-UNKNOWN-KEY"]);
    let file: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path("out.json")).unwrap()).unwrap();
    assert_eq!(file["result"], "bad-input");
    folder.oro("run a.toml --json=no/out.json").refuses(&["JSON-UNWRITABLE"]);
}
