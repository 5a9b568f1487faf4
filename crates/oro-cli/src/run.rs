//! `oro run`: loads a system, has the kernel run it, and says how it ended.
//!
//! Standard input and output are the system's own: everything else goes to standard error, and the
//! JSON of `--json` is its last line unless it has a file of its own.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use oro_kernel_linux::{Guardian, InstanceReport, Options, Outcome, Report, StartError};

use crate::args::RunArguments;
use crate::build::show;
use crate::exit;
use crate::load::{MissingFiles, System, load_system};
use crate::output::{escape_controls, show_json, stderr_style, write_last_note, write_note};
use crate::problem::{Problem, ProblemRecord, has_error, show_problems};
use crate::report::{ReportRecord, RunRecord, show_report};

/// Runs the command and gives the exit code.
pub(crate) fn run_system(arguments: &RunArguments) -> u8 {
    // First, while there is little that it would keep a copy of.
    let guardian = Guardian::start();
    let (system, mut problems) =
        load_system(&arguments.system, &arguments.files, MissingFiles::Refuse);
    if arguments.growable {
        // An operator may use it later.
        problems.retain(|problem| !["FILE-UNUSED", "SYS-UNUSED"].contains(&problem.code));
    }
    let json = open_json(arguments).unwrap_or_else(|problem| {
        problems.push(problem);
        JsonTarget::None
    });
    show_problems(&problems, stderr_style());
    let system = match system {
        Some(system) if !has_error(&problems) => system,
        Some(_) | None => {
            write_note("oro: nothing was started\n");
            return write_record(json, &problems, None, "bad-input", exit::BAD_INPUT);
        }
    };
    match start(guardian, system, arguments) {
        Ok(report) => {
            let (result, code) = judge(&report);
            tell(Some(&report), show_report(&report, arguments.report, stderr_style()));
            write_record(json, &problems, Some(&report), result, code)
        }
        Err(failure) => {
            let (problem, code) = *failure;
            let result = if code == exit::FAILED { "failed" } else { "cannot-start" };
            show_problems(std::slice::from_ref(&problem), stderr_style());
            problems.push(problem);
            write_record(json, &problems, None, result, code)
        }
    }
}

/// Has the kernel run the system; if it cannot, says why and with which exit code.
fn start(
    guardian: Result<Guardian, StartError>,
    system: System,
    arguments: &RunArguments,
) -> Result<Report, Box<(Problem, u8)>> {
    let options = Options {
        name: Some(arguments.name.clone().unwrap_or_else(|| choose_name(&arguments.system))),
        tell_hidden: (arguments.name.is_some() || arguments.report).then_some(tell_hidden),
        files: system.files,
        is_growable: arguments.growable,
        timeout: arguments.timeout,
        without_ptrace: arguments.without_ptrace,
        pin_to_cpu: arguments.pin,
        ..Options::default()
    };
    let run =
        |guardian| oro_kernel_linux::run_with(guardian, &system.plan, &system.images, &options);
    guardian.and_then(run).map_err(|error| {
        let (code, what) = match (error.has_started(), error.is_bad_input()) {
            (true, _) => (exit::FAILED, "the system cannot go on"),
            (false, true) => (exit::BAD_INPUT, "the system cannot start"),
            (false, false) => (exit::MACHINE, "the system cannot start"),
        };
        let problem = Problem::error(error.code(), format!("{what}: {error}"));
        match error.help() {
            Some(help) => Box::new((problem.with_help(help), code)),
            None => Box::new((problem, code)),
        }
    })
}

/// Says that a system cannot be found by the name that it was given.
fn tell_hidden(error: &io::Error) {
    let error = escape_controls(&error.to_string());
    write_note(&format!("note: nobody can look at this system: {error}\n"));
}

/// What a system is called that was given no name: as its manifest's file, or as the folder if that
/// is `system.toml`; with a dash for each character that no name has (`NOTE-6`).
fn choose_name(manifest: &Path) -> String {
    let path = std::path::absolute(manifest).unwrap_or_else(|_| manifest.to_owned());
    let folder = path.parent().and_then(Path::file_name);
    let name = path.file_stem().filter(|stem| *stem != "system").or(folder).unwrap_or_default();
    let name = name.to_string_lossy();
    let is_good = |character: &char| oro_system::is_valid_name(character.encode_utf8(&mut [0; 4]));
    let dash = |character| if is_good(&character) { character } else { '-' };
    let name: String = name.chars().map(dash).take(31).collect();
    if name.is_empty() { "system".to_owned() } else { name }
}

/// The word and the exit code for how a run ended.
fn judge(report: &Report) -> (&'static str, u8) {
    if report.is_success() {
        ("ok", exit::OK)
    } else if report.has_timed_out {
        ("timeout", exit::TIMEOUT)
    } else {
        ("failed", exit::FAILED)
    }
}

/// Says something on standard error. Who has ended the system from outside wants an end, whether or
/// not somebody reads; otherwise the reader may take its time.
fn tell(report: Option<&Report>, text: String) {
    if report.is_some_and(was_ended_from_outside) {
        write_last_note(text);
    } else {
        write_note(&text);
    }
}

fn was_ended_from_outside(report: &Report) -> bool {
    let is_killed = |instance: &InstanceReport| matches!(instance.outcome, Outcome::Killed { .. });
    report.has_timed_out || report.instances.iter().any(is_killed)
}

/// Where the JSON goes.
enum JsonTarget {
    None,
    Stderr,
    File(File),
}

fn open_json(arguments: &RunArguments) -> Result<JsonTarget, Problem> {
    match &arguments.json {
        None => Ok(JsonTarget::None),
        Some(None) => Ok(JsonTarget::Stderr),
        Some(Some(path)) => File::create(path).map(JsonTarget::File).map_err(|error| {
            let message = format!("{} of --json cannot be written: {error}", show(path));
            let help = "give a file that can be created or replaced";
            Problem::error("JSON-UNWRITABLE", message).with_help(help)
        }),
    }
}

/// Writes the JSON if it is wanted, and gives the exit code.
fn write_record(
    target: JsonTarget,
    problems: &[Problem],
    report: Option<&Report>,
    result: &'static str,
    code: u8,
) -> u8 {
    let record = RunRecord {
        schema: "oro.run.v1",
        result,
        exit_code: code,
        diagnostics: problems.iter().map(ProblemRecord::from).collect(),
        report: report.map(ReportRecord::from),
    };
    let written: io::Result<()> = match target {
        JsonTarget::None => Ok(()),
        JsonTarget::Stderr => {
            tell(report, show_json(&record));
            Ok(())
        }
        JsonTarget::File(mut file) => file.write_all(show_json(&record).as_bytes()),
    };
    match written {
        Ok(()) => code,
        Err(error) => {
            let error = escape_controls(&error.to_string());
            tell(report, format!("oro: the JSON of --json cannot be written: {error}\n"));
            code.max(exit::FAILED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_called_like_its_manifest_or_its_folder() {
        for (path, name) in [
            ("/a/sha256/system.toml", "sha256"),
            ("/a/sha256/copy.toml", "copy"),
            ("/system.toml", "system"),
            ("/a/größe v2/system.toml", "gr--e-v2"),
            ("/a/0123456789012345678901234567890123.toml", "0123456789012345678901234567890"),
        ] {
            assert_eq!(choose_name(Path::new(path)), name, "{path}");
        }
    }
}
