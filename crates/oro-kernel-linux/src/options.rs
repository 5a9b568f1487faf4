//! What a run may be told beyond its plan.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of one run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Name under which the running system is found by [`Attachment`](crate::Attachment). `None`: nobody
    /// can attach to it.
    pub name: Option<String>,
    /// Operators may add to the system while it runs (`CTL-14`): tables have room for more, and ports that are
    /// wired to nothing have their places. Without it they may add nothing, unless an instance holds Ring
    /// control.
    pub is_growable: bool,
    /// Is called once, before anything runs, if the system has a name and nobody will be able to attach
    /// to it all the same: there is no place for its socket.
    pub tell_hidden: Option<fn(&io::Error)>,
    /// `--file NAME=PATH`: where `files.NAME` is.
    pub files: BTreeMap<String, PathBuf>,
    /// End everything that still runs after this time; such instances are reported as killed.
    pub timeout: Option<Duration>,
    /// Do not use ptrace, as where it is forbidden: diagnosis is poorer.
    pub without_ptrace: bool,
    /// Run every process of the system, this one included, on one CPU.
    pub pin_to_cpu: Option<usize>,
    /// Run the processes of these instances, by name, on one CPU each. The others run where Linux
    /// likes.
    pub instance_cpus: BTreeMap<String, usize>,
    /// Run this process on one CPU once the others exist. Where one instance wakes another, the waking
    /// one's is the best: to wake up an idle CPU for the supervisor takes longer than to change threads.
    pub supervisor_cpu: Option<usize>,
}
