//! From what the core and the traps say to what a person needs: instance, thread, Port, slot,
//! address, symbol, rule (`BLAME-2`).
//!
//! Nothing here decides anything: an instance has ended before it is described.

use oro_kernel::{
    EndpointId, FaultCause, InstanceEnd, InstanceId, Mode, Side, ThreadId, Violation,
};
use oro_sysabi as abi;
use oro_system::PlanEnd;

use crate::locate::{Spot, locate};
use crate::supervisor::{Supervisor, thread_id};
use crate::text::escape;
use crate::trace::SignalStop;
use crate::world::{Meaning, PRIVATE_REQUEST, planned_end};
use crate::{Fault, InstanceReport, Outcome};

/// What is known of a trap.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultDetail {
    pub(crate) signal: Option<i32>,
    /// What a tracer has read.
    pub(crate) stop: Option<SignalStop>,
}

impl FaultDetail {
    /// The process has ended by this signal (0: it exited, which no module can do by itself).
    pub(crate) fn from_signal(signal: i32) -> Self {
        Self { signal: Some(signal), stop: None }
    }

    pub(crate) fn from_stop(stop: SignalStop) -> Self {
        Self { signal: Some(stop.signal), stop: Some(stop) }
    }

    /// It is stopped in a touch of memory that is there for Linux alone: to the ABI there is nothing.
    pub(crate) fn from_touch(address: u64, instruction: Option<u64>) -> Self {
        Self::from_stop(SignalStop {
            signal: libc::SIGSEGV,
            address: Some(address),
            instruction: instruction.unwrap_or_default(),
            ..SignalStop::default()
        })
    }
}

