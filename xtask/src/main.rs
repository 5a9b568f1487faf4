//! Tasks of this repository: `cargo xtask TASK`.

mod header;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) =
        arguments.split_first().map_or(("", &[][..]), |(task, rest)| (task.as_str(), rest));
    match task {
        "header" => header::run(rest),
        _ => {
            eprintln!("usage: cargo xtask header [--check]");
            ExitCode::from(2)
        }
    }
}
