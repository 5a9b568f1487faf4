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
use oro_sysabi::{MAX_QUEUE_SIZE, MAX_SLOT_SIZE};

use super::control::Holders;
use super::diagnostic::{Diagnostic, Report};
use super::entries::{EndName, Located, WireEntry};
use super::scope::Scope;
use super::size::show_size;
use super::table::shorten;
use crate::{BuiltIn, PlanEnd, PlanPort};
use boundary::check_boundary;

/// Slot size of a type with a flexible tail where the wire names none (`TYPE-4`).
const DEFAULT_SLOT_SIZE: u32 = 4096;

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

/// What an end carries; the null sink carries anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Carries<'a> {
    layout: &'a str,
    slot_size_bytes: u32,
    slot_align_bytes: u32,
    is_flexible: bool,
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
        if !check_pair(producer, consumer, from, to, report)
            || !self.holders.note_wire((producer, from), (consumer, to), report)
        {
            return;
        }
        check_boundary(scope, (producer, from), (consumer, to), report);
        let Some(carries) = match_types(producer, consumer, from, to, report) else { return };
        let size = choose_slot_size(wire, from, carries, report);
        let (Some(slot_size_bytes), Some(slots)) = (size, &wire.slots) else { return };
        let align = carries.slot_align_bytes.max(1);
        let stride_bytes = slot_size_bytes.checked_next_multiple_of(align).unwrap_or(u32::MAX);
        if !check_queue(slots, stride_bytes, report) {
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
            Self::Port { port, .. } => Some(Carries {
                layout: &port.layout,
                slot_size_bytes: port.slot_size_bytes,
                slot_align_bytes: port.slot_align_bytes,
                is_flexible: port.is_flexible,
            }),
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
fn check_pair(
    producer: &End<'_>,
    consumer: &End<'_>,
    from: &EndName,
    to: &EndName,
    report: &mut Report,
) -> bool {
    let (code, message, help) = match (producer, consumer) {
        (End::BuiltIn { .. }, End::BuiltIn { .. }) => (
            "SYS-BUILT-IN-PAIR",
            "a wire from a built-in instance to a built-in instance",
            "put an instance of a module between them: one end at least is an instance's (SYS-5)",
        ),
        (
            End::Port { instance: writer, port: written, .. },
            End::Port { instance: reader, port: read, .. },
        ) if writer == reader && written.entry == read.entry => (
            "SYS-SELF-WIRE",
            "a wire from a thread to itself",
            "a Port joins two threads; within one, use a variable (SYS-5)",
        ),
        _ => return true,
    };
    report.add(
        Diagnostic::error(code, message, from.span.clone(), "produces")
            .with_label(to.span.clone(), "consumes")
            .with_help(help),
    );
    false
}

/// The type that both ends carry; a difference is reported with both.
fn match_types<'a>(
    producer: &End<'a>,
    consumer: &End<'a>,
    from: &EndName,
    to: &EndName,
    report: &mut Report,
) -> Option<Carries<'a>> {
    let produced = producer.carries()?;
    let Some(consumed) = consumer.carries() else { return Some(produced) };
    if produced == consumed {
        return Some(produced);
    }
    let help = if produced.layout == consumed.layout {
        "the modules were built with different sizes for one layout: build both again".to_owned()
    } else {
        explain_difference(produced.layout, consumed.layout)
    };
    let message = format!("`{}` and `{}` carry different types", from.show(), to.show());
    report.add(
        Diagnostic::error(
            "SYS-TYPE",
            message,
            from.span.clone(),
            format!("produces `{}`", produced.layout),
        )
        .with_label(to.span.clone(), format!("consumes `{}`", consumed.layout))
        .with_help(help),
    );
    None
}

/// Where two layout texts part: their names, or the first field that differs.
fn explain_difference(produced: &str, consumed: &str) -> String {
    let (from_name, from_fields) = produced.split_once('{').unwrap_or((produced, ""));
    let (to_name, to_fields) = consumed.split_once('{').unwrap_or((consumed, ""));
    if from_name != to_name {
        return format!(
            "a wire joins ports of equal layout: `{}` is not `{}` (SYS-5)",
            shorten(from_name),
            shorten(to_name)
        );
    }
    let mut pairs = from_fields.split(',').zip(to_fields.split(','));
    let (from_field, to_field) =
        pairs.find(|(from_field, to_field)| from_field != to_field).unwrap_or_default();
    format!(
        "they differ first at `{}` and `{}`: build both modules with the same message (SYS-5)",
        shorten(from_field),
        shorten(to_field)
    )
}

/// The slot size of a wire (`TYPE-4`); one that does not fit is reported.
fn choose_slot_size(
    wire: &WireEntry,
    from: &EndName,
    carries: Carries<'_>,
    report: &mut Report,
) -> Option<u32> {
    let fixed = carries.slot_size_bytes;
    let place = wire.slot_size.as_ref().map_or(&from.span, |size| &size.span);
    let mut refuse = |label: &str, help: String| {
        let message = "the slot size does not fit the type";
        report
            .add(Diagnostic::error("SYS-SLOT-SIZE", message, place.clone(), label).with_help(help));
        None
    };
    if !carries.is_flexible {
        return match &wire.slot_size {
            Some(_) => refuse(
                "not for this type",
                format!("`{}` has {fixed} bytes: leave `slot_size` out", shorten(carries.layout)),
            ),
            None if (1..=MAX_SLOT_SIZE).contains(&fixed) => Some(fixed),
            None => refuse(
                &format!("a type of {fixed} bytes"),
                "a slot has 1 byte to 16M (LIM-1)".to_owned(),
            ),
        };
    }
    let least = u64::from(fixed) + 1;
    let align = u64::from(carries.slot_align_bytes.max(1));
    let size = match &wire.slot_size {
        Some(size) => size.value,
        None => u64::from(DEFAULT_SLOT_SIZE),
    };
    if size < least {
        let least = least.next_multiple_of(align);
        return refuse(
            &format!("{size} bytes leave no room for data"),
            format!("the type's fixed part has {fixed} bytes: `slot_size` is at least {least}"),
        );
    }
    if size > u64::from(MAX_SLOT_SIZE) {
        return refuse("too large", "a slot has at most 16M (LIM-1)".to_owned());
    }
    if !size.is_multiple_of(align) {
        let below = size - size % align;
        return refuse(
            "not a multiple of the alignment",
            format!("the type's alignment is {align}: {below} or {} would do", below + align),
        );
    }
    u32::try_from(size).ok()
}

fn check_queue(slots: &Located<u32>, stride_bytes: u32, report: &mut Report) -> bool {
    let bytes = u64::from(slots.value) * u64::from(stride_bytes);
    if bytes <= MAX_QUEUE_SIZE {
        return true;
    }
    let most = MAX_QUEUE_SIZE / u64::from(stride_bytes.max(1));
    let most = most.checked_ilog2().map_or(0, |power| 1_u64 << power);
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
