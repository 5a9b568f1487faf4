//! `cargo xtask hostile`: every module of `conformance/hostile` is run among innocents, with ptrace and
//! without, and a line tells what came of it beside what must.

use std::process::{Command, ExitCode, Stdio};

/// Runs them; the only argument there may be is a part of the names of those that are meant.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let (only, is_right) = match arguments {
        [] => ("", true),
        [name] => (name.as_str(), !name.starts_with('-')),
        _ => ("", false),
    };
    if !is_right {
        eprintln!("usage: cargo xtask hostile [NAME]");
        return ExitCode::from(2);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["test", "--locked", "--quiet", "-p", "oro-cli", "--test", "hostile"])
        .args(["--", "--nocapture", "--test-threads=1"])
        .env("ORO_HOSTILE_LIST", "1")
        .env("ORO_HOSTILE_ONLY", only)
        .stderr(Stdio::inherit())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("error: cargo cannot be run: {error}");
            return ExitCode::FAILURE;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    let (right, wrong) = count(&text);
    println!(
        "{} runs of hostile modules: {right} as their files say, {wrong} otherwise",
        right + wrong
    );
    if output.status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many runs were as expected, and how many not.
fn count(text: &str) -> (usize, usize) {
    // The test runner's dots may stand before the first line of a test.
    let lines = || text.lines().map(|line| line.trim_start_matches('.'));
    let starting_with = |word: &str| lines().filter(|line| line.starts_with(word)).count();
    (starting_with("ok "), starting_with("WRONG "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_came_of_it_is_counted() {
        let text = "\nrunning 2 tests\n.ok    a  faulted\nWRONG b  exited\nok    c  faulted\n";
        assert_eq!(super::count(text), (2, 1));
    }
}
