//! [`ControlError`]: why Ring control did not do what it was asked for.

use core::fmt;

use oro_sysabi::{
    CONTROL_BAD_REQUEST, CONTROL_BUSY, CONTROL_DENIED, CONTROL_IMAGE, CONTROL_NAME, CONTROL_PORT,
    CONTROL_QUOTA, CONTROL_STATE, CONTROL_SYSTEM, CONTROL_TYPE, CONTROL_UNKNOWN,
    CONTROL_UNSUPPORTED, ControlReply,
};

use crate::{CallError, Error, Text};

/// What was wrong with a request, for programs (`CTL-2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlCode {
    /// No such operation, or a field that is not what the operation wants.
    BadRequest,
    /// An id that is nothing in the holder's tables.
    Unknown,
    /// The holder sees it and has no power over it, or lacks a grant.
    Denied,
    /// A name that is none, or is taken.
    Name,
    /// No image that can run here.
    Image,
    /// No such port, element or parameter, or of the other direction.
    Port,
    /// Types or slot sizes that do not fit.
    Type,
    /// Wired already, and not over: the thread at that element may not have noticed yet (`CTL-8`).
    Busy,
    /// A quota or a limit.
    Quota,
    /// Not in the state that the operation needs.
    State,
    /// This kernel cannot.
    Unsupported,
    /// The machine has failed.
    System,
    /// A code that this crate does not know.
    Other,
    /// There is no answer.
    Call(CallError),
}

impl ControlCode {
    fn of(code: u32) -> Self {
        match code {
            CONTROL_BAD_REQUEST => Self::BadRequest,
            CONTROL_UNKNOWN => Self::Unknown,
            CONTROL_DENIED => Self::Denied,
            CONTROL_NAME => Self::Name,
            CONTROL_IMAGE => Self::Image,
            CONTROL_PORT => Self::Port,
            CONTROL_TYPE => Self::Type,
            CONTROL_BUSY => Self::Busy,
            CONTROL_QUOTA => Self::Quota,
            CONTROL_STATE => Self::State,
            CONTROL_UNSUPPORTED => Self::Unsupported,
            CONTROL_SYSTEM => Self::System,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for ControlCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BadRequest => "Ring control does not understand the request",
            Self::Unknown => "Ring control knows no such id",
            Self::Denied => "Ring control has no power over that",
            Self::Name => "Ring control cannot use the name",
            Self::Image => "Ring control cannot run the image",
            Self::Port => "Ring control finds no such port, element or parameter",
            Self::Type => "Ring control cannot wire what does not fit",
            Self::Busy => "Ring control finds it wired already",
            Self::Quota => "Ring control keeps to a quota or a limit",
            Self::State => "Ring control finds it in another state",
            Self::Unsupported => "Ring control cannot do that here",
            Self::System => "Ring control has failed",
            Self::Other => "Ring control refuses, with a code that is not known here",
            Self::Call(error) => return error.fmt(formatter),
        })
    }
}

/// Why a request to Ring control came to nothing: a code, and the sentence that the kernel says, which
/// names what was wrong, where, and what would be right.
///
/// It holds the sentence itself, since there is no heap: some 260 bytes. An entry that returns one leaves
/// it in the end report (`END-8`); as an [`Error`] it is the code alone. Clippy finds it large: give it
/// `large-error-threshold = 300`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlError {
    /// What was wrong.
    pub code: ControlCode,
    /// The sentence; empty if there is none.
    pub text: Text,
}

impl ControlError {
    /// An error that this side has found.
    pub(super) fn new(code: ControlCode, text: fmt::Arguments<'_>) -> Self {
        let mut sentence = Text::new();
        // It fails only where the text is full; then the sentence is cut.
        let _ = fmt::Write::write_fmt(&mut sentence, text);
        Self { code, text: sentence }
    }

    /// What a reply says that is not `CONTROL_DONE`.
    pub(super) fn of_reply(reply: &ControlReply) -> Self {
        let length = (reply.text_length as usize).min(reply.text.len());
        let mut text = Text::new();
        // The last character may have been cut (`CTL-2`).
        for chunk in reply.text[..length].utf8_chunks().take(1) {
            text.append(chunk.valid());
        }
        Self { code: ControlCode::of(reply.code), text }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(formatter)?;
        if self.text.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.text) }
    }
}

impl core::error::Error for ControlError {}

impl From<CallError> for ControlError {
    fn from(error: CallError) -> Self {
        Self { code: ControlCode::Call(error), text: Text::new() }
    }
}

impl From<ControlError> for Error {
    fn from(error: ControlError) -> Self {
        match error.code {
            ControlCode::Call(error) => error.into(),
            code => Self::Control(code),
        }
    }
}
