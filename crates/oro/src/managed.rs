//! Ends of a managed thread: [`Consumer`] and [`Producer`]. They look at the peer's cursor before
//! they touch a slot, and commit or release by a store to their own (`MAN-1` to `MAN-7`). They wait
//! by touching a slot that is not available (`MAN-2`); they do not wait at gates yet.

use core::marker::PhantomData;

use oro_sysabi::{DIRECTION_CONSUMER, DIRECTION_PRODUCER, STATE_WIRED};

use crate::end::Endpoint;
use crate::shared::order_accesses;
use crate::{
    End, Message, PeerMisbehaved, ReceiveError, SendError, SendErrorKind, Thread, TryReceiveError,
};

/// The consuming end of a managed thread.
///
/// Only [`receive`](Self::receive) blocks: until a message has come or the producer has ended. It
/// blocks the thread, whatever else the thread has to do.
#[derive(Debug)]
pub struct Consumer<T> {
    end: ManagedEnd,
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
    /// `Closed` when the producer has ended, after all that it had committed; `PeerMisbehaved`.
    pub fn receive(&mut self) -> Result<T, ReceiveError> {
        self.end.wait_for_message()?;
        Ok(self.take())
    }

    /// The next message if there is one; never blocks.
    ///
    /// # Errors
    ///
    /// `Empty`, `Closed` after all that the producer had committed, `PeerMisbehaved`.
    pub fn try_receive(&mut self) -> Result<T, TryReceiveError> {
        match self.end.look() {
            Ok(Look::Ready) => Ok(self.take()),
            Ok(Look::NotYet) => Err(TryReceiveError::Empty),
            Ok(Look::Closed) => Err(TryReceiveError::Closed),
            Err(PeerMisbehaved) => Err(TryReceiveError::PeerMisbehaved),
        }
    }

    /// Copies the message that is there, then releases its slot.
    fn take(&mut self) -> T {
        let slot = self.end.slot().cast::<T>();
        // SAFETY: a message is available, so the slot of the own cursor is readable (`MAN-2`); it is
        // as long and as aligned as a T, since wiring compares the layout, and any bytes are a T,
        // also those that a peer in asynchronous mode changes while they are read.
        let message = unsafe { slot.read_volatile() };
        self.end.advance();
        message
    }
}

/// The producing end of a managed thread.
///
/// Only [`send`](Self::send) blocks: until a slot is free or the consumer has ended. It blocks the
/// thread, whatever else the thread has to do.
#[derive(Debug)]
pub struct Producer<T> {
    end: ManagedEnd,
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

    /// Sends a message: committed when this returns. Waits for a free slot.
    ///
    /// # Errors
    ///
    /// Gives the message back when the consumer has ended (`Closed`) or misbehaved.
    pub fn send(&mut self, message: T) -> Result<(), SendError<T>> {
        match self.end.wait_for_room() {
            Ok(()) => self.put(message),
            Err(kind) => return Err(SendError { message, kind }),
        }
        Ok(())
    }

    /// Sends a message if a slot is free: committed when this returns. Never blocks.
    ///
    /// # Errors
    ///
    /// Gives the message back when no slot is free (`Full`), or the consumer has ended (`Closed`) or
    /// misbehaved.
    pub fn try_send(&mut self, message: T) -> Result<(), SendError<T>> {
        let kind = match self.end.look() {
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
    fn put(&mut self, message: T) {
        let slot = self.end.slot().cast::<T>();
        // SAFETY: there is room, so the slot of the own cursor may be stored to (`MAN-2`); it is as
        // long and as aligned as a T, since wiring compares the layout, and behind no reference.
        unsafe { slot.write_volatile(message) };
        self.end.advance();
    }
}

/// What a look at the peer has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A message, or room for one.
    Ready,
    /// Nothing, and the peer lives.
    NotYet,
    /// Nothing more to be done here: the peer has ended, and a consumer has taken everything.
    Closed,
}

/// Cursors of one end. The own cursor is kept here, never read back from memory.
#[derive(Debug)]
pub(crate) struct ManagedEnd {
    endpoint: Endpoint,
    is_consumer: bool,
    own: u64,
    /// The peer's cursor, when it was last looked at and found possible.
    peer: u64,
}

impl ManagedEnd {
    /// # Safety
    ///
    /// As [`End::open`]; `is_consumer` is the port's declared direction.
    pub(crate) unsafe fn open(thread: Thread, port_index: usize, is_consumer: bool) -> Self {
        // SAFETY: the caller vouches for thread and index.
        let endpoint = unsafe { Endpoint::open(thread, port_index) };
        let own = endpoint.load_first();
        // A consumer's peer has committed at least what was released; of a producer's peer nothing
        // is known but that it is at most one queue behind.
        let peer = if is_consumer { own } else { own.saturating_sub(endpoint.load_slot_count()) };
        Self { endpoint, is_consumer, own, peer }
    }

