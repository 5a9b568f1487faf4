//! Requests at gates: what a thread asks for, decoded and checked once (`GATE-2`, `GATE-3`).
//!
//! Key items: [`GateRequest`], [`decode_request`]. What waiting means is in `waiting.rs`.

use alloc::vec::Vec;

use oro_sysabi::{
    CONDITION_COUNT, NO_DEADLINE, Request, WAIT_BINDING, WAIT_PEER, WAIT_RING, WAIT_WORD, WAKE_WORD,
};

use crate::EndpointId;

/// What a thread asked for when it touched its gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GateRequest {
    /// At most [`CONDITION_COUNT`].
    pub conditions: Vec<Condition>,
    /// Nanoseconds from the touch; `None`: for ever.
    pub deadline_ns: Option<u64>,
}

/// One thing to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The cursor of this endpoint's peer is greater than a value, or the peer has ended.
    Peer {
        /// The thread's own endpoint.
        end: EndpointId,
        /// The value.
        value: u64,
    },
    /// The Ring's generation is not this.
    Ring {
        /// The generation.
        generation: u64,
    },
    /// State or epoch of a binding are not these.
    Binding {
        /// The index of the thread's own binding.
        binding: u32,
        /// The endpoint that it is now; `None`: it is not wired. The core puts one that is wired later here.
        end: Option<EndpointId>,
        /// `state | epoch << 32`.
        seen: u64,
    },
    /// A word of the instance's memory has another value.
    Word {
        /// Where it is.
        address: u64,
        /// It had when it was read, once, while the thread was stopped.
        has_changed: bool,
    },
    /// Nothing to wait for: threads of the instance that wait for this word are woken.
    Wake {
        /// Where it is.
        address: u64,
    },
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestProblem {
    /// More conditions than there is room for.
    TooManyConditions {
        /// How many it says.
        count: u32,
    },
    /// Flags or other fields that must be zero are not.
    ReservedNotZero,
    /// No such kind of condition.
    UnknownKind {
        /// Which condition.
        condition: u32,
        /// What it says.
        kind: u32,
    },
    /// The thread has no such binding, or it is another thread's.
    NoSuchBinding {
        /// Which condition.
        condition: u32,
        /// The binding's index.
        binding: u32,
    },
    /// A cursor to wait for, of a port that is not wired.
    NotWired {
        /// Which condition.
        condition: u32,
        /// The binding's index.
        binding: u32,
    },
    /// No aligned word of the instance's own writable memory.
    BadAddress {
        /// Which condition.
        condition: u32,
        /// The address.
        address: u64,
    },
}

/// A binding, as a platform knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BindingOwner {
    /// The thread's own, and wired.
    Own(EndpointId),
    /// The thread's own, and not wired.
    Unwired,
    /// None, or another thread's.
    Nobody,
}

/// Decodes a copy of a request page.
///
/// `find_binding` says what the binding with an index is to the thread; `load_word` reads a word of
/// the instance's memory once, or gives `None` if there is no writable, aligned one.
///
/// # Errors
///
/// The first thing that is wrong with it, which is a violation (`GATE-3`).
pub fn decode_request(
    request: &Request,
    find_binding: impl Fn(u32) -> BindingOwner,
    mut load_word: impl FnMut(u64) -> Option<u32>,
) -> Result<GateRequest, RequestProblem> {
    if request.count > CONDITION_COUNT {
        return Err(RequestProblem::TooManyConditions { count: request.count });
    }
    let is_reserved_zero = request.reserved0 == 0
        && request.reserved1.iter().all(|word| *word == 0)
        && request.reserved2.iter().all(|word| *word == 0);
    if !is_reserved_zero || request.flags != 0 {
        return Err(RequestProblem::ReservedNotZero);
    }
    let mut conditions = Vec::with_capacity(request.count as usize);
    for (condition, raw) in (0..request.count).zip(&request.conditions) {
        let no_binding = RequestProblem::NoSuchBinding { condition, binding: raw.index };
        let bad_address = RequestProblem::BadAddress { condition, address: raw.value };
        conditions.push(match raw.kind {
            WAIT_PEER => match find_binding(raw.index) {
                BindingOwner::Own(end) => Condition::Peer { end, value: raw.value },
                BindingOwner::Unwired => {
                    return Err(RequestProblem::NotWired { condition, binding: raw.index });
                }
                BindingOwner::Nobody => return Err(no_binding),
            },
            WAIT_RING => Condition::Ring { generation: raw.value },
            WAIT_BINDING => match find_binding(raw.index) {
                BindingOwner::Own(end) => {
                    Condition::Binding { binding: raw.index, end: Some(end), seen: raw.value }
                }
                BindingOwner::Unwired => {
                    Condition::Binding { binding: raw.index, end: None, seen: raw.value }
                }
                BindingOwner::Nobody => return Err(no_binding),
            },
            WAIT_WORD => {
                let word = load_word(raw.value).ok_or(bad_address)?;
                Condition::Word { address: raw.value, has_changed: word != raw.index }
            }
            WAKE_WORD => {
                load_word(raw.value).ok_or(bad_address)?;
                Condition::Wake { address: raw.value }
            }
            kind => return Err(RequestProblem::UnknownKind { condition, kind }),
        });
    }
    let deadline_ns = (request.deadline_ns != NO_DEADLINE).then_some(request.deadline_ns);
    Ok(GateRequest { conditions, deadline_ns })
}
