//! Tasks of this repository: `cargo xtask TASK`.

mod aarch64;
mod book;
mod clauses;
mod fuzz;
mod graph;
mod header;
mod hostile;
mod inject;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask TASK
  test [--install-deps] [--only NAME]... [--list]   everything that must pass
  inject [PART]                                     system calls that fail, kills; a line for what came of each
  hostile [--each] [--long] [WORD]                  the hostile catalogue, a line for what came of each row
  catalogue                                         the hostile catalogue against what there is
  fuzz [--seconds N] [TARGET]...                    the fuzz targets, with a table of executions
  header [--check]                                  the C header, from the ABI crate
  clauses                                           clauses of docs/spec that no test names
  graph                                             which crate may depend on which
  check-aarch64                                     the ABI crate on bare AArch64";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match (task.as_str(), rest.is_empty()) {
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        ("test", _) => test::run(&rest),
        ("hostile", _) => hostile::run(&rest),
        ("inject", _) => inject::run(&rest),
        ("catalogue", true) => report(hostile::check()),
        ("fuzz", _) => fuzz::run(&rest),
        ("header", _) => header::run(&rest),
        ("clauses", true) => report(clauses::check()),
        ("graph", true) => report(graph::check()),
        ("check-aarch64", _) => aarch64::run(&rest),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Prints what a check found, or why it failed.
fn report(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
