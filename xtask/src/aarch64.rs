//! `cargo xtask check-aarch64`: shows that the freestanding crates compile for AArch64 without an
//! operating system. Takes the toolchain's own target where it is installed, else Debian's Rust with
//! its library source; where there is neither, says what to install. Runs nothing that it builds.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::workspace;

/// What is checked: the crates that a module or a bare-metal kernel is made of.
const PACKAGES: [&str; 1] = ["oro-sysabi"];
const TARGET: &str = "aarch64-unknown-none";
/// Debian's compiler (package rustc-web), which rustup's hides on PATH.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/core/Cargo.toml";
/// Debian's packages with a compiler and its library's source.
pub(crate) const PACKAGES_NEEDED: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
pub(crate) const INSTALL_HINT: &str = "no core library for aarch64-unknown-none: `rustup target add aarch64-unknown-none`, \
     or on Debian `apt-get install --no-install-recommends rustc-web cargo-web rust-web-src` (810 MB)";

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    if !arguments.is_empty() {
        eprintln!("usage: cargo xtask check-aarch64");
        return ExitCode::from(2);
    }
    match check() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Whether this machine has a toolchain for it.
pub(crate) fn is_possible() -> bool {
    choose_toolchain().is_some()
}

/// Checks every package.
pub(crate) fn check() -> Result<(), String> {
    let mut command = choose_toolchain().ok_or(INSTALL_HINT)?;
    for package in PACKAGES {
        command.args(["-p", package]);
    }
    workspace::run(&mut command)
}

/// Begins a `cargo check` for the target with a toolchain that can do it.
fn choose_toolchain() -> Option<Command> {
    let is_debian = !is_target_installed();
    if is_debian
        && ![DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_LIBRARY].iter().all(|path| Path::new(path).exists())
    {
        return None;
    }
    let mut command = if is_debian { Command::new(DEBIAN_CARGO) } else { workspace::cargo(&[]) };
    // A directory of its own, so that two compilers do not throw away each other's results.
    let target_folder = workspace::target_folder().join("check-aarch64");
    command.args(["check", "--target", TARGET, "--target-dir"]).arg(target_folder);
    if is_debian {
        // The library is built from source, which a released compiler allows only when told so.
        command.args(["-Zbuild-std=core"]).env("RUSTC_BOOTSTRAP", "1").env("RUSTC", DEBIAN_RUSTC);
    }
    command.current_dir(workspace::root());
    Some(command)
}

/// Asks the compiler in use whether it has the target's libraries.
fn is_target_installed() -> bool {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
