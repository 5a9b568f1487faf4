//! [`Producer`], the producing end of a managed thread, and [`Reservation`], slots that are filled in
//! place. How it waits is in `managed.rs`.

use core::marker::PhantomData;

use oro_sysabi::DIRECTION_PRODUCER;

use crate::managed::{Look, ProducingEnd};
use crate::shared::{begins_line, prefetch_for_writing, slots_ahead, write_message};
use crate::slot::{step, write_messages};
use crate::{
    End, Instant, Message, PeerMisbehaved, SendBatchError, SendError, SendErrorKind, SlotMut,
    Thread,
};

/// The producing end of a managed thread.
///
/// What is sent is committed when the call returns. Waiting is spinning for some microseconds, where
/// there are CPUs for it, then sleeping at a gate; to wait for several ends at once see
/// [`wait`](crate::wait()) and [`block_on`](crate::executor::block_on).
///
/// An end belongs to its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<oro::Producer<oro::Log>>();
/// ```
#[derive(Debug)]
pub struct Producer<T> {
    pub(crate) end: ProducingEnd,
    messages: PhantomData<T>,
}

impl<T: Message> Producer<T> {
    /// How many messages can be sent now without blocking.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`]: the consumer's cursor is impossible (`BIND-4`).
    pub fn available(&mut self) -> Result<u64, PeerMisbehaved> {
        self.end.available()
    }

    /// Sends a message; waits for a free slot.
    ///
    /// # Errors
    ///
    /// Gives the message back when the consumer has ended (`Closed`) or misbehaved.
    #[inline]
    pub fn send(&mut self, message: T) -> Result<(), SendError<T>> {
        match self.end.wait_for_room() {
            Ok(()) => self.put(message),
            Err(kind) => return Err(SendError { message, kind }),
        }
        Ok(())
    }

    /// Sends a message; waits for a free slot until the deadline.
    ///
    /// # Errors
    ///
    /// Gives the message back when no slot became free (`Full`), or the consumer has ended (`Closed`)
    /// or misbehaved.
    pub fn send_until(&mut self, message: T, deadline: Instant) -> Result<(), SendError<T>> {
        let look = match self.end.look() {
            Ok(Look::NotYet) => self.end.wait(Some(deadline)),
            look => look,
        };
        self.finish_send(message, look)
    }

    /// Sends a message if a slot is free; never blocks.
    ///
    /// # Errors
    ///
    /// Gives the message back when no slot is free (`Full`), or the consumer has ended (`Closed`) or
    /// misbehaved.
    #[inline]
    pub fn try_send(&mut self, message: T) -> Result<(), SendError<T>> {
        let look = self.end.look();
        self.finish_send(message, look)
    }

    #[inline]
    fn finish_send(
        &mut self,
        message: T,
        look: Result<Look, PeerMisbehaved>,
    ) -> Result<(), SendError<T>> {
        let kind = match look {
            Ok(Look::Ready) => {
                self.put(message);
                return Ok(());
            }
            Ok(Look::NotYet) => SendErrorKind::Full,
            Ok(Look::Closed) => SendErrorKind::Closed,
            Err(PeerMisbehaved) => SendErrorKind::PeerMisbehaved,
        };
        Err(SendError { message, kind })
    }

    /// Writes a message to the free slot, then commits it.
    #[inline]
    fn put(&mut self, message: T) {
        let slot = self.end.slot();
        self.prefetch(slot, 0);
        let slot = slot.cast::<T>();
        // SAFETY: there is room, so the slot of the own cursor may be stored to (`MAN-2`, `ASYNC-1`);
        // it is as long and as aligned as a T, since wiring compares the layout, and behind no
        // reference.
        unsafe { write_message(slot, message) };
        self.end.hand_over(1);
    }

