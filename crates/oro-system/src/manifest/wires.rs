//! Wires to Ports: ends, types, sizes (`SYS-4`, `SYS-5`, `BUILTIN-2` to `BUILTIN-5`).
//!
//! Entry point: [`Wiring::add_wire`] for each wire. How ends are looked up is in `lookup`, what
//! Rings ask of a wire in `boundary`.

mod boundary;
mod lookup;
mod unknown;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use oro_image::{Direction, Port};
use oro_sysabi::MAX_QUEUE_SIZE;

use super::control::Holders;
use super::diagnostic::{Diagnostic, Report};
use super::entries::{EndName, Located, WireEntry};
use super::scope::Scope;
use crate::rules::{
    Carries, PairFault, SizeFault, check_pair, check_queue, choose_slot_size, match_types, shorten,
    show_size,
};
use crate::{BuiltIn, PlanEnd, PlanPort};
use boundary::check_boundary;

/// The Ports so far, and what they have taken.
#[derive(Default)]
pub(super) struct Wiring {
    /// A Port and the index of its wire.
    pub(super) ports: Vec<(PlanPort, usize)>,
    /// Ends that one wire at most may have, and where that wire names them.
    taken: BTreeMap<Taken, Range<usize>>,
    /// Ports of instances that a wire names, or seems to mean: not called unwired.
    named: BTreeSet<(usize, u32)>,
    /// Who is wired to `ring`.
    pub(super) holders: Holders,
}

/// What only one wire may have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    Port(usize, u32),
    Stdin,
    Stdout,
    FileRead(String),
    FileWrite(String),
}

