//! [`Consumer`]: the releasing end. It does not read slots.

use crate::pair::Pair;
use crate::{Cursors, PeerMisbehaved};

/// The consuming end of a queue: which slots hold messages, and their release.
///
/// Messages are numbered as cursors count; the slot of message `n` is `n & (slot_count - 1)` of the
/// queue. Slots [`number`](Self::number) up to, not including, `number + ready` hold messages, as far
/// as the producer is honest: it may go on writing to them, so copy before you check. Numbers wrap
/// at 2^64.
#[derive(Debug)]
pub struct Consumer<C> {
    pair: Pair<C>,
}

impl<C: Cursors> Consumer<C> {
    /// An end that has released `first` messages (`Binding::first`: 0, or where its predecessor
    /// stopped), on a queue of `slot_count` slots.
    ///
    /// Neither loads nor stores. The first look at the producer's cursor accepts what lies in
    /// `first ..= first + slot_count`; later looks, in addition, nothing lower than before.
    #[inline]
    pub fn new(cursors: C, first: u64, slot_count: u32) -> Self {
        Self { pair: Pair::new(cursors, first, u64::from(slot_count), 0) }
    }

    /// Number of the next message to be released: the own cursor.
    #[inline]
    pub fn number(&self) -> u64 {
        self.pair.own()
    }

    /// Messages that are known to be there, without a load; 0 before the first look.
    #[inline]
    pub fn cached_ready(&self) -> u64 {
        self.pair.available()
    }

    /// How many messages are there; looks at the producer's cursor only if fewer than `wanted` are known
    /// to be.
    ///
    /// The answer may be less than `wanted`, and more. A `wanted` above the slot count looks each time.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`]: the producer's cursor is impossible. Nothing has changed.
    #[inline]
    pub fn ready(&mut self, wanted: u64) -> Result<u64, PeerMisbehaved> {
        self.pair.offer(wanted)
    }

    /// How many messages are there, by a look at the producer's cursor in any case.
    ///
    /// After a change of the peer's state this gives its last word: load the state with acquire first
    /// (`BIND-3`). What was committed before the peer's end stays ready.
    ///
    /// # Errors
    ///
    /// As [`ready`](Self::ready).
    #[inline]
    pub fn refresh(&mut self) -> Result<u64, PeerMisbehaved> {
        self.pair.refresh()
    }

    /// Releases the next `count` messages: one release store, after which their slots are the producer's.
    /// Read what you need of them before.
    ///
    /// In synchronous mode a store releases exactly one slot: `count` is 1 there (`MAN-5`), and so it
    /// is wherever the mode is not known. Never panics in a release build; a `count` above
    /// [`cached_ready`](Self::cached_ready) is a mistake of the caller (a debug assertion) that the
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
    /// # let words = Words { own: Cell::new(7), peer: Cell::new(9) };
    /// // A predecessor has released 7 messages; the producer has committed 9.
    /// let mut input = oro_queue::Consumer::new(&words, 7, 4);
    /// assert_eq!(input.ready(1), Ok(2));
    /// // ... read the slots of messages 7 and 8, then:
    /// input.release(2);
    /// assert_eq!((input.number(), input.cached_ready()), (9, 0));
    /// # assert_eq!(words.own.get(), 9);
    /// ```
    #[inline]
    pub fn release(&mut self, count: u64) {
        self.pair.advance(count);
    }

    /// The producer's cursor when it was last looked at and found possible: the value to sleep on, when
    /// nothing was ready. `first` before the first look.
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
