//! Ends of a naive thread: [`NaiveConsumer`], an iterator, and [`NaiveProducer`]. They touch slots
//! in order and nothing else; all waiting, committing and ending happens inside the touch
//! (`NAIVE-1` to `NAIVE-10`). They do not know whether a peer lives: the thread ends when it does not.

use core::marker::PhantomData;

use oro_sysabi::{DIRECTION_CONSUMER, DIRECTION_PRODUCER};

use crate::end::Endpoint;
use crate::shared::order_accesses;
use crate::{End, Message, Thread};

/// The consuming end of a naive thread: an iterator over the messages.
///
/// Receiving waits for a message. It never gives `None`: when the producer has ended and every
/// message was received, the *thread ends* inside the call, with status 0 (`NAIVE-6`). So nothing
/// after a loop over a `NaiveConsumer` ever runs; let a message say that it is the last one, or be
/// managed, where there is more to do.
///
/// Receiving also commits what the thread has put before (`NAIVE-1`), and releases the message
/// before (`NAIVE-5`). Hence the one rule: finish an output before the next input is asked for.
/// Whatever is put is complete, so safe code with these ends cannot break it.
#[derive(Debug)]
pub struct NaiveConsumer<T> {
    endpoint: Endpoint,
    next: u64,
    messages: PhantomData<T>,
}

impl<T: Message> NaiveConsumer<T> {
    /// The next message, by value; waits for it. Ends the thread when there will be none.
    pub fn recv(&mut self) -> T {
        let slot = self.begin_slot().cast::<T>();
        // SAFETY: the slot of the next message is readable (`NAIVE-5`), is as long and as aligned as
        // a T, since wiring compares the layout, and any bytes are a T.
        let message = unsafe { slot.read_volatile() };
        order_accesses();
        message
    }

    /// Lends the next message to `look`, without a copy: for large ones. Waits and ends as
    /// [`recv`](Self::recv) does.
    pub fn recv_with<R>(&mut self, look: impl FnOnce(&T) -> R) -> R {
        let slot = self.begin_slot().cast::<T>();
        // SAFETY: the slot is readable; this read is its fresh touch (`NAIVE-5`).
        unsafe { slot.cast::<u8>().read_volatile() };
        order_accesses();
        // SAFETY: a naive end is always synchronous, so the slot is a private snapshot that nobody
        // changes (`PORT-5`) and that stays until this endpoint's next touch (`NAIVE-7`), which
        // needs the `&mut self` that is borrowed while the reference lives. Size, alignment and
        // validity as in `recv`.
        let result = look(unsafe { &*slot });
        order_accesses();
        result
    }

    fn begin_slot(&mut self) -> *const u8 {
        let slot = self.endpoint.slot(self.next);
        self.next += 1;
        order_accesses();
        slot
    }
}

impl<T: Message> Iterator for NaiveConsumer<T> {
    type Item = T;

    /// Always `Some`; see [`NaiveConsumer`].
    fn next(&mut self) -> Option<T> {
        Some(self.recv())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

/// The producing end of a naive thread.
///
/// A message that was put is committed at the thread's next touch of any Port, or when it returns
/// (`NAIVE-1`, `NAIVE-10`). Putting waits for a free slot; when the consumer has ended, the *thread
/// ends* inside the call, with status 0 (`NAIVE-3`).
#[derive(Debug)]
pub struct NaiveProducer<T> {
    endpoint: Endpoint,
    next: u64,
    messages: PhantomData<T>,
}

impl<T: Message> NaiveProducer<T> {
    /// Sends a message; waits for a free slot. Ends the thread when the consumer has ended.
    pub fn put(&mut self, message: T) {
        let slot = self.begin_slot().cast::<T>();
        // SAFETY: the slot of the next message may be stored to (`NAIVE-2`), is as long and as
        // aligned as a T, since wiring compares the layout, and is behind no reference.
        unsafe { slot.write_volatile(message) };
        order_accesses();
    }

    fn begin_slot(&mut self) -> *mut u8 {
        let slot = self.endpoint.slot(self.next);
        self.next += 1;
        order_accesses();
        slot
    }
}

impl<T: Message> Extend<T> for NaiveProducer<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, messages: I) {
        messages.into_iter().for_each(|message| self.put(message));
    }
}

