//! The target `cursors`.

use std::cell::Cell;

use oro_queue::{Consumer, Cursors, PeerMisbehaved, Producer};

use crate::bytes::Bytes;

const MAX_STEPS: usize = 4096;

struct Words<'a> {
    own: &'a Cell<u64>,
    peer: &'a Cell<u64>,
}

impl Cursors for Words<'_> {
    fn load_peer(&self) -> u64 {
        self.peer.get()
    }

    fn store_own(&self, value: u64) {
        self.own.set(value);
    }
}

/// What an end must say, by the rules as they are written, not as they are computed.
struct Model {
    is_producer: bool,
    slot_count: u64,
    own: u64,
    /// The peer's cursor as it was last found possible.
    peer: u64,
}

impl Model {
    /// `BIND-4`, `PORT-8`: a peer's cursor goes on, and not past what it may have.
    fn accepts(&self, value: u64) -> bool {
        let Self { slot_count, own, peer, .. } = *self;
        let step = value.wrapping_sub(peer);
        let room = match self.is_producer {
            // A consumer takes no more than has been committed.
            true => own.wrapping_sub(peer),
            // A producer is no further ahead than the queue is long.
            false => own.wrapping_add(slot_count).wrapping_sub(peer),
        };
        step <= room
    }

    fn available(&self) -> u64 {
        match self.is_producer {
            true => self.slot_count - self.own.wrapping_sub(self.peer),
            false => self.peer.wrapping_sub(self.own),
        }
    }

    fn look(&mut self, value: u64) -> Result<u64, PeerMisbehaved> {
        if !self.accepts(value) {
            return Err(PeerMisbehaved);
        }
        self.peer = value;
        Ok(self.available())
    }
}

/// A pair of cursors, of which the peer's is whatever the bytes say (`BIND-4`, `PORT-8`), at either end
/// of a queue of any size: an end offers what is its own and no more, and an impossible cursor is an
/// error of its own that changes nothing.
///
/// # Panics
///
/// If that does not hold.
#[must_use]
pub fn cursors(bytes: &[u8]) -> bool {
    run(&mut Bytes(bytes)).is_some_and(|accepted_count| accepted_count > 0)
}

/// How many looks found a possible cursor that was not the first; nothing if there are no steps.
fn run(bytes: &mut Bytes<'_>) -> Option<u32> {
    let kind = bytes.u8()?;
    let slot_count = 1_u32 << (kind & 31).min(20);
    let first = bytes.u64()?;
    let (own, peer) = (Cell::new(first), Cell::new(first));
    let is_producer = kind & 32 != 0;
    let words = Words { own: &own, peer: &peer };
    let mut end = if is_producer {
        End::Producer(Producer::new(words, first, slot_count))
    } else {
        End::Consumer(Consumer::new(words, first, slot_count))
    };
    let slot_count = u64::from(slot_count);
    // `Producer::new`: before the first look the peer may be anywhere that the distance allows.
    let oldest = if is_producer { first.wrapping_sub(slot_count) } else { first };
    let mut model = Model { is_producer, slot_count, own: first, peer: oldest };
    let mut accepted_count = 0;
    for _ in 0..MAX_STEPS {
        let Some(step) = bytes.u8() else { break };
        let by = u64::from(step >> 3);
        match step & 7 {
            0 | 1 => peer.set(peer.get().wrapping_add(by)),
            2 => peer.set(peer.get().wrapping_sub(by)),
            3 => peer.set(bytes.u64()?),
            4 => peer.set(own.get().wrapping_add(u64::from(by > 16) * slot_count)),
            5 => {
                let is_known = model.available() >= by;
                let expected =
                    if is_known { Ok(model.available()) } else { model.look(peer.get()) };
                accepted_count += u32::from(!is_known && expected.is_ok());
                assert_eq!(end.offer(by), expected, "BIND-4");
            }
            6 => {
                let expected = model.look(peer.get());
                accepted_count += u32::from(expected.is_ok());
                assert_eq!(end.refresh(), expected, "BIND-4");
            }
            _ => {
                let count = by.min(model.available());
                end.advance(count);
                model.own = model.own.wrapping_add(count);
            }
        }
        let (number, cached) = end.state();
        assert_eq!((number, cached, end.peer()), (model.own, model.available(), model.peer));
        assert_eq!(number, own.get(), "PORT-1: what is stored is what is said");
        assert!(cached <= slot_count, "an index outside: {cached} of {slot_count} slots");
    }
    Some(accepted_count)
}

enum End<'a> {
    Producer(Producer<Words<'a>>),
    Consumer(Consumer<Words<'a>>),
}

impl End<'_> {
    fn offer(&mut self, wanted: u64) -> Result<u64, PeerMisbehaved> {
        match self {
            Self::Producer(end) => end.free(wanted),
            Self::Consumer(end) => end.ready(wanted),
        }
    }

    fn refresh(&mut self) -> Result<u64, PeerMisbehaved> {
        match self {
            Self::Producer(end) => end.refresh(),
            Self::Consumer(end) => end.refresh(),
        }
    }

    fn advance(&mut self, count: u64) {
        match self {
            Self::Producer(end) => end.commit(count),
            Self::Consumer(end) => end.release(count),
        }
    }

    /// Number of the next message, and what is offered without a look.
    fn state(&self) -> (u64, u64) {
        match self {
            Self::Producer(end) => (end.number(), end.cached_free()),
            Self::Consumer(end) => (end.number(), end.cached_ready()),
        }
    }

    fn peer(&self) -> u64 {
        match self {
            Self::Producer(end) => end.peer(),
            Self::Consumer(end) => end.peer(),
        }
    }
}
