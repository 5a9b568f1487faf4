//! The command line of `oro ring`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::parse_time;

const HELP: &str = "\
A Ring or an instance is named by its path from the root, such as outer/inner/name; the root itself is /.
An end of a Port is named as in a manifest: outer/name.out, name.in[2], console.log.

Each command is one request of Ring control (docs/spec/control.md), with the power over the whole system:
it is done wholly or not at all. What adds to a system, or builds anew what has no policy of restarts, needs
a system that was started with `oro run --growable`, or in which an instance holds Ring control: then
threads that run can get Ports in the Ring of that instance and below it.
To force a Port synchronous there is `oro force-sync`.";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct RingArguments {
    #[command(subcommand)]
    pub(crate) command: RingCommand,
    /// Name or process id of the system; may be left out if one runs
    #[arg(long, value_name = "SYSTEM", global = true)]
    pub(crate) system: Option<String>,
    /// Print JSON (schema oro.ring.v1)
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RingCommand {
    /// Make a Ring, empty
    Create(CreateArguments),
    /// Remount a built-in instance, or one of the Ring around it, onto a Ring
    Grant {
        /// The Ring
        #[arg(value_name = "RING")]
        ring: String,
        /// A built-in instance, such as console, or the path of another
        #[arg(value_name = "INSTANCE")]
        what: String,
    },
    /// Make an instance; it runs once it is started
    Mount(MountArguments),
    /// Give an instance that has not started a parameter
    Param {
        /// The instance
        #[arg(value_name = "INSTANCE")]
        instance: String,
        /// The parameter and its value
        #[arg(value_name = "KEY=VALUE", value_parser = parse_param)]
        param: (String, String),
    },
    /// Make a Port from one end to another
    Wire(WireArguments),
    /// Start an instance, or everything mounted in a Ring and below it, together
    Start {
        /// A Ring or an instance
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// End an instance, or everything in a Ring and below it
    End {
        /// A Ring or an instance
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Begin an instance anew, with the same module, on the same Ports
    Restart {
        /// The instance
        #[arg(value_name = "INSTANCE")]
        instance: String,
    },
    /// Replace an instance that runs by another module with the same ports, on the same Ports
    Replace {
        /// The instance
        #[arg(value_name = "INSTANCE")]
        instance: String,
        /// A module of the manifest, or a path: an ELF file, a .c file, a folder with a Cargo.toml
        #[arg(value_name = "MODULE")]
        module: String,
    },
    /// Take an instance that has ended, or a Ring in which all have, out of the system
    Forget {
        /// A Ring or an instance
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Take a Port from both of its ends; a thread that does not leave its queue in time is ended. Their
    /// elements get other Ports once their instances are restarted
    Revoke {
        /// One of its ends; both, "a.out -> b.in"; or its number in `oro ports`
        #[arg(value_name = "PORT")]
        port: String,
    },
    /// Give an end of a Port to another thread of the same instance; it is synchronous from then on
    Transfer {
        /// One of its ends; both, "a.out -> b.in"; or its number in `oro ports`
        #[arg(value_name = "PORT")]
        port: String,
        /// The end that gets it, such as b.other: a port of another thread of the instance
        #[arg(value_name = "END")]
        to: String,
    },
    /// Say how much a Ring has, and may have
    Describe {
        /// The Ring
        #[arg(value_name = "RING", default_value = "/")]
        ring: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// Its path: outer/name
    #[arg(value_name = "RING")]
    pub(crate) ring: String,
    /// The most memory that all in it have together, such as 64M
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// The most Ports
    #[arg(long, value_name = "COUNT")]
    pub(crate) ports: Option<u32>,
    /// The most threads
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct MountArguments {
    /// Its path: ring/name
    #[arg(value_name = "INSTANCE")]
    pub(crate) instance: String,
    /// A module of the manifest, or a path: an ELF file, a .c file, a folder with a Cargo.toml
    #[arg(value_name = "MODULE")]
    pub(crate) module: String,
    /// A parameter; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = parse_param)]
    pub(crate) params: Vec<(String, String)>,
    /// Its heap, such as 1M
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) heap: Option<u64>,
    /// The most memory that it may have, such as 8M
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// When it is restarted
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) restart: Option<RestartKind>,
    /// Restarts in a row; 3 if not given
    #[arg(long, value_name = "COUNT", requires = "restart")]
    pub(crate) restart_max: Option<u32>,
    /// How long it has to run so that a row ends; 1m if not given
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "restart")]
    pub(crate) restart_within: Option<Duration>,
    /// Delay of a row's first restart; 10ms if not given
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "restart")]
    pub(crate) restart_backoff: Option<Duration>,
}

/// When an instance is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RestartKind {
    /// When it faults
    Fault,
    /// Whatever ends it
    Always,
}

#[derive(Args, Debug)]
pub(crate) struct WireArguments {
    /// The producing end
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// The consuming end
    #[arg(value_name = "TO")]
    pub(crate) to: String,
    /// Slots of its queue, a power of two; 16 if not given
    #[arg(long, value_name = "COUNT")]
    pub(crate) slots: Option<u32>,
    /// Size of a slot, such as 4K, for types with a flexible tail
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) slot_size: Option<u64>,
}

fn parse_size(text: &str) -> Result<u64, String> {
    let size = oro_system::parse_size_bytes(text).filter(|size| *size > 0);
    size.ok_or_else(|| "write it as 4096, 64K, 8M or 1G".to_owned())
}

fn parse_param(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("there is no `=`; write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_parameters_are_exact() {
        assert_eq!((parse_size("64K"), parse_size("1G")), (Ok(65_536), Ok(1 << 30)));
        for text in ["0", "", "64KB", "-1", "17179869184G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        let param = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(parse_param("a=b=c"), param("a", "b=c"));
        assert_eq!(parse_param("a="), param("a", ""));
        assert!(parse_param("a").is_err());
    }
}
