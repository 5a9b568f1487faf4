//! What both kinds of managed ends share: [`ManagedEnd`], an end of `oro-queue` at a binding, and how
//! it waits. It looks at the peer's cursor before a slot is touched, always: a touch of a slot that
//! is not available would cost the Port its asynchronous mode (`MODE-1`). It does not read or write
//! slots.

use oro_sysabi::{Condition, STATE_FOREIGN, STATE_REVOKED, STATE_WIRED, WAIT_PEER};

use crate::end::Endpoint;
use crate::wait::Interest;
use crate::{Instant, PeerMisbehaved, RecvError, SendErrorKind, Thread};

/// How long a producer waits for half of the queue, before it waits for one slot. Whoever lets others
/// wait for what it does after it could else wait for ever, on a consumer that waits for it.
const HALF_FREE_NS: u64 = 100_000;

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

/// One of the two ends of `oro-queue`.
pub(crate) trait Side {
    const IS_CONSUMER: bool;
    fn make(endpoint: Endpoint, first: u64, slot_count: u32) -> Self;
    fn endpoint(&self) -> &Endpoint;
    fn number(&self) -> u64;
    fn cached(&self) -> u64;
    fn offer(&mut self, wanted: u64) -> Result<u64, oro_queue::PeerMisbehaved>;
    fn refresh(&mut self) -> Result<u64, oro_queue::PeerMisbehaved>;
    fn hand_over(&mut self, count: u64);
}

macro_rules! side {
    ($end:ident, $is_consumer:literal, $cached:ident, $offer:ident, $hand_over:ident) => {
        impl Side for oro_queue::$end<Endpoint> {
            const IS_CONSUMER: bool = $is_consumer;

            #[inline]
            fn make(endpoint: Endpoint, first: u64, slot_count: u32) -> Self {
                Self::new(endpoint, first, slot_count)
            }

            #[inline]
            fn endpoint(&self) -> &Endpoint {
                self.cursors()
            }

            #[inline]
            fn number(&self) -> u64 {
                self.number()
            }

            #[inline]
            fn cached(&self) -> u64 {
                self.$cached()
            }

            #[inline]
            fn offer(&mut self, wanted: u64) -> Result<u64, oro_queue::PeerMisbehaved> {
                self.$offer(wanted)
            }

            #[inline]
            fn refresh(&mut self) -> Result<u64, oro_queue::PeerMisbehaved> {
                self.refresh()
            }

            #[inline]
            fn hand_over(&mut self, count: u64) {
                self.$hand_over(count);
            }
        }
    };
}

side!(Consumer, true, cached_ready, ready, release);
side!(Producer, false, cached_free, free, commit);

pub(crate) type ConsumingEnd = ManagedEnd<oro_queue::Consumer<Endpoint>>;
pub(crate) type ProducingEnd = ManagedEnd<oro_queue::Producer<Endpoint>>;

/// A managed end without the type of its messages.
#[derive(Debug)]
pub(crate) struct ManagedEnd<Q> {
    queue: Q,
    slot_count: u32,
    spin: Spin,
}

