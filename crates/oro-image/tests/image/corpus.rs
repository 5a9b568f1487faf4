//! The fuzz target's corpus: every file that anything has been learnt from, replayed (`IMG-2`).
//!
//! `seed-*` are the good files and the rejections of these tests (`ORO_BLESS=1` writes them anew),
//! `real-*` are from compilers, `found-*` are what the fuzzer found.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::builder::{Builder, EM_AARCH64, EM_X86_64};
use crate::invariants::check;
use crate::rejection::{self, Rejection};

fn find_corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/image")
}

/// Names and bytes of the seeds.
fn build_seeds() -> Vec<(String, Vec<u8>)> {
    let mut legacy = Builder::pie(EM_X86_64);
    legacy.notes.clear();
    let mut seeds = vec![
        ("seed-good-x86_64".into(), Builder::pie(EM_X86_64).build()),
        ("seed-good-aarch64".into(), Builder::pie(EM_AARCH64).build()),
        ("seed-good-fixed".into(), Builder::fixed(EM_X86_64).build()),
        ("seed-good-legacy".into(), legacy.build()),
    ];
    for Rejection { name, file, .. } in rejection::all() {
        seeds.push((format!("seed-bad-{name}"), file));
    }
    seeds
}

#[test]
fn img_2_the_corpus_is_replayed() {
    let mut count = 0;
    let mut accepted = 0;
    for entry in fs::read_dir(find_corpus()).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::read(&path).unwrap();
        assert!(file.len() < 64 << 10, "{} is too large", path.display());
        accepted += u32::from(check(&file).is_ok());
        count += 1;
    }
    assert!(count >= 100 && accepted >= 4, "{count} files, {accepted} accepted");
}

#[test]
fn the_corpus_has_every_seed() {
    let folder = find_corpus();
    let seeds = build_seeds();
    let names: BTreeSet<&str> = seeds.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), seeds.len(), "names are unique");
    for (name, file) in &seeds {
        let path = folder.join(name);
        if std::env::var_os("ORO_BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, file).unwrap();
        }
        assert!(fs::read(&path).is_ok_and(|bytes| &bytes == file), "{name}: run with ORO_BLESS=1");
    }
}
