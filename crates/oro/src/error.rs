//! What can go wrong at an end of a Port: [`RecvError`], [`TryRecvError`], [`SendError`],
//! [`PeerMisbehaved`]; and [`Error`], which all of them become by `?`. It does not hold violations of this thread's own: those end the instance.

use core::fmt;

use crate::CallError;
use crate::ring::ControlCode;

/// What can go wrong in a thread that does several things with its ends. Each error of this crate
/// becomes one by `?`:
///
/// ```no_run
/// use oro::{ByteReader, ByteWriter};
///
/// fn copy(mut from: ByteReader, mut to: ByteWriter) -> Result<(), oro::Error> {
///     let mut piece = [0; 1024];
///     loop {
///         match from.read(&mut piece)? {
///             0 => break,
///             length => to.write(&piece[..length])?,
///         }
///     }
///     Ok(to.finish()?)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no message yet; only of attempts that do not wait, or not longer than until a deadline.
    Empty,
    /// There is no free slot; likewise.
    Full,
    /// The producer has ended, and all that it committed has been received.
    ProducerEnded,
    /// The consumer has ended.
    ConsumerEnded,
    /// What the peer says cannot be true.
    PeerMisbehaved,
    /// As many requests as the caller has places for are on their way.
    TooManyCalls,
    /// The server has ended.
    ServerEnded,
    /// The server was replaced after the request was sent (`END-7`).
    ServerRestarted,
    /// There was no reply until the deadline.
    TimedOut,
    /// Ring control refused; its sentence is in the [`ControlError`](crate::ring::ControlError) that this
    /// was made of.
    Control(ControlCode),
}

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

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => TryRecvError::Empty.fmt(formatter),
            Self::Full => SendErrorKind::Full.fmt(formatter),
            Self::ProducerEnded => RecvError::Closed.fmt(formatter),
            Self::ConsumerEnded => SendErrorKind::Closed.fmt(formatter),
            Self::PeerMisbehaved => PeerMisbehaved.fmt(formatter),
            Self::TooManyCalls => CallError::TooMany.fmt(formatter),
            Self::ServerEnded => CallError::Closed.fmt(formatter),
            Self::ServerRestarted => CallError::Restarted.fmt(formatter),
            Self::TimedOut => CallError::TimedOut.fmt(formatter),
            Self::Control(code) => code.fmt(formatter),
        }
    }
}

impl core::error::Error for Error {}
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

impl From<PeerMisbehaved> for Error {
    fn from(_: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved
    }
}

impl From<RecvError> for Error {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Closed => Self::ProducerEnded,
            RecvError::PeerMisbehaved => Self::PeerMisbehaved,
        }
    }
}

impl From<TryRecvError> for Error {
    fn from(error: TryRecvError) -> Self {
        match error {
            TryRecvError::Empty => Self::Empty,
            TryRecvError::Closed => Self::ProducerEnded,
            TryRecvError::PeerMisbehaved => Self::PeerMisbehaved,
        }
    }
}

impl From<SendErrorKind> for Error {
    fn from(kind: SendErrorKind) -> Self {
        match kind {
            SendErrorKind::Full => Self::Full,
            SendErrorKind::Closed => Self::ConsumerEnded,
            SendErrorKind::PeerMisbehaved => Self::PeerMisbehaved,
        }
    }
}

impl<T> From<SendError<T>> for Error {
    fn from(error: SendError<T>) -> Self {
        error.kind.into()
    }
}

impl From<SendBatchError> for Error {
    fn from(error: SendBatchError) -> Self {
        error.kind.into()
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::TooMany => Self::TooManyCalls,
            CallError::Closed => Self::ServerEnded,
            CallError::Restarted => Self::ServerRestarted,
            CallError::TimedOut => Self::TimedOut,
            CallError::PeerMisbehaved => Self::PeerMisbehaved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        CallError, Error, PeerMisbehaved, RecvError, SendBatchError, SendError, SendErrorKind,
        TryRecvError,
    };
    use std::string::ToString as _;

    #[test]
    fn each_error_becomes_the_common_one_and_says_the_same() {
        fn check<E: Into<Error> + core::fmt::Display>(error: E, expected: Error) {
            let text = error.to_string();
            let common: Error = error.into();
            assert_eq!(common, expected);
            assert_eq!(common.to_string(), text);
        }
        check(PeerMisbehaved, Error::PeerMisbehaved);
        check(RecvError::Closed, Error::ProducerEnded);
        check(RecvError::PeerMisbehaved, Error::PeerMisbehaved);
        check(TryRecvError::Empty, Error::Empty);
        check(TryRecvError::Closed, Error::ProducerEnded);
        check(SendErrorKind::Full, Error::Full);
        check(SendError { message: 7, kind: SendErrorKind::Closed }, Error::ConsumerEnded);
        check(CallError::TooMany, Error::TooManyCalls);
        check(CallError::Closed, Error::ServerEnded);
        check(CallError::Restarted, Error::ServerRestarted);
        check(CallError::TimedOut, Error::TimedOut);
        // Which peer misbehaved, and how far a batch came, is not told any more.
        assert_eq!(Error::from(CallError::PeerMisbehaved), Error::PeerMisbehaved);
        let batch = SendBatchError { sent: 3, kind: SendErrorKind::Closed };
        assert_eq!(Error::from(batch), Error::ConsumerEnded);
        assert_eq!(size_of::<Error>(), 1);
    }
}