/// An end that exists and stands on its right side, with the Ring in which it is named.
pub(super) enum End<'a> {
    Port { ring: usize, instance: usize, port: &'a Port, element: u32 },
    BuiltIn { ring: usize, built_in: BuiltIn, carries: Option<Carries<'a>> },
}

impl Wiring {
    /// Whether a wire names this port, by its first index, or any of its elements.
    pub(super) fn is_named(&self, instance: usize, port: &Port) -> bool {
        let end = port.index.saturating_add(port.max.max(1));
        self.named.range((instance, port.index)..(instance, end)).next().is_some()
    }

    /// Checks a wire, and adds its Port if nothing is wrong with it.
    pub(super) fn add_wire(
        &mut self,
        scope: &Scope<'_>,
        wire: &WireEntry,
        index: usize,
        report: &mut Report,
    ) {
        let producer = self.claim_end(scope, wire.from.as_ref(), Direction::Producer, report);
        let consumer = self.claim_end(scope, wire.to.as_ref(), Direction::Consumer, report);
        let (Some((producer, from)), Some((consumer, to))) = (&producer, &consumer) else {
            let [producer, consumer] = [producer, consumer].map(|end| end.map(|(end, _)| end));
            return self.holders.note_lost(producer.as_ref(), consumer.as_ref());
        };
        if !report_pair(producer, consumer, from, to, report)
            || !self.holders.note_wire((producer, from), (consumer, to), report)
        {
            return;
        }
        check_boundary(scope, (producer, from), (consumer, to), report);
        let Some(carries) = find_type(producer, consumer, from, to, report) else { return };
        let size = find_slot_size(wire, from, carries, report);
        let (Some(slot_size_bytes), Some(slots)) = (size, &wire.slots) else { return };
        let stride_bytes = carries.stride_bytes(slot_size_bytes);
        if !report_queue(slots, stride_bytes, report) {
            return;
        }
        let port = PlanPort {
            slot_size_bytes,
            stride_bytes,
            slot_count: slots.value,
            is_forced_synchronous: wire.is_forced_synchronous,
            drops_at_restart: wire.drops_at_restart,
            layout: carries.layout.to_owned(),
            producer: producer.to_plan(),
            consumer: consumer.to_plan(),
        };
        self.ports.push((port, index));
    }

    /// Finds an end and takes it; `None` if something is wrong with it.
    fn claim_end<'a, 'n>(
        &mut self,
        scope: &Scope<'a>,
        name: Option<&'n EndName>,
        direction: Direction,
        report: &mut Report,
    ) -> Option<(End<'a>, &'n EndName)> {
        let name = name?;
        let end = self.find_end(scope, name, direction, report)?;
        self.take_end(&end, name, report).then_some((end, name))
    }

    /// Takes what only one wire may have; a second one is reported.
    fn take_end(&mut self, end: &End<'_>, name: &EndName, report: &mut Report) -> bool {
        let key = match end {
            End::Port { instance, port, element, .. } => {
                Taken::Port(*instance, port.index.saturating_add(*element))
            }
            End::BuiltIn { built_in, .. } => match built_in {
                BuiltIn::Stdin => Taken::Stdin,
                BuiltIn::Stdout => Taken::Stdout,
                BuiltIn::FileRead(file) => Taken::FileRead(file.clone()),
                BuiltIn::FileWrite(file) => Taken::FileWrite(file.clone()),
                BuiltIn::Log
                | BuiltIn::NullSource
                | BuiltIn::NullSink
                | BuiltIn::Clock
                | BuiltIn::RingRequests
                | BuiltIn::RingReplies
                | BuiltIn::Params(_) => return true,
            },
        };
        let (earlier, help) = match &key {
            Taken::FileRead(file) => {
                (self.taken.get(&Taken::FileWrite(file.clone())), FILE_TAKEN_HELP)
            }
            Taken::FileWrite(file) => {
                let read = self.taken.get(&Taken::FileRead(file.clone()));
                (self.taken.get(&key).or(read), FILE_TAKEN_HELP)
            }
            Taken::Port(..) => (self.taken.get(&key), PORT_TAKEN_HELP),
            Taken::Stdin => (self.taken.get(&key), STDIN_TAKEN_HELP),
            Taken::Stdout => (self.taken.get(&key), STDOUT_TAKEN_HELP),
        };
        if let Some(earlier) = earlier {
            report.add(
                Diagnostic::error(
                    "SYS-WIRED-TWICE",
                    format!("`{}` is wired already", name.show()),
                    name.span.clone(),
                    "the second wire",
                )
                .with_label(earlier.clone(), "the first wire")
                .with_help(help),
            );
            return false;
        }
        self.taken.insert(key, name.span.clone());
        true
    }
}

const PORT_TAKEN_HELP: &str =
    "a Port has one producer and one consumer: give each wire a port of its own (SYS-5)";
const STDIN_TAKEN_HELP: &str =
    "one wire may use it; an instance with two outputs can hand it on to two readers (BUILTIN-2)";
const STDOUT_TAKEN_HELP: &str =
    "one wire may use it; for messages to a person wire to `console.log` (BUILTIN-2)";
const FILE_TAKEN_HELP: &str = "a file is written by one wire, or read by any number (BUILTIN-3)";

impl<'a> End<'a> {
    fn carries(&self) -> Option<Carries<'a>> {
        match self {
            Self::Port { port, .. } => Some(Carries::of(port)),
            Self::BuiltIn { carries, .. } => *carries,
        }
    }

    fn to_plan(&self) -> PlanEnd {
        match self {
            Self::Port { instance, port, element, .. } => PlanEnd::Instance {
                instance: u32::try_from(*instance).unwrap_or(u32::MAX),
                port: port.index.saturating_add(*element),
                entry: port.entry,
                element: *element,
            },
            Self::BuiltIn { built_in, .. } => PlanEnd::BuiltIn(built_in.clone()),
        }
    }
}

