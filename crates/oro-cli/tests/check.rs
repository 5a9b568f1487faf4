//! `oro check` of what is right: modules and systems, for people and for tools; and `oro doctor`.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::{FILTER_C, Folder};

const SYSTEM: &str = "\
oro = 1
[modules]
filter = { source = \"filter.c\" }
prebuilt = \"filter.elf\"
[instance.a]
module = \"filter\"
quota = { heap = \"64K\" }
[instance.b]
module = \"prebuilt\"
[[wire]]
from = \"a.out\"
to = \"b.in\"
slots = 4
mode = \"synchronous\"
[[wire]]
from = \"b.out\"
to = \"null.bytes\"
[[wire]]
from = \"b.out\"
to = \"a.in\"
";

#[test]
fn a_module_is_described() {
    let folder = Folder::new("module");
    folder.build_filter();
    for path in ["filter.c", "filter.elf"] {
        let end = folder.oro(&format!("check {path}"));
        end.ends(0).prints(&[
            "module filter",
            "(x86_64)",
            "filter  naive, stack 64K",
            "in  consumer of filter  demo.num.v1{value:u64,}",
            "out  producer of filter  demo.num.v1{value:u64,}",
        ]);
        assert_eq!(end.stderr, "");
        let json = folder.oro(&format!("check {path} --json")).ends(0).json();
        assert_eq!((&json["schema"], &json["ok"]), (&"oro.check.v1".into(), &true.into()));
        assert_eq!(json["module"]["ports"][1]["direction"], "producer");
        assert_eq!(json["module"]["ports"][1]["layout"], "demo.num.v1{value:u64,}");
        assert_eq!(json["module"]["entries"][0]["stack_size_bytes"], 65536);
    }
}

/// `ENTRY-8`: an image without notes.
#[test]
fn entry_8_a_legacy_module_is_described() {
    let folder = Folder::new("legacy");
    folder.write("old.c", "int main(void) { return 3; }\n");
    folder.oro("check old.c").ends(0).prints(&["module without Oro notes", "main  naive"]);
}

#[test]
fn a_system_is_described() {
    let folder = Folder::new("system");
    folder.build_filter();
    let wired = SYSTEM.replace("[[wire]]\nfrom = \"b.out\"\nto = \"null.bytes\"\n", "");
    folder.write("a.toml", &wired);
    folder.oro("check a.toml").ends(0).prints(&[
        "2 modules, 2 instances, 2 Ports",
        "a  module filter, heap 64K",
        "b  module prebuilt",
        "a.out -> b.in  demo.num.v1, 4 slots of 8 bytes, synchronous",
        "b.out -> a.in  demo.num.v1, 16 slots of 8 bytes",
    ]);
    let json = folder.oro("check a.toml --json").ends(0).json();
    assert_eq!(json["system"]["instances"][0]["heap_bytes"], 65536);
    assert_eq!(json["system"]["wires"][0]["is_forced_synchronous"], true);
    assert_eq!(json["system"]["wires"][1]["to"], "a.in");

    // `SYS-5`: a port is wired once.
    folder.write("a.toml", SYSTEM);
    folder.oro("check a.toml").refuses(&["SYS-WIRED-TWICE", "b.out"]);
}

/// `SYS-2`: paths are relative to the manifest, wherever `oro` is called.
#[test]
fn sys_2_paths_are_relative_to_the_manifest() {
    let folder = Folder::new("relative");
    let one = "oro = 1\n[modules]\nf = { source = \"src/f.c\" }\n[instance.a]\nmodule = \"f\"\n\
               [[wire]]\nfrom = \"null.bytes\"\nto = \"a.in\"\n\
               [[wire]]\nfrom = \"a.out\"\nto = \"null.bytes\"\n";
    folder.write("deep/er/a.toml", one);
    folder.write(
        "deep/er/src/f.c",
        FILTER_C
            .replace("NUM_LAYOUT, \"in\"", "ORO_BYTES_LAYOUT, \"in\"")
            .replace("ORO_DIRECTION_CONSUMER, num", "ORO_DIRECTION_CONSUMER, oro_bytes_head"),
    );
    folder.oro("check deep/er/a.toml").ends(0).prints(&["a.out -> null.bytes  demo.num.v1"]);
    assert!(folder.path("deep/er/target/oro/f.elf").is_file());
    assert!(!folder.path("target").exists());
}

/// A package is built as it should be, whatever the environment says: `cargo run`, `RUSTFLAGS`, a
/// wrapper. It is built beside its source and found there.
#[test]
fn sys_2_a_package_is_built_whatever_the_environment() {
    let folder = Folder::new("package");
    let oro = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oro").canonicalize().unwrap();
    folder.write(
        "filter/Cargo.toml",
        format!(
            "[package]\nname = \"filter\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\noro = {{ path = {oro:?} }}\n[workspace]\n"
        ),
    );
    folder.write("filter/src/main.rs", FILTER_RS);
    let end = folder.oro_with(
        "check filter",
        &[
            ("RUSTFLAGS", "--no-such-flag"),
            ("CARGO_ENCODED_RUSTFLAGS", "--no-such-flag"),
            ("CARGO_BUILD_TARGET", "no-such-target"),
            ("CARGO_TARGET_DIR", "/nonexistent"),
            ("RUSTC_WRAPPER", "/nonexistent"),
            ("CARGO_PKG_NAME", "other"),
        ],
    );
    end.ends(0).prints(&["module double", "consumer of run", "demo.num.v1{value:u64,}"]);
    assert_eq!(end.stderr, "");
    assert!(folder.path("filter/target/oro/x86_64-unknown-linux-gnu/release/filter").is_file());
}

#[test]
fn the_doctor_tells_what_is_missing() {
    let folder = Folder::new("doctor");
    let json = folder.oro("doctor --json").json();
    assert_eq!(json["schema"], "oro.doctor.v1");
    let probes = json["probes"].as_array().unwrap();
    for name in [
        "userfaultfd",
        "seccomp",
        "memfd",
        "memfd-execution",
        "pidfd",
        "ptrace",
        "open-files",
        "processes",
        "cargo",
        "cc",
    ] {
        let probe = probes.iter().find(|probe| probe["name"] == name).unwrap();
        assert_eq!(probe["verdict"] == "ok", probe["mend"].is_null(), "{probe}");
    }
    // Without compilers systems still run, so that is a limit.
    let end = folder.oro_with("doctor", &[("PATH", "/nonexistent")]);
    end.prints(&[
        "limited",
        "there is no `cc`",
        "mend: apt-get install gcc",
        "there is no `cargo`",
    ]);
    assert_eq!(end.code, folder.oro("doctor").code, "{end:#?}");
    let is_missing = probes.iter().any(|probe| probe["verdict"] == "missing");
    end.ends(if is_missing { 3 } else { 0 });
}

/// A reader that goes away is no error.
#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_oro"))
        .arg("doctor")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Folder::new("pipe").oro("doctor").code);
}

const FILTER_RS: &str = r#"
#![no_std]
#![no_main]
use oro::{NaiveConsumer, NaiveProducer, message, module};
message! { "demo.num.v1" pub struct Num { value: u64 } }
module! {
    name: "double",
    entry run { ports { input: NaiveConsumer<Num>, output: NaiveProducer<Num> } }
}
fn run(mut ports: run::Ports) {
    for number in ports.input {
        ports.output.put(Num { value: 2 * number.value });
    }
}
"#;