    /// Asks for the lines of a slot that is written some slots after `slot`, which is `index` after the
    /// next: only if it is known to be free, so that nothing is taken from a consumer that is reading.
    #[inline(always)]
    fn prefetch(&self, slot: *mut u8, index: usize) {
        let ahead = (index + slots_ahead::<T>()) as u64;
        if begins_line::<T>(slot) && self.end.cached() > ahead {
            let number = self.end.number().wrapping_add(ahead);
            prefetch_for_writing::<T>(self.end.endpoint().slot(number));
        }
    }

    /// Sends all of these messages; waits for free slots. In asynchronous mode as many as there is
    /// room for are committed at once.
    ///
    /// # Errors
    ///
    /// When the consumer has ended (`Closed`) or misbehaved, with how many had been sent.
    pub fn send_batch(&mut self, messages: &[T]) -> Result<(), SendBatchError> {
        let mut sent = 0;
        while sent < messages.len() {
            match self.end.wait_for_slots(messages.len() - sent) {
                Ok(()) => sent += self.put_run(&messages[sent..]),
                Err(kind) => return Err(SendBatchError { sent, kind }),
            }
        }
        Ok(())
    }

    /// Sends as many of these messages as there are free slots; never blocks. How many that were; 0
    /// only of none.
    ///
    /// # Errors
    ///
    /// When no slot is free (`Full`), or the consumer has ended (`Closed`) or misbehaved; none has been
    /// sent then.
    pub fn try_send_batch(&mut self, messages: &[T]) -> Result<usize, SendErrorKind> {
        let mut sent = 0;
        while sent < messages.len() {
            match self.end.look_for((messages.len() - sent) as u64) {
                Ok(Look::Ready) => sent += self.put_run(&messages[sent..]),
                _ if sent > 0 => break,
                Ok(Look::NotYet) => return Err(SendErrorKind::Full),
                Ok(Look::Closed) => return Err(SendErrorKind::Closed),
                Err(PeerMisbehaved) => return Err(SendErrorKind::PeerMisbehaved),
            }
        }
        Ok(sent)
    }

    /// Sends every message of an iterator; waits for free slots. In asynchronous mode those that there
    /// is room for are committed together, so an iterator that takes its time delays them.
    ///
    /// # Errors
    ///
    /// As [`send_batch`](Self::send_batch). A message that was taken from the iterator and not sent is
    /// lost.
    pub fn send_all(
        &mut self,
        messages: impl IntoIterator<Item = T>,
    ) -> Result<(), SendBatchError> {
        let mut messages = messages.into_iter().peekable();
        let mut sent = 0;
        while messages.peek().is_some() {
            let mut slots =
                self.reserve(usize::MAX).map_err(|kind| SendBatchError { sent, kind })?;
            while !slots.is_full()
                && let Some(message) = messages.next()
            {
                slots.push(message);
            }
            sent += slots.commit();
        }
        Ok(())
    }

    /// Copies the first of these messages to the free slots that lie side by side, and commits them. How
    /// many that were: at least one of the available.
    #[inline]
    fn put_run(&mut self, messages: &[T]) -> usize {
        let count = self.end.span(messages.len());
        let stride_bytes = self.end.endpoint().load_stride_bytes();
        // SAFETY: `span` says that so many free slots lie one after the other from the own cursor's on;
        // as long and as aligned as a T, since wiring compares the layout.
        unsafe { write_messages(&messages[..count], self.end.slot(), stride_bytes) };
        self.end.hand_over(count);
        count
    }

