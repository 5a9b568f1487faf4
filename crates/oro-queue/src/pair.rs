//! [`Pair`]: the arithmetic that both ends share. It does not know which of the two it serves.

use crate::{Cursors, PeerMisbehaved};

/// An end's own cursor and what it knows of its peer's.
///
/// All sums wrap at 2^64. Invariant, as long as the end's user keeps to what is offered:
/// `limit - own <= slot_count`.
#[derive(Debug)]
pub(crate) struct Pair<C> {
    cursors: C,
    /// The own cursor. Never read back from memory.
    own: u64,
    /// The first number that is not offered: the last valid peer's cursor plus `lead`.
    limit: u64,
    slot_count: u64,
    /// How far the limit lies beyond the peer's cursor: `slot_count` for a producer, 0 for a consumer.
    lead: u64,
}

impl<C: Cursors> Pair<C> {
    /// Offers nothing before the first look: the peer's cursor may be anywhere that the distance allows.
    #[inline]
    pub(crate) fn new(cursors: C, first: u64, slot_count: u64, lead: u64) -> Self {
        Self { cursors, own: first, limit: first, slot_count, lead }
    }

    #[inline]
    pub(crate) fn cursors(&self) -> &C {
        &self.cursors
    }

    #[inline]
    pub(crate) fn own(&self) -> u64 {
        self.own
    }

    #[inline]
    pub(crate) fn peer(&self) -> u64 {
        self.limit.wrapping_sub(self.lead)
    }

    /// Slots that the last valid peer's cursor offers.
    #[inline]
    pub(crate) fn available(&self) -> u64 {
        self.limit.wrapping_sub(self.own)
    }

    /// Slots on offer; looks at the peer only if fewer than `wanted` are known of.
    #[inline]
    pub(crate) fn offer(&mut self, wanted: u64) -> Result<u64, PeerMisbehaved> {
        let known = self.available();
        if known >= wanted { Ok(known) } else { self.refresh() }
    }

    /// Slots on offer, after a look at the peer.
    #[inline]
    pub(crate) fn refresh(&mut self) -> Result<u64, PeerMisbehaved> {
        // The one load, into a private copy; everything is decided on the copy.
        let limit = self.cursors.load_peer().wrapping_add(self.lead);
        // At most all slots can be on offer, and the peer can only go on: one comparison for both
        // rules, since a step back is a huge step forward (`BIND-4`).
        let advance = limit.wrapping_sub(self.limit);
        if advance > self.slot_count.wrapping_sub(self.available()) {
            return Err(PeerMisbehaved);
        }
        self.limit = limit;
        Ok(self.available())
    }

    /// Hands `count` slots over: the own cursor, by one release store.
    #[inline]
    pub(crate) fn advance(&mut self, count: u64) {
        debug_assert!(count <= self.available(), "slots handed over that were never offered");
        self.own = self.own.wrapping_add(count);
        self.cursors.store_own(self.own);
    }
}
