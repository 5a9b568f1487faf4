//! `cargo xtask hostile`: the hostile catalogue is run, and a line for each of its rows tells what came
//! of it beside what must.
//!
//! The rows are those of `conformance/catalogue.md`. What they name is run by the tests that have it: the
//! modules and the inputs print lines of their own, of other tests it is known whether they pass.

mod catalogue;
mod results;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, ExitCode, Stdio};

use catalogue::{Proof, Row, Test};
use results::{Results, judge};

use crate::workspace::{cargo, target_folder};

const USAGE: &str = "usage: cargo xtask hostile [--each] [--long] [WORD]
  --each   what came of each module, input and test, below its row
  --long   with the long counts of the modules that have one: many minutes
  WORD     only rows whose group, text or names contain this";

/// Holds the catalogue to what there is.
pub(crate) fn check() -> Result<String, String> {
    let rows = catalogue::read()?;
    let bare = rows.iter().filter(|row| row.reason.is_some()).count();
    Ok(format!("{} rows of the catalogue are shown, {bare} say why not", rows.len() - bare))
}

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let Some(request) = Request::parse(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match request.run() {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    shows_each: bool,
    is_long: bool,
    word: String,
}

impl Request {
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut request = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--each" => request.shows_each = true,
                "--long" => request.is_long = true,
                word if !word.starts_with('-') && request.word.is_empty() => {
                    word.clone_into(&mut request.word);
                }
                _ => return None,
            }
        }
        Some(request)
    }

    fn is_meant(&self, row: &Row) -> bool {
        let has = |text: &str| text.contains(&self.word);
        let is_named = row.proofs.iter().any(|proof| has(&name_of(proof)));
        has(&row.group) || has(&row.tried) || is_named
    }

    fn run(&self) -> Result<ExitCode, String> {
        let mut rows = catalogue::read()?;
        rows.retain(|row| self.is_meant(row));
        if rows.is_empty() {
            return Err(format!("no row contains `{}`", self.word));
        }
        let results = self.run_all(&rows)?;
        let (mut right, mut wrong, mut bare) = (0, 0, 0);
        for row in &rows {
            let start = format!("{:20} {:3} {}", row.group, row.must, row.tried);
            if let Some(reason) = &row.reason {
                println!("--    {start}: {reason}");
                bare += 1;
                continue;
            }
            let verdict = judge(row, &results);
            let is_right = verdict.wrong.is_empty();
            println!("{} {start}: {}", if is_right { "ok   " } else { "WRONG" }, verdict.summary);
            right += usize::from(is_right);
            wrong += usize::from(!is_right);
            for what in &verdict.wrong {
                println!("          {what}");
            }
            if self.shows_each {
                show_each(row, &results);
            }
        }
        println!("{right} rows as they must be, {wrong} otherwise, {bare} not tried here");
        Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Runs everything that the rows name.
    fn run_all(&self, rows: &[Row]) -> Result<Results, String> {
        let mut modules = BTreeSet::new();
        let mut has_input = false;
        let mut targets: BTreeMap<(&str, &str), BTreeSet<&Test>> = BTreeMap::new();
        for proof in rows.iter().flat_map(|row| &row.proofs) {
            match proof {
                Proof::Input(name) if name.contains('/') => has_input = true,
                Proof::Input(name) => {
                    modules.insert(name.as_str());
                }
                Proof::Test(test) => {
                    targets.entry((&test.package, &test.target)).or_default().insert(test);
                }
                Proof::Page(_) => {}
            }
        }
        let mut results = Results::default();
        if !modules.is_empty() {
            let names: Vec<&str> = modules.into_iter().collect();
            eprintln!("{} modules, with ptrace and without ...", names.len());
            let mut command = list_command("hostile");
            command.arg("blame_2").env("ORO_HOSTILE_ONLY", names.join(" "));
            if self.is_long {
                command.env("ORO_HOSTILE_LONG", "1");
            }
            let count = results.add_list(&read_output(&mut command)?);
            eprintln!("... {count} runs");
        }
        if has_input {
            eprintln!("bad images and manifests ...");
            results.add_list(&read_output(&mut list_command("inputs"))?);
        }
        for ((package, target), tests) in targets {
            eprintln!("{} tests of {package}, {target} ...", tests.len());
            let output = read_output(&mut test_command(package, target, &tests))?;
            results.add_tests(&output, &format!("{package}/{target}"));
        }
        Ok(results)
    }
}

fn name_of(proof: &Proof) -> String {
    match proof {
        Proof::Input(name) | Proof::Page(name) => name.clone(),
        Proof::Test(test) => test.name(),
    }
}

fn show_each(row: &Row, results: &Results) {
    for name in row.proofs.iter().map(name_of) {
        for came in results.get(&name) {
            println!("          {name:30} {}", came.text);
        }
    }
}

/// A test of `oro-cli` that prints a line for each of its modules or inputs.
fn list_command(target: &str) -> Command {
    let mut command = cargo(&["test", "--locked", "--quiet", "-p", "oro-cli", "--test", target]);
    command.args(["--", "--nocapture", "--test-threads=1"]).env("ORO_HOSTILE_LIST", "1");
    command
}

/// Some tests of a target.
fn test_command(package: &str, target: &str, tests: &BTreeSet<&Test>) -> Command {
    let mut command = cargo(&["test", "--locked", "-p", package, "--test", target]);
    if package == "oro-system" {
        command.args(["--features", "manifest"]);
    }
    if target == "explorer" {
        // As in `cargo xtask test`; it is slow without.
        command.args(["--release", "--features", "mutants"]);
    }
    if target == "loom" {
        // Likewise.
        command.arg("--release").arg("--target-dir").arg(target_folder().join("loom"));
        command.env("RUSTFLAGS", "--cfg loom").env_remove("CARGO_ENCODED_RUSTFLAGS");
    }
    command.args(["--", "--exact"]).args(tests.iter().map(|test| &test.path));
    command
}

/// Standard output. What has not run is missing from it, and rows say so.
fn read_output(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cargo cannot be run: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let parse = |texts: &[&str]| {
            Request::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        let word = "x".to_owned();
        assert_eq!(
            parse(&["--each", "x", "--long"]),
            Some(Request { shows_each: true, is_long: true, word })
        );
        assert_eq!(parse(&["x", "y"]), None);
        assert_eq!(parse(&["--all"]), None);
    }

    #[test]
    fn the_catalogue_is_right() {
        if let Err(message) = check() {
            panic!("{message}");
        }
    }
}
