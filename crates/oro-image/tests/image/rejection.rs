//! Every rejection: a file for each variant of each error (`IMG-2`, `IMG-6`, `NOTE-*`).

use std::collections::BTreeSet;

use oro_image::{FileError, Image, ImageError, NoteError, RelocationError, SegmentError};

use crate::{reject_file, reject_note, reject_relocation, reject_segment};

/// A file and the error that it must give.
pub(crate) struct Rejection {
    /// What is wrong with it, for a file name.
    pub(crate) name: &'static str,
    pub(crate) file: Vec<u8>,
    pub(crate) error: ImageError,
}

pub(crate) fn reject(
    name: &'static str,
    file: impl Into<Vec<u8>>,
    error: impl Into<ImageError>,
) -> Rejection {
    Rejection { name, file: file.into(), error: error.into() }
}

/// All of them.
pub(crate) fn all() -> Vec<Rejection> {
    let mut all = reject_file::all();
    all.extend(reject_segment::all());
    all.extend(reject_relocation::all());
    all.extend(reject_note::all());
    all
}

// IMG-2, IMG-6, NOTE-2 to NOTE-6, LIM-5, LIM-7, LIM-11, LIM-12, VER-1, VER-2
#[test]
fn img_2_each_bad_file_gives_its_own_error() {
    for Rejection { name, file, error } in all() {
        assert_eq!(Image::parse(&file).unwrap_err(), error, "{name}");
    }
}

#[test]
fn img_2_every_error_is_shown_by_a_file() {
    let shown: BTreeSet<&str> = all().iter().map(|rejection| rejection.error.code()).collect();
    let codes = [FileError::CODES, SegmentError::CODES, RelocationError::CODES, NoteError::CODES];
    let known: BTreeSet<&str> = codes.concat().into_iter().collect();
    assert_eq!(known.len(), codes.concat().len(), "codes are distinct");
    let missing: Vec<_> = known.difference(&shown).collect();
    assert!(missing.is_empty(), "no file shows {missing:?}");
}

// IMG-2: what would be right, in words.
#[test]
fn img_2_texts_say_what_would_be_right() {
    let text = |wanted: &str| {
        let all = all();
        let found = all.iter().find(|rejection| rejection.error.code() == wanted);
        found.unwrap().error.to_string()
    };
    let machine = text("IMAGE-WRONG-MACHINE");
    assert!(machine.contains("RISC-V (EM 243)") && machine.contains("x86_64 (62)"), "{machine}");
    assert!(text("IMAGE-INTERPRETER").contains("-static-pie"));
    assert!(text("IMAGE-SHARED-PAGE").contains("-z separate-code"));
    let minor = oro_sysabi::ABI_MINOR;
    let versions = format!("ABI 1.{minor}; this kernel's is 0.{minor}");
    assert!(text("NOTE-WRONG-VERSION").contains(&versions));
    // Hostile texts do not reach a terminal as they are.
    assert!(text("IMAGE-NEEDED-LIBRARY").contains("\\u{1b}"));
}
