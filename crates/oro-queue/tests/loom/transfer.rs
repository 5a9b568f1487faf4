//! Transfer of messages: no slot is read before it is written, or written before it is read.
//!
//! Slots are cells whose unordered accesses the model checker reports, so that a wrong ordering or a
//! wrong sum is a data race. Nobody sleeps here: who finds nothing tries again.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{
    AtomicU64,
    Ordering::{self, Acquire, Relaxed, Release},
};
use loom::thread;
use oro_queue::{Consumer, Cursors, Producer};

use crate::{check, expect_caught};

/// One model: a queue, what goes through it, and what is right or wrong with its ends.
#[derive(Clone, Copy)]
struct Shape {
    first: u64,
    slot_count: u32,
    message_count: u64,
    /// Most messages in a commit or a release.
    batch: u64,
    produce: fn(&mut Producer<Words>, u64) -> u64,
    consume: fn(&mut Consumer<Words>, u64) -> u64,
    producer_orders: Orders,
    consumer_orders: Orders,
}

#[derive(Clone, Copy)]
struct Orders {
    store: Ordering,
    load: Ordering,
}

const RIGHT_ORDERS: Orders = Orders { store: Release, load: Acquire };
const RIGHT: Shape = Shape {
    first: 0,
    slot_count: 1,
    message_count: 2,
    batch: 1,
    produce,
    consume,
    producer_orders: RIGHT_ORDERS,
    consumer_orders: RIGHT_ORDERS,
};

/// PORT-1, BIND-4: one slot, each message waits for the release of the one before.
#[test]
fn port_1_messages_pass_through_one_slot() {
    check(|| run(Shape { message_count: 3, ..RIGHT }));
}

/// PORT-1: two slots, in batches, across the wrap of the cursors.
#[test]
fn port_1_batches_pass_through_two_slots() {
    check(|| run(Shape { slot_count: 2, message_count: 3, ..RIGHT }));
    check(|| run(Shape { slot_count: 2, message_count: 3, batch: 2, ..RIGHT }));
    check(|| {
        run(Shape { slot_count: 2, message_count: 4, batch: 2, first: u64::MAX - 1, ..RIGHT })
    });
}

#[test]
fn port_8_mutants_of_the_transfer_are_caught() {
    let relaxed_store = Orders { store: Relaxed, ..RIGHT_ORDERS };
    let relaxed_load = Orders { load: Relaxed, ..RIGHT_ORDERS };
    let mutants = [
        ("commit with relaxed", Shape { producer_orders: relaxed_store, ..RIGHT }),
        ("consumer looks with relaxed", Shape { consumer_orders: relaxed_load, ..RIGHT }),
        ("release with relaxed", Shape { consumer_orders: relaxed_store, ..RIGHT }),
        ("producer looks with relaxed", Shape { producer_orders: relaxed_load, ..RIGHT }),
        ("commit before the slot is written", Shape { produce: produce_late, ..RIGHT }),
        ("release before the slot is read", Shape { consume: consume_late, ..RIGHT }),
        ("write beyond what is free", Shape { produce: produce_unchecked, ..RIGHT }),
        ("read beyond what is ready", Shape { consume: consume_unchecked, ..RIGHT }),
    ];
    expect_caught(&mutants, run);
}

struct Queue {
    committed: AtomicU64,
    released: AtomicU64,
    slots: Vec<UnsafeCell<u64>>,
}

impl Queue {
    fn slot(&self, n: u64) -> &UnsafeCell<u64> {
        &self.slots[usize::try_from(n).unwrap() % self.slots.len()]
    }

    fn write(&self, n: u64) {
        // SAFETY: the pointer is the cell's; that nobody else uses it now is what the model checks.
        self.slot(n).with_mut(|slot| unsafe { slot.write(!n) });
    }

    fn read(&self, n: u64) {
        // SAFETY: as above.
        let message = self.slot(n).with(|slot| unsafe { slot.read() });
        assert_eq!(message, !n, "message {n}");
    }
}

/// The words of one end.
struct Words {
    queue: Arc<Queue>,
    is_producer: bool,
    orders: Orders,
}

impl Cursors for Words {
    fn load_peer(&self) -> u64 {
        let Queue { committed, released, .. } = &*self.queue;
        if self.is_producer { released } else { committed }.load(self.orders.load)
    }

    fn store_own(&self, value: u64) {
        let Queue { committed, released, .. } = &*self.queue;
        if self.is_producer { committed } else { released }.store(value, self.orders.store);
    }
}

/// Passes all messages. Both ends are spawned threads: loom lets the main thread's first load see
/// the first value only.
fn run(shape: Shape) {
    let queue = Arc::new(Queue {
        committed: AtomicU64::new(shape.first),
        released: AtomicU64::new(shape.first),
        slots: (0..shape.slot_count).map(|_| UnsafeCell::new(0)).collect(),
    });
    let words = |is_producer, orders| Words { queue: Arc::clone(&queue), is_producer, orders };
    let mut output =
        Producer::new(words(true, shape.producer_orders), shape.first, shape.slot_count);
    let mut input =
        Consumer::new(words(false, shape.consumer_orders), shape.first, shape.slot_count);
    let producing = thread::spawn(move || {
        pass_all(shape, |most| (shape.produce)(&mut output, most));
    });
    let consuming = thread::spawn(move || {
        pass_all(shape, |most| (shape.consume)(&mut input, most));
    });
    producing.join().unwrap();
    consuming.join().unwrap();
    let last = shape.first.wrapping_add(shape.message_count);
    assert_eq!((queue.committed.load(Acquire), queue.released.load(Acquire)), (last, last));
}

/// Calls `pass` with the most that it may pass until it has passed all messages.
fn pass_all(shape: Shape, mut pass: impl FnMut(u64) -> u64) {
    let mut left = shape.message_count;
    while left > 0 {
        let count = pass(left.min(shape.batch));
        if count == 0 {
            thread::yield_now();
        }
        left -= count;
    }
}

fn produce(output: &mut Producer<Words>, most: u64) -> u64 {
    let count = output.free(1).unwrap().min(most);
    (0..count)
        .for_each(|offset| output.cursors().queue.write(output.number().wrapping_add(offset)));
    if count > 0 {
        output.commit(count);
    }
    count
}

fn consume(input: &mut Consumer<Words>, most: u64) -> u64 {
    let count = input.ready(1).unwrap().min(most);
    (0..count).for_each(|offset| input.cursors().queue.read(input.number().wrapping_add(offset)));
    if count > 0 {
        input.release(count);
    }
    count
}

fn produce_late(output: &mut Producer<Words>, most: u64) -> u64 {
    let count = output.free(1).unwrap().min(most).min(1);
    if count > 0 {
        let n = output.number();
        output.commit(count);
        output.cursors().queue.write(n);
    }
    count
}

fn consume_late(input: &mut Consumer<Words>, most: u64) -> u64 {
    let count = input.ready(1).unwrap().min(most).min(1);
    if count > 0 {
        let n = input.number();
        input.release(count);
        input.cursors().queue.read(n);
    }
    count
}

/// Writes the next slot whatever is free; commits it when it is.
fn produce_unchecked(output: &mut Producer<Words>, most: u64) -> u64 {
    output.cursors().queue.write(output.number());
    produce(output, most)
}

/// Reads the next slot whatever is ready; releases it when it is.
fn consume_unchecked(input: &mut Consumer<Words>, most: u64) -> u64 {
    input.cursors().queue.read(input.number());
    consume(input, most)
}
