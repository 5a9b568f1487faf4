//! The ends of the kernel's own instances, by name (`BUILTIN-2` to `BUILTIN-7`).

use alloc::borrow::ToOwned;

use oro_image::Direction;
use oro_sysabi::{BYTES_LAYOUT, CONTROL_LAYOUT, CONTROL_REPLY_LAYOUT, LOG_LAYOUT, TIME_LAYOUT};

use super::types::Carries;
use crate::BuiltIn;

const BYTES: Carries<'static> = Carries { is_flexible: true, ..message(BYTES_LAYOUT, 8, 4) };
const LOG: Carries<'static> = message(LOG_LAYOUT, 256, 4);
const TIME: Carries<'static> = message(TIME_LAYOUT, 16, 8);
const CONTROL: Carries<'static> = message(CONTROL_LAYOUT, 512, 8);
const CONTROL_REPLY: Carries<'static> = message(CONTROL_REPLY_LAYOUT, 256, 8);

const fn message(layout: &str, slot_size_bytes: u32, slot_align_bytes: u32) -> Carries<'_> {
    Carries { layout, slot_size_bytes, slot_align_bytes, is_flexible: false }
}

/// Why a name is no end of a built-in instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BuiltInFault {
    /// It stands on the other side of a wire.
    Direction,
    /// The instance has these ports.
    Unknown(&'static [&'static str]),
    /// There is no such instance.
    NoInstance,
}

/// An end by its name, and what it carries; the null sink carries anything. Whether there is a file of
/// that name, the caller knows.
pub(crate) fn find_built_in(
    instance: &str,
    port: &str,
    direction: Direction,
) -> Result<(BuiltIn, Option<Carries<'static>>), BuiltInFault> {
    use Direction::{Consumer, Producer};
    Ok(match (instance, port, direction) {
        ("console", "stdin", Producer) => (BuiltIn::Stdin, Some(BYTES)),
        ("console", "stdout", Consumer) => (BuiltIn::Stdout, Some(BYTES)),
        ("console", "log", Consumer) => (BuiltIn::Log, Some(LOG)),
        ("clock", "now", Producer) => (BuiltIn::Clock, Some(TIME)),
        ("null", "bytes", Producer) => (BuiltIn::NullSource, Some(BYTES)),
        ("null", "bytes", Consumer) => (BuiltIn::NullSink, None),
        ("ring", "requests", Consumer) => (BuiltIn::RingRequests, Some(CONTROL)),
        ("ring", "replies", Producer) => (BuiltIn::RingReplies, Some(CONTROL_REPLY)),
        ("files", file, Producer) => (BuiltIn::FileRead(file.to_owned()), Some(BYTES)),
        ("files", file, Consumer) => (BuiltIn::FileWrite(file.to_owned()), Some(BYTES)),
        ("console", "stdin" | "stdout" | "log", _)
        | ("clock", "now", _)
        | ("ring", "requests" | "replies", _) => return Err(BuiltInFault::Direction),
        ("console", ..) => return Err(BuiltInFault::Unknown(&["stdin", "stdout", "log"])),
        ("clock", ..) => return Err(BuiltInFault::Unknown(&["now"])),
        ("null", ..) => return Err(BuiltInFault::Unknown(&["bytes"])),
        ("ring", ..) => return Err(BuiltInFault::Unknown(&["requests", "replies"])),
        _ => return Err(BuiltInFault::NoInstance),
    })
}
