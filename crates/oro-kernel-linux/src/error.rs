//! [`StartError`]: why a system did not start, or could not go on.

use std::fmt;
use std::io;

/// Why nothing has started, or could not go on.
#[derive(Debug)]
pub struct StartError {
    kind: Kind,
    has_started: bool,
}

#[derive(Debug)]
enum Kind {
    System { call: &'static str, source: io::Error },
    Stub { call: &'static str, source: io::Error },
    File { name: String, path: String, source: io::Error },
    Quota { whose: String, needed_bytes: u64, limit_bytes: u64 },
    Windows { instance: String, needed_bytes: u64, limit_bytes: u64 },
    Machine { module: String, machine: &'static str },
    Cpu { cpu: usize, usable: String },
    Unplanned { instance: String, what: String },
}

impl StartError {
    fn of(kind: Kind) -> Self {
        Self { kind, has_started: false }
    }

    pub(crate) fn system(call: &'static str, source: impl Into<io::Error>) -> Self {
        Self::of(Kind::System { call, source: source.into() })
    }

    pub(crate) fn in_stub(call: &'static str, source: io::Error) -> Self {
        Self::of(Kind::Stub { call, source })
    }

    pub(crate) fn file(name: &str, path: String, source: io::Error) -> Self {
        Self::of(Kind::File { name: name.to_owned(), path, source })
    }

    /// `whose`: who needs, with the verb.
    pub(crate) fn quota(whose: String, needed_bytes: u64, limit_bytes: u64) -> Self {
        Self::of(Kind::Quota { whose, needed_bytes, limit_bytes })
    }

    /// `LIM-6`
    pub(crate) fn windows(instance: &str, needed_bytes: u64, limit_bytes: u64) -> Self {
        Self::of(Kind::Windows { instance: instance.to_owned(), needed_bytes, limit_bytes })
    }

    pub(crate) fn machine(module: &str, machine: &'static str) -> Self {
        Self::of(Kind::Machine { module: module.to_owned(), machine })
    }

    pub(crate) fn cpu(cpu: usize, usable: &[usize]) -> Self {
        let usable: Vec<String> = usable.iter().map(usize::to_string).collect();
        Self::of(Kind::Cpu { cpu, usable: usable.join(", ") })
    }

    pub(crate) fn unplanned(instance: &str, what: String) -> Self {
        Self::of(Kind::Unplanned { instance: instance.to_owned(), what })
    }

    /// The same of a system that ran.
    pub(crate) fn after_start(self) -> Self {
        Self { has_started: true, ..self }
    }

    /// Whether the system ran until then: its modules have done what they have done.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.has_started
    }

    /// A stable code for tools.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            Kind::System { .. } if self.has_started => "RUN-SYSTEM",
            Kind::System { .. } => "START-SYSTEM",
            Kind::Stub { .. } => "START-SEAL",
            Kind::File { .. } => "START-FILE",
            Kind::Quota { .. } => "START-QUOTA",
            Kind::Windows { .. } => "START-WINDOWS",
            Kind::Machine { .. } => "START-MACHINE",
            Kind::Cpu { .. } => "START-CPU",
            Kind::Unplanned { .. } => "START-UNPLANNED",
        }
    }

    /// Whether the system or a file named by the user is at fault, rather than this machine.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        match self.kind {
            Kind::File { .. }
            | Kind::Quota { .. }
            | Kind::Windows { .. }
            | Kind::Machine { .. }
            | Kind::Cpu { .. } => true,
            Kind::System { .. } | Kind::Stub { .. } | Kind::Unplanned { .. } => false,
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match &self.kind {
            Kind::System { .. } if self.has_started => Some(
                "all of it has been ended, and what it has written stays; perhaps the machine was \
                 short of memory"
                    .to_owned(),
            ),
            Kind::System { .. } | Kind::Stub { .. } => {
                Some("`oro doctor` tells what this machine lacks and how to mend it".to_owned())
            }
            Kind::Windows { .. } => Some(
                "give its wires fewer or smaller slots, or its ports to several entries: each \
                 thread has windows of its own"
                    .to_owned(),
            ),
            Kind::Quota { needed_bytes, .. } => Some(format!(
                "raise `quota = {{ memory = ... }}` to at least {} bytes",
                needed_bytes
            )),
            Kind::File { .. }
            | Kind::Machine { .. }
            | Kind::Cpu { .. }
            | Kind::Unplanned { .. } => None,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::System { call, source } => write!(f, "{call} failed: {source}"),
            Kind::Stub { call, source } => {
                write!(f, "a process could not be sealed: {call} failed in it: {source}")
            }
            Kind::File { name, path, source } => {
                write!(f, "file `{name}`: cannot open {path}: {source}")
            }
            Kind::Windows { instance, needed_bytes, limit_bytes } => write!(
                f,
                "the windows of a thread of `{instance}` need {needed_bytes} bytes of its address \
                 space; there is room for {limit_bytes}, 64 GiB (LIM-6)"
            ),
            Kind::Quota { whose, needed_bytes, limit_bytes } => {
                write!(f, "{whose} {needed_bytes} bytes of memory, the quota is {limit_bytes}")
            }
            Kind::Machine { module, machine } => {
                write!(f, "module `{module}` is for {machine}, this kernel runs x86_64")
            }
            Kind::Cpu { cpu, usable } => {
                write!(f, "this process may not use CPU {cpu}, but these: {usable}")
            }
            Kind::Unplanned { instance, what } => {
                write!(f, "instance `{instance}` was not sealed as planned: {what}")
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::System { source, .. } | Kind::Stub { source, .. } | Kind::File { source, .. } => {
                Some(source)
            }
            Kind::Quota { .. }
            | Kind::Windows { .. }
            | Kind::Machine { .. }
            | Kind::Cpu { .. }
            | Kind::Unplanned { .. } => None,
        }
    }
}
