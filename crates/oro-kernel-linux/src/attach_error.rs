//! [`AttachError`]: why a running system cannot be looked at.

use std::fmt;
use std::path::PathBuf;

/// Nothing is seen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachError {
    /// No system of this user's runs.
    NoneRuns {
        /// Folders that might hold some, but are not this user's alone.
        refused: Vec<PathBuf>,
    },
    /// None of them has this name or process id.
    NotFound {
        /// What was asked for.
        wanted: String,
        /// Those that run.
        running: Vec<FoundSystem>,
        /// Folders that might hold it, but are not this user's alone.
        refused: Vec<PathBuf>,
    },
    /// More than one fits.
    Several {
        /// The name that was asked for.
        wanted: Option<String>,
        /// Those.
        running: Vec<FoundSystem>,
    },
    /// There is such a process, but it runs no system, or one that nobody can attach to.
    NotOro {
        /// The process.
        process_id: u32,
        /// Folders that might hold its socket, but are not this user's alone.
        refused: Vec<PathBuf>,
    },
    /// There is no such process.
    NoProcess {
        /// The process.
        process_id: u32,
    },
    /// The process is somebody else's.
    Forbidden {
        /// The process.
        process_id: u32,
        /// Whose it is.
        user: u32,
    },
    /// It speaks another version of the protocol.
    Version {
        /// What it said.
        reply: String,
    },
    /// It does not answer.
    Silent {
        /// The process.
        process_id: u32,
    },
    /// It has ended.
    Ended {
        /// The process.
        process_id: u32,
    },
    /// It does not do what it was asked to.
    Refused {
        /// Why.
        why: String,
    },
    /// It does not do what it was asked to of its Rings (`CTL-14`).
    Ring {
        /// `RING-DENIED` and so on.
        code: &'static str,
        /// Why.
        why: String,
    },
    /// What it says or shows makes no sense.
    Strange {
        /// What of it.
        what: String,
    },
}

/// A system that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSystem {
    /// Its supervisor.
    pub process_id: u32,
    /// Its name; `None`: it does not answer.
    pub name: Option<String>,
}

impl fmt::Display for FoundSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "`{name}` (process {})", self.process_id),
            None => write!(f, "process {} (does not answer)", self.process_id),
        }
    }
}

impl AttachError {
    /// A stable code for tools.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoneRuns { .. } => "ATTACH-NONE-RUNS",
            Self::NotFound { .. } => "ATTACH-NOT-FOUND",
            Self::Several { .. } => "ATTACH-SEVERAL",
            Self::NotOro { .. } | Self::NoProcess { .. } => "ATTACH-NO-SYSTEM",
            Self::Forbidden { .. } => "ATTACH-FORBIDDEN",
            Self::Version { .. } => "ATTACH-VERSION",
            Self::Silent { .. } => "ATTACH-SILENT",
            Self::Ended { .. } => "ATTACH-ENDED",
            Self::Refused { .. } => "ATTACH-REFUSED",
            Self::Ring { code, .. } => code,
            Self::Strange { .. } => "ATTACH-STRANGE",
        }
    }

    /// Whether the wish is at fault, rather than the system or this machine.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::NoneRuns { .. }
            | Self::NotFound { .. }
            | Self::Several { .. }
            | Self::NotOro { .. }
            | Self::NoProcess { .. }
            | Self::Forbidden { .. }
            | Self::Version { .. }
            | Self::Refused { .. } => true,
            Self::Ring { code, .. } => *code != "RING-SYSTEM",
            Self::Silent { .. } | Self::Ended { .. } | Self::Strange { .. } => false,
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let running = |systems: &[FoundSystem]| {
            let systems: Vec<String> = systems.iter().map(FoundSystem::to_string).collect();
            systems.join(", ")
        };
        match self {
            Self::NoneRuns { refused } if refused.is_empty() => {
                Some("start one with `oro run SYSTEM.toml`".to_owned())
            }
            Self::NoneRuns { refused } => Some(list_refused(refused)),
            Self::NotOro { refused, .. } if !refused.is_empty() => Some(list_refused(refused)),
            Self::NotFound { running: systems, refused, .. } => {
                let found = match systems[..] {
                    [] => "no system of yours runs".to_owned(),
                    _ => format!("these run: {}", running(systems)),
                };
                match refused[..] {
                    [] => Some(found),
                    _ => Some(format!("{found}; {}", list_refused(refused))),
                }
            }
            Self::Several { running: systems, .. } => {
                Some(format!("name one of these, best by its process id: {}", running(systems)))
            }
            Self::NotOro { .. } | Self::NoProcess { .. } => Some(
                "give the process id of an `oro run`, or the system's name; without one, the only \
                 one that runs is taken"
                    .to_owned(),
            ),
            Self::Forbidden { .. } => {
                Some("its owner and root can attach to a system, nobody else".to_owned())
            }
            Self::Version { .. } => {
                Some("use the `oro` that the system was started with".to_owned())
            }
            Self::Silent { .. } => {
                Some("it may have been stopped: `kill -CONT` lets it go on".to_owned())
            }
            Self::Ended { .. }
            | Self::Refused { .. }
            | Self::Ring { .. }
            | Self::Strange { .. } => None,
        }
    }
}

fn list_refused(folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    format!("not looked into, since not yours alone: {}", folders.join(", "))
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneRuns { .. } => write!(f, "no system of yours runs"),
            Self::NotFound { wanted, .. } => write!(f, "no running system is called `{wanted}`"),
            Self::Several { wanted: None, running } => write!(f, "{} systems run", running.len()),
            Self::Several { wanted: Some(wanted), running } => {
                write!(f, "{} running systems are called `{wanted}`", running.len())
            }
            Self::NotOro { process_id, refused } if refused.is_empty() => {
                write!(f, "process {process_id} is no running Oro system")
            }
            // It may be one, in a folder that its own user cannot use.
            Self::NotOro { process_id, .. } => {
                write!(f, "process {process_id} is not among the systems that can be looked at")
            }
            Self::NoProcess { process_id } => {
                write!(f, "there is no process {process_id}, so it is no running Oro system")
            }
            Self::Forbidden { process_id, user } => {
                write!(f, "process {process_id} belongs to user {user}: permission denied")
            }
            Self::Version { reply } => write!(f, "the system speaks another protocol: {reply}"),
            Self::Silent { process_id } => {
                write!(f, "the system of process {process_id} does not answer")
            }
            Self::Ended { process_id } => write!(f, "the system of process {process_id} has ended"),
            Self::Refused { why } => write!(f, "the system refuses: {why}"),
            Self::Ring { why, .. } => f.write_str(why),
            Self::Strange { what } => write!(f, "the system says what makes no sense: {what}"),
        }
    }
}

impl std::error::Error for AttachError {}
