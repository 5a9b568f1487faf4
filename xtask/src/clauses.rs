//! `cargo xtask clauses`: holds the tests to the clauses of `docs/spec`.
//!
//! A clause is defined where its name stands in bold (`**PORT-7**`). A test names it by writing it, or
//! by a function's name (`port_7_...`), in a file below a folder `tests`, in `conformance`, or in a
//! `#[cfg(test)]` module. A clause that no
//! test names must stand in `xtask/untested-clauses.txt` with the reason; one that does not exist
//! must not be named anywhere. Whether a test shows what it says is for its reader to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::workspace::{list_files, read, root, shorten};

const EXCUSES: &str = "xtask/untested-clauses.txt";
/// Folders whose files may name clauses.
const NAMING: [&str; 6] = ["crates", "conformance", "docs", "examples", "fuzz", "xtask"];

/// Checks all; gives a summary, or every mistake.
pub(crate) fn check() -> Result<String, String> {
    let defined = list_defined()?;
    let mut named = BTreeSet::new();
    let mut mistakes = Vec::new();
    for folder in NAMING.map(|name| root().join(name)).iter().filter(|folder| folder.is_dir()) {
        for path in list_files(folder)? {
            if !is_text(&path) {
                continue;
            }
            let text = read(&path)?;
            mistakes.extend(
                list_unknown(&text, &defined).map(|clause| {
                    format!("{}: {clause} is no clause of docs/spec", shorten(&path))
                }),
            );
            let tests = tests_of(&path, &text);
            named.extend(list_names(tests).map(str::to_owned).chain(list_function_names(tests)));
        }
    }
    let excuses = read_excuses(&read(&root().join(EXCUSES))?)?;
    mistakes.extend(compare(&defined, &named, &excuses));
    if !mistakes.is_empty() {
        return Err(mistakes.join("\n       "));
    }
    let idle: Vec<&str> =
        excuses.keys().map(String::as_str).filter(|name| named.contains(*name)).collect();
    let (all, excused) = (defined.len(), excuses.len() - idle.len());
    let mut summary =
        format!("tests name {} of {all} clauses, {EXCUSES} excuses {excused}", all - excused);
    if !idle.is_empty() {
        summary += &format!(", and {} without need: take them off", idle.join(", "));
    }
    Ok(summary)
}

/// The clauses of the specification.
fn list_defined() -> Result<BTreeSet<String>, String> {
    let mut defined = BTreeSet::new();
    for path in list_files(&root().join("docs/spec"))? {
        let text = read(&path)?;
        // Every second part stands between two pairs of stars.
        let bold = text.split("**").skip(1).step_by(2);
        for clause in bold.filter(|part| split_name(part).is_some()) {
            if !defined.insert(clause.to_owned()) {
                return Err(format!("{}: {clause} is defined twice", shorten(&path)));
            }
        }
    }
    Ok(defined)
}

/// What must not be: clauses without test or excuse, excuses for nothing.
fn compare(
    defined: &BTreeSet<String>,
    named: &BTreeSet<String>,
    excuses: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut mistakes = Vec::new();
    let is_bare = |clause: &&String| !named.contains(*clause) && !excuses.contains_key(*clause);
    let bare: Vec<&str> = defined.iter().filter(is_bare).map(String::as_str).collect();
    if !bare.is_empty() {
        let bare = bare.join(", ");
        mistakes.push(format!("no test names {bare}: write one, or say in {EXCUSES} why not"));
    }
    for clause in excuses.keys().filter(|clause| !defined.contains(*clause)) {
        mistakes.push(format!("{EXCUSES}: {clause} is no clause of docs/spec"));
    }
    mistakes
}

/// Reads the list of excuses: a clause, then why no test names it; `#` begins a comment.
fn read_excuses(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut excuses = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (clause, reason) = line.split_once(' ').unwrap_or((line, ""));
        if split_name(clause).is_none() || reason.trim().is_empty() {
            return Err(format!("{EXCUSES}: `{line}`: a line is a clause and a reason"));
        }
        excuses.insert(clause.to_owned(), reason.trim().to_owned());
    }
    Ok(excuses)
}

