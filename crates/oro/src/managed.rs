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
        // The first look checks the distance, which bounds it on both sides.
        Self { endpoint, is_consumer, own, peer: 0 }
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

#[cfg(test)]
mod tests {
    use super::{Consumer, Producer};
    use crate::test_memory::{TestPort, TestThread};
    use crate::{End, PeerMisbehaved, ReceiveError, SendErrorKind, TryReceiveError};
    use core::sync::atomic::Ordering::Relaxed;
    use oro_sysabi::{STATE_CLOSED, STATE_FAULTED, STATE_REVOKED};

    crate::message! { "demo.pair.v1" struct Pair { a: u64, b: u64 } }

    fn open_consumer(port: &TestPort) -> (TestThread, Consumer<Pair>) {
        let memory = TestThread::new(1);
        port.bind(&memory, 0, true, 4);
        // SAFETY: binding 0 is a consumer of this size, opened once.
        let end = unsafe { Consumer::open(memory.thread(), 0) };
        (memory, end)
    }

    fn open_producer(port: &TestPort) -> (TestThread, Producer<Pair>) {
        let memory = TestThread::new(1);
        port.bind(&memory, 0, false, 4);
        // SAFETY: binding 0 is a producer of this size, opened once.
        let end = unsafe { Producer::open(memory.thread(), 0) };
        (memory, end)
    }

    #[test]
    fn man_5_one_store_of_the_own_cursor_for_each_message() {
        // MAN-5, MAN-6
        let port = TestPort::new(16, 4);
        let (_a, mut output) = open_producer(&port);
        let (_b, mut input) = open_consumer(&port);
        assert_eq!(input.try_receive(), Err(TryReceiveError::Empty));
        for n in 0..4 {
            assert_eq!(output.available(), Ok(4 - n));
            assert_eq!(output.try_send(Pair { a: n, b: !n }), Ok(()));
            assert_eq!(port.produced.load(Relaxed), n + 1);
        }
        let refused = output.try_send(Pair { a: 4, b: 4 }).unwrap_err();
        assert_eq!((refused.kind, refused.message.a), (SendErrorKind::Full, 4));
        for n in 0..4 {
            assert_eq!(input.available(), Ok(4 - n));
            assert_eq!(input.receive(), Ok(Pair { a: n, b: !n }));
            assert_eq!(port.consumed.load(Relaxed), n + 1);
        }
        assert_eq!(input.try_receive(), Err(TryReceiveError::Empty));
        assert_eq!(output.send(Pair { a: 4, b: 4 }), Ok(()));
    }

    #[test]
    fn end_6_what_was_committed_stays_readable_after_the_end() {
        // END-6
        for state in [STATE_CLOSED, STATE_FAULTED, STATE_REVOKED] {
            let port = TestPort::new(16, 4);
            let (producer_memory, mut output) = open_producer(&port);
            let (consumer_memory, mut input) = open_consumer(&port);
            output.send(Pair { a: 1, b: 2 }).unwrap();
            consumer_memory.set(0, |binding| binding.state = state);
            assert_eq!(input.receive(), Ok(Pair { a: 1, b: 2 }));
            assert_eq!(input.receive(), Err(ReceiveError::Closed));
            assert_eq!(input.try_receive(), Err(TryReceiveError::Closed));
            producer_memory.set(0, |binding| binding.state = state);
            let refused = output.send(Pair { a: 3, b: 4 }).unwrap_err();
            assert_eq!(
                (refused.kind, refused.message),
                (SendErrorKind::Closed, Pair { a: 3, b: 4 })
            );
            assert_eq!(port.produced.load(Relaxed), 1);
        }
    }

    #[test]
    fn bind_4_impossible_cursors_are_the_peers_misbehaviour() {
        // BIND-4, PORT-8
        for (own, good, bad) in [(10, 12, 15), (10, 12, 9), (10, 12, 11), (10, 12, u64::MAX)] {
            let port = TestPort::new(16, 4);
            port.consumed.store(own, Relaxed);
            let (_memory, mut input) = open_consumer(&port);
            port.produced.store(good, Relaxed);
            assert_eq!(input.available(), Ok(good - own));
            port.produced.store(bad, Relaxed);
            assert_eq!(input.available(), Err(PeerMisbehaved), "{bad}");
            assert_eq!(input.receive(), Err(ReceiveError::PeerMisbehaved));
            assert_eq!(port.consumed.load(Relaxed), own);
        }
        for (own, good, bad) in [(10, 8, 11), (10, 8, 7), (10, 8, 5), (10, 8, u64::MAX)] {
            let port = TestPort::new(16, 4);
            port.produced.store(own, Relaxed);
            let (_memory, mut output) = open_producer(&port);
            port.consumed.store(good, Relaxed);
            assert_eq!(output.available(), Ok(4 - (own - good)));
            port.consumed.store(bad, Relaxed);
            let refused = output.send(Pair { a: 1, b: 1 }).unwrap_err();
            assert_eq!(refused.kind, SendErrorKind::PeerMisbehaved, "{bad}");
            assert_eq!(port.produced.load(Relaxed), own);
        }
    }

    #[test]
    fn two_threads_pass_every_message_once_and_in_order() {
        const COUNT: u64 = if cfg!(miri) { 100 } else { 200_000 };
        let port = TestPort::new(16, 4);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (_memory, mut output) = open_producer(&port);
                for n in 0..COUNT {
                    while output.try_send(Pair { a: n, b: !n }).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
            let (_memory, mut input) = open_consumer(&port);
            for n in 0..COUNT {
                let pair = loop {
                    match input.try_receive() {
                        Ok(pair) => break pair,
                        Err(error) => assert_eq!(error, TryReceiveError::Empty),
                    }
                    std::thread::yield_now();
                };
                assert_eq!(pair, Pair { a: n, b: !n });
            }
        });
        assert_eq!(port.consumed.load(Relaxed), COUNT);
    }
}