impl<Q: Side> ManagedEnd<Q> {
    /// # Safety
    ///
    /// As [`End::open`](crate::End::open), for a port of this side's direction.
    pub(crate) unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller vouches for thread and index.
        let endpoint = unsafe { Endpoint::open(thread, port_index) };
        let slot_count = endpoint.load_slot_count();
        let queue = Q::make(endpoint, endpoint.load_first(), slot_count);
        Self { queue, slot_count, spin: Spin::new() }
    }

    #[inline]
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.queue.endpoint()
    }

    pub(crate) fn thread(&self) -> Thread {
        self.endpoint().thread()
    }

    /// Number of the next message.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.queue.number()
    }

    /// Messages or slots that are known to be available.
    #[inline]
    pub(crate) fn cached(&self) -> u64 {
        self.queue.cached()
    }

    /// Address of the slot of the next message.
    #[inline]
    pub(crate) fn slot(&self) -> *mut u8 {
        self.endpoint().slot(self.number())
    }

    /// Messages or slots that are known to be available, that lie one after the other, and that one
    /// store may hand over; at most `wanted`.
    #[inline]
    pub(crate) fn span(&self, wanted: usize) -> usize {
        let run = self.endpoint().load_run(self.number());
        #[expect(clippy::cast_possible_truncation, reason = "at most `wanted`")]
        let span = self.queue.cached().min(run).min(wanted as u64) as usize;
        span
    }

    /// Commits or releases the next `count` messages: available ones, 1 in synchronous mode.
    #[inline]
    pub(crate) fn hand_over(&mut self, count: usize) {
        self.queue.hand_over(count as u64);
    }

    /// Messages to read, or room to write, after a look at the peer's cursor (`BIND-4`).
    pub(crate) fn available(&mut self) -> Result<u64, PeerMisbehaved> {
        self.queue.refresh().map_err(|_| PeerMisbehaved)
    }

    /// Looks at the peer, unless what is known of it suffices. A producer hears of its consumer's end
    /// at once, a consumer of its producer's when it has taken everything.
    #[inline]
    pub(crate) fn look(&mut self) -> Result<Look, PeerMisbehaved> {
        self.look_for(1)
    }

    /// Likewise, and looks for more if fewer than `wanted` are known of; one suffices.
    #[inline]
    pub(crate) fn look_for(&mut self, wanted: u64) -> Result<Look, PeerMisbehaved> {
        if Q::IS_CONSUMER && self.queue.cached() >= wanted {
            return Ok(self.deliver());
        }
        // The state before the cursor: who sees the end sees the last cursor (`BIND-3`).
        let is_wired = self.endpoint().load_state() == STATE_WIRED;
        if !Q::IS_CONSUMER && !is_wired {
            return Ok(Look::Closed);
        }
        Ok(match self.queue.offer(wanted) {
            Ok(0) if is_wired => Look::NotYet,
            Ok(0) => Look::Closed,
            Ok(_) => self.deliver(),
            Err(_) => return Err(PeerMisbehaved),
        })
    }

    /// Whether the next message, which the cursors say is there, can be read. Of a Port that has been revoked
    /// nothing is left (`END-13`); in synchronous mode only a touch settles that, since from then on the
    /// message is the thread's.
    #[inline]
    pub(crate) fn deliver(&self) -> Look {
        if Q::IS_CONSUMER && self.endpoint().is_synchronous() {
            if self.endpoint().load_state() == STATE_FOREIGN {
                return Look::Closed; // Whose touch would be a violation (`END-14`).
            }
            // SAFETY: a message is available, so the slot of the own cursor is readable (`MAN-2`); or the Port
            // has been revoked, and it reads as zeros.
            let _ = unsafe { self.slot().read_volatile() };
            if self.endpoint().load_state() == STATE_REVOKED {
                return Look::Closed;
            }
        }
        Look::Ready
    }

    /// Looks, and waits while there is nothing: spins first, then blocks at the gate. `NotYet`: the
    /// deadline has passed.
    #[inline(always)]
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> Result<Look, PeerMisbehaved> {
        // By value: an end whose address nobody has can live in registers.
        let endpoint = *self.endpoint();
        let nothing = Self { queue: Q::make(endpoint, 0, 1), slot_count: 1, spin: Spin::new() };
        let (end, look) = core::mem::replace(self, nothing).wait_apart(deadline);
        *self = end;
        look
    }

    #[cold]
    #[inline(never)]
    fn wait_apart(mut self, deadline: Option<Instant>) -> (Self, Result<Look, PeerMisbehaved>) {
        let look = self.wait_here(deadline);
        (self, look)
    }

    fn wait_here(&mut self, deadline: Option<Instant>) -> Result<Look, PeerMisbehaved> {
        let thread = self.thread();
        for _ in 0..self.spin.limit(thread) {
            match self.look() {
                Ok(Look::NotYet) => core::hint::spin_loop(),
                found => {
                    self.spin.hit();
                    return found;
                }
            }
        }
        self.spin.miss();
        if deadline.is_none()
            && let Some(condition) = self.half_free_condition()
        {
            thread.touch_gate(&[condition], HALF_FREE_NS);
        }
        let mut found = Ok(Look::NotYet);
        let Interest::When(condition) = self.interest() else { return self.look() };
        thread.block(&[condition], deadline, 0, || {
            found = self.look();
            found != Ok(Look::NotYet)
        });
        found
    }

    /// What to wait for, so that an operation does not block: a peer's cursor beyond a value, or its end.
    pub(crate) fn interest(&self) -> Interest {
        let number = self.number();
        let value = if Q::IS_CONSUMER {
            Some(number)
        } else {
            // As many slots as were never used are free from the start.
            number.checked_sub(u64::from(self.slot_count))
        };
        value.map_or(Interest::Now, |value| Interest::When(self.peer_condition(value)))
    }

    /// For a producer that finds the queue full: half of it is free. A stream's producer is then woken
    /// once for many messages. Never where a message costs faults anyway, nor of few slots.
    fn half_free_condition(&self) -> Option<Condition> {
        let slot_count = u64::from(self.slot_count);
        if Q::IS_CONSUMER || slot_count < 4 || self.endpoint().is_synchronous() {
            return None;
        }
        let full = self.number().checked_sub(slot_count)?;
        Some(self.peer_condition(full + slot_count / 2 - 1))
    }

    fn peer_condition(&self, value: u64) -> Condition {
        Condition { kind: WAIT_PEER, index: self.endpoint().index(), value }
    }
}

impl ConsumingEnd {
    /// A message is available when this returns; waits for it.
    #[inline]
    pub(crate) fn wait_for_message(&mut self) -> Result<(), RecvError> {
        if self.queue.cached_ready() > 0 && !self.endpoint().is_synchronous() {
            return Ok(());
        }
        self.wait_for_messages(1)
    }

    /// At least one message is available when this returns, and `wanted` of them if they are there.
    #[inline]
    pub(crate) fn wait_for_messages(&mut self, wanted: usize) -> Result<(), RecvError> {
        let mut look = self.look_for(wanted.max(1) as u64)?;
        if look == Look::NotYet {
            look = self.wait(None)?;
        }
        if look == Look::Ready { Ok(()) } else { Err(RecvError::Closed) }
    }
}

