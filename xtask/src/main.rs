//! Tasks of this repository: `cargo xtask TASK`.

mod aarch64;
mod header;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match task.as_str() {
        "check-aarch64" => aarch64::run(&rest),
        "header" => header::run(&rest),
        _ => {
            eprintln!("usage: cargo xtask check-aarch64 | header [--check]");
            ExitCode::from(2)
        }
    }
}
