//! The seeds of the fuzz target's corpus: the good files and the rejections of these tests
//! (`ORO_BLESS=1` writes them anew). The whole corpus is replayed by the tests of `oro-fuzz`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::builder::{Builder, EM_AARCH64, EM_X86_64};
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
