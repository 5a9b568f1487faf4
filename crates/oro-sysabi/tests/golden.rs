//! Holds every size, offset and constant of the ABI to a committed file (VER-3, META-2).
//!
//! After a wanted change of the ABI: `BLESS=1 cargo test -p oro-sysabi --test golden`, and say in
//! CHANGELOG.md what changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oro_sysabi::{CONSTANTS, ConstantValue, LAYOUT};

#[test]
fn ver_3_the_layout_is_the_golden_one() {
    let path = crate_dir().join("tests/golden/layout.txt");
    let actual = describe_abi();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &actual).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let first_difference = golden
        .lines()
        .zip(actual.lines())
        .find(|(was, is)| was != is)
        .map_or("the number of lines".to_owned(), |(was, is)| format!("was: {was}\n is: {is}"));
    assert!(
        golden == actual,
        "the ABI differs from tests/golden/layout.txt:\n{first_difference}\n\
         If that is wanted: BLESS=1 cargo test -p oro-sysabi --test golden"
    );
}

/// META-2: no structure has padding without a name. The macro asserts it too; this shows that the
/// published lists say it.
#[test]
fn meta_2_fields_leave_no_gap() {
    for entry in LAYOUT {
        let mut end = 0;
        for field in entry.fields {
            assert_eq!(field.offset_bytes, end, "gap before {}.{}", entry.structure, field.name);
            end += field.size_bytes;
        }
        assert_eq!(end, entry.size_bytes, "gap at the end of {}", entry.structure);
        assert_eq!(entry.size_bytes % entry.align_bytes, 0);
    }
}

#[test]
fn lists_name_every_structure_and_constant_of_the_source() {
    let mut constants = BTreeSet::new();
    let mut structures = BTreeSet::new();
    for file in std::fs::read_dir(crate_dir().join("src")).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut is_wire = false;
        for line in source.lines() {
            if let Some(rest) = line.strip_prefix("pub const ") {
                constants.insert(rest.split(':').next().unwrap().to_owned());
            } else if line.starts_with("#[repr(C") {
                is_wire = true;
            } else if let Some(rest) = line.strip_prefix("pub struct ") {
                if is_wire {
                    structures.insert(rest.split(' ').next().unwrap().to_owned());
                }
                is_wire = false;
            }
        }
    }
    // The lists themselves, and functions.
    constants.retain(|name| name != "LAYOUT" && name != "CONSTANTS" && !name.starts_with("fn "));
    let listed: BTreeSet<_> = CONSTANTS.iter().map(|entry| entry.name.to_owned()).collect();
    assert_eq!(constants, listed);
    assert_eq!(CONSTANTS.len(), listed.len(), "a constant is listed twice");
    let listed: BTreeSet<_> = LAYOUT.iter().map(|entry| entry.structure.to_owned()).collect();
    assert_eq!(structures, listed);
}

/// Writes every structure and constant, a line each.
fn describe_abi() -> String {
    let mut text = String::from(
        "# Every structure and constant of the ABI: offset, size, field. Written by tests/golden.rs.\n",
    );
    for entry in LAYOUT {
        let (name, size, align) = (entry.structure, entry.size_bytes, entry.align_bytes);
        text.push_str(&format!("\nstruct {name} size {size} align {align}\n"));
        for field in entry.fields {
            text.push_str(&format!(
                "  {:>4} {:>4} {}\n",
                field.offset_bytes, field.size_bytes, field.name
            ));
        }
    }
    text.push('\n');
    for constant in CONSTANTS {
        let value = match constant.value {
            ConstantValue::U32(value) => format!("u32 {value:#x}"),
            ConstantValue::U64(value) => format!("u64 {value:#x}"),
            ConstantValue::Text(value) => format!("text {value:?}"),
            ConstantValue::Bytes(value) => format!("bytes {:?}", value.escape_ascii().to_string()),
        };
        text.push_str(&format!("const {} {value}\n", constant.name));
    }
    text
}

fn crate_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