    /// Free slots to be filled in place, at least one and at most `most`; waits for one. They lie side
    /// by side: in synchronous mode one, in asynchronous mode those up to the queue's end.
    ///
    /// # Errors
    ///
    /// The consumer has ended (`Closed`) or misbehaved.
    ///
    /// # Panics
    ///
    /// If `most` is 0.
    #[inline]
    pub fn reserve(&mut self, most: usize) -> Result<Reservation<'_, T>, SendErrorKind> {
        assert!(most > 0, "a reservation has at least one slot");
        self.end.wait_for_slots(most)?;
        Ok(Reservation::new(self, most))
    }

    /// Likewise, without waiting.
    ///
    /// # Errors
    ///
    /// No slot is free (`Full`), or the consumer has ended (`Closed`) or misbehaved.
    ///
    /// # Panics
    ///
    /// If `most` is 0.
    #[inline]
    pub fn try_reserve(&mut self, most: usize) -> Result<Reservation<'_, T>, SendErrorKind> {
        assert!(most > 0, "a reservation has at least one slot");
        match self.end.look_for(most as u64) {
            Ok(Look::Ready) => Ok(Reservation::new(self, most)),
            Ok(Look::NotYet) => Err(SendErrorKind::Full),
            Ok(Look::Closed) => Err(SendErrorKind::Closed),
            Err(PeerMisbehaved) => Err(SendErrorKind::PeerMisbehaved),
        }
    }

    /// Whether messages pass without faults now: this end has become asynchronous (`MODE-2`). For
    /// diagnosis; every operation works in both modes.
    #[must_use]
    pub fn is_asynchronous(&self) -> bool {
        !self.end.endpoint().is_synchronous()
    }
}

/// Free slots that are filled in order, in place. Nothing is sent before [`commit`](Self::commit);
/// dropped without it, nothing at all.
#[derive(Debug)]
pub struct Reservation<'end, T> {
    producer: &'end mut Producer<T>,
    /// The first slot; `count` slots from here on are free, `stride_bytes` apart.
    first: *mut u8,
    stride_bytes: u64,
    count: usize,
    filled: usize,
}

impl<'end, T: Message> Reservation<'end, T> {
    #[inline]
    fn new(producer: &'end mut Producer<T>, most: usize) -> Self {
        let (first, count) = (producer.end.slot(), producer.end.span(most));
        // They stay as they are until this end's own cursor is stored (`MODE-2`, `MODE-4`).
        let stride_bytes = producer.end.endpoint().load_stride_bytes();
        Self { producer, first, stride_bytes, count, filled: 0 }
    }

    /// How many slots there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Never: there is at least one slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether all slots are filled.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.filled == self.count
    }

    /// Writes a message to the next slot.
    ///
    /// # Panics
    ///
    /// If all slots are filled.
    #[inline]
    pub fn push(&mut self, message: T) {
        self.push_in_place().write(message);
    }

    /// The next slot, to be written in place, all of it; it counts as filled. Writing nothing to it costs
    /// the Port its asynchronous mode, or sends an older message again.
    ///
    /// # Panics
    ///
    /// If all slots are filled.
    #[inline]
    pub fn push_in_place(&mut self) -> SlotMut<'_, T> {
        assert!(self.filled < self.count, "all reserved slots are filled");
        let at = step(self.first, self.filled, self.stride_bytes);
        self.producer.prefetch(at, self.filled);
        self.filled += 1;
        // SAFETY: one of the free slots; each is handed out once, and not committed while it is
        // borrowed.
        unsafe { SlotMut::new(at) }
    }

    /// Sends what was filled, by one store. How many messages that were.
    #[inline]
    pub fn commit(self) -> usize {
        if self.filled > 0 {
            self.producer.end.hand_over(self.filled);
        }
        self.filled
    }
}

// SAFETY: the constants are T's, whose layout text `Message` vouches for.
unsafe impl<T: Message> End for Producer<T> {
    const IS_MANAGED: bool = true;
    const DIRECTION: u32 = DIRECTION_PRODUCER;
    const LAYOUT: &'static str = T::LAYOUT;
    const SLOT_SIZE_BYTES: usize = size_of::<T>();
    const SLOT_ALIGN_BYTES: usize = align_of::<T>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller's own promise, passed on.
        Self { end: unsafe { ProducingEnd::open(thread, port_index) }, messages: PhantomData }
    }
}
