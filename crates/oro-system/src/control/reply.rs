//! [`Reply`]: a message of `oro.ring.reply.v1`.

use alloc::string::String;
use core::fmt;

use oro_sysabi::{CONTROL_DONE, ControlReply};

use super::world::Usage;
use crate::Plan;

/// Most bytes of a reply's text.
const TEXT_BYTES: usize = 192;

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `CONTROL_BAD_REQUEST` and so on.
    pub code: u32,
    /// What was wrong, where, and what would be right.
    pub text: String,
}

impl Refusal {
    /// A refusal with its words.
    #[must_use]
    pub fn new(code: u32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl core::error::Error for Refusal {}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The request's.
    pub correlation: u64,
    /// The request's.
    pub operation: u32,
    /// What came of it.
    pub answer: Answer,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done {
        /// Id of what was made, in the holder's tables; else 0.
        id: u64,
    },
    /// What a Ring has and may have.
    Described(Description),
    /// It is not done.
    Refused(Refusal),
}

/// The answer to `DESCRIBE` (`CTL-12`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// What it has, its descendants' included.
    pub taken: Usage,
    /// What it may have; 0: no limit of its own.
    pub most: Usage,
}

impl Description {
    /// What a Ring of a plan has, and may have.
    #[must_use]
    pub fn new(plan: &Plan, ring: u32, taken: Usage) -> Self {
        let index = ring.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let most =
            index.and_then(|index| plan.rings.get(index)).map_or(Usage::default(), |ring| Usage {
                memory_bytes: ring.memory_bytes,
                port_count: ring.port_count,
                thread_count: ring.thread_count,
            });
        Self { taken, most }
    }
}

impl Reply {
    /// The message's bytes. A text that is too long is cut between two characters.
    #[must_use]
    pub fn encode(&self) -> [u8; 256] {
        let mut bytes = [0; 256];
        let mut put = |name: &str, value: &[u8]| {
            let field = ControlReply::LAYOUT.fields.iter().find(|field| field.name == name);
            let rest = field.and_then(|field| bytes.get_mut(field.offset_bytes..));
            if let Some(target) = rest.and_then(|rest| rest.get_mut(..value.len())) {
                target.copy_from_slice(value);
            }
        };
        put("correlation", &self.correlation.to_le_bytes());
        put("operation", &self.operation.to_le_bytes());
        put("code", &CONTROL_DONE.to_le_bytes());
        match &self.answer {
            Answer::Done { id } => put("id", &id.to_le_bytes()),
            Answer::Described(Description { taken, most }) => {
                put("memory_bytes", &taken.memory_bytes.to_le_bytes());
                put("memory_limit_bytes", &most.memory_bytes.to_le_bytes());
                put("port_count", &taken.port_count.to_le_bytes());
                put("port_limit", &most.port_count.to_le_bytes());
                put("thread_count", &taken.thread_count.to_le_bytes());
                put("thread_limit", &most.thread_count.to_le_bytes());
            }
            Answer::Refused(Refusal { code, text }) => {
                put("code", &code.to_le_bytes());
                let mut length = text.len().min(TEXT_BYTES);
                while !text.is_char_boundary(length) {
                    length -= 1;
                }
                put("text_length", &u32::try_from(length).unwrap_or(0).to_le_bytes());
                put("text", text.get(..length).unwrap_or_default().as_bytes());
            }
        }
        bytes
    }
}
