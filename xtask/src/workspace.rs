//! Where things are in this repository, and how commands are run in it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Folders that hold what was built, not what was written.
const BUILT: [&str; 2] = ["target", "artifacts"];

/// The repository's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The folder that cargo builds into.
pub(crate) fn target_folder() -> PathBuf {
    // What is relative is so to the folder that commands run in.
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// A `cargo` that runs in the repository's folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    // A missing component is to be an error, not a download.
    command.args(arguments).current_dir(root()).env("RUSTUP_AUTO_INSTALL", "0");
    command
}

/// Runs a command and shows what it is.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    println!("   {}", show(command));
    let status = command.status();
    judge(command, status)
}

/// Runs a command, shows it, and hands every line of its output to `look` when it has been printed.
pub(crate) fn run_watched(command: &mut Command, mut look: impl FnMut(&str)) -> Result<(), String> {
    println!("   {}", show(command));
    let spawned = command.stdout(Stdio::piped()).spawn();
    let status = spawned.and_then(|mut child| {
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n') {
                let line = line?;
                let mut stdout = io::stdout().lock();
                stdout.write_all(&line)?;
                stdout.write_all(b"\n")?;
                look(&String::from_utf8_lossy(&line));
            }
        }
        child.wait()
    });
    judge(command, status)
}

/// Every file of a folder and those below it, sorted; what was built and hidden folders are left out.
pub(crate) fn list_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| explain(&folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| explain(&folder, &error))?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if !path.is_dir() {
                files.push(path);
            } else if !name.starts_with('.') && !BUILT.contains(&name.as_str()) {
                folders.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a file, or says which cannot be read.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| explain(path, &error))
}

/// A path as seen from the repository's folder.
pub(crate) fn shorten(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn explain(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", shorten(path))
}

fn judge(command: &Command, status: io::Result<ExitStatus>) -> Result<(), String> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}`: {status}", show(command))),
        Err(error) => Err(format!("cannot run `{}`: {error}", show(command))),
    }
}

/// A command as it would be typed in the repository's folder.
fn show(command: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        let Some(value) = value else { continue };
        if name != "RUSTUP_AUTO_INSTALL" {
            words.push(format!("{}={:?}", name.display(), value.display().to_string()));
        }
    }
    let program = Path::new(command.get_program());
    words.push(program.file_name().unwrap_or_default().display().to_string());
    for argument in command.get_args() {
        words.push(shorten(Path::new(argument)));
    }
    words.join(" ")
}
