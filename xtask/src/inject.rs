//! `cargo xtask inject`: every system call of a supervisor is made to fail with every error that it may have, at
//! each place where it is made, and the supervisor is killed at each; a line tells what came of it.

use std::process::{Command, ExitCode, Stdio};

/// Runs them; the only argument there may be is a part of the lines that are meant.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let (only, is_right) = match arguments {
        [] => ("", true),
        [part] => (part.as_str(), !part.starts_with('-')),
        _ => ("", false),
    };
    if !is_right {
        eprintln!("usage: cargo xtask inject [PART]");
        return ExitCode::from(2);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["test", "--locked", "--quiet", "-p", "oro-cli", "--test", "injection"])
        .args(["--", "--nocapture", "--test-threads=1"])
        .env("ORO_INJECT_ALL", "1")
        .env("ORO_INJECT_LIST", "1")
        .env("ORO_INJECT_ONLY", only)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cargo cannot be run: {error}");
            ExitCode::FAILURE
        }
    }
}
