//! The programs that the tests need beside Rust, and how they come here: Debian's packages.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::workspace;

/// A program that tests call, and the package that has it.
const PROGRAMS: [(&str, &str); 12] = [
    ("cc", "gcc"),
    ("gcc", "gcc"),
    ("g++", "g++"),
    ("clang", "clang"),
    ("clang++", "clang"),
    ("ld.lld", "lld"),
    ("ld", "binutils"),
    ("objdump", "binutils"),
    ("nm", "binutils"),
    ("readelf", "binutils"),
    ("ldd", "libc-bin"),
    ("setpriv", "util-linux"),
];
/// The C library's headers, which C programs of the tests include.
const C_LIBRARY: (&str, &str) = ("/usr/include/stdio.h", "libc6-dev");

/// Components of Rust: what cargo calls them, and how each is installed.
const COMPONENTS: [(&str, &str); 2] = [
    ("fmt", "`rustup component add rustfmt`, or where Rust is Debian's `apt-get install rustfmt`"),
    (
        "clippy",
        "`rustup component add clippy`, or where Rust is Debian's `apt-get install rust-clippy`",
    ),
];

/// Makes sure that all is there; with `install`, gets missing packages.
pub(crate) fn ensure(install: bool) -> Result<(), String> {
    let mut packages = list_missing();
    if install && !packages.is_empty() {
        install_packages(&packages)?;
        packages = list_missing();
    }
    if !packages.is_empty() {
        return Err(format!(
            "missing programs: `apt-get install --no-install-recommends {}`, or give --install-deps",
            packages.join(" ")
        ));
    }
    for (component, mend) in COMPONENTS {
        let mut command = workspace::cargo(&[component, "--version"]);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("there is no `cargo {component}`: {mend}"));
        }
    }
    Ok(())
}

/// Installs packages through apt, which needs root or `sudo`.
pub(crate) fn install_packages(packages: &[&str]) -> Result<(), String> {
    workspace::run(&mut apt(&["update"]))?;
    let mut command = apt(&["install", "--yes", "--no-install-recommends"]);
    workspace::run(command.args(packages))
}

/// Whether apt, asked anew, offers a package; false where there is no apt.
pub(crate) fn offers(package: &str) -> bool {
    let is_updated = workspace::run(&mut apt(&["update"])).is_ok();
    let output = Command::new("apt-cache").args(["show", package]).output();
    is_updated && output.is_ok_and(|output| output.status.success())
}

/// Whether a program is on the path.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The packages of what is not there.
fn list_missing() -> Vec<&'static str> {
    let mut packages = Vec::new();
    for (program, package) in PROGRAMS {
        if !is_there(program) {
            packages.push(package);
        }
    }
    if !Path::new(C_LIBRARY.0).exists() {
        packages.push(C_LIBRARY.1);
    }
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn apt(arguments: &[&str]) -> Command {
    let id = Command::new("id").arg("-u").output();
    let is_root = id.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
    if !is_root {
        command.arg("apt-get");
    }
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_on_the_path() {
        assert!(is_there("sh"));
        assert!(!is_there("no-such-program"));
    }
}
