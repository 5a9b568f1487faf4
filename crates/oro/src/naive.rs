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
    pub fn receive(&mut self) -> T {
        let slot = self.begin_slot().cast::<T>();
        // SAFETY: the slot of the next message is readable (`NAIVE-5`), is as long and as aligned as
        // a T, since wiring compares the layout, and any bytes are a T.
        let message = unsafe { slot.read_volatile() };
        order_accesses();
        message
    }

    /// Lends the next message to `look`, without a copy: for large ones. Waits and ends as
    /// [`receive`](Self::receive) does.
    pub fn receive_with<R>(&mut self, look: impl FnOnce(&T) -> R) -> R {
        let slot = self.begin_slot().cast::<T>();
        // SAFETY: the slot is readable; this read is its fresh touch (`NAIVE-5`).
        unsafe { slot.cast::<u8>().read_volatile() };
        order_accesses();
        // SAFETY: a naive end is always synchronous, so the slot is a private snapshot that nobody
        // changes (`PORT-5`) and that stays until this endpoint's next touch (`NAIVE-7`), which
        // needs the `&mut self` that is borrowed while the reference lives. Size, alignment and
        // validity as in `receive`.
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
        Some(self.receive())
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
