//! A module as one C file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use super::{Tool, explain_write, run_tool};
use crate::problem::Problem;

pub(crate) const CC: Tool = Tool { program: "cc", mend: "apt-get install gcc libc6-dev" };

/// What a C compiler calls without being asked; linked with every module.
const RUNTIME: &str = "oro/runtime.c";

/// The headers and the runtime, so that `oro` is enough to build a module: where they go and what
/// is in them.
const SUPPORT_FILES: [(&str, &str); 4] = [
    ("oro/sysabi.h", include_str!("../../../oro-sysabi/include/oro/sysabi.h")),
    ("oro/oro.h", include_str!("../../../oro-sysabi/include/oro/oro.h")),
    ("oro/control.h", include_str!("../../../oro-sysabi/include/oro/control.h")),
    (RUNTIME, include_str!("../../../oro-sysabi/include/oro/runtime.c")),
];

/// A freestanding static PIE: nothing is linked but the file itself and the runtime.
const FLAGS: [&str; 15] = [
    "-O2",
    "-g",
    "-std=c11",
    "-Wall",
    "-ffreestanding",
    "-fPIE",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-static-pie",
    "-nostdlib",
    "-nostartfiles",
    "-Wl,--entry=0",
    "-Wl,-z,separate-code",
    "-Wl,-z,noexecstack",
    "-Wl,--no-undefined",
];

/// Compiles a file to `OUTPUT_FOLDER/NAME.elf`. It is done always: it takes less than to find out
/// whether an included file has changed.
pub(super) fn build_file(
    name: &str,
    source: &Path,
    output_folder: &Path,
) -> Result<PathBuf, Problem> {
    let include_folder = output_folder.join("include");
    write_support_files(&include_folder)
        .map_err(|error| explain_write(name, &include_folder, &error))?;
    let image = output_folder.join(format!("{name}.elf"));
    // Another `oro` may be reading the image: it is replaced whole.
    let draft = output_folder.join(format!("{name}.elf.{}", process::id()));
    let mut command = Command::new(CC.program);
    command.args(FLAGS).arg("-I").arg(&include_folder).arg("-o").arg(&draft);
    command.arg(absolute(source)).arg(include_folder.join(RUNTIME)).stdin(Stdio::null());
    let result = run_tool(name, &CC, &mut command);
    if let Err(problem) = result {
        // It is there only if the compiler got so far.
        let _ = fs::remove_file(&draft);
        return Err(problem);
    }
    fs::rename(&draft, &image).map_err(|error| explain_write(name, &image, &error))?;
    Ok(image)
}

/// A path that no compiler takes for an option.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Writes the files that are not there as they should be.
fn write_support_files(folder: &Path) -> io::Result<()> {
    for (name, text) in SUPPORT_FILES {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let draft = path.with_extension(format!("draft.{}", process::id()));
        fs::write(&draft, text)?;
        fs::rename(&draft, &path)?;
    }
    Ok(())
}

/// Compiles and links a module that does nothing; `Err` is what went wrong.
pub(crate) fn try_compiler() -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("oro-doctor-{}", process::id()));
    let source = folder.join("empty.c");
    let made = fs::create_dir_all(&folder).and_then(|()| fs::write(&source, EMPTY_MODULE));
    let result = made
        .map_err(|error| format!("{}: {error}", folder.display()))
        .and_then(|()| build_file("empty", &source, &folder).map_err(|problem| problem.message));
    // What cannot be removed is a few bytes in the folder for temporary files.
    let _ = fs::remove_dir_all(&folder);
    result.map(|_| ())
}

const EMPTY_MODULE: &str = "#include <oro/oro.h>\nint main(void) { return 0; }\n";