    pub(crate) fn slot(&self) -> *mut u8 {
        self.endpoint.slot(self.own)
    }

    pub(crate) fn load_slot_size_bytes(&self) -> usize {
        self.endpoint.load_slot_size_bytes()
    }

    /// Commits or releases the slot of the own cursor (`MAN-5`).
    pub(crate) fn advance(&mut self) {
        order_accesses();
        self.own += 1;
        self.endpoint.store_own_cursor(self.own);
        order_accesses();
    }

    /// Messages to read, or room to write, after checking the peer's cursor (`BIND-4`).
    pub(crate) fn available(&mut self) -> Result<u64, PeerMisbehaved> {
        let peer = self.endpoint.load_peer_cursor();
        let slot_count = self.endpoint.load_slot_count();
        let used =
            if self.is_consumer { peer.checked_sub(self.own) } else { self.own.checked_sub(peer) };
        match used {
            Some(used) if used <= slot_count && peer >= self.peer => {
                self.peer = peer;
                Ok(if self.is_consumer { used } else { slot_count - used })
            }
            _ => Err(PeerMisbehaved),
        }
    }

    pub(crate) fn look(&mut self) -> Result<Look, PeerMisbehaved> {
        // The state before the cursor: who sees the end sees the last cursor (`BIND-3`).
        let is_closed = self.endpoint.load_state() != STATE_WIRED;
        let available = self.available()?;
        Ok(match (is_closed, available) {
            (true, _) if !self.is_consumer => Look::Closed,
            (true, 0) => Look::Closed,
            (false, 0) => Look::NotYet,
            _ => Look::Ready,
        })
    }

    /// Blocks until a message is there.
    pub(crate) fn wait_for_message(&mut self) -> Result<(), ReceiveError> {
        loop {
            match self.look()? {
                Look::Ready => return Ok(()),
                Look::Closed => return Err(ReceiveError::Closed),
                Look::NotYet => {
                    // SAFETY: the slot of the own cursor; a load from it blocks until there is a
                    // message or the producer has ended (`MAN-2`, `MAN-3`). The byte is not used.
                    unsafe { self.slot().read_volatile() };
                    core::hint::spin_loop();
                }
            }
        }
    }

    /// Blocks until a slot is free.
    pub(crate) fn wait_for_room(&mut self) -> Result<(), SendErrorKind> {
        loop {
            match self.look() {
                Ok(Look::Ready) => return Ok(()),
                Ok(Look::Closed) => return Err(SendErrorKind::Closed),
                Err(PeerMisbehaved) => return Err(SendErrorKind::PeerMisbehaved),
                Ok(Look::NotYet) => {
                    // SAFETY: the slot of the own cursor; a store to it blocks until there is room
                    // or the consumer has ended (`MAN-2`, `MAN-3`). A zero, as the cell is then.
                    unsafe { self.slot().write_volatile(0) };
                    core::hint::spin_loop();
                }
            }
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
        Self { end: unsafe { ManagedEnd::open(thread, port_index, true) }, messages: PhantomData }
    }
}

// SAFETY: as above.
unsafe impl<T: Message> End for Producer<T> {
    const IS_MANAGED: bool = true;
    const DIRECTION: u32 = DIRECTION_PRODUCER;
    const LAYOUT: &'static str = T::LAYOUT;
    const SLOT_SIZE_BYTES: usize = size_of::<T>();
    const SLOT_ALIGN_BYTES: usize = align_of::<T>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller's own promise, passed on.
        Self { end: unsafe { ManagedEnd::open(thread, port_index, false) }, messages: PhantomData }
    }
}
