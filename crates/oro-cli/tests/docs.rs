//! The page on errors names every code that `oro` itself gives, and the README shows real code.
#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_page_names_every_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(folder.join("../../docs/book/exit-codes-and-errors.md")).unwrap();
    let mut codes = BTreeSet::new();
    for path in list_sources(&folder.join("src")) {
        let text = fs::read_to_string(path).unwrap();
        codes.extend(text.split('"').filter(|part| is_code(part)).map(str::to_owned));
    }
    assert!(codes.len() > 15, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "{code} is not on the page");
    }
}

/// What the README calls the code of `examples/double` is that, so that it can be copied.
#[test]
fn the_readme_shows_the_filter_of_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("README.md")).unwrap();
    let source = fs::read_to_string(root.join("examples/double/modules/double.c")).unwrap();
    let (_, block) = page.split_once("```c\n").unwrap();
    let (code, _) = block.split_once("```").unwrap();
    assert!(code.lines().count() > 5 && source.contains(code), "not in double.c:\n{code}");
}

fn is_code(text: &str) -> bool {
    let prefixes = ["SYSTEM-", "MODULE-", "TOOL-", "FILE-", "JSON-", "ATTACH-", "PORT-", "ORO-"];
    prefixes.iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

fn list_sources(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources.extend(list_sources(&path));
        } else {
            sources.push(path);
        }
    }
    sources
}
