//! The files of `--file NAME=PATH`, checked before anything starts (`BUILTIN-3`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use oro_system::{BuiltIn, Plan, PlanEnd};

use super::folder_of;
use crate::args::FileArgument;
use crate::build::show;
use crate::problem::Problem;

/// The files by name; a name that is given twice is a problem.
pub(super) fn collect_files(
    arguments: &[FileArgument],
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    for FileArgument { name, path } in arguments {
        if let Some(other) = files.insert(name.clone(), path.clone()) {
            let message =
                format!("--file {name}= is given twice: {} and {}", show(&other), show(path));
            problems.push(
                Problem::error("FILE-TWICE", message).with_help("a name stands for one file"),
            );
        }
    }
    files
}

/// Checks that what the plan reads is there, and that what it writes can be and harms nothing.
pub(super) fn check_files(
    plan: &Plan,
    files: &BTreeMap<String, PathBuf>,
    problems: &mut Vec<Problem>,
) {
    let mut read = BTreeSet::new();
    let mut written = BTreeSet::new();
    for end in plan.ports.iter().flat_map(|port| [&port.producer, &port.consumer]) {
        match end {
            PlanEnd::BuiltIn(BuiltIn::FileRead(name)) => read.insert(name.as_str()),
            PlanEnd::BuiltIn(BuiltIn::FileWrite(name)) => written.insert(name.as_str()),
            PlanEnd::BuiltIn(_) | PlanEnd::Instance { .. } => false,
        };
    }
    let is_requests = |end: &PlanEnd| matches!(end, PlanEnd::BuiltIn(BuiltIn::RingRequests));
    // Who holds Ring control may wire a file later.
    let may_be_used_later = plan.ports.iter().any(|port| is_requests(&port.consumer));
    let mut read_paths = BTreeMap::new();
    let mut written_paths = BTreeMap::new();
    for (name, path) in files {
        let is_read = read.contains(name.as_str());
        let is_written = written.contains(name.as_str());
        if is_read {
            problems.extend(check_readable(name, path));
            read_paths.extend(identify(path).map(|place| (place, name)));
        }
        if is_written {
            problems.extend(check_writable(name, path));
            if let Some(place) = identify(path)
                && let Some(other) = written_paths.insert(place, name)
            {
                let message =
                    format!("--file {other}= and --file {name}= would both write {}", show(path));
                problems.push(
                    Problem::error("FILE-WRITTEN-TWICE", message)
                        .with_help("write to two different files"),
                );
            }
        }
        if !is_read && !is_written && !may_be_used_later {
            let message = format!("no wire leads from or to files.{name}");
            problems.push(
                Problem::warning("FILE-UNUSED", message)
                    .with_help(format!("drop --file {name}=..., or wire `files.{name}`")),
            );
        }
    }
    for (path, name) in &written_paths {
        if let Some(other) = read_paths.get(path) {
            let message = format!(
                "{} would be emptied (--file {name}=) before it is read (--file {other}=)",
                show(path)
            );
            problems.push(
                Problem::error("FILE-READ-AND-WRITTEN", message)
                    .with_help("write to another file, and rename it afterwards"),
            );
        }
    }
}

/// The one path of a regular file, or of one that is yet to be made; a device or a pipe has none:
/// it may be used twice.
fn identify(path: &Path) -> Option<PathBuf> {
    if let Ok(metadata) = fs::metadata(path) {
        return if metadata.is_file() { path.canonicalize().ok() } else { None };
    }
    Some(folder_of(path).canonicalize().ok()?.join(path.file_name()?))
}

fn check_readable(name: &str, path: &Path) -> Option<Problem> {
    let problem = |code, what: String| {
        let message = format!("--file {name}={}: {what}", path.display());
        Some(Problem::error(code, message).with_help("give a file that can be read"))
    };
    match fs::metadata(path) {
        Err(error) => problem("FILE-MISSING", error.to_string()),
        Ok(metadata) if metadata.is_dir() => {
            problem("FILE-IS-A-DIRECTORY", "it is a folder".to_owned())
        }
        // Opening anything else, such as a pipe, has effects.
        Ok(metadata) if metadata.is_file() => {
            File::open(path).err().and_then(|error| problem("FILE-UNREADABLE", error.to_string()))
        }
        Ok(_) => None,
    }
}

fn check_writable(name: &str, path: &Path) -> Option<Problem> {
    let problem = |code, what: String| {
        let message = format!("--file {name}={}: {what}", path.display());
        Some(Problem::error(code, message).with_help("give a file that can be created or replaced"))
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            problem("FILE-IS-A-DIRECTORY", "it is a folder".to_owned())
        }
        Ok(metadata) if metadata.is_file() => File::options()
            .append(true)
            .open(path)
            .err()
            .and_then(|error| problem("FILE-UNWRITABLE", error.to_string())),
        Ok(_) => None,
        Err(_) => {
            let parent = folder_of(path);
            if parent.is_dir() {
                return None;
            }
            problem("FILE-MISSING", format!("there is no folder {}", show(parent)))
        }
    }
}
