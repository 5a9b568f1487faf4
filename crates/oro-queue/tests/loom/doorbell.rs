//! Going to sleep on a peer's cursor: whatever the interleaving, no wake-up is lost.
//!
//! The kernel notes what the sleeper has seen, write-protects the peer's cursor page, flushes, *then*
//! reads the cursor again, and blocks the thread if it is unchanged. The peer's next store faults; the
//! kernel opens the page, and wakes the sleeper when the cursor has moved.
//!
//! On the machine a store is checked against the page's permission and then waits in the store buffer;
//! a flush interrupts the peer's processor, which drains that buffer and forgets the old permission. So
//! the reread after the flush sees the store, or the store is made after the flush and faults. The
//! model has the same either-or from two fences: the store first, then the check, a fence between them
//! whose partner is the flush (loom honours sequentially consistent fences, not accesses). The fence
//! stands for the interrupt: on the machine the peer executes none. A fault of the model finds its store
//! landed; that the machine's comes before it (*landing*) is for the kernel's own explorer.
//!
//! A lost wake-up is a deadlock, which loom reports: nobody here has a time limit.

use std::sync::Arc; // Not loom's: dropping that in a deadlock aborts the process.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};
use loom::sync::{Mutex, Notify};
use loom::thread;
use oro_queue::{Consumer, Cursors, Producer};

use self::Step::{Flush, Note, Protect, Recheck};
use crate::{check, check_bounded, expect_caught};

/// A model: how often the slot is passed on, and the rules of who takes part.
#[derive(Clone, Copy)]
struct Rules {
    slot_count: u32,
    message_count: u64,
    sleep: &'static [Step],
    store: fn(&Doorbell, u64),
    serve_fault: fn(&Doorbell),
}

/// What the kernel does, in some order, before it blocks a thread.
#[derive(Clone, Copy)]
enum Step {
    Note,
    Protect,
    Flush,
    Recheck,
}

const RIGHT: Rules = Rules {
    slot_count: 2,
    message_count: 2,
    sleep: &[Note, Protect, Flush, Recheck],
    store,
    serve_fault,
};

/// The consumer sleeps, up to twice; the producer always has room.
#[test]
fn a_sleeping_consumer_gets_every_message() {
    check(|| run(RIGHT));
}

/// Both sleep in turn: a doorbell on each cursor. Bounded: all executions are too many.
#[test]
fn both_ends_sleep_and_wake() {
    check_bounded(5, || run(Rules { slot_count: 1, ..RIGHT }));
    check_bounded(3, || run(Rules { slot_count: 1, message_count: 3, ..RIGHT }));
}

#[test]
fn mutants_of_the_doorbell_are_caught() {
    let with_steps = |sleep| Rules { sleep, ..RIGHT };
    let mutants = [
        ("reread before the protection", with_steps(&[Note, Recheck, Protect, Flush])),
        ("never reread", with_steps(&[Note, Protect, Flush])),
        ("no flush", with_steps(&[Note, Protect, Recheck])),
        ("flush before the protection", with_steps(&[Note, Flush, Protect, Recheck])),
        ("flush after the reread", with_steps(&[Note, Protect, Recheck, Flush])),
        ("note the sleeper after the protection", with_steps(&[Protect, Note, Flush, Recheck])),
        ("note the sleeper last", with_steps(&[Protect, Flush, Recheck, Note])),
        ("a processor that does not drain", Rules { store: store_without_drain, ..RIGHT }),
        ("a fault that wakes nobody", Rules { serve_fault: open_only, ..RIGHT }),
        ("a fault that opens for a sleeper", Rules { serve_fault: open_always, ..RIGHT }),
    ];
    expect_caught(&mutants, run);
}

/// A cursor, its page, and the kernel's note of who sleeps on it.
struct Doorbell {
    rules: Rules,
    cursor: AtomicU64,
    is_writable: AtomicBool,
    /// The value that a sleeper has seen. The lock is the kernel's: one event at a time.
    sleeper: Mutex<Option<u64>>,
    woken: Notify,
}