impl ProducingEnd {
    /// A slot is free when this returns; waits for it.
    #[inline]
    pub(crate) fn wait_for_room(&mut self) -> Result<(), SendErrorKind> {
        self.wait_for_slots(1)
    }

    /// At least one slot is free when this returns, and `wanted` of them if they are.
    #[inline]
    pub(crate) fn wait_for_slots(&mut self, wanted: usize) -> Result<(), SendErrorKind> {
        let mut look = self.look_for(wanted.max(1) as u64)?;
        if look == Look::NotYet {
            look = self.wait(None)?;
        }
        if look == Look::Ready { Ok(()) } else { Err(SendErrorKind::Closed) }
    }
}

/// How long an end spins before it blocks: some ten microseconds while that helps. A sleep costs both
/// sides page faults.
#[derive(Debug)]
pub(crate) struct Spin {
    limit: u32,
    misses: u32,
}

impl Spin {
    /// Looks at a cursor, with a pause each: 10 to 40 microseconds, as processors pause.
    const MOST: u32 = 500;
    const LEAST: u32 = 16;

    pub(crate) fn new() -> Self {
        Self { limit: Self::MOST, misses: 0 }
    }

    /// How often to look. Not at all where the peer cannot run meanwhile.
    pub(crate) fn limit(&self, thread: Thread) -> u32 {
        match thread.root_page().cpu_count {
            0 | 1 => 0,
            _ => self.limit,
        }
    }

    pub(crate) fn hit(&mut self) {
        (self.limit, self.misses) = (Self::MOST, 0);
    }

    /// Spins less from now on, but for every eighth time: the peer may have become fast.
    pub(crate) fn miss(&mut self) {
        self.misses = self.misses.wrapping_add(1);
        self.limit = if self.misses.is_multiple_of(8) {
            Self::MOST
        } else {
            (self.limit / 2).max(Self::LEAST)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{ManagedEnd, Spin};
    use crate::test_memory::{TestPort, TestThread};
    use crate::wait::Interest;
    use core::sync::atomic::Ordering::Relaxed;
    use oro_sysabi::{Condition, WAIT_PEER};

    #[test]
    fn gate_3_conditions_name_the_cursor_beyond_which_there_is_something() {
        // GATE-3
        let (memory, port) = (TestThread::new(2), TestPort::new(16, 8));
        port.produced.store(21, Relaxed);
        port.consumed.store(13, Relaxed);
        port.bind(&memory, 0, false, 8);
        port.bind(&memory, 1, true, 8);
        // SAFETY: the bindings are as the types say.
        let output = unsafe { super::ProducingEnd::open(memory.thread(), 0) };
        // SAFETY: as above.
        let input = unsafe { super::ConsumingEnd::open(memory.thread(), 1) };
        let condition = |index, value| Condition { kind: WAIT_PEER, index, value };
        // Full while the consumer stands at 13; one slot is free beyond it, half from 17 on.
        assert_eq!(output.interest(), Interest::When(condition(0, 13)));
        assert_eq!(output.half_free_condition(), Some(condition(0, 16)));
        assert_eq!(input.interest(), Interest::When(condition(1, 13)));
        assert_eq!(input.half_free_condition(), None);
        // Not in synchronous mode, where each slot is waited for.
        memory.set(0, |binding| (binding.mode, binding.mask) = (0, 1));
        assert_eq!(output.half_free_condition(), None);
        assert_eq!(output.interest(), Interest::When(condition(0, 13)));
    }

    #[test]
    fn gate_3_a_queue_of_few_slots_has_no_half_and_a_new_one_is_free() {
        // GATE-3
        for slot_count in [1, 2] {
            let (memory, port) = (TestThread::new(1), TestPort::new(16, slot_count));
            port.produced.store(9, Relaxed);
            port.bind(&memory, 0, false, slot_count);
            // SAFETY: the binding is as the type says.
            let output: super::ProducingEnd = unsafe { ManagedEnd::open(memory.thread(), 0) };
            assert_eq!(output.half_free_condition(), None);
        }
        let (memory, port) = (TestThread::new(1), TestPort::new(16, 8));
        port.produced.store(7, Relaxed);
        port.bind(&memory, 0, false, 8);
        // SAFETY: the binding is as the type says.
        let output: super::ProducingEnd = unsafe { ManagedEnd::open(memory.thread(), 0) };
        assert_eq!(output.interest(), Interest::Now);
    }

    #[test]
    fn spinning_gives_up_and_tries_again() {
        let memory = TestThread::new(0);
        let mut spin = Spin::new();
        memory.set_root(|root| root.cpu_count = 1);
        assert_eq!(spin.limit(memory.thread()), 0);
        memory.set_root(|root| root.cpu_count = 2);
        assert_eq!(spin.limit(memory.thread()), Spin::MOST);
        (0..7).for_each(|_| spin.miss());
        assert_eq!(spin.limit(memory.thread()), Spin::LEAST);
        spin.miss();
        assert_eq!(spin.limit(memory.thread()), Spin::MOST);
    }
}
