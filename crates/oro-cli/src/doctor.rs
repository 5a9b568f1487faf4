//! `oro doctor`: what this machine lacks, with the line that mends it.
//!
//! The kernel's own needs are examined by `oro-kernel-linux`; here are the compilers, with which
//! modules are built from source.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::Command;

use oro_kernel_linux::{Probe, Verdict, examine_machine};
use serde::Serialize;

use crate::args::DoctorArguments;
use crate::build::{c, rust};
use crate::exit;
use crate::output::{show_json, write_data};

/// Runs the command and gives the exit code.
pub(crate) fn examine(arguments: &DoctorArguments) -> u8 {
    let mut probes = examine_machine();
    probes.push(probe_cargo());
    probes.push(probe_rust_target());
    probes.push(probe_c_compiler());
    let is_missing = probes.iter().any(|probe| probe.verdict == Verdict::Missing);
    let code = if is_missing { exit::MACHINE } else { exit::OK };
    if arguments.json {
        let probes = probes.iter().map(ProbeRecord::from).collect();
        let record = Record { schema: "oro.doctor.v1", ok: !is_missing, probes };
        return write_data(&show_json(&record), code);
    }
    write_data(&show_probes(&probes), code)
}

fn show_probes(probes: &[Probe]) -> String {
    let width = probes.iter().map(|probe| probe.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for probe in probes {
        let verdict = name_verdict(probe.verdict);
        let _ = writeln!(text, "{verdict:7}  {:width$}  {}", probe.name, probe.detail);
        if let Some(mend) = &probe.mend {
            let _ = writeln!(text, "{:7}  {:width$}  mend: {mend}", "", "");
        }
    }
    let count = |verdict| probes.iter().filter(|probe| probe.verdict == verdict).count();
    let (missing, limited) = (count(Verdict::Missing), count(Verdict::Limited));
    let _ = match (missing, limited) {
        (0, 0) => writeln!(text, "all is well: systems can run here"),
        (0, _) => writeln!(text, "systems can run here; limited: {limited}"),
        _ => writeln!(text, "systems cannot run here; missing: {missing}"),
    };
    text
}

fn name_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Limited => "limited",
        Verdict::Missing => "missing",
    }
}

/// Compilers are needed only where modules come from source: their lack is a limit.
fn judge(name: &'static str, result: Result<String, String>, mend: &str) -> Probe {
    match result {
        Ok(detail) => Probe { name, verdict: Verdict::Ok, detail, mend: None },
        Err(detail) => {
            Probe { name, verdict: Verdict::Limited, detail, mend: Some(mend.to_owned()) }
        }
    }
}

fn probe_cargo() -> Probe {
    let found = first_line(Command::new(rust::CARGO.program).arg("--version"));
    let mend = if found.is_ok() { "rustup update stable" } else { rust::CARGO.mend };
    judge("cargo", found.and_then(require_age), mend)
}

/// Refuses a toolchain that is older than what the crate `oro` is written in. What does not look
/// like a version is let pass: then the build says what is wrong.
fn require_age(version: String) -> Result<String, String> {
    const NEEDED: &str = env!("CARGO_PKG_RUST_VERSION");
    let number = version.split_whitespace().nth(1).and_then(read_version);
    match (number, read_version(NEEDED)) {
        (Some(number), Some(needed)) if number < needed => {
            Err(format!("{version} is too old: modules need Rust {NEEDED} or newer"))
        }
        _ => Ok(version),
    }
}

/// The major and the minor number of `1.88.0-nightly` and the like.
fn read_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

fn probe_rust_target() -> Probe {
    let mut command = Command::new("rustc");
    command.args(["--print", "target-libdir", "--target", rust::TARGET]);
    let found = first_line(&mut command).and_then(|folder| {
        let has_core = Path::new(&folder).read_dir().is_ok_and(|files| {
            files.flatten().any(|file| file.file_name().as_encoded_bytes().starts_with(b"libcore-"))
        });
        if has_core {
            Ok(format!("{} can be built", rust::TARGET))
        } else {
            Err(format!("there is no libcore for {} in {folder}", rust::TARGET))
        }
    });
    judge("rust-target", found, &format!("rustup target add {}", rust::TARGET))
}

fn probe_c_compiler() -> Probe {
    let found = first_line(Command::new(c::CC.program).arg("--version"))
        .and_then(|version| c::try_compiler().map(|()| format!("{version} builds modules")));
    judge("cc", found, c::CC.mend)
}

/// The first line that a program prints; `Err` says why there is none.
fn first_line(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no `{program}`"),
        _ => format!("`{program}` cannot be run: {error}"),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.to_owned()),
        _ => Err(format!("`{program}` ended with {}", output.status)),
    }
}

#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    ok: bool,
    probes: Vec<ProbeRecord<'a>>,
}

#[derive(Serialize)]
struct ProbeRecord<'a> {
    name: &'static str,
    verdict: &'static str,
    detail: &'a str,
    mend: Option<&'a str>,
}

impl<'a> From<&'a Probe> for ProbeRecord<'a> {
    fn from(probe: &'a Probe) -> Self {
        Self {
            name: probe.name,
            verdict: name_verdict(probe.verdict),
            detail: &probe.detail,
            mend: probe.mend.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_toolchain_is_named() {
        let old = require_age("cargo 1.75.0".to_owned()).unwrap_err();
        assert!(old.contains("1.75.0 is too old") && old.contains("1.88"), "{old}");
        for good in
            ["cargo 1.88.0 (873a06493 2025-05-10)", "cargo 1.100.0-nightly", "cargo 2.0.0", "?"]
        {
            assert_eq!(require_age(good.to_owned()), Ok(good.to_owned()));
        }
    }
}