/// Reports two built-in ends, and a thread that would wait for itself.
fn report_pair(
    producer: &End<'_>,
    consumer: &End<'_>,
    from: &EndName,
    to: &EndName,
    report: &mut Report,
) -> bool {
    let (code, message, help) = match check_pair(&producer.to_plan(), &consumer.to_plan()) {
        Ok(()) => return true,
        Err(PairFault::BuiltIns) => (
            "SYS-BUILT-IN-PAIR",
            "a wire from a built-in instance to a built-in instance",
            "put an instance of a module between them: one end at least is an instance's (SYS-5)",
        ),
        Err(PairFault::OneThread) => (
            "SYS-SELF-WIRE",
            "a wire from a thread to itself",
            "a Port joins two threads; within one, use a variable (SYS-5)",
        ),
    };
    report.add(
        Diagnostic::error(code, message, from.span.clone(), "produces")
            .with_label(to.span.clone(), "consumes")
            .with_help(help),
    );
    false
}

/// The type that both ends carry; a difference is reported with both.
fn find_type<'a>(
    producer: &End<'a>,
    consumer: &End<'a>,
    from: &EndName,
    to: &EndName,
    report: &mut Report,
) -> Option<Carries<'a>> {
    let (produced, consumed) = (producer.carries()?, consumer.carries());
    let help = match match_types(produced, consumed) {
        Ok(carries) => return Some(carries),
        Err(help) => help,
    };
    let message = format!("`{}` and `{}` carry different types", from.show(), to.show());
    let consumed = consumed.map_or("", |consumed| consumed.layout);
    report.add(
        Diagnostic::error(
            "SYS-TYPE",
            message,
            from.span.clone(),
            format!("produces `{}`", produced.layout),
        )
        .with_label(to.span.clone(), format!("consumes `{consumed}`"))
        .with_help(help),
    );
    None
}

/// The slot size of a wire (`TYPE-4`); one that does not fit is reported.
fn find_slot_size(
    wire: &WireEntry,
    from: &EndName,
    carries: Carries<'_>,
    report: &mut Report,
) -> Option<u32> {
    let fixed = carries.slot_size_bytes;
    let fault = match choose_slot_size(carries, wire.slot_size.as_ref().map(|size| size.value)) {
        Ok(size) => return Some(size),
        Err(fault) => fault,
    };
    let (label, help) = match fault {
        SizeFault::Fixed => (
            "not for this type".to_owned(),
            format!("`{}` has {fixed} bytes: leave `slot_size` out", shorten(carries.layout)),
        ),
        SizeFault::Impossible => {
            (format!("a type of {fixed} bytes"), "a slot has 1 byte to 16M (LIM-1)".to_owned())
        }
        SizeFault::Small { size, least } => (
            format!("{size} bytes leave no room for data"),
            format!("the type's fixed part has {fixed} bytes: `slot_size` is at least {least}"),
        ),
        SizeFault::Large => ("too large".to_owned(), "a slot has at most 16M (LIM-1)".to_owned()),
        SizeFault::Unaligned { align, below } => (
            "not a multiple of the alignment".to_owned(),
            format!("the type's alignment is {align}: {below} or {} would do", below + align),
        ),
    };
    let place = wire.slot_size.as_ref().map_or(&from.span, |size| &size.span);
    let message = "the slot size does not fit the type";
    report.add(Diagnostic::error("SYS-SLOT-SIZE", message, place.clone(), label).with_help(help));
    None
}

fn report_queue(slots: &Located<u32>, stride_bytes: u32, report: &mut Report) -> bool {
    let Err(most) = check_queue(slots.value, stride_bytes) else { return true };
    let bytes = u64::from(slots.value) * u64::from(stride_bytes);
    report.add(
        Diagnostic::error(
            "SYS-LIMIT",
            format!("the queue would have {}", show_size(bytes)),
            slots.span.clone(),
            "too many slots of this size",
        )
        .with_help(format!(
            "a queue has at most {} (LIM-2): {most} slots of {stride_bytes} bytes",
            show_size(MAX_QUEUE_SIZE)
        )),
    );
    false
}
