//! [`Producer`]: the committing end. It does not write slots.

use crate::pair::Pair;
use crate::{Cursors, PeerMisbehaved};

/// The producing end of a queue: which slots may be written, and their commit.
///
/// Messages are numbered as cursors count; the slot of message `n` is `n & (slot_count - 1)` of the
/// queue. Slots [`number`](Self::number) up to, not including, `number + free` are this end's alone;
/// they may hold bytes of older messages. Numbers wrap at 2^64.
#[derive(Debug)]
pub struct Producer<C> {
    pair: Pair<C>,
}

impl<C: Cursors> Producer<C> {
    /// An end that has committed `first` messages (`Binding::first`: 0, or where its predecessor
    /// stopped), on a queue of `slot_count` slots.
    ///
    /// Neither loads nor stores. The first look at the consumer's cursor accepts what lies in
    /// `first - slot_count ..= first`; later looks, in addition, nothing lower than before.
    #[inline]
    pub fn new(cursors: C, first: u64, slot_count: u32) -> Self {
        let slot_count = u64::from(slot_count);
        Self { pair: Pair::new(cursors, first, slot_count, slot_count) }
    }

    /// Number of the next message to be committed: the own cursor.
    #[inline]
    pub fn number(&self) -> u64 {
        self.pair.own()
    }

    /// Slots that are known to be free, without a load; 0 before the first look.
    #[inline]
    pub fn cached_free(&self) -> u64 {
        self.pair.available()
    }

    /// How many slots are free; looks at the consumer's cursor only if fewer than `wanted` are known
    /// to be.
    ///
    /// The answer may be less than `wanted`, and more. A `wanted` above the slot count looks each time.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`]: the consumer's cursor is impossible. Nothing has changed.
    #[inline]
    pub fn free(&mut self, wanted: u64) -> Result<u64, PeerMisbehaved> {
        self.pair.offer(wanted)
    }

    /// How many slots are free, by a look at the consumer's cursor in any case.
    ///
    /// After a change of the peer's state this gives its last word: load the state with acquire first
    /// (`BIND-3`).
    ///
    /// # Errors
    ///
    /// As [`free`](Self::free).
    #[inline]
    pub fn refresh(&mut self) -> Result<u64, PeerMisbehaved> {
        self.pair.refresh()
    }

    /// Commits the next `count` messages: one release store, after which their slots are the consumer's.
    /// Write every byte of the slots before.
    ///
    /// In synchronous mode a store commits exactly one slot: `count` is 1 there (`MAN-5`), and so it
    /// is wherever the mode is not known. Never panics in a release build; a `count` above
    /// [`cached_free`](Self::cached_free) is a mistake of the caller (a debug assertion) that the
    /// kernel ends the instance for (`MAN-6`), and what this end says after it means nothing.
    ///
    /// # Example
    ///
    /// ```
    /// # use core::cell::Cell;
    /// # struct Words { own: Cell<u64>, peer: Cell<u64> }
    /// # impl oro_queue::Cursors for &Words {
    /// #     fn load_peer(&self) -> u64 { self.peer.get() }
    /// #     fn store_own(&self, value: u64) { self.own.set(value) }
    /// # }
    /// # let words = Words { own: Cell::new(0), peer: Cell::new(0) };
    /// let mut output = oro_queue::Producer::new(&words, 0, 2);
    /// assert_eq!(output.free(1), Ok(2));
    /// // ... write the slots of messages 0 and 1, then:
    /// output.commit(2);
    /// assert_eq!((output.number(), output.cached_free()), (2, 0));
    /// # assert_eq!(words.own.get(), 2);
    /// ```
    #[inline]
    pub fn commit(&mut self, count: u64) {
        self.pair.advance(count);
    }

    /// The consumer's cursor when it was last looked at and found possible: the value to sleep on, when
    /// nothing was free. `first - slot_count` before the first look.
    #[inline]
    pub fn peer(&self) -> u64 {
        self.pair.peer()
    }

    /// The words that this end was made with.
    #[inline]
    pub fn cursors(&self) -> &C {
        self.pair.cursors()
    }
}