impl Supervisor<'_> {
    /// Takes down what is left of an instance and writes down how it ended.
    pub(crate) fn end_instance(&mut self, instance: InstanceId, end: InstanceEnd, restart: bool) {
        let index = instance.0 as usize;
        let was_awaited = self.restarts[index].awaited.is_some();
        let mut report = match self.restarts[index].take_awaited(end) {
            Some(report) => report,
            None => self.report_end(index, end),
        };
        if was_awaited && end == InstanceEnd::Killed {
            // Those that are there are its last incarnation's, which the report shows by themselves.
            report.last_words.clear();
        }
        for thread in self.world.list_threads(instance) {
            self.take_down(thread_id(thread));
        }
        if restart {
            self.restarts[index].awaited = Some(report);
        } else {
            let restarts = self.restarts[index].summarize();
            self.outcomes[index] = Some(InstanceReport { restarts, ..report });
        }
    }

    fn report_end(&self, index: usize, end: InstanceEnd) -> InstanceReport {
        let outcome = match end {
            // Its peers were killed a moment ago, and this is all that it knew of it (END-9).
            InstanceEnd::Exited { .. } if self.is_killing => {
                Outcome::Killed { why: self.kill_reason.clone() }
            }
            InstanceEnd::Exited { status } => Outcome::Exited { status },
            InstanceEnd::Killed => Outcome::Killed { why: self.kill_reason.clone() },
            InstanceEnd::Revoked { port } => Outcome::Killed {
                why: format!(
                    "the Port to {} was revoked, and it did not leave its queue in time",
                    self.end_name(EndpointId { port, side: Side::Consumer })
                ),
            },
            InstanceEnd::Replaced => {
                Outcome::Killed { why: "it was to be replaced, on purpose".to_owned() }
            }
            InstanceEnd::Violated { thread, end, violation } => {
                Outcome::Faulted(Box::new(self.describe_violation(thread, end, violation)))
            }
            InstanceEnd::BadRequest { thread, problem } => {
                Outcome::Faulted(Box::new(self.describe_bad_request(thread, problem)))
            }
            InstanceEnd::Faulted { thread, cause } => match cause {
                FaultCause::Killed => Outcome::Killed {
                    why: "its process was killed from outside (out of memory?)".to_owned(),
                },
                FaultCause::Trap | FaultCause::SystemCall | FaultCause::Panic => {
                    Outcome::Faulted(Box::new(self.describe_trap(thread, cause)))
                }
            },
        };
        let planned = &self.plan.instances[index];
        InstanceReport {
            name: self.plan.path(index),
            module: self.plan.modules[planned.module as usize].clone(),
            outcome,
            last_words: self.collect_last_words(index),
            restarts: None,
        }
    }

    /// Whether a thread has left a panic's last words.
    pub(crate) fn has_panicked(&self, index: usize) -> bool {
        self.read_last_words(index).is_some_and(|(kind, _)| kind == abi::LAST_WORDS_PANIC)
    }

    /// Kind and text of a thread's last words (`END-8`). Each word is read once; the length is an
    /// allegation.
    fn read_last_words(&self, index: usize) -> Option<(u32, String)> {
        let private = &self.world.threads[index].private;
        let mut words = [0; 1024];
        let offset = core::mem::offset_of!(abi::Request, last_words_length) as u64;
        private.read(PRIVATE_REQUEST + offset, &mut words);
        let [a, b, c, d, e, f, g, h, ..] = words;
        let length = u32::from_le_bytes([a, b, c, d]).min(abi::LAST_WORDS_SIZE);
        let kind = u32::from_le_bytes([e, f, g, h]);
        let text = &words[8..8 + usize::try_from(length).ok()?];
        let show = || text.split(|byte| *byte == b'\n').map(escape).collect::<Vec<_>>().join("\n");
        (kind != abi::LAST_WORDS_NONE && !text.is_empty()).then(|| (kind, show()))
    }

    fn collect_last_words(&self, instance: usize) -> Vec<(String, String)> {
        (0..self.world.threads.len())
            .filter(|index| self.world.threads[*index].instance.0 as usize == instance)
            .filter_map(|index| {
                let (_, text) = self.read_last_words(index)?;
                Some((self.thread_name(thread_id(index)), text))
            })
            .collect()
    }

    pub(crate) fn thread_name(&self, thread: ThreadId) -> String {
        let memory = &self.world.threads[thread.0 as usize];
        let module = self.plan.instances[memory.instance.0 as usize].module;
        self.images[module as usize].interface.entries[memory.entry as usize].name.clone()
    }

    /// `instance.port`, or the name of a built-in's.
    pub(crate) fn end_name(&self, end: EndpointId) -> String {
        let port = &self.plan.ports[end.port.0 as usize];
        let planned = planned_end(port, end.side);
        match planned {
            PlanEnd::Instance { instance, port, element, .. } => {
                let planned = &self.plan.instances[*instance as usize];
                // Its module may be another by now.
                if planned.is_forgotten() {
                    return "(forgotten)".to_owned();
                }
                let image = self.images.get(planned.module);
                let ports = image.map_or(&[][..], |image| &image.interface.ports);
                let declared = ports.iter().find(|declared| declared.index == port - element);
                let name = declared.map_or("?", |declared| declared.name.as_str());
                let is_array = declared.is_some_and(|declared| declared.max > 1);
                let element = if is_array { format!("[{element}]") } else { String::new() };
                format!("{}.{name}{element}", self.plan.path(*instance as usize))
            }
            PlanEnd::BuiltIn(built_in) => built_in.name(),
        }
    }

    fn describe_violation(&self, thread: ThreadId, end: EndpointId, violation: Violation) -> Fault {
        let memory = &self.world.threads[thread.0 as usize];
        let is_producer = end.side == Side::Producer;
        let rule = violation.clause(is_producer, memory.is_managed);
        let verb = if is_producer { "stored to" } else { "loaded from" };
        let (what, slot, help) = match violation {
            Violation::WrongCell { touched, expected, was_handed_over } => (
                format!(
                    "{verb} cell {touched}; the next slot is number {expected}, in cell {}",
                    expected % 2
                ),
                expected,
                was_handed_over.then(|| HANDED_OVER.to_owned()),
            ),
            Violation::ForeignEndpoint => {
                (format!("{verb} a slot of an endpoint that is another thread's now"), 0, None)
            }
            Violation::CursorPastQueue { cursor, peer } => (
                format!(
                    "advanced its cursor from {cursor}, but the peer's is {peer}: {}",
                    if is_producer { "the queue is full" } else { "there is no message" }
                ),
                cursor,
                Some("check the peer's cursor before touching or advancing".to_owned()),
            ),
            Violation::ImpossibleCursor { stored, least, most } => (
                format!(
                    "stored {stored} to its cursor in asynchronous mode, where {least} to {most} was \
                     possible"
                ),
                least,
                Some("check the peer's cursor before advancing".to_owned()),
            ),
            Violation::WrongMode { mode } => (
                self.describe_wrong_mode(thread, mode),
                self.kernel.cursor(end),
                Some(REREAD.to_owned()),
            ),
            Violation::WrongCursor { stored, expected } => (
                format!("stored {stored} to its cursor; {expected} would have been right"),
                expected.saturating_sub(1),
                None,
            ),
        };
        let fault = self.blame(thread, rule, what, help);
        Fault { port: Some(self.end_name(end)), slot: Some(slot), ..fault }
    }

    /// A violation by the fault that a thread is stopped in.
    pub(crate) fn blame(
        &self,
        thread: ThreadId,
        rule: &str,
        what: String,
        help: Option<String>,
    ) -> Fault {
        let instruction = self.processes[thread.0 as usize]
            .as_ref()
            .and_then(|process| read_instruction(process.process_id));
        Fault {
            kind: "violation".to_owned(),
            rule: rule.to_owned(),
            what,
            help,
            thread: self.thread_name(thread),
            address: Some(self.last_fault[thread.0 as usize].address),
            instruction,
            symbol: instruction.and_then(|address| self.find_symbol(thread, address)),
            ..Fault::default()
        }
    }

    fn describe_wrong_mode(&self, thread: ThreadId, mode: Mode) -> String {
        let index = thread.0 as usize;
        let region = self.world.threads[index].find_region(self.last_fault[index].address);
        let place = match region.map(|region| region.meaning) {
            Some(Meaning::Cell { .. }) => "a slot of the synchronous mode",
            Some(Meaning::Word { .. }) => "the cursor of the synchronous mode",
            Some(Meaning::Queue { .. }) => "a slot of the asynchronous mode",
            Some(Meaning::Cursor { .. }) => "the cursor of the asynchronous mode",
            Some(Meaning::Gate | Meaning::Reserved { .. } | Meaning::Foreign { .. }) | None => {
                "a window of the other mode"
            }
        };
        let mode = match mode {
            Mode::Synchronous => "synchronous",
            Mode::Asynchronous => "asynchronous",
        };
        format!("touched {place} while its end is {mode}")
    }

    fn describe_trap(&self, thread: ThreadId, cause: FaultCause) -> Fault {
        let detail = &self.details[thread.0 as usize];
        let stop = detail.stop.unwrap_or_default();
        let mut fault = Fault {
            thread: self.thread_name(thread),
            signal: detail.signal,
            instruction: detail.stop.map(|stop| stop.instruction),
            address: stop.address,
            ..Fault::default()
        };
        fault.symbol =
            fault.instruction.and_then(|instruction| self.find_symbol(thread, instruction));
        match cause {
            FaultCause::Panic => {
                fault.kind = "panic".to_owned();
                fault.rule = "END-8".to_owned();
                "panicked".clone_into(&mut fault.what);
                // Where Rust's panic handler is says nothing; its last words name the place.
                fault.symbol = fault.symbol.filter(|name| !name.contains("rust_begin_unwind"));
            }
            FaultCause::SystemCall => {
                fault.kind = "system-call".to_owned();
                fault.rule = "KRN-8".to_owned();
                fault.system_call = stop.system_call;
                fault.what = match stop.system_call {
                    Some(number) => format!("tried to make system call {number}"),
                    None => "tried to make a system call".to_owned(),
                };
            }
            FaultCause::Trap | FaultCause::Killed => {
                fault.kind = "trap".to_owned();
                self.describe_signal(thread, detail, &mut fault);
            }
        }
        fault
    }

    fn describe_signal(&self, thread: ThreadId, detail: &FaultDetail, fault: &mut Fault) {
        fault.rule = "END-5".to_owned();
        let name = signal_name(detail.signal.unwrap_or(0));
        let Some(stop) = &detail.stop else {
            fault.what = format!("was ended by {name}; without ptrace no more is known");
            return;
        };
        fault.what = match stop.signal {
            libc::SIGILL => "executed an undefined or forbidden instruction".to_owned(),
            libc::SIGFPE => "divided by zero, or overflowed in a division".to_owned(),
            libc::SIGTRAP => "executed a breakpoint or set the trap flag".to_owned(),
            libc::SIGBUS if stop.code == BUS_ADRALN => {
                // The processor does not tell the address; Linux says 0.
                fault.address = None;
                "made an unaligned access with the alignment-check flag set".to_owned()
            }
            libc::SIGSEGV if stop.address.is_none() => {
                "used a privileged instruction or an address that is no address".to_owned()
            }
            _ => return self.describe_access(thread, stop, fault),
        };
    }

    /// A bad access: what is, or is not, at its address.
    fn describe_access(&self, thread: ThreadId, stop: &SignalStop, fault: &mut Fault) {
        let address = stop.address.unwrap_or(0);
        let is_execution = address == stop.instruction;
        let is_mapped = stop.code == SEGV_ACCERR;
        let verb = match (is_execution, is_mapped) {
            (true, _) => "jumped to",
            (false, true) => "stored to",
            (false, false) => "accessed",
        };
        let spot = locate(&self.world, thread, address);
        let (what, rule): (String, &str) = match spot {
            Spot::Metadata(name) if is_execution => {
                (format!("{verb} {name}, which are not executable"), "KRN-7")
            }
            Spot::Metadata(name) => (format!("{verb} {name}, which are read-only"), "META-1"),
            Spot::Cell { end } | Spot::CellGuard { end } => {
                fault.port = Some(self.end_name(end));
                fault.slot = Some(self.kernel.cursor(end));
                let is_guard = matches!(spot, Spot::CellGuard { .. });
                let place = if is_guard { "the guard page after a slot" } else { "a slot" };
                let side = match end.side {
                    Side::Producer => "producing",
                    Side::Consumer => "consuming",
                };
                (format!("{verb} {place} of its {side} end"), "PORT-7")
            }
            Spot::PeerCursor { end } => {
                fault.port = Some(self.end_name(end));
                (format!("{verb} the peer's cursor, which is read-only"), "META-1")
            }
            Spot::Word { end } => {
                fault.port = Some(self.end_name(end));
                (format!("{verb} its own cursor, which is data"), "KRN-7")
            }
            Spot::OtherThread { thread: owner } => {
                (format!("{verb} a window of thread `{}`", self.thread_name(owner)), "ENTRY-7")
            }
            Spot::StackGuard => {
                fault.help = Some("raise the stack size in the entry's declaration".to_owned());
                ("overflowed its stack".to_owned(), "ENTRY-3")
            }
            Spot::Image if is_execution => (format!("{verb} data of its image"), "IMG-3"),
            Spot::Image => (format!("{verb} a read-only part of its image"), "IMG-3"),
            Spot::Memory(name) => (format!("{verb} {name}, which is not executable"), "KRN-7"),
            Spot::Null => (format!("{verb} a null pointer (or one near it)"), "END-5"),
            Spot::Nothing => (format!("{verb} {address:#x}, where nothing is mapped"), "END-5"),
        };
        fault.what = what;
        rule.clone_into(&mut fault.rule);
    }

    /// The symbol at an address of a thread's image.
    fn find_symbol(&self, thread: ThreadId, address: u64) -> Option<String> {
        let memory = &self.world.threads[thread.0 as usize];
        let instance = memory.instance.0 as usize;
        let image = &self.images[self.plan.instances[instance].module as usize];
        let unbiased = address.wrapping_sub(self.world.instances[instance].bias);
        let symbol = image.find_symbol(unbiased)?;
        Some(match symbol.offset {
            0 => symbol.name.to_owned(),
            offset => format!("{}+{offset:#x}", symbol.name),
        })
    }
}

