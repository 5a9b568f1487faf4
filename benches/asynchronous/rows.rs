//! What is measured: rows, in groups within which they are compared.
//!
//! A contender is added by adding a [`Row`]: the table, the goals and the plot find it by its group
//! and its name.

/// One contender in one group.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    pub(crate) kind: Kind,
    /// Measures once, in round number so and so; what it gives is in the group's [`Unit`]. `None` if
    /// it could not be measured.
    pub(crate) run: Box<dyn FnMut(usize) -> Option<f64>>,
}

/// The names that ratios and goals look up; `ORO` is the one that the goals are about.
pub(crate) const ORO: &str = "Oro";
/// Oro by the calls that sleep when they have spun for a while.
pub(crate) const ORO_SLEEPING: &str = "Oro, send and recv";
pub(crate) const RTRB: &str = "rtrb";
pub(crate) const ICEORYX: &str = "iceoryx2";
pub(crate) const FLOOR: &str = "cache line";
pub(crate) const FUTEX: &str = "futex";
pub(crate) const IN_PROCESS: &str = "in process";

/// What a contender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Between sealed processes.
    Oro,
    /// Between two threads, or in one.
    Thread,
    /// Between two processes that trust each other.
    Process,
    /// By system calls between two processes.
    Kernel,
    Floor,
}

/// Messages of a batch.
pub(crate) const BATCH: u32 = 64;

/// What is compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// One way, two CPUs, one by one.
    Single {
        bytes: u32,
    },
    /// One way, two CPUs, in batches.
    Batch {
        bytes: u32,
    },
    /// 64 bytes there and back, two CPUs, both spinning.
    RoundTrip,
    /// From the send to the sleeper that runs, two CPUs.
    WakeAcross,
    /// The same on one CPU.
    WakeSame,
    Hash,
}

/// How a group's values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Less is better.
    Nanoseconds,
    /// 10^6 bytes a second: more is better.
    Megabytes,
}

impl Group {
    pub(crate) const ALL: [Self; 10] = [
        Self::Single { bytes: 8 },
        Self::Batch { bytes: 8 },
        Self::Single { bytes: 64 },
        Self::Batch { bytes: 64 },
        Self::Single { bytes: 1024 },
        Self::Batch { bytes: 1024 },
        Self::RoundTrip,
        Self::WakeAcross,
        Self::WakeSame,
        Self::Hash,
    ];

    pub(crate) fn title(self) -> String {
        match self {
            Self::Single { bytes } => format!("One way, {bytes} bytes, one by one"),
            Self::Batch { bytes } => format!("One way, {bytes} bytes, batches of {BATCH}"),
            Self::RoundTrip => "Round trip of 64 bytes, both spinning".to_owned(),
            Self::WakeAcross => "Wake-up from idle, two CPUs".to_owned(),
            Self::WakeSame => "Wake-up from idle, one CPU".to_owned(),
            Self::Hash => "SHA-256 of a file in the page cache".to_owned(),
        }
    }

    pub(crate) fn unit(self) -> Unit {
        if self == Self::Hash { Unit::Megabytes } else { Unit::Nanoseconds }
    }

    /// The rows that the others are compared with.
    pub(crate) fn bases(self) -> &'static [&'static str] {
        match self {
            Self::Single { .. } | Self::Batch { .. } => &[RTRB],
            Self::RoundTrip => &[FLOOR, ICEORYX],
            Self::WakeAcross | Self::WakeSame => &[FUTEX],
            Self::Hash => &[IN_PROCESS],
        }
    }
}

impl Unit {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Megabytes => "MB/s",
        }
    }
}
