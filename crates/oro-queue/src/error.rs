//! [`PeerMisbehaved`]: the one thing that can go wrong at an end.

use core::error::Error;
use core::fmt;

/// The peer's cursor is one that no peer may have: outside `0 <= producer - consumer <= slot_count`,
/// or lower than it was (`BIND-4`, `PORT-8`).
///
/// The value is not adopted: the end is as it was before the look, and what it had offered is still
/// there to be used. Each further look reports the error again while the peer's cursor stays impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerMisbehaved;

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the peer's cursor is impossible: it went backwards or past the queue")
    }
}

impl Error for PeerMisbehaved {}
