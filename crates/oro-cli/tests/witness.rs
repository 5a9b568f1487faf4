//! `conformance/witness`: a module that looks at everything that it is given (`ENTRY-1` to `ENTRY-5`,
//! `META-4` to `META-6`, `META-9`, `META-10`, `BIND-1`, `GATE-1`, `LIM-10`, `BUILTIN-4`). What it
//! looks at, and the clauses, stand in `witness.c`.

mod support;

use std::fs;
use std::path::Path;

use support::Folder;

const FILES: [&str; 2] = ["witness.c", "system.toml"];

/// A folder with the witness, its system changed.
fn place(name: &str, from: &str, to: &str) -> Folder {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/witness");
    let folder = Folder::new(name);
    for file in FILES {
        let text = fs::read_to_string(source.join(file)).expect("the file is in the repository");
        folder.write(file, text.replace(from, to));
    }
    folder
}

#[test]
fn entry_1_an_instance_is_given_what_the_specification_says() {
    let folder = place("witness", "heap", "heap");
    for arguments in ["run system.toml", "run --without-ptrace system.toml"] {
        let end = folder.oro(arguments);
        assert_eq!((end.code, end.stdout.as_str(), end.stderr.as_str()), (Some(0), "", ""));
    }
}

/// It notices a difference, and says which.
#[test]
fn a_witness_of_another_heap_says_so() {
    let end = place("witness-heap", "heap = \"64K\"", "heap = \"32K\"").oro("run system.toml");
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.stderr.contains("root->heap_end - root->heap_start == 64 << 10"), "{end:?}");
}
