//! `cargo xtask test`: everything that must pass, cheap steps first. It stops at the first step that
//! fails. The tests of the workspace come last, so that their own closing lines end the output; one
//! line with the sum of all tests follows. The steps themselves are in `test/steps.rs`.

mod steps;
mod tally;

use std::process::ExitCode;
use std::time::Instant;

use steps::STEPS;
use tally::Tally;

/// A part of the test.
struct Step {
    name: &'static str,
    purpose: &'static str,
    run: fn(&mut Context) -> Result<Outcome, String>,
}

/// What steps know and add to.
struct Context {
    /// Whether missing packages may be installed.
    install: bool,
    tally: Tally,
}

/// How a step ended that did not fail.
enum Outcome {
    Done,
    /// With the reason.
    Skipped(String),
}

const USAGE: &str = "usage: cargo xtask test [--install-deps] [--only NAME]... [--list]
  --install-deps   install what is missing (through apt)
  --only NAME      only this step; may be repeated
  --list           name the steps, and what each is for";

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match parse(arguments) {
        Ok(Request::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Request::List) => {
            for step in &STEPS {
                println!("{:9} {}", step.name, step.purpose);
            }
            ExitCode::SUCCESS
        }
        Ok(Request::Run { install, chosen }) => run_steps(install, &chosen),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// What was asked for.
enum Request {
    Help,
    List,
    Run {
        install: bool,
        /// All if empty.
        chosen: Vec<String>,
    },
}

fn parse(arguments: &[String]) -> Result<Request, String> {
    let (mut install, mut chosen) = (false, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--list" => return Ok(Request::List),
            "--install-deps" => install = true,
            "--only" => {
                let name = arguments.next().ok_or("--only needs the name of a step")?;
                if !STEPS.iter().any(|step| step.name == name) {
                    return Err(format!(
                        "no step is named `{name}`: see `cargo xtask test --list`"
                    ));
                }
                chosen.push(name.clone());
            }
            _ => {
                return Err(format!("there is no option `{argument}`\n{USAGE}"));
            }
        }
    }
    Ok(Request::Run { install, chosen })
}

fn run_steps(install: bool, chosen: &[String]) -> ExitCode {
    let mut context = Context { install, tally: Tally::default() };
    let mut skipped = Vec::new();
    let steps = STEPS
        .iter()
        .filter(|step| chosen.is_empty() || chosen.iter().any(|name| name == step.name));
    for step in steps {
        // Told before the last step, whose end is the end of the output.
        if step.name == steps::LAST {
            for line in &skipped {
                println!("{line}");
            }
        }
        println!("== {}: {}", step.name, step.purpose);
        let start = Instant::now();
        let failed_before = context.tally.failed;
        match (step.run)(&mut context) {
            Ok(outcome) => {
                if let Outcome::Skipped(reason) = outcome {
                    println!("   skipped: {reason}");
                    skipped.push(format!("== {} was skipped: {reason}", step.name));
                    context.tally.skipped += 1;
                }
                if step.name != steps::LAST {
                    println!("   {:.1} s", start.elapsed().as_secs_f64());
                }
            }
            Err(message) => {
                if context.tally.failed == failed_before {
                    context.tally.failed += 1;
                }
                println!("{}", context.tally);
                eprintln!("error: step {}: {message}", step.name);
                eprintln!("       alone: cargo xtask test --only {}", step.name);
                return ExitCode::FAILURE;
            }
        }
    }
    if chosen.is_empty() || context.tally != Tally::default() {
        println!("{}", context.tally);
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_texts(texts: &[&str]) -> Result<Request, String> {
        parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read() {
        let request = parse_texts(&["--install-deps", "--only", "fmt", "--only", "test"]);
        let Ok(Request::Run { install: true, chosen }) = request else { panic!("not a run") };
        assert_eq!(chosen, ["fmt", "test"]);
        assert!(parse_texts(&["--only"]).is_err());
        assert!(parse_texts(&["--only", "nothing"]).is_err());
        let message = parse_texts(&["--fast"]).err().unwrap_or_default();
        assert!(message.starts_with("there is no option `--fast`\nusage: "), "{message}");
        assert!(matches!(parse_texts(&["--help"]), Ok(Request::Help)));
    }

    #[test]
    fn the_last_step_is_last() {
        assert_eq!(STEPS.last().map(|step| step.name), Some(steps::LAST));
    }
}
