//! What can go wrong at an end of a Port: [`RecvError`], [`TryRecvError`], [`SendError`],
//! [`PeerMisbehaved`]. It does not hold violations of this thread's own: those end the instance.

use core::fmt;

/// The peer wrote what no peer may write: a cursor outside `0 <= producer - consumer <= slot_count`
/// or going backwards (`BIND-4`), or a length greater than its slot (`TYPE-10`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerMisbehaved;

/// Why nothing was received, after waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// The producer has ended, and all that it committed has been received.
    Closed,
    /// What the producer says cannot be true.
    PeerMisbehaved,
}

/// Why nothing was received, without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
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

/// How far a batch came, and why no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendBatchError {
    /// Messages that were sent.
    pub sent: usize,
    /// Why the others were not.
    pub kind: SendErrorKind,
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

impl fmt::Display for RecvError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => formatter.write_str("the producer has ended"),
            Self::PeerMisbehaved => PeerMisbehaved.fmt(formatter),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("no message is there yet"),
            Self::Closed => RecvError::Closed.fmt(formatter),
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

impl fmt::Display for SendBatchError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} after {} messages", self.kind, self.sent)
    }
}

impl core::error::Error for SendBatchError {}
impl core::error::Error for PeerMisbehaved {}
impl core::error::Error for RecvError {}
impl core::error::Error for TryRecvError {}
impl core::error::Error for SendErrorKind {}
impl<T: fmt::Debug> core::error::Error for SendError<T> {}

impl From<PeerMisbehaved> for RecvError {
    fn from(_: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved
    }
}

impl From<PeerMisbehaved> for SendErrorKind {
    fn from(_: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved
    }
}

impl<T> From<SendError<T>> for SendErrorKind {
    fn from(error: SendError<T>) -> Self {
        error.kind
    }
}
