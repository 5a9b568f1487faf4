//! The hostile catalogue, `conformance/catalogue.md`: its rows, held to what there is ([`read`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::workspace::{self, list_files, root};

/// The catalogue's file.
const CATALOGUE: &str = "conformance/catalogue.md";
/// The page of promises, whose tests are held to what there is, too.
const PROMISES: &str = "docs/book/security.md";
/// What stands over the last three columns of every group.
const HEAD: [&str; 3] = ["what is tried", "must", "shown by"];

/// A row: something that is tried.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) group: String,
    pub(crate) tried: String,
    /// The letters that are right, of `KENB`.
    pub(crate) must: String,
    pub(crate) proofs: Vec<Proof>,
    /// Why nothing shows it.
    pub(crate) reason: Option<String>,
}

/// What shows a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A module, `image/NAME` or `manifest/NAME`.
    Input(String),
    Test(Test),
    /// A page that has the figure of a bound.
    Page(String),
}

/// A test: `CRATE/TARGET::PATH`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    pub(crate) package: String,
    pub(crate) target: String,
    /// As the test runner names it.
    pub(crate) path: String,
}

impl Test {
    fn parse(text: &str) -> Option<Self> {
        let (place, path) = text.split_once("::")?;
        let (package, target) = place.split_once('/')?;
        Some(Self { package: package.into(), target: target.into(), path: path.into() })
    }

    pub(crate) fn name(&self) -> String {
        format!("{}/{}::{}", self.package, self.target, self.path)
    }

    /// The file that must have it: of the target's folder, if the path begins with a module.
    fn file(&self) -> PathBuf {
        let tests = root().join("crates").join(&self.package).join("tests");
        match self.path.split_once("::") {
            Some((module, _)) => tests.join(&self.target).join(module).with_extension("rs"),
            None if tests.join(&self.target).is_dir() => tests.join(&self.target).join("main.rs"),
            None => tests.join(&self.target).with_extension("rs"),
        }
    }

    fn exists(&self) -> bool {
        let name = self.path.rsplit("::").next().unwrap_or_default();
        workspace::read(&self.file()).is_ok_and(|text| has_test(&text, name))
    }
}

/// Whether a file has a test of this name.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let start = format!("fn {name}(");
    lines.iter().enumerate().any(|(at, line)| {
        let before = &lines[..at];
        // Between the two there may be attributes.
        let mut above = before.iter().rev().take_while(|line| line.starts_with("#["));
        line.starts_with(&start) && above.any(|line| *line == "#[test]")
    })
}

/// The catalogue, if everything in it is right: what rows name exists, and what exists is in a row.
pub(crate) fn read() -> Result<Vec<Row>, String> {
    let text = workspace::read(&root().join(CATALOGUE))?;
    let inputs = list_inputs()?;
    let (rows, mut mistakes) = parse(&text, &inputs);
    let mut named = BTreeSet::new();
    for row in &rows {
        for proof in &row.proofs {
            match proof {
                Proof::Input(name) => {
                    named.insert(name.clone());
                }
                Proof::Test(test) if !test.exists() => {
                    let file = workspace::shorten(&test.file());
                    mistakes.push(format!("`{}`: {file} has no such test", test.name()));
                }
                Proof::Page(page) if !root().join(page).is_file() => {
                    mistakes.push(format!("`{page}`: there is no such page"));
                }
                Proof::Test(_) | Proof::Page(_) => {}
            }
        }
    }
    mistakes.extend(list_lost_tests(&workspace::read(&root().join(PROMISES))?));
    let lost: Vec<&str> = inputs.difference(&named).map(String::as_str).collect();
    if !lost.is_empty() {
        mistakes.push(format!("no row has `{}`: add one, or add it to one", lost.join("`, `")));
    }
    if mistakes.is_empty() {
        Ok(rows)
    } else {
        Err(format!("{CATALOGUE}: {}", mistakes.join("\n       ")))
    }
}

