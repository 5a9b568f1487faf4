//! `cargo xtask fuzz`: each fuzz target for some time, and a table of what came of it.
//!
//! The targets are the files of `fuzz/fuzz_targets`. cargo-fuzz and libFuzzer do the work; what they
//! find interesting goes to the folder that cargo builds into, not to the committed corpus.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::workspace::{cargo, root, shorten, target_folder};

const USAGE: &str = "usage: cargo xtask fuzz [--seconds N] [TARGET]...
  --seconds N   how long each target runs; 60 unless told
  TARGET        only these; all of fuzz/fuzz_targets unless told";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    seconds: u32,
    targets: Vec<String>,
}

/// What came of a target.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    executions: Option<u64>,
    executions_per_second: Option<u64>,
    corpus_count: usize,
    /// Files with bytes that broke a promise.
    findings: Vec<String>,
}

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match list_targets().and_then(|known| parse(arguments, &known)) {
        Ok(request) => run_targets(&request).unwrap_or_else(|message| fail(&message, 1)),
        Err(message) => fail(&message, 2),
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(code)
}

fn parse(arguments: &[String], known: &[String]) -> Result<Request, String> {
    let mut request = Request { seconds: 60, targets: Vec::new() };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            let seconds = number.filter(|seconds| *seconds > 0);
            request.seconds = seconds.ok_or("--seconds needs a number from 1 on")?;
        } else if known.contains(argument) {
            request.targets.push(argument.clone());
        } else if argument.starts_with('-') {
            return Err(format!("there is no option `{argument}`\n{USAGE}"));
        } else {
            let known = known.join(", ");
            return Err(format!("there is no target `{argument}`; there are {known}"));
        }
    }
    if request.targets.is_empty() {
        request.targets = known.to_vec();
    }
    Ok(request)
}

/// Names of the files in `fuzz/fuzz_targets`.
fn list_targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut targets: Vec<String> = list_folder(&folder)
        .iter()
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .collect();
    targets.sort();
    if targets.is_empty() {
        return Err(format!("{} has no targets", shorten(&folder)));
    }
    Ok(targets)
}

/// Names in a folder; none if there is no such folder.
fn list_folder(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn run_targets(request: &Request) -> Result<ExitCode, String> {
    ensure_cargo_fuzz()?;
    let mut rows = Vec::new();
    for target in &request.targets {
        println!("== {target}: {} s", request.seconds);
        rows.push((target.as_str(), run_target(target, request.seconds)?));
    }
    println!("{}", show_table(&rows));
    let findings: Vec<&String> = rows.iter().flat_map(|(_, outcome)| &outcome.findings).collect();
    for finding in &findings {
        println!("found: {finding}");
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ensure_cargo_fuzz() -> Result<(), String> {
    let mut command = cargo(&["fuzz", "--version"]);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err("there is no `cargo fuzz`: `cargo install --locked cargo-fuzz`".to_owned())
}

fn run_target(target: &str, seconds: u32) -> Result<Outcome, String> {
    let fuzz = root().join("fuzz");
    let committed = fuzz.join("corpus").join(target);
    let found = target_folder().join("fuzz-corpus").join(target);
    let artifacts = fuzz.join("artifacts").join(target);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", shorten(&found)))?;
    let before = list_folder(&artifacts);
    // All that the targets reach is safe Rust: a sanitizer would find nothing and take most of the time.
    let mut command = cargo(&["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]);
    command.arg(&fuzz).arg("--target-dir").arg(target_folder().join("fuzz"));
    // What is new goes to the first folder; both are read.
    command.arg(target).arg(&found).arg(&committed);
    command
        .args(["--", "-print_final_stats=1", "-print_funcs=0"])
        .arg(format!("-max_total_time={seconds}"));
    let dictionary = fuzz.join("dictionaries").join(target);
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let (is_success, text) = run_fuzzer(&mut command)?;
    let mut outcome = read_statistics(&text);
    outcome.corpus_count = list_folder(&committed).len() + list_folder(&found).len();
    // A slow unit is one that the machine had no time for, as a rule; one that never ends is a timeout.
    let new = list_folder(&artifacts)
        .into_iter()
        .filter(|name| !before.contains(name) && !name.starts_with("slow-unit-"));
    outcome.findings = new.map(|name| shorten(&artifacts.join(name))).collect();
    if !is_success && outcome.findings.is_empty() {
        return Err(format!("{target} cannot be run:\n{}", show_end(&text)));
    }
    if !is_success {
        println!("{}", show_end(&text));
    }
    Ok(outcome)
}

/// Whether it succeeded, and what it said.
fn run_fuzzer(command: &mut Command) -> Result<(bool, String), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run cargo fuzz: {error}"))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// The last lines of a text.
fn show_end(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// What libFuzzer says at its end.
fn read_statistics(text: &str) -> Outcome {
    let find = |name: &str| {
        let value = text.lines().filter_map(|line| line.trim().strip_prefix(name)).next_back()?;
        value.trim().parse().ok()
    };
    Outcome {
        executions: find("stat::number_of_executed_units:"),
        executions_per_second: find("stat::average_exec_per_sec:"),
        ..Outcome::default()
    }
}

fn show_table(rows: &[(&str, Outcome)]) -> String {
    let number = |value: Option<u64>| value.map_or("?".to_owned(), |value| value.to_string());
    let mut lines = vec![
        "| target | executions | a second | corpus | findings |".to_owned(),
        "| --- | ---: | ---: | ---: | ---: |".to_owned(),
    ];
    for (target, outcome) in rows {
        lines.push(format!(
            "| {target} | {} | {} | {} | {} |",
            number(outcome.executions),
            number(outcome.executions_per_second),
            outcome.corpus_count,
            outcome.findings.len()
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_texts(texts: &[&str]) -> Result<Request, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        parse(&texts, &["image".to_owned(), "plan".to_owned()])
    }

    #[test]
    fn all_targets_are_run_unless_some_are_named() {
        let all = parse_texts(&[]);
        let named = parse_texts(&["--seconds", "5", "plan"]);
        assert!(all.is_ok_and(|all| all.seconds == 60 && all.targets == ["image", "plan"]));
        assert!(named.is_ok_and(|named| named.seconds == 5 && named.targets == ["plan"]));
        for (texts, message) in [
            (&["--seconds"][..], "a number from 1 on"),
            (&["--seconds", "0"], "a number from 1 on"),
            (&["--fast"], "no option `--fast`"),
            (&["plans"], "there are image, plan"),
        ] {
            assert!(parse_texts(texts).is_err_and(|error| error.contains(message)), "{texts:?}");
        }
    }

    #[test]
    fn statistics_are_read_and_shown() {
        let text =
            "#9 DONE\nstat::number_of_executed_units: 900\nstat::average_exec_per_sec:     30\n";
        let outcome =
            Outcome { corpus_count: 7, findings: vec!["f".to_owned()], ..read_statistics(text) };
        let table = show_table(&[("plan", outcome), ("image", read_statistics("killed"))]);
        assert!(
            table.ends_with("| plan | 900 | 30 | 7 | 1 |\n| image | ? | ? | 0 | 0 |"),
            "{table}"
        );
    }

    #[test]
    fn targets_are_found() {
        assert!(list_targets().is_ok_and(|targets| targets.contains(&"image".to_owned())));
    }
}