fn is_text(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "c" | "h" | "md" | "toml"))
}

/// The part of a file that is test code.
fn tests_of<'a>(path: &Path, text: &'a str) -> &'a str {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    let is_test_file = inside.starts_with("conformance")
        || inside.components().any(|part| part.as_os_str() == "tests");
    if is_test_file {
        return text;
    }
    // By convention a file's tests are its end.
    text.find("#[cfg(test)]\nmod ").map_or("", |start| &text[start..])
}

/// The names in a text that look like a clause of an area that exists, but are none.
fn list_unknown<'a>(text: &'a str, defined: &BTreeSet<String>) -> impl Iterator<Item = &'a str> {
    let areas: BTreeSet<String> =
        defined.iter().filter_map(|clause| Some(split_name(clause)?.0.to_owned())).collect();
    list_names(text).filter(move |name| {
        let area = split_name(name).map(|(area, _)| area);
        area.is_some_and(|area| areas.contains(area)) && !defined.contains(*name)
    })
}

/// Every word of a text that has the shape of a clause's name.
fn list_names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
        .filter(|word| split_name(word).is_some())
}

/// The clauses that functions are named after: `fn port_7_...` after `PORT-7`.
fn list_function_names(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let mut parts = line.trim_start().strip_prefix("fn ")?.split('_');
        let clause = format!("{}-{}", parts.next()?.to_ascii_uppercase(), parts.next()?);
        split_name(&clause).is_some().then_some(clause)
    })
}

/// `PORT-7` in area and number.
fn split_name(word: &str) -> Option<(&str, &str)> {
    let (area, number) = word.split_once('-')?;
    let is_area = !area.is_empty() && area.bytes().all(|letter| letter.is_ascii_uppercase());
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    (is_area && is_number).then_some((area, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    // Names of an area that does not exist, so that this file names no clause.
    #[test]
    fn names_are_found_in_text() {
        let text = "ZEBRA-1, (`ZEBRA-12`): utf-8, Zebra-3, ZEBRA-4x, ZEBRA-, -5, SHA-256";
        assert_eq!(list_names(text).collect::<Vec<_>>(), ["ZEBRA-1", "ZEBRA-12", "SHA-256"]);
        let unknown: Vec<_> = list_unknown(text, &set(&["ZEBRA-1"])).collect();
        assert_eq!(unknown, ["ZEBRA-12"]);
    }

    #[test]
    fn functions_are_named_after_clauses() {
        let text =
            "fn zebra_1_runs() {}\n    fn zebra_12_a() {}\nfn zebras() {}\nlet fn zebra_3_b\n";
        assert_eq!(list_function_names(text).collect::<Vec<_>>(), ["ZEBRA-1", "ZEBRA-12"]);
    }

    #[test]
    fn clauses_need_a_test_or_an_excuse() {
        let excuses =
            read_excuses("# why\nZEBRA-2 it sleeps\nZEBRA-3 so does it\n\nZEBRA-9 gone\n");
        let found = compare(
            &set(&["ZEBRA-1", "ZEBRA-2", "ZEBRA-3", "ZEBRA-4"]),
            &set(&["ZEBRA-1", "ZEBRA-3"]),
            &excuses.unwrap(),
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("no test names ZEBRA-4:"));
        assert!(found[1].contains("ZEBRA-9 is no clause"));
        assert!(read_excuses("ZEBRA-2").is_err());
    }

    #[test]
    fn tests_are_told_from_code() {
        let text = "// ZEBRA-1\n#[cfg(test)]\nmod tests {} // ZEBRA-2";
        let code = root().join("crates/a/src/lib.rs");
        assert_eq!(list_names(tests_of(&code, text)).collect::<Vec<_>>(), ["ZEBRA-2"]);
        let test = root().join("crates/a/tests/b/c.rs");
        assert_eq!(tests_of(&test, text), text);
    }
}