/// What the page of promises names and does not exist.
fn list_lost_tests(text: &str) -> Vec<String> {
    let tests = text.split('`').skip(1).step_by(2).filter_map(Test::parse);
    let lost = tests.filter(|test| !test.exists());
    lost.map(|test| format!("{PROMISES} names `{}`, which is no test", test.name())).collect()
}

/// Every module, bad image and manifest, by the name that it has in the catalogue.
fn list_inputs() -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for (folder, start, extension, prefix) in [
        ("conformance/hostile", "", Some("c"), ""),
        ("conformance/manifests", "", Some("toml"), "manifest/"),
        ("fuzz/corpus/image", "seed-bad-", None, "image/"),
    ] {
        let folder = root().join(folder);
        for path in list_files(&folder)? {
            // Those that are in folders of this one are innocents.
            let is_own = path.parent() == Some(&folder);
            let text = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = match extension {
                Some(extension) => text.strip_suffix(&format!(".{extension}")),
                None => Some(text.as_str()),
            };
            let Some(name) = name.and_then(|name| name.strip_prefix(start)) else { continue };
            if is_own {
                names.insert(format!("{prefix}{name}"));
            }
        }
    }
    Ok(names)
}

/// The rows of a text, and what is wrong with them.
fn parse(text: &str, inputs: &BTreeSet<String>) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut mistakes, mut group) = (Vec::new(), Vec::new(), None);
    let mut seen = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(title) = line.strip_prefix("## ") {
            group = Some(title.to_owned());
        }
        let Some(cells) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            continue;
        };
        // Before the first group the letters are explained.
        let Some(group) = &group else { continue };
        let cells: Vec<&str> = cells.split(" | ").map(str::trim).collect();
        if cells == HEAD || cells == ["---"; 3] {
            continue;
        }
        let mut add = |what: String| mistakes.push(format!("line {number}: {what}"));
        let &[tried, must, shown] = cells.as_slice() else {
            add(format!("a row has three columns: {}", HEAD.join(", ")));
            continue;
        };
        if let Some(other) = seen.insert((group.clone(), tried.to_owned()), number) {
            add(format!("`{tried}` is in line {other} already"));
        }
        if must.is_empty() || !must.chars().all(|letter| "KENB ".contains(letter)) {
            add(format!("`{must}`: what must come of it is K, E, N or B, or several with blanks"));
        }
        let (proofs, wrong) = read_proofs(shown, inputs);
        let names_all_exist = wrong.is_empty();
        wrong.into_iter().for_each(&mut add);
        let reason = ["not yet: ", "elsewhere: "].iter().any(|start| shown.starts_with(start));
        let has_page = proofs.iter().any(|proof| matches!(proof, Proof::Page(_)));
        let is_bare = proofs.iter().all(|proof| matches!(proof, Proof::Page(_)));
        if is_bare && names_all_exist && !reason {
            add("it is shown by nothing: name a module, an input or a test, or say \
                 `not yet: ` or `elsewhere: ` and why"
                .to_owned());
        }
        if !proofs.is_empty() && reason {
            add("what says `not yet` is shown by something".to_owned());
        }
        if must.contains('B') != has_page && !reason {
            add("a bound, and nothing else, names the page that has its figure".to_owned());
        }
        rows.push(Row {
            group: group.clone(),
            tried: tried.to_owned(),
            must: must.to_owned(),
            proofs,
            reason: reason.then(|| shown.to_owned()),
        });
    }
    if rows.is_empty() && mistakes.is_empty() {
        mistakes.push("it has no row".to_owned());
    }
    (rows, mistakes)
}

