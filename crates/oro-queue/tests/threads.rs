//! Two threads and real atomics: every message once, in order, whatever the batches.
//!
//! Slots are relaxed atomics, so that the cursors' orderings alone keep a message from being seen
//! before it is written, and Miri (`cargo miri test -p oro-queue`) finds no race in the test itself.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::thread;

use oro_queue::{Consumer, Cursors, Producer};

const MESSAGE_COUNT: u64 = if cfg!(miri) { 200 } else { 200_000 };

struct Words<'a> {
    own: &'a AtomicU64,
    peer: &'a AtomicU64,
}

impl Cursors for Words<'_> {
    fn load_peer(&self) -> u64 {
        self.peer.load(Acquire) // Pairs with the release store below, in the other thread.
    }

    fn store_own(&self, value: u64) {
        self.own.store(value, Release);
    }
}

struct Queue {
    committed: AtomicU64,
    released: AtomicU64,
    slots: Vec<AtomicU64>,
    first: u64,
}

impl Queue {
    fn new(slot_count: u32, first: u64) -> Self {
        let slots = (0..slot_count).map(|_| AtomicU64::new(0)).collect();
        Self { committed: AtomicU64::new(first), released: AtomicU64::new(first), slots, first }
    }

    fn slot_count(&self) -> u32 {
        self.slots.len().try_into().expect("few slots")
    }

    fn slot(&self, n: u64) -> &AtomicU64 {
        let index = n % u64::from(self.slot_count());
        &self.slots[usize::try_from(index).expect("few slots")]
    }

    /// Commits all messages, at most `batch` at once.
    fn produce(&self, batch: u64) {
        let words = Words { own: &self.committed, peer: &self.released };
        let mut output = Producer::new(words, self.first, self.slot_count());
        let mut left = MESSAGE_COUNT;
        while left > 0 {
            let count = output.free(1).expect("an honest peer").min(batch).min(left);
            for offset in 0..count {
                let n = output.number().wrapping_add(offset);
                self.slot(n).store(mix(n), Relaxed);
            }
            if count == 0 {
                thread::yield_now();
            } else {
                output.commit(count);
            }
            left -= count;
        }
    }

    /// Takes all messages, at most `batch` at once.
    fn consume(&self, batch: u64) {
        let words = Words { own: &self.released, peer: &self.committed };
        let mut input = Consumer::new(words, self.first, self.slot_count());
        let mut left = MESSAGE_COUNT;
        while left > 0 {
            let count = input.ready(1).expect("an honest peer").min(batch).min(left);
            for offset in 0..count {
                let n = input.number().wrapping_add(offset);
                assert_eq!(self.slot(n).load(Relaxed), mix(n), "message {n}");
            }
            if count == 0 {
                thread::yield_now();
            } else {
                input.release(count);
            }
            left -= count;
        }
        assert_eq!(input.refresh(), Ok(0));
    }
}

/// What message `n` says: no two say the same, and none is what an empty slot holds.
fn mix(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555
}

/// PORT-1
#[test]
fn port_1_every_message_once_and_in_order() {
    let shapes = [(1, 1, 1, 0), (2, 2, 1, 0), (4, 1, 4, u64::MAX - 50), (64, 64, 64, 7)];
    for (slot_count, commit_batch, release_batch, first) in shapes {
        let queue = Queue::new(slot_count, first);
        thread::scope(|scope| {
            scope.spawn(|| queue.produce(commit_batch));
            queue.consume(release_batch);
        });
        let last = first.wrapping_add(MESSAGE_COUNT);
        assert_eq!((queue.committed.into_inner(), queue.released.into_inner()), (last, last));
    }
}