impl Doorbell {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            cursor: AtomicU64::new(0),
            is_writable: AtomicBool::new(true),
            sleeper: Mutex::new(None),
            woken: Notify::new(),
        }
    }

    /// The kernel's side of a thread that waits for the cursor to differ from what it has `seen`.
    fn sleep(&self, seen: u64) {
        for step in self.rules.sleep {
            match step {
                Note => *self.sleeper.lock().unwrap() = Some(seen),
                Protect => self.is_writable.store(false, Relaxed),
                Flush => fence(SeqCst), // Pairs with the fence of `store`.
                Recheck if self.cursor.load(Acquire) != seen => {
                    *self.sleeper.lock().unwrap() = None; // The page stays armed until it rings.
                    return;
                }
                Recheck => {}
            }
        }
        while self.sleeper.lock().unwrap().is_some() {
            self.woken.wait();
        }
    }
}

/// A store by the cursor's owner.
fn store(bell: &Doorbell, value: u64) {
    bell.cursor.store(value, Release);
    fence(SeqCst); // Pairs with the flush of `sleep`.
    if !bell.is_writable.load(Relaxed) {
        (bell.rules.serve_fault)(bell);
    }
}

fn store_without_drain(bell: &Doorbell, value: u64) {
    bell.cursor.store(value, Release);
    if !bell.is_writable.load(Relaxed) {
        (bell.rules.serve_fault)(bell);
    }
}

/// Opens the page and wakes the sleeper; leaves the page to a sleeper who has seen this store.
fn serve_fault(bell: &Doorbell) {
    let mut sleeper = bell.sleeper.lock().unwrap();
    if sleeper.is_none_or(|seen| bell.cursor.load(Acquire) != seen) {
        bell.is_writable.store(true, Relaxed);
        *sleeper = None;
        bell.woken.notify();
    }
}

fn open_only(bell: &Doorbell) {
    let _one_at_a_time = bell.sleeper.lock().unwrap();
    bell.is_writable.store(true, Relaxed);
}

/// As the right one, but opens the page also when a sleeper still waits for the next store.
fn open_always(bell: &Doorbell) {
    let mut sleeper = bell.sleeper.lock().unwrap();
    bell.is_writable.store(true, Relaxed);
    if sleeper.is_some_and(|seen| bell.cursor.load(Acquire) != seen) {
        *sleeper = None;
        bell.woken.notify();
    }
}

struct Queue {
    committed: Doorbell,
    released: Doorbell,
    slots: Vec<UnsafeCell<u64>>,
}

impl Queue {
    fn slot(&self, n: u64) -> &UnsafeCell<u64> {
        &self.slots[usize::try_from(n).unwrap() % self.slots.len()]
    }
}

/// The words of one end, behind doorbells.
struct Words {
    queue: Arc<Queue>,
    is_producer: bool,
}

impl Words {
    fn own(&self) -> &Doorbell {
        if self.is_producer { &self.queue.committed } else { &self.queue.released }
    }

    fn peer(&self) -> &Doorbell {
        if self.is_producer { &self.queue.released } else { &self.queue.committed }
    }
}

impl Cursors for Words {
    fn load_peer(&self) -> u64 {
        self.peer().cursor.load(Acquire)
    }

    fn store_own(&self, value: u64) {
        (self.own().rules.store)(self.own(), value);
    }
}

/// Passes all messages, one at a time; who finds nothing to do sleeps on the peer's cursor.
#[expect(clippy::arc_with_non_send_sync, reason = "loom's threads are all of one real thread")]
fn run(rules: Rules) {
    let queue = Arc::new(Queue {
        committed: Doorbell::new(rules),
        released: Doorbell::new(rules),
        slots: (0..rules.slot_count).map(|_| UnsafeCell::new(0)).collect(),
    });
    let words = |is_producer| Words { queue: Arc::clone(&queue), is_producer };
    let mut output = Producer::new(words(true), 0, rules.slot_count);
    let mut input = Consumer::new(words(false), 0, rules.slot_count);
    let producing = thread::spawn(move || {
        for n in 0..rules.message_count {
            while output.free(1).unwrap() == 0 {
                output.cursors().peer().sleep(output.peer());
            }
            // SAFETY: the pointer is the cell's; loom checks that nobody else uses it now.
            output.cursors().queue.slot(n).with_mut(|slot| unsafe { slot.write(!n) });
            output.commit(1);
        }
    });
    let consuming = thread::spawn(move || {
        for n in 0..rules.message_count {
            while input.ready(1).unwrap() == 0 {
                input.cursors().peer().sleep(input.peer());
            }
            // SAFETY: as above.
            let message = input.cursors().queue.slot(n).with(|slot| unsafe { slot.read() });
            assert_eq!(message, !n, "message {n}");
            input.release(1);
        }
    });
    producing.join().unwrap();
    consuming.join().unwrap();
}
