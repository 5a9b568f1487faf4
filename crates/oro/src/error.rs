//! What can go wrong at an end of a Port: [`ReceiveError`], [`TryReceiveError`], [`SendError`],
//! [`PeerMisbehaved`]. It does not hold violations of this thread's own: those end the instance.

use core::fmt;

/// The peer wrote what no peer may write: a cursor outside `0 <= producer - consumer <= slot_count`
/// or going backwards (`BIND-4`), or a length greater than its slot (`TYPE-10`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerMisbehaved;

/// Why nothing was received, after waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveError {
    /// The producer has ended, and all that it committed has been received.
    Closed,
    /// What the producer says cannot be true.
    PeerMisbehaved,
}

/// Why nothing was received, without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryReceiveError {
    /// There is no message yet.
    Empty,
    /// The producer has ended, and all that it committed has been received.
    Closed,
    /// What the producer says cannot be true.
    PeerMisbehaved,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// There is no free slot; only of attempts that do not wait.
    Full,
    /// The consumer has ended.
    Closed,
    /// What the consumer says cannot be true.
    PeerMisbehaved,
}

/// A message that was not sent, given back, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendError<T> {
    /// The message.
    pub message: T,
    /// Why it was not sent.
    pub kind: SendErrorKind,
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the peer's cursor or length is impossible")
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => formatter.write_str("the producer has ended"),
            Self::PeerMisbehaved => PeerMisbehaved.fmt(formatter),
        }
    }
}

impl fmt::Display for TryReceiveError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("no message is there yet"),
            Self::Closed => ReceiveError::Closed.fmt(formatter),
            Self::PeerMisbehaved => PeerMisbehaved.fmt(formatter),
        }
    }
}

impl fmt::Display for SendErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("no slot is free"),
            Self::Closed => formatter.write_str("the consumer has ended"),
            Self::PeerMisbehaved => PeerMisbehaved.fmt(formatter),
        }
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(formatter)
    }
}

impl core::error::Error for PeerMisbehaved {}
impl core::error::Error for ReceiveError {}
impl core::error::Error for TryReceiveError {}
impl core::error::Error for SendErrorKind {}
impl<T: fmt::Debug> core::error::Error for SendError<T> {}

impl From<PeerMisbehaved> for ReceiveError {
    fn from(_: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved
    }
}
