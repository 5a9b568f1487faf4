//! [`Consumer`], the consuming end of a managed thread, and [`Messages`], what is read in place. How
//! it waits is in `managed.rs`.

use core::marker::PhantomData;

use oro_sysabi::DIRECTION_CONSUMER;

use crate::managed::{ConsumingEnd, Look};
use crate::shared::{prefetch_for_reading, read_message, slots_ahead};
use crate::slot::{read_messages, step};
use crate::{End, Instant, Message, PeerMisbehaved, RecvError, Slot, Thread, TryRecvError};

/// The consuming end of a managed thread.
///
/// What is received is a copy, and its slot is released when the call returns. Waiting is spinning for
/// some microseconds, where there are CPUs for it, then sleeping at a gate; to wait for several ends
/// at once see [`wait`](crate::wait()) and [`block_on`](crate::executor::block_on).
///
/// An end belongs to its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<oro::Consumer<oro::Log>>();
/// ```
#[derive(Debug)]
pub struct Consumer<T> {
    pub(crate) end: ConsumingEnd,
    messages: PhantomData<T>,
}

impl<T: Message> Consumer<T> {
    /// How many messages can be received now without blocking; 0 also when the producer has ended.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`]: the producer's cursor is impossible (`BIND-4`).
    pub fn available(&mut self) -> Result<u64, PeerMisbehaved> {
        self.end.available()
    }

    /// The next message; waits for it.
    ///
    /// # Errors
    ///
    /// `Closed` when the producer has ended, after all that it had committed, or at once when the Port has been
    /// revoked; `PeerMisbehaved`, after all that was known to be there before.
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.end.wait_for_message()?;
        Ok(self.take())
    }

    /// The next message; waits for it until the deadline.
    ///
    /// # Errors
    ///
    /// `Empty` when none has come; else as [`recv`](Self::recv).
    pub fn recv_until(&mut self, deadline: Instant) -> Result<T, TryRecvError> {
        let mut look = self.end.look();
        if look == Ok(Look::NotYet) {
            look = self.end.wait(Some(deadline));
        }
        self.finish_recv(look)
    }

    /// The next message if there is one; never blocks.
    ///
    /// # Errors
    ///
    /// `Empty`, `Closed` after all that the producer had committed, `PeerMisbehaved`.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let look = self.end.look();
        self.finish_recv(look)
    }

    #[inline]
    fn finish_recv(&mut self, look: Result<Look, PeerMisbehaved>) -> Result<T, TryRecvError> {
        check(look)?;
        Ok(self.take())
    }

    /// Copies the message that is there, then releases its slot.
    #[inline]
    fn take(&mut self) -> T {
        let message = self.copy();
        self.end.hand_over(1);
        message
    }

    /// Copies the message that is there: a look has said so. It stays.
    #[inline]
    pub(crate) fn copy(&self) -> T {
        let slot = self.end.slot().cast_const().cast::<T>();
        // SAFETY: a message is available, so the slot of the own cursor is readable (`MAN-2`,
        // `ASYNC-1`); it is as long and as aligned as a T, since wiring compares the layout, and any
        // bytes are a T, also those that a peer in asynchronous mode changes while they are read.
        unsafe { read_message(slot) }
    }

    /// Copies messages to `messages`, as many as there are and it takes; waits for one. How many that
    /// were; 0 only if it takes none. In asynchronous mode they are released together.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv); none has been received then.
    pub fn recv_batch(&mut self, messages: &mut [T]) -> Result<usize, RecvError> {
        if messages.is_empty() {
            return Ok(0);
        }
        self.end.wait_for_messages(messages.len())?;
        Ok(self.take_known(messages))
    }

    /// Likewise, without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv); none has been received then.
    pub fn try_recv_batch(&mut self, messages: &mut [T]) -> Result<usize, TryRecvError> {
        if messages.is_empty() {
            return Ok(0);
        }
        check(self.end.look_for(messages.len() as u64))?;
        Ok(self.take_known(messages))
    }

    /// Copies the messages that are known to be there and releases them, run by run.
    fn take_known(&mut self, messages: &mut [T]) -> usize {
        let mut taken = 0;
        loop {
            let count = self.end.span(messages.len() - taken);
            if count == 0 || (taken > 0 && self.end.deliver() != Look::Ready) {
                return taken;
            }
            let run = &mut messages[taken..taken + count];
            let stride_bytes = self.end.endpoint().load_stride_bytes();
            // SAFETY: `span` says that so many slots of available messages lie one after the other
            // from the own cursor's on; else as in `take`.
            unsafe { read_messages(run, self.end.slot(), stride_bytes) };
            self.end.hand_over(count);
            taken += count;
        }
    }

    /// The next messages, to be read in place; waits for one. They lie side by side: in synchronous
    /// mode one, in asynchronous mode those that are there, up to the queue's end.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[inline]
    pub fn peek(&mut self) -> Result<Messages<'_, T>, RecvError> {
        self.end.wait_for_message()?;
        Ok(Messages::new(self))
    }

    /// Likewise, without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    #[inline]
    pub fn try_peek(&mut self) -> Result<Messages<'_, T>, TryRecvError> {
        check(self.end.look())?;
        Ok(Messages::new(self))
    }

    /// How many producers came before the present one (`END-7`).
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.end.endpoint().load_epoch()
    }

    /// Whether messages pass without faults now: this end has become asynchronous (`MODE-2`). For
    /// diagnosis; every operation works in both modes.
    #[must_use]
    pub fn is_asynchronous(&self) -> bool {
        !self.end.endpoint().is_synchronous()
    }
}

