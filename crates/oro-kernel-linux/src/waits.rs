//! Gates in words: where a thread waits, for the report of a deadlock, and what is wrong with a
//! request (`GATE-3`, `KRN-10`).

use oro_kernel::{Condition, EndpointId, PortId, RequestProblem, Side, ThreadId, Wait, WaitPlace};
use oro_sysabi as abi;

use crate::supervisor::Supervisor;
use crate::{Fault, WaitingThread};

impl Supervisor<'_> {
    /// Who waits where, for the report of a deadlock.
    pub(crate) fn describe_wait(&self, wait: &Wait) -> WaitingThread {
        let what = match &wait.place {
            WaitPlace::Touch(end) => format!("waits {}", self.describe_peer(*end)),
            WaitPlace::Gate(conditions) => self.describe_gate(conditions),
        };
        let thread = wait.thread;
        let memory = &self.world.threads[thread.0 as usize];
        let instance = self.plan.path(memory.instance.0 as usize);
        WaitingThread {
            what: format!("thread `{}` of `{instance}` {what}", self.thread_name(thread)),
            is_at_gate: matches!(wait.place, WaitPlace::Gate(_)),
        }
    }

    fn describe_peer(&self, end: EndpointId) -> String {
        let what = match end.side {
            Side::Producer => "for room",
            Side::Consumer => "for a message",
        };
        let (own, peer) = (self.end_name(end), self.end_name(end.peer()));
        format!("{what} at {own}, whose other end is {peer}")
    }

    fn describe_gate(&self, conditions: &[Condition]) -> String {
        let conditions: Vec<String> =
            conditions.iter().map(|condition| self.describe_condition(condition)).collect();
        match conditions.as_slice() {
            [] => "waits at its gate for nothing".to_owned(),
            [first, rest @ ..] => {
                let more: String = rest.iter().map(|text| format!(", or {text}")).collect();
                format!("waits at its gate {first}{more}")
            }
        }
    }

    fn describe_condition(&self, condition: &Condition) -> String {
        match *condition {
            Condition::Peer { end, .. } => self.describe_peer(end),
            Condition::Ring { generation } => {
                format!("until the Ring's generation is not {generation}")
            }
            Condition::Binding { end: Some(end), .. } => {
                format!("for a change of the binding {}", self.end_name(end))
            }
            Condition::Binding { end: None, .. } => {
                "for a change of a binding that is not wired".to_owned()
            }
            Condition::Word { address, .. } => {
                format!("for a sibling to wake the word {address:#x}")
            }
            Condition::Wake { address } => format!("to wake the word {address:#x}"),
        }
    }

    /// The two cursors of a Port contradict each other, and nobody can tell who lies (`ASYNC-6`).
    pub(crate) fn report_broken_port(&mut self, port: PortId, produced: u64, consumed: u64) {
        let producer = EndpointId { port, side: Side::Producer };
        let consumer = producer.peer();
        self.report.broken_ports.push(format!(
            "{} says that it has committed {} messages, {} that it has released {}: one of them lies, \
             so nothing passes between them any more",
            self.end_name(producer),
            produced,
            self.end_name(consumer),
            consumed,
        ));
    }

    /// A request that could not be understood (`GATE-3`).
    pub(crate) fn describe_bad_request(&self, thread: ThreadId, problem: RequestProblem) -> Fault {
        let mut help = None;
        let what = match problem {
            RequestProblem::TooManyConditions { count } => format!(
                "asked for {count} conditions at its gate; a request has room for {}",
                abi::CONDITION_COUNT
            ),
            RequestProblem::ReservedNotZero => {
                "asked for something at its gate with `flags` or a reserved field that is not zero"
                    .to_owned()
            }
            RequestProblem::UnknownKind { condition, kind } => format!(
                "asked for a condition of kind {kind} at its gate (condition {condition}); kinds are \
                 {} to {}",
                abi::WAIT_PEER,
                abi::WAKE_WORD
            ),
            RequestProblem::NoSuchBinding { condition, binding } => format!(
                "asked at its gate for binding {binding} (condition {condition}), which is not this \
                 thread's; {}",
                self.list_bindings(thread)
            ),
            RequestProblem::NotWired { condition, binding } => {
                help = Some("to wait until a port is wired, use WAIT_BINDING".to_owned());
                format!(
                    "asked at its gate for the peer's cursor of binding {binding} (condition \
                     {condition}), which is not wired"
                )
            }
            RequestProblem::BadAddress { condition, address } => format!(
                "asked at its gate for the word at {address:#x} (condition {condition}); a word is at \
                 a multiple of 4 in the instance's own writable data, heap or stacks"
            ),
        };
        self.blame(thread, "GATE-3", what, help)
    }

    /// Its own bindings, in words.
    fn list_bindings(&self, thread: ThreadId) -> String {
        let memory = &self.world.threads[thread.0 as usize];
        let module = self.plan.instances[memory.instance.0 as usize].module;
        let ports = &self.images[module as usize].interface.ports;
        let own: Vec<String> = ports
            .iter()
            .filter(|port| port.entry == memory.entry)
            .flat_map(|port| port.index..port.index + port.max)
            .map(|index| index.to_string())
            .collect();
        if own.is_empty() {
            "it has none".to_owned()
        } else {
            format!("its own are {}", own.join(", "))
        }
    }
}
