//! A module as a cargo package.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::{Tool, explain_write, run_tool, show};
use crate::output::{Style, stderr_style};
use crate::problem::Problem;

/// The target whose `core` and `alloc` modules are built on; they link nothing else of it.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(crate) const CARGO: Tool = Tool {
    program: "cargo",
    mend: "install Rust with rustup (https://rustup.rs), or: apt-get install cargo",
};

/// A static PIE without start-up code and without libraries.
const RUST_FLAGS: [&str; 9] = [
    "-Cpanic=abort",
    "-Crelocation-model=pie",
    "-Ctarget-feature=+crt-static",
    "-Clink-arg=-nostartfiles",
    "-Clink-arg=-nostdlib",
    "-Clink-arg=-static-pie",
    "-Clink-arg=-Wl,-z,separate-code",
    "-Clink-arg=-Wl,-z,norelro",
    "-Clink-arg=-Wl,--entry=0",
];

/// Variables of cargo that are about its user's machine, not about the package that it built last.
const KEPT_PREFIXES: [&str; 6] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
];

/// Builds a package and gives the path of its executable.
pub(super) fn build_package(name: &str, folder: &Path) -> Result<PathBuf, Problem> {
    // Cargo and rustup take their settings from the folder that they are called in.
    let folder = folder.canonicalize().map_err(|error| explain_write(name, folder, &error))?;
    let mut command = Command::new(CARGO.program);
    for (variable, _) in env::vars_os() {
        if variable.to_str().is_some_and(is_disturbing) {
            command.env_remove(variable);
        }
    }
    let colour = if stderr_style() == Style::Colour { "always" } else { "never" };
    command
        .current_dir(&folder)
        .args(["build", "--release", "--quiet", "--color", colour, "--target", TARGET])
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(folder.join("target/oro"))
        .arg("--message-format=json-render-diagnostics")
        .env("CARGO_ENCODED_RUSTFLAGS", RUST_FLAGS.join("\u{1f}"))
        .stdin(Stdio::null());
    let output = run_tool(name, &CARGO, &mut command)?;
    let executables = find_executables(&output.stdout);
    match executables.as_slice() {
        [executable] => Ok(executable.clone()),
        [] => Err(Problem::error(
            "MODULE-NOT-ONE-BINARY",
            format!("module `{name}`: the package {} builds no executable", show(&folder)),
        )
        .with_help("a module is a package with a src/main.rs")),
        several => Err(Problem::error(
            "MODULE-NOT-ONE-BINARY",
            format!(
                "module `{name}`: the package {} builds {} executables",
                show(&folder),
                several.len()
            ),
        )
        .with_help("a module is a package with one executable: make packages of the others")),
    }
}

/// Whether a variable would change how a module is built: compiler flags, wrappers, and what cargo
/// has set for `oro` itself under `cargo run`.
fn is_disturbing(variable: &str) -> bool {
    let is_cargos = variable == "CARGO" || variable.starts_with("CARGO_");
    (is_cargos && !KEPT_PREFIXES.iter().any(|prefix| variable.starts_with(prefix)))
        || matches!(
            variable,
            "RUSTFLAGS"
                | "RUSTDOCFLAGS"
                | "RUSTC"
                | "RUSTDOC"
                | "RUSTC_WRAPPER"
                | "RUSTC_WORKSPACE_WRAPPER"
        )
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// The executables among the messages of cargo; lines that are none of its messages are passed over.
fn find_executables(messages: &[u8]) -> Vec<PathBuf> {
    messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| {
            message
                .target
                .as_ref()
                .is_some_and(|target| target.kind.iter().any(|kind| kind == "bin"))
        })
        .filter_map(|message| message.executable)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_messages() {
        let messages = br#"noise
{"reason":"compiler-artifact","target":{"kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["custom-build"]},"executable":"/t/build-script"}
{"reason":"compiler-artifact","target":{"kind":["bin"]},"executable":"/t/filter"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(find_executables(messages), [PathBuf::from("/t/filter")]);
    }

    #[test]
    fn variables_that_disturb_are_removed() {
        for variable in [
            "RUSTFLAGS",
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_BUILD_TARGET",
            "CARGO_PROFILE_RELEASE_LTO",
        ] {
            assert!(is_disturbing(variable), "{variable}");
        }
        for variable in
            ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "PATH", "CARGO_NET_OFFLINE"]
        {
            assert!(!is_disturbing(variable), "{variable}");
        }
    }
}
