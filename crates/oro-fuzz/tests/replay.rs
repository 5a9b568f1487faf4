//! The committed corpora, replayed on stable Rust by the code that the fuzzer runs.
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

/// Runs every file of a corpus; whether it gets past the first checks, and is small.
fn replay(name: &str) {
    let (_, body) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let folder = format!("corpus/{name}");
    let (mut count, mut accepted, mut size) = (0, 0, 0);
    for file in list_names(&folder) {
        let bytes = fs::read(find_fuzz().join(&folder).join(&file)).unwrap();
        // Said before, since a body that panics does not know whose bytes they are.
        println!("fuzz/{folder}/{file}");
        assert!(bytes.len() < 64 << 10, "too large");
        size += bytes.len();
        count += 1;
        accepted += usize::from(body(&bytes));
    }
    println!("{name}: {count} files, {size} bytes, {accepted} accepted");
    assert!(count >= 20, "{count} files are few");
    assert!(
        accepted >= 4,
        "{accepted} of {count} files are accepted: the corpus is of another form"
    );
    assert!(size < 512 << 10, "{size} bytes are too many to be committed");
}

#[test]
fn ctl_2_messages_are_replayed() {
    replay("control");
}

#[test]
fn bind_4_cursors_are_replayed() {
    replay("cursors");
}

#[test]
fn krn_1_events_are_replayed() {
    replay("events");
}

#[test]
fn gate_3_requests_are_replayed() {
    replay("gate_request");
}

#[test]
fn img_2_images_are_replayed() {
    replay("image");
}

#[test]
fn sys_1_manifests_are_replayed() {
    replay("manifest");
}

#[test]
fn sys_9_plans_are_replayed() {
    replay("plan");
}

#[test]
fn meta_4_tables_are_replayed() {
    replay("snapshot");
}

#[test]
fn every_target_has_its_file_and_its_corpus() {
    let tests = include_str!("replay.rs");
    for (name, _) in TARGETS {
        assert!(tests.contains(&format!("replay(\"{name}\")")), "{name} is not replayed");
    }
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files = names.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(list_names("fuzz_targets"), files);
    assert_eq!(list_names("corpus"), names);
    let package = fs::read_to_string(find_fuzz().join("Cargo.toml")).unwrap();
    for name in names {
        assert!(package.contains(&format!("\"fuzz_targets/{name}.rs\"")), "{name} in Cargo.toml");
    }
}
