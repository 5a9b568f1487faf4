//! The command line; that of `oro ring` is in `args/ring.rs`.

mod ring;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use ring::{
    CreateArguments, MountArguments, RestartKind, RingArguments, RingCommand, WireArguments,
};

const EXIT_CODES: &str = "\
Exit codes:
  0    all ended well
  1    an instance did not end with status 0, or a file or stream could not be written; a system
       that was looked at has ended or does not answer
  2    wrong usage, manifest, module or file: nothing was started
  3    this machine lacks something (see `oro doctor`)
  124  the time of --timeout was over";

const LOOK_HELP: &str = "\
Looking changes nothing and costs the system nothing. Cursors of asynchronous ends, which the kernel
does not see move, are looked at before each display.";

/// Runs systems of module instances that make no system call.
#[derive(Debug, Parser)]
#[command(name = "oro", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a system until all of its instances have ended
    #[command(after_help = EXIT_CODES)]
    Run(RunArguments),
    /// Check a system or a module, and say what is in it
    Check(CheckArguments),
    /// Show the Ports of a running system: fill, mode, and why
    #[command(after_help = LOOK_HELP, mut_arg("json", |json| json.help("Print JSON (schema oro.ports.v1)")))]
    Ports(LookArguments),
    /// Show a running system: its Ring, instances and their Ports
    #[command(after_help = LOOK_HELP, mut_arg("json", |json| json.help("Print JSON (schema oro.inspect.v1)")))]
    Inspect(LookArguments),
    /// Draw a system: its Rings, instances and Ports, and of a running one their states and modes
    Graph(GraphArguments),
    /// Force a Port of a running system synchronous, or take that back
    ForceSync(ForceSyncArguments),
    /// Change a running system: its Rings, instances and Ports
    Ring(RingArguments),
    /// Say what this machine lacks, with the line that mends it
    Doctor(DoctorArguments),
    /// Say what a code of a diagnostic, or a clause named by a report, means
    Explain(ExplainArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    /// Such as SYS-TYPE or NAIVE-4, or a family of them: MODE, ATTACH
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
}

#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// The system's manifest
    #[arg(value_name = "SYSTEM.toml")]
    pub(crate) system: PathBuf,
    /// What `files.NAME` is in the manifest's wires; may be repeated
    #[arg(long = "file", value_name = "NAME=PATH", value_parser = parse_file)]
    pub(crate) files: Vec<FileArgument>,
    /// End everything that still runs after this time, such as 500ms, 5s, 2m
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,
    /// Write how it ended as JSON (schema oro.run.v1): to PATH, else as the last line of stderr
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    pub(crate) json: Option<Option<PathBuf>>,
    /// Say how every instance ended, also if all is well
    #[arg(long)]
    pub(crate) report: bool,
    /// Name by which `oro ports` and others find the running system; else that of the manifest's
    /// file, or of its folder if the file is system.toml
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(crate) name: Option<String>,
    /// Make room for `oro ring`: it may add Rings, instances and Ports while the system runs
    #[arg(long)]
    pub(crate) growable: bool,
    /// Do not use ptrace: reports of faults are poorer
    #[arg(long)]
    pub(crate) without_ptrace: bool,
    /// Run all processes of the system on one CPU
    #[arg(long, value_name = "CPU")]
    pub(crate) pin: Option<usize>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// A manifest (.toml), a module's file (ELF), or its source (.c, or a folder with Cargo.toml)
    #[arg(value_name = "SYSTEM.toml|MODULE")]
    pub(crate) input: PathBuf,
    /// What `files.NAME` is in the manifest's wires; may be repeated
    #[arg(long = "file", value_name = "NAME=PATH", value_parser = parse_file)]
    pub(crate) files: Vec<FileArgument>,
    /// Print JSON (schema oro.check.v1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LookArguments {
    /// Name or process id; may be left out if one system runs
    #[arg(value_name = "SYSTEM")]
    pub(crate) system: Option<String>,
    /// Print JSON; each command names its own schema
    #[arg(long)]
    pub(crate) json: bool,
    /// Show it again after each TIME (1s if none is given), until the system ends
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = parse_time)]
    pub(crate) watch: Option<Option<Duration>>,
}

#[derive(Args, Debug)]
pub(crate) struct GraphArguments {
    /// A manifest (.toml), or the name or process id of a running system; may be left out if one runs
    #[arg(value_name = "SYSTEM.toml|SYSTEM")]
    pub(crate) system: Option<String>,
    /// dot, for Graphviz, or svg
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub(crate) format: GraphFormat,
}

/// What a drawing is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    Dot,
    Svg,
}

#[derive(Args, Debug)]
pub(crate) struct ForceSyncArguments {
    /// One of its ends, such as a.out or a.out[2]; both, "a.out -> b.in"; or its number in `oro ports`
    #[arg(value_name = "PORT")]
    pub(crate) port: String,
    /// Let it be asynchronous again
    #[arg(long)]
    pub(crate) allow: bool,
    /// Print JSON (schema oro.force-sync.v1)
    #[arg(long)]
    pub(crate) json: bool,
    /// Name or process id of the system; may be left out if one runs
    #[arg(long, value_name = "SYSTEM")]
    pub(crate) system: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArguments {
    /// Print JSON (schema oro.doctor.v1)
    #[arg(long)]
    pub(crate) json: bool,
}

/// `NAME=PATH` (`BUILTIN-3`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileArgument {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

fn parse_file(text: &str) -> Result<FileArgument, String> {
    let (name, path) = text
        .split_once('=')
        .ok_or("there is no `=`; write it as NAME=PATH, such as in=data.txt")?;
    if !oro_system::is_valid_name(name) {
        return Err(format!("`{name}` is no name: 1 to 31 of a-z A-Z 0-9 _ - (NOTE-6)"));
    }
    if path.is_empty() {
        return Err(format!("no path follows `{name}=`"));
    }
    Ok(FileArgument { name: name.to_owned(), path: PathBuf::from(path) })
}

fn parse_name(text: &str) -> Result<String, String> {
    if oro_system::is_valid_name(text) {
        return Ok(text.to_owned());
    }
    Err("a name has 1 to 31 of a-z A-Z 0-9 _ - (NOTE-6)".to_owned())
}

/// Longest time that is taken, so that adding it to a clock cannot overflow.
const MAX_TIME_MS: u64 = 1000 * 60 * 60 * 24 * 365;

pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || "write it as 500ms, 5s, 2m or 1h, at most a year".to_owned();
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit_ms = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let time_ms = count.checked_mul(unit_ms).ok_or_else(wrong)?;
    if time_ms == 0 {
        return Err(format!("{text} is too little: at least 1ms"));
    }
    if time_ms > MAX_TIME_MS {
        return Err(wrong());
    }
    Ok(Duration::from_millis(time_ms))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_have_units() {
        for (text, time_ms) in [
            ("5", Some(5000)),
            ("5s", Some(5000)),
            ("250ms", Some(250)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("8760h", Some(MAX_TIME_MS)),
            ("8761h", None),
            ("18446744073709551615h", None),
            ("18446744073709551616", None),
            ("0s", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("1d", None),
        ] {
            assert_eq!(parse_time(text).ok(), time_ms.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn builtin_3_files_are_name_and_path() {
        let file = parse_file("in=a=b").unwrap();
        assert_eq!((file.name.as_str(), file.path), ("in", PathBuf::from("a=b")));
        for text in ["in", "=x", "in=", "i n=x", "a.b=x"] {
            assert!(parse_file(text).is_err(), "{text}");
        }
    }
}
