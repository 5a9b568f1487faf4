//! Modules from source (`SYS-2`): a folder with a `Cargo.toml`, or a `.c` file.
//!
//! [`build_module`] gives the path of the ELF file that came out. Compilers are quiet unless they
//! fail. It does *not* check what they produced.

pub(crate) mod c;
pub(crate) mod rust;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::output::{Style, stderr_style, write_note};
use crate::problem::Problem;

/// Builds a module, unless it is up to date, and gives the path of its ELF file.
///
/// `name` names what is built in messages and files; `output_folder` is where a C module's file
/// goes. A cargo package has a target folder of its own.
pub(crate) fn build_module(
    name: &str,
    source: &Path,
    output_folder: &Path,
) -> Result<PathBuf, Problem> {
    if source.is_dir() {
        if source.join("Cargo.toml").is_file() {
            return rust::build_package(name, source);
        }
        let message = format!("module `{name}`: the folder {} holds no Cargo.toml", show(source));
        return Err(Problem::error("MODULE-IS-A-DIRECTORY", message)
            .with_help("a source is a folder with a Cargo.toml, or a .c file"));
    }
    if !source.exists() {
        let message = format!("module `{name}`: there is no {}", show(source));
        return Err(Problem::error("MODULE-MISSING-FILE", message)
            .with_help("paths are relative to the manifest's folder"));
    }
    if source.extension().is_some_and(|extension| extension == "c") {
        return c::build_file(name, source, output_folder);
    }
    let message = format!("module `{name}`: {} is no source that can be built", show(source));
    Err(Problem::error("MODULE-UNKNOWN-SOURCE", message).with_help(
        "a source is a folder with a Cargo.toml, or a .c file; an ELF file needs no `source`",
    ))
}

pub(crate) fn show(path: &Path) -> String {
    format!("`{}`", path.display())
}

/// A compiler that is to be run.
pub(crate) struct Tool {
    /// How it is called on the command line.
    pub(crate) program: &'static str,
    /// The line that installs it.
    pub(crate) mend: &'static str,
}

/// Runs a compiler with its output held back; a failure is a problem that carries it.
fn run_tool(name: &str, tool: &Tool, command: &mut Command) -> Result<Output, Problem> {
    if stderr_style() != Style::Plain {
        write_note(&format!("building module {name} with {}\n", tool.program));
    }
    let output = command.output().map_err(|error| explain_spawn(name, tool, &error))?;
    if output.status.success() {
        return Ok(output);
    }
    let message = format!(
        "module `{name}` could not be built: {} ended with {}",
        tool.program, output.status
    );
    Err(Problem::error("MODULE-BUILD-FAILED", message)
        .with_help(format!("what {} said is above this message", tool.program))
        .with_output(&String::from_utf8_lossy(&output.stderr)))
}

fn explain_spawn(name: &str, tool: &Tool, error: &io::Error) -> Problem {
    let program = tool.program;
    if error.kind() == io::ErrorKind::NotFound {
        let message = format!("module `{name}` cannot be built: there is no `{program}`");
        return Problem::error("TOOL-MISSING", message).with_help(tool.mend);
    }
    let message = format!("module `{name}` cannot be built: `{program}` cannot be run: {error}");
    Problem::error("TOOL-UNUSABLE", message).with_help(tool.mend)
}

fn explain_write(name: &str, path: &Path, error: &io::Error) -> Problem {
    let message =
        format!("module `{name}` cannot be built: {} cannot be written: {error}", show(path));
    Problem::error("MODULE-BUILD-FAILED", message)
        .with_help("what is built goes to `target/oro` beside the source; make that writable")
}
