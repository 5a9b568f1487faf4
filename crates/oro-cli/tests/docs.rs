//! The page on errors, `oro explain` and what is given hold each other to the same codes; and the
//! README shows real code.
#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Codes that the page has as a family, `SYS-*`, and `oro explain` one by one.
const FAMILIES: [&str; 4] = ["SYS", "IMAGE", "NOTE", "START"];

/// What the code gives, the page names and `oro explain` explains.
#[test]
fn every_code_is_on_the_page_and_explained() {
    let page = read_codes_of_page();
    let codes = list_codes_of_sources();
    assert!(codes.len() > 150, "{codes:?}");
    for code in &codes {
        let family = code.split('-').next().unwrap();
        let is_named = page.contains(code)
            || (FAMILIES.contains(&family) && page.contains(&format!("{family}-*")));
        assert!(is_named, "{code} is not on the page");
    }
    let families: BTreeSet<&str> =
        codes.iter().map(|code| code.split('-').next().unwrap()).collect();
    let explained: String = families.iter().map(|family| explain(family).unwrap()).collect();
    for code in &codes {
        let is_explained = explained.lines().any(|line| line.starts_with(&format!("{code}: ")));
        assert!(is_explained, "`oro explain` does not list {code}");
    }
}

/// What the page names, `oro explain` explains, and something gives.
#[test]
fn every_code_of_the_page_is_given_and_explained() {
    let codes = list_codes_of_sources();
    for code in read_codes_of_page() {
        assert!(explain(&code).is_some_and(|text| text.len() > 20), "{code} is not explained");
        let is_given = match code.strip_suffix("-*") {
            Some(family) => FAMILIES.contains(&family),
            None => codes.contains(&code),
        };
        assert!(is_given, "nothing gives {code}");
    }
}

/// Every clause of the specification can be cited, whichever page it is on.
#[test]
fn every_clause_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec");
    let mut count = 0;
    for page in list_sources(&folder) {
        let text = fs::read_to_string(page).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("- **")) {
            let Some((clause, _)) = line.split_once("** ") else { continue };
            assert!(explain(clause).is_some(), "{clause} cannot be explained");
            count += 1;
        }
    }
    assert!(count > 150, "{count}");
}

/// A family is listed; what is unknown is answered with what is near, not with everything.
#[test]
fn families_are_listed_and_neighbours_offered() {
    let text = explain("mode").unwrap();
    assert!(
        text.lines().count() > 5 && text.lines().all(|line| line.starts_with("MODE-")),
        "{text}"
    );
    let output = run_explain("SYS-FIEL");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "oro: no code or clause is called `SYS-FIEL`; did you mean SYS-FILE?\n");
    assert!(explain("SYS-NOT-YET").unwrap().contains("earns it"), "it is not missing any more");
}

fn run_explain(code: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_oro")).args(["explain", code]).output().unwrap()
}

fn explain(code: &str) -> Option<String> {
    let output = run_explain(code);
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The first column of the table of codes.
fn read_codes_of_page() -> BTreeSet<String> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/book/exit-codes-and-errors.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, table) = page.split_once("\n## Codes\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let codes = cells.flat_map(|cell| cell.split(", "));
    codes.map(|code| code.trim_matches('`').to_owned()).collect()
}

/// Codes in the sources of whoever gives some: texts of their own, or `error[CODE]`.
fn list_codes_of_sources() -> BTreeSet<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["oro-cli", "oro-system", "oro-image", "oro-kernel-linux"];
    let mut codes = BTreeSet::new();
    for path in folders.iter().flat_map(|name| list_sources(&crates.join(name).join("src"))) {
        // That of explanations, which nothing gives by itself.
        if path.ends_with("oro-cli/src/codes.rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let is_code_line = |line: &&str| !line.trim_start().starts_with("//");
        let text: String = text.lines().filter(is_code_line).collect();
        codes.extend(text.split('"').filter(|part| is_code(part)).map(str::to_owned));
        let headings = text.split("\"error[").skip(1).filter_map(|rest| rest.split(']').next());
        let is_word = |code: &&str| code.bytes().all(|byte| byte.is_ascii_uppercase());
        codes.extend(headings.filter(is_word).map(str::to_owned));
    }
    codes
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
    let prefixes = [
        "SYSTEM-", "MODULE-", "TOOL-", "FILE-", "JSON-", "ATTACH-", "PORT-", "ORO-", "SYS-",
        "IMAGE-", "NOTE-", "START-", "RUN-", "RING-",
    ];
    prefixes.iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        && !text.ends_with('-')
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