const SEGV_ACCERR: i32 = 2;
const BUS_ADRALN: i32 = 1;

const REREAD: &str = "take window, stride, mask and own cursor from the binding anew for every slot: \
    they change at a store to the cursor (BIND-2)";

const HANDED_OVER: &str = "this slot was handed over when the thread touched another Port: a naive \
    thread fills one slot at a time, all fields at once, and reads everything it needs before it \
    fetches the next input (NAIVE-1)";

/// Where a process that waits in a page fault was: the last field of `/proc/PID/syscall`.
pub(crate) fn read_instruction(process_id: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process_id}/syscall")).ok()?;
    let last = text.trim().rsplit(' ').next()?;
    u64::from_str_radix(last.strip_prefix("0x")?, 16).ok()
}

fn signal_name(signal: i32) -> String {
    match signal {
        libc::SIGSEGV => "SIGSEGV (a bad access)".to_owned(),
        libc::SIGBUS => "SIGBUS (a bad access)".to_owned(),
        libc::SIGILL => "SIGILL (an undefined instruction)".to_owned(),
        libc::SIGFPE => "SIGFPE (a division)".to_owned(),
        libc::SIGTRAP => "SIGTRAP (a breakpoint)".to_owned(),
        libc::SIGSYS => "SIGSYS (a system call)".to_owned(),
        0 => "an exit of its process".to_owned(),
        other => format!("signal {other}"),
    }
}