#[inline]
fn check(look: Result<Look, PeerMisbehaved>) -> Result<(), TryRecvError> {
    match look {
        Ok(Look::Ready) => Ok(()),
        Ok(Look::NotYet) => Err(TryRecvError::Empty),
        Ok(Look::Closed) => Err(TryRecvError::Closed),
        Err(PeerMisbehaved) => Err(TryRecvError::PeerMisbehaved),
    }
}

/// Messages that are there, read in place. They stay until they are [released](Self::release): dropped
/// without it, the next call gives them again.
#[derive(Debug)]
pub struct Messages<'end, T> {
    consumer: &'end mut Consumer<T>,
    /// The first slot; `count` messages lie from here on, `stride_bytes` apart.
    first: *mut u8,
    stride_bytes: u64,
    count: usize,
}

impl<'end, T: Message> Messages<'end, T> {
    #[inline]
    fn new(consumer: &'end mut Consumer<T>) -> Self {
        let (first, count) = (consumer.end.slot(), consumer.end.span(usize::MAX));
        // They stay as they are until this end's own cursor is stored (`MODE-2`, `MODE-4`).
        let stride_bytes = consumer.end.endpoint().load_stride_bytes();
        Self { consumer, first, stride_bytes, count }
    }

    /// How many messages there are, at least one.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Never: there is at least one message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The message with this index, in its slot.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Slot<'_, T>> {
        if index >= self.count {
            return None;
        }
        let at = step(self.first, index, self.stride_bytes);
        // One that is there: nothing is taken from a producer that is writing.
        let ahead = index + slots_ahead::<T>();
        if ahead < self.count {
            prefetch_for_reading::<T>(step(self.first, ahead, self.stride_bytes));
        }
        // SAFETY: one of the available messages; `release` needs the borrow back.
        Some(unsafe { Slot::new(at) })
    }

    /// The messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = Slot<'_, T>> {
        (0..self.count).filter_map(|index| self.get(index))
    }

    /// Releases the first `count` messages, by one store.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[inline]
    pub fn release(self, count: usize) {
        assert!(count <= self.count, "more messages released than there are");
        if count > 0 {
            self.consumer.end.hand_over(count);
        }
    }
}

// SAFETY: the constants are T's, whose layout text `Message` vouches for.
unsafe impl<T: Message> End for Consumer<T> {
    const IS_MANAGED: bool = true;
    const DIRECTION: u32 = DIRECTION_CONSUMER;
    const LAYOUT: &'static str = T::LAYOUT;
    const SLOT_SIZE_BYTES: usize = size_of::<T>();
    const SLOT_ALIGN_BYTES: usize = align_of::<T>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller's own promise, passed on.
        Self { end: unsafe { ConsumingEnd::open(thread, port_index) }, messages: PhantomData }
    }
}
