//! What a Port carries, and how large it is (`SYS-4`, `SYS-5`, `TYPE-4`).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use oro_image::{Interface, Port};
use oro_sysabi::{CELL_COUNT, MAX_QUEUE_SIZE, MAX_SLOT_SIZE};

use super::words::shorten;
use crate::{PAGE_BYTES, PlanEnd};

/// Slot size of a type with a flexible tail where the wire names none (`TYPE-4`).
const DEFAULT_SLOT_SIZE: u32 = 4096;

/// What an end carries; the null sink carries anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carries<'a> {
    pub(crate) layout: &'a str,
    pub(crate) slot_size_bytes: u32,
    pub(crate) slot_align_bytes: u32,
    pub(crate) is_flexible: bool,
}

impl<'a> Carries<'a> {
    pub(crate) fn of(port: &'a Port) -> Self {
        Self {
            layout: &port.layout,
            slot_size_bytes: port.slot_size_bytes,
            slot_align_bytes: port.slot_align_bytes,
            is_flexible: port.is_flexible,
        }
    }

    /// Distance of two slots of this size in the queue.
    pub(crate) fn stride_bytes(&self, slot_size_bytes: u32) -> u32 {
        slot_size_bytes.checked_next_multiple_of(self.slot_align_bytes.max(1)).unwrap_or(u32::MAX)
    }
}

/// Why two ends cannot be joined, whatever they carry (`SYS-5`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PairFault {
    /// Both are built-in ones.
    BuiltIns,
    /// They are of one thread.
    OneThread,
}

pub(crate) fn check_pair(producer: &PlanEnd, consumer: &PlanEnd) -> Result<(), PairFault> {
    match (producer, consumer) {
        (PlanEnd::BuiltIn(_), PlanEnd::BuiltIn(_)) => Err(PairFault::BuiltIns),
        (
            PlanEnd::Instance { instance: producer, entry: writes, .. },
            PlanEnd::Instance { instance: consumer, entry: reads, .. },
        ) if (producer, writes) == (consumer, reads) => Err(PairFault::OneThread),
        (PlanEnd::Instance { .. }, _) | (_, PlanEnd::Instance { .. }) => Ok(()),
    }
}

/// The type that both ends carry, or how theirs differ.
pub(crate) fn match_types<'a>(
    produced: Carries<'a>,
    consumed: Option<Carries<'a>>,
) -> Result<Carries<'a>, String> {
    match consumed {
        Some(consumed) if consumed.layout != produced.layout => {
            Err(explain_difference(produced.layout, consumed.layout))
        }
        Some(consumed) if consumed != produced => {
            Err("the modules were built with different sizes for one layout: build both again"
                .to_owned())
        }
        Some(_) | None => Ok(produced),
    }
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

/// Why a slot cannot have this size (`TYPE-4`, `LIM-1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeFault {
    /// A size was given, and the type has one.
    Fixed,
    /// The type has a size that no slot has.
    Impossible,
    /// There is no room for data; the least that would do.
    Small { size: u64, least: u64 },
    /// Over the limit.
    Large,
    /// Not a multiple of the alignment; what would do.
    Unaligned { align: u64, below: u64 },
}

/// The slot size of a wire; `wanted` is what it asks for.
pub(crate) fn choose_slot_size(
    carries: Carries<'_>,
    wanted: Option<u64>,
) -> Result<u32, SizeFault> {
    let fixed = carries.slot_size_bytes;
    if !carries.is_flexible {
        return match wanted {
            Some(_) => Err(SizeFault::Fixed),
            None if (1..=MAX_SLOT_SIZE).contains(&fixed) => Ok(fixed),
            None => Err(SizeFault::Impossible),
        };
    }
    let least = u64::from(fixed) + 1;
    let align = u64::from(carries.slot_align_bytes.max(1));
    let size = wanted.unwrap_or(u64::from(DEFAULT_SLOT_SIZE));
    if size < least {
        return Err(SizeFault::Small { size, least: least.next_multiple_of(align) });
    }
    match u32::try_from(size) {
        Ok(bytes) if bytes <= MAX_SLOT_SIZE && size.is_multiple_of(align) => Ok(bytes),
        Ok(bytes) if bytes <= MAX_SLOT_SIZE => {
            Err(SizeFault::Unaligned { align, below: size - size % align })
        }
        Ok(_) | Err(_) => Err(SizeFault::Large),
    }
}

/// Checks a queue's size (`LIM-2`); otherwise how many slots there can be.
pub(crate) fn check_queue(slot_count: u32, stride_bytes: u32) -> Result<(), u64> {
    if u64::from(slot_count) * u64::from(stride_bytes) <= MAX_QUEUE_SIZE {
        return Ok(());
    }
    let most = MAX_QUEUE_SIZE / u64::from(stride_bytes.max(1));
    Err(most.checked_ilog2().map_or(0, |power| 1_u64 << power))
}

/// Bytes of the stacks of an instance.
pub(crate) fn stack_bytes(interface: &Interface) -> u64 {
    let stacks = interface.entries.iter().map(|entry| entry.stack_size_bytes);
    stacks.fold(0, u64::saturating_add)
}

/// Bytes that a Port takes: of its payer for the queue, and of each of its instances for cells
/// (`SYS-3`).
pub(crate) fn wire_bytes(port: &crate::PlanPort) -> (u64, u64) {
    let cell = u64::from(port.slot_size_bytes).next_multiple_of(PAGE_BYTES);
    (port.queue_bytes().next_multiple_of(PAGE_BYTES), cell * u64::from(CELL_COUNT))
}
