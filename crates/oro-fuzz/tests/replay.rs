//! The committed corpora, replayed on stable Rust by the code that the fuzzer runs (`KRN-1`, `IMG-2`,
//! `SYS-1`, `SYS-9`, `GATE-3`, `BIND-4`, `META-4`).
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use oro_fuzz::TARGETS;

fn find_fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn list_names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(find_fuzz().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn krn_1_every_corpus_is_replayed() {
    for (name, body) in TARGETS {
        let folder = format!("corpus/{name}");
        let (mut count, mut accepted, mut size) = (0, 0, 0);
        for file in list_names(&folder) {
            let path = find_fuzz().join(&folder).join(file);
            let bytes = fs::read(&path).unwrap();
            // Said before, since a body that panics does not know whose bytes they are.
            println!("{}", path.display());
            assert!(bytes.len() < 64 << 10, "{} is too large", path.display());
            size += bytes.len();
            count += 1;
            accepted += usize::from(body(&bytes));
        }
        println!("{name}: {count} files, {size} bytes, {accepted} accepted");
        // A corpus that never gets past the first check shows nothing.
        assert!(count >= 20 && accepted >= 4, "{name}: {count} files, {accepted} accepted");
        assert!(size < 256 << 10, "{name}: {size} bytes are too many to be committed");
    }
}

#[test]
fn every_target_has_its_file_and_its_corpus() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files = names.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(list_names("fuzz_targets"), files);
    assert_eq!(list_names("corpus"), names);
    let package = fs::read_to_string(find_fuzz().join("Cargo.toml")).unwrap();
    for name in names {
        assert!(package.contains(&format!("\"fuzz_targets/{name}.rs\"")), "{name} in Cargo.toml");
    }
}
