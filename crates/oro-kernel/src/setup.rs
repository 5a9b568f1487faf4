//! What a kernel starts from: a checked system, reduced to what the core decides on.

use alloc::vec::Vec;

use crate::{InstanceId, ThreadId};

/// A whole system. It has been checked by `oro-system`; the core asserts what it relies on. A kernel's own
/// setup grows with what is mounted and wired later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Instances that run modules (not the kernel's built-in ones).
    pub instances: Vec<InstanceSetup>,
    /// Their threads; those of one instance in entry order.
    pub threads: Vec<ThreadSetup>,
    /// The Ports, each wired at both ends.
    pub ports: Vec<PortSetup>,
    /// Numbers of the mode machine.
    pub tuning: Tuning,
}

/// Numbers of the mode machine. Platforms take the default; small systems that are explored whole
/// take smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuning {
    /// Streak that an end needs at first (`MODE-6`).
    pub threshold: u32,
    /// How often a downgrade doubles it.
    pub doubling_limit: u32,
    /// Doorbells in a row that may ring for nothing (`BELL-5`).
    pub ring_limit: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { threshold: 32, doubling_limit: 7, ring_limit: 16 }
    }
}

/// An instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct InstanceSetup {
    /// Whether it is restarted when it has ended; its Ports live on meanwhile (`END-7`).
    pub restart: Restart,
}

/// When an instance is restarted, and how often (`END-10`, `END-11`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Restart {
    /// When.
    pub on: RestartOn,
    /// How often in a row.
    pub max: u32,
    /// How long it has to run, in nanoseconds, so that the next restart begins a new row; 0: for ever.
    pub within_ns: u64,
    /// How long the first of a row is delayed, in nanoseconds.
    pub backoff_ns: u64,
}

impl Restart {
    /// So many times in a row after a fault, at once; the row never ends.
    #[must_use]
    pub const fn after_faults(max: u32) -> Self {
        Self { on: RestartOn::Fault, max, within_ns: 0, backoff_ns: 0 }
    }
}

/// After which ends an instance is restarted (`END-10`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RestartOn {
    /// After none.
    #[default]
    Never,
    /// After a fault.
    Fault,
    /// After every end but one on purpose from outside.
    Always,
}

/// A thread of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ThreadSetup {
    /// Whose thread it is.
    pub instance: InstanceId,
    /// Managed or naive (`MAN-1`).
    pub is_managed: bool,
}

/// A Port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PortSetup {
    /// Slots of the queue, a power of two.
    pub slot_count: u32,
    /// Who produces.
    pub producer: Owner,
    /// Who consumes.
    pub consumer: Owner,
    /// Whether it may ever become asynchronous.
    pub upgrade: Upgrade,
    /// What is committed when the consumer is replaced is released unread (`END-12`).
    pub drops_at_restart: bool,
}

/// What an end of a Port that is wired later is to its thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BindingSetup {
    /// The index of the thread's binding, as a request at a gate names it.
    pub index: u32,
    /// How many peers the binding has had before: 0 where nothing was wired to it, else one more than
    /// [`Kernel::peer_state`](crate::Kernel::peer_state) says of the end before. So a thread that has seen the
    /// end of that one never takes the new one for it.
    pub epoch: u32,
}

/// Whether a Port may become asynchronous, as far as that is not a matter of its threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Upgrade {
    /// When both ends have earned it (`MODE-1`).
    #[default]
    Allowed,
    /// Never: the manifest says so (`PORT-10`).
    Forced,
    /// Never: an end of the kernel's own fills its slots only when somebody waits.
    Unsupported,
}

/// Who holds an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A thread of a module instance.
    Thread(ThreadId),
    /// A built-in instance: the kernel's own hand (`BUILTIN-1`).
    Kernel,
}
