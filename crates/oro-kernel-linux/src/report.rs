//! How a system ended: plain data, for people ([`std::fmt::Display`]) and for `--json`.

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The instances, in plan order.
    pub instances: Vec<InstanceReport>,
    /// Built-in ends that failed (`BUILTIN-6`), a line each.
    pub failed_built_ins: Vec<String>,
    /// Ports whose two cursors contradicted each other (`ASYNC-6`), a line each.
    pub broken_ports: Vec<String>,
    /// The system could not go on: every thread waited for another. Those threads.
    pub deadlock: Vec<WaitingThread>,
    /// The time limit ended it.
    pub has_timed_out: bool,
    /// Diagnosis was poorer than it could be, and why (ptrace forbidden).
    pub diagnosis_limit: Option<String>,
    /// Faults served.
    pub fault_count: u64,
    /// Times that the supervisor woke up and found something to do.
    pub wakeup_count: u64,
}

/// A thread of a system that could not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingThread {
    /// Which one it is, and where it waited for what, in a sentence.
    pub what: String,
    /// It waited at its gate, rather than by touching a slot.
    pub is_at_gate: bool,
}

/// How an instance ended.
#[derive(Clone, Debug)]
pub struct InstanceReport {
    /// Name of the instance.
    pub name: String,
    /// Name of its module in the plan.
    pub module: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Last words of its threads (thread name, text), if any.
    pub last_words: Vec<(String, String)>,
    /// It was restarted (`END-7`), or was to be.
    pub restarts: Option<RestartReport>,
}

/// How often an instance was restarted, and why.
#[derive(Clone, Debug)]
pub struct RestartReport {
    /// How often.
    pub count: u64,
    /// How the incarnation before the last one ended; `None`: it was never restarted.
    pub last: Option<Box<InstanceReport>>,
    /// Why a replacement could not be made, the last time that one could not.
    pub failure: Option<String>,
}

/// The kinds of end.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Every thread ended, or one ended the instance.
    Exited {
        /// The status (`END-4`).
        status: u64,
    },
    /// It broke a rule or trapped.
    Faulted(Box<Fault>),
    /// Ended from outside: time limit, deadlock, interrupt.
    Killed {
        /// Why.
        why: String,
    },
}

/// What an instance did that ended it (`BLAME-2`). What the platform cannot know is `None`.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// Kind, stable for tools: `violation`, `trap`, `system-call`, `panic`.
    pub kind: String,
    /// The clause that was broken, such as `NAIVE-4`.
    pub rule: String,
    /// What it did, in a sentence.
    pub what: String,
    /// How to mend it, where a usual mistake is recognised.
    pub help: Option<String>,
    /// Name of the thread's entry point.
    pub thread: String,
    /// The Port, as `instance.port`.
    pub port: Option<String>,
    /// The slot's message number.
    pub slot: Option<u64>,
    /// The address that was touched.
    pub address: Option<u64>,
    /// The instruction's address.
    pub instruction: Option<u64>,
    /// The symbol of the instruction, `name+0x12`.
    pub symbol: Option<String>,
    /// Signal that ended the process, where one did.
    pub signal: Option<i32>,
    /// Number of the system call, where one was tried.
    pub system_call: Option<i64>,
}

impl Report {
    /// Every instance exited with status 0 and nothing else went wrong.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed_built_ins.is_empty()
            && self.broken_ports.is_empty()
            && self.deadlock.is_empty()
            && !self.has_timed_out
            && self
                .instances
                .iter()
                .all(|instance| matches!(instance.outcome, Outcome::Exited { status: 0 }))
    }
}