/// What a row's last column names between backticks, and what of it does not exist.
fn read_proofs(shown: &str, inputs: &BTreeSet<String>) -> (Vec<Proof>, Vec<String>) {
    let (mut proofs, mut wrong) = (Vec::new(), Vec::new());
    for name in shown.split('`').skip(1).step_by(2) {
        if name.starts_with("docs/") {
            proofs.push(Proof::Page(name.to_owned()));
        } else if let Some(test) = Test::parse(name) {
            proofs.push(Proof::Test(test));
        } else {
            let found = find_inputs(name, inputs);
            if found.is_empty() {
                wrong.push(format!("`{name}`: there is no such module, image or manifest"));
            }
            proofs.extend(found.into_iter().map(Proof::Input));
        }
    }
    (proofs, wrong)
}

/// The inputs of a name, whose `*` at the end stands for any rest.
fn find_inputs(name: &str, inputs: &BTreeSet<String>) -> Vec<String> {
    let fits = |input: &&String| match name.strip_suffix('*') {
        Some(start) => input.starts_with(start),
        None => input.as_str() == name,
    };
    inputs.iter().filter(fits).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "| K | ends |\n## Cursors\n| what is tried | must | shown by |\n\
                        | --- | --- | --- |\n";

    fn parse_row(row: &str) -> (Vec<Row>, Vec<String>) {
        let inputs = ["past", "past-end", "image/overlap"].map(str::to_owned);
        parse(&format!("{TEXT}{row}\n"), &inputs.into())
    }

    #[test]
    fn rows_are_read_with_what_shows_them() {
        let (rows, mistakes) = parse_row(
            "| far | K N | `past*`, `image/overlap`, `a/b::c::d` |\n| svc | K | elsewhere: no |",
        );
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(rows.len(), 2);
        let input = |name: &str| Proof::Input(name.to_owned());
        let test = Test { package: "a".into(), target: "b".into(), path: "c::d".into() };
        let all = [input("past"), input("past-end"), input("image/overlap"), Proof::Test(test)];
        assert_eq!((rows[0].group.as_str(), rows[0].must.as_str()), ("Cursors", "K N"));
        assert_eq!(rows[0].proofs, all);
        assert_eq!(rows[1].reason.as_deref(), Some("elsewhere: no"));
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        for (row, what) in [
            ("| far | K | `pasta` |", "line 5: `pasta`: there is no such module"),
            ("| far | K | |", "line 5: a row has three columns"),
            ("| far | K | soon |", "line 5: it is shown by nothing"),
            ("| far | X | `past` |", "line 5: `X`: what must come of it"),
            ("| far | B | `past` |", "line 5: a bound, and nothing else"),
            ("| far | K | `past`, `docs/a.md` |", "line 5: a bound, and nothing else"),
            ("| far | B | `docs/a.md` |", "line 5: it is shown by nothing"),
            ("| far | N | `past`, `a::b` |", "line 5: `a::b`: there is no such module"),
            ("| far | K | not yet: `past` |", "line 5: what says `not yet`"),
            ("| a | K | `past` |\n| a | K | `past` |", "line 6: `a` is in line 5 already"),
            ("", "it has no row"),
        ] {
            let (_, mistakes) = parse_row(row);
            assert_eq!(mistakes.len(), 1, "{row}: {mistakes:?}");
            assert!(mistakes[0].starts_with(what), "{row}: {mistakes:?}");
        }
    }

    #[test]
    fn tests_that_are_not_there_are_told() {
        let own = "oro-cli/hostile::blame_2_offenders_are_named_with_ptrace";
        assert_eq!(list_lost_tests(&format!("`{own}`, `KRN-1`, `a`")), Vec::<String>::new());
        assert_eq!(list_lost_tests(&format!("`{own}s`, `oro-none/a::b::c`")).len(), 2);
    }

    #[test]
    fn tests_are_found_by_name_and_attribute() {
        let text =
            "#[test]\n#[ignore]\nfn long() {}\nfn help() {}\n    #[test]\n    fn short() {}\n";
        assert!(has_test(text, "long") && has_test(text, "short"));
        assert!(!has_test(text, "help") && !has_test(text, "lon"));
    }
}
