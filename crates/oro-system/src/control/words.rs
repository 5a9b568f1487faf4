//! What is said of ends that do not fit, in a request's words.

use alloc::format;
use alloc::string::String;

use oro_sysabi::{CONTROL_BAD_REQUEST, CONTROL_PORT, CONTROL_TYPE};

use super::reply::Refusal;
use crate::rules::{Carries, PairFault, SizeFault};

pub(super) fn explain_pair(fault: PairFault) -> Refusal {
    match fault {
        PairFault::BuiltIns => {
            Refusal::new(CONTROL_BAD_REQUEST, "one end at least is an instance's (SYS-5)")
        }
        PairFault::OneThread => Refusal::new(
            CONTROL_PORT,
            "both ends are of one thread: a Port joins two threads (SYS-5)",
        ),
    }
}

pub(super) fn explain_size(fault: SizeFault, carries: Carries<'_>) -> Refusal {
    let fixed = carries.slot_size_bytes;
    let text = match fault {
        SizeFault::Fixed => format!("`slot_size_bytes`: the type has {fixed} bytes, leave it 0"),
        SizeFault::Impossible => {
            format!("the type has {fixed} bytes: a slot has 1 byte to 16M (LIM-1)")
        }
        SizeFault::Small { size, least } => format!(
            "`slot_size_bytes` is {size}: the type's fixed part has {fixed}, so at least {least}"
        ),
        SizeFault::Large => String::from("`slot_size_bytes`: a slot has at most 16M (LIM-1)"),
        SizeFault::Unaligned { align, below } => format!(
            "`slot_size_bytes`: the type's alignment is {align}, {below} or {} would do",
            below.saturating_add(align)
        ),
    };
    Refusal::new(CONTROL_TYPE, text)
}