// SAFETY: the constants are T's, whose layout text `Message` vouches for.
unsafe impl<T: Message> End for NaiveConsumer<T> {
    const IS_MANAGED: bool = false;
    const DIRECTION: u32 = DIRECTION_CONSUMER;
    const LAYOUT: &'static str = T::LAYOUT;
    const SLOT_SIZE_BYTES: usize = size_of::<T>();
    const SLOT_ALIGN_BYTES: usize = align_of::<T>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller vouches for thread and index.
        let endpoint = unsafe { Endpoint::open(thread, port_index) };
        Self { next: endpoint.load_first(), endpoint, messages: PhantomData }
    }
}

// SAFETY: as above.
unsafe impl<T: Message> End for NaiveProducer<T> {
    const IS_MANAGED: bool = false;
    const DIRECTION: u32 = DIRECTION_PRODUCER;
    const LAYOUT: &'static str = T::LAYOUT;
    const SLOT_SIZE_BYTES: usize = size_of::<T>();
    const SLOT_ALIGN_BYTES: usize = align_of::<T>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller vouches for thread and index.
        let endpoint = unsafe { Endpoint::open(thread, port_index) };
        Self { next: endpoint.load_first(), endpoint, messages: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::{NaiveConsumer, NaiveProducer};
    use crate::test_memory::{TestPort, TestThread};
    use crate::{End, Message};
    use core::sync::atomic::Ordering::Relaxed;

    crate::message! { "demo.pair.v1" struct Pair { a: u64, b: u64 } }

    #[test]
    fn bind_2_port_4_slot_n_is_cell_n_mod_2_from_first_on() {
        // BIND-2, PORT-4, END-7
        let (memory, port) = (TestThread::new(3), TestPort::new(16, 8));
        port.produced.store(5, Relaxed);
        port.bind(&memory, 2, false, 2);
        // SAFETY: binding 2 is a producer of this size, opened once.
        let mut output = unsafe { NaiveProducer::<Pair>::open(memory.thread(), 2) };
        output.put(Pair { a: 1, b: 2 });
        assert_eq!((port.word(1, 0).load(Relaxed), port.word(1, 1).load(Relaxed)), (1, 2));
        assert_eq!(port.word(0, 0).load(Relaxed), 0);
        output.extend([Pair { a: 3, b: 4 }, Pair { a: 5, ..Pair::zeroed() }]);
        assert_eq!((port.word(0, 0).load(Relaxed), port.word(0, 1).load(Relaxed)), (3, 4));
        assert_eq!((port.word(1, 0).load(Relaxed), port.word(1, 1).load(Relaxed)), (5, 0));
    }

    #[test]
    fn naive_5_each_receive_reads_the_next_cell_once() {
        // NAIVE-5
        let (memory, port) = (TestThread::new(1), TestPort::new(16, 8));
        port.bind(&memory, 0, true, 2);
        // SAFETY: binding 0 is a consumer of this size, opened once.
        let mut input = unsafe { NaiveConsumer::<Pair>::open(memory.thread(), 0) };
        port.word(0, 0).store(7, Relaxed);
        port.word(1, 1).store(8, Relaxed);
        assert_eq!(input.next(), Some(Pair { a: 7, b: 0 }));
        assert_eq!(input.recv_with(|pair| *pair), Pair { a: 0, b: 8 });
        port.word(0, 0).store(9, Relaxed);
        assert_eq!(input.recv(), Pair { a: 9, b: 0 });
    }

    #[test]
    fn bind_3_a_binding_is_read_anew_for_each_slot() {
        // BIND-3
        let (memory, first, second) =
            (TestThread::new(1), TestPort::new(16, 4), TestPort::new(16, 4));
        first.bind(&memory, 0, false, 2);
        // SAFETY: binding 0 is a producer of this size, opened once.
        let mut output = unsafe { NaiveProducer::<Pair>::open(memory.thread(), 0) };
        output.extend([Pair { a: 1, b: 1 }, Pair { a: 2, b: 2 }]);
        second.bind(&memory, 0, false, 4);
        output.put(Pair { a: 3, b: 3 });
        assert_eq!(second.word(2, 0).load(Relaxed), 3);
        assert_eq!(first.word(0, 0).load(Relaxed), 1);
    }
}
