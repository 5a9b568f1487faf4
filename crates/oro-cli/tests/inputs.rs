//! The catalogue's bad input: each image of the fuzzer's corpus that is bad, and each manifest of
//! `conformance/manifests`, is refused by the real `oro` with an error and a place, and nothing starts
//! (`BLAME-3`, `KRN-1`). `cargo xtask hostile` shows a line for each.
#![expect(clippy::unwrap_used, reason = "a test whose files cannot be read has failed")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::Folder;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// How the names of bad images begin in the corpus.
const BAD: &str = "seed-bad-";

/// `IMG-2`: one system of nothing but bad images: an error for each, at its line.
#[test]
fn img_2_bad_images_are_refused_and_nothing_starts() {
    let mut paths: Vec<PathBuf> = list(&Path::new(ROOT).join("fuzz/corpus/image"));
    paths.retain(|path| name_of(path).starts_with(BAD));
    assert!(paths.len() > 100, "only {} bad images", paths.len());
    let mut text = "oro = 1\n[modules]\n".to_owned();
    for (number, path) in paths.iter().enumerate() {
        let _ = writeln!(text, "m{number} = {path:?}");
    }
    for number in 0..paths.len() {
        let _ = writeln!(text, "[instance.i{number}]\nmodule = \"m{number}\"");
    }
    let folder = Folder::new("bad-images");
    folder.write("a.toml", text);
    let found = run(&folder, "a.toml");
    let codes: BTreeMap<u64, &str> =
        found.iter().map(|(code, line, _)| (*line, code.as_str())).collect();
    let mut failures = String::new();
    for (path, line) in paths.iter().zip(3..) {
        let code = codes.get(&line).copied().unwrap_or("no error");
        let is_right = code.starts_with("IMAGE-") || code.starts_with("NOTE-");
        let name = name_of(path).replacen(BAD, "image/", 1);
        tell(&name, is_right, code);
        if !is_right {
            let _ = writeln!(failures, "{name}: {code}");
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert_eq!(found.len(), paths.len(), "one error for each: {found:?}");
}

/// `SYS-1`: the errors that its file names, in their places, and no others.
#[test]
fn sys_1_hostile_manifests_are_refused_and_nothing_starts() {
    let folder = Folder::new("hostile-manifests");
    let mut failures = String::new();
    let mut paths = list(&Path::new(ROOT).join("conformance/manifests"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(paths.len() > 20, "only {} manifests", paths.len());
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let expected: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("#@ ")).collect();
        let found: Vec<String> = run(&folder, path.to_str().unwrap())
            .iter()
            .map(|(code, line, column)| format!("{code} {line}:{column}"))
            .collect();
        let name = format!("manifest/{}", path.file_stem().unwrap().to_str().unwrap());
        let is_right = !expected.is_empty() && found == expected;
        tell(&name, is_right, &found.join(", "));
        if !is_right {
            let _ = writeln!(failures, "{name}: {found:?} instead of {expected:?}");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// `oro run`, which must refuse: the errors, each with line and column of its place.
fn run(folder: &Folder, manifest: &str) -> Vec<(String, u64, u64)> {
    let end = folder.oro(&format!("run {manifest} --json=record.json"));
    end.refuses(&["nothing was started"]);
    let record: Value =
        serde_json::from_slice(&fs::read(folder.path("record.json")).unwrap()).unwrap();
    assert!(record["instances"].as_array().is_none_or(Vec::is_empty), "{record}");
    let all = record["diagnostics"].as_array().unwrap();
    all.iter()
        .filter(|one| one["severity"] == "error")
        .map(|one| {
            let number = |key: &str| one["labels"][0][key].as_u64().unwrap();
            (one["code"].as_str().unwrap().to_owned(), number("line"), number("column"))
        })
        .collect()
}

/// The line that `cargo xtask hostile` shows.
fn tell(name: &str, is_right: bool, what: &str) {
    if std::env::var_os("ORO_HOSTILE_LIST").is_some() {
        println!("{} {name:30} E {what}", if is_right { "ok   " } else { "WRONG" });
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
