//! The asynchronous mode: live cursors, queues that threads have mapped, and what a binding says
//! (`ASYNC-*`, `MODE-*`, `BELL-*`).
//!
//! A live cursor is a word that its owner may store to at any moment. It is read once, and what it
//! says is an allegation that the core judges.

use oro_kernel::{EndpointId, Event, Look, Mode, Side, ThreadId, Timer};

use crate::memory::PAGE;
use crate::metadata;
use crate::supervisor::{Supervisor, thread_id};
use crate::userfault::Wake;
use crate::world::LivePlace;

/// Bytes of a queue that are mapped at once, into a thread that has got it or touches more of it.
const MAP_CHUNK: u64 = 1 << 20;

impl Supervisor<'_> {
    /// What an endpoint's shared cursor says.
    pub(crate) fn read_cursor(&self, end: EndpointId) -> u64 {
        self.world.ports[end.port.0 as usize].read_cursor(end.side)
    }

    /// Tells the core what a cursor says, if it is live.
    pub(crate) fn look(&mut self, end: EndpointId) {
        if self.kernel.has_live_cursor(end) {
            let value = self.read_cursor(end);
            self.step(Event::CursorLooked { end, value });
        }
    }

    /// The same, if it has moved since the core's last look; true then.
    pub(crate) fn look_for_change(&mut self, end: EndpointId) -> bool {
        if !self.kernel.has_live_cursor(end) {
            return false;
        }
        let value = self.read_cursor(end);
        let has_moved = value != self.kernel.cursor(end);
        if has_moved {
            self.step(Event::CursorLooked { end, value });
        }
        has_moved
    }

    /// What the core wants to know before a fault of a thread is reported. False: the thread has been
    /// taken down meanwhile.
    pub(crate) fn look_before(&mut self, index: usize, at: Option<EndpointId>) -> bool {
        let thread = thread_id(index);
        for look in self.kernel.looks_before(thread, at) {
            match look {
                Look::Word(end) => {
                    if let Some(value) = self.settle_word(index, end) {
                        self.step(Event::WordSettled { end, value });
                    }
                }
                Look::Settle(end) => {
                    self.protect_live(end);
                    let event = self.settle_cursor(end);
                    self.step(event);
                }
                Look::Cursor(end) => self.look(end),
            }
            if self.processes[index].is_none() {
                return false;
            }
        }
        true
    }

    /// Makes the page of a live cursor writable to its thread. True if that also resumed `next`.
    pub(crate) fn open_cursor(&mut self, end: EndpointId, next: Option<ThreadId>) -> bool {
        let (_, live) = self.live_place(end);
        self.grant(end, next, |_, faults, wake| faults.open_pages(live.cursor, PAGE, wake))
    }

    /// Stores to a commit word that is protected, or whose thread is gone.
    pub(crate) fn set_word(&self, end: EndpointId, value: u64) {
        let Some(place) = self.world.thread_place(end) else { return };
        let Some(word) = &place.word else { return };
        word.memory.store_u64(0, value);
    }

    /// Where an endpoint is served in asynchronous mode.
    fn live_place(&self, end: EndpointId) -> (ThreadId, LivePlace) {
        let place = self.world.thread_place(end).expect("kernel bug: a built-in end has no window");
        let live = place.live.expect("kernel bug: this Port can never become asynchronous");
        (place.thread, live)
    }

    /// Makes the page of a live cursor read-only. When it returns, no store to it is under way.
    fn protect_live(&mut self, end: EndpointId) {
        let (thread, live) = self.live_place(end);
        if let Some(process) = &self.processes[thread.0 as usize] {
            let result = process.faults.protect(live.cursor, PAGE);
            self.check("UFFDIO_WRITEPROTECT", result);
        }
    }

    /// [`Effect::ProtectCursor`](oro_kernel::Effect::ProtectCursor): protected, flush complete, then
    /// read (`BELL-1`).
    pub(crate) fn protect_cursor(&mut self, end: EndpointId) {
        self.protect_live(end);
        let value = self.read_cursor(end);
        self.pending.push_back(Event::CursorProtected { end, value });
    }

    /// A cursor that nobody can move, then that of its peer. In this order: what the owner had seen
    /// of its peer when it last stored is not newer than what is read then.
    pub(crate) fn settle_cursor(&self, end: EndpointId) -> Event {
        let value = self.read_cursor(end);
        let peer = end.peer();
        let peer = self.kernel.has_live_cursor(peer).then(|| self.read_cursor(peer));
        Event::CursorSettled { end, value, peer }
    }

    /// Gives a thread the queue at its window for the asynchronous mode.
    pub(crate) fn open_queue(&mut self, end: EndpointId) {
        let (thread, live) = self.live_place(end);
        let port = end.port.0 as usize;
        let was_opened = std::mem::replace(&mut self.opened_queues[port][end.side as usize], true);
        let Some(process) = &self.processes[thread.0 as usize] else { return };
        let (call, result) = if was_opened {
            match end.side {
                Side::Producer => {
                    let result = process.faults.open_pages(live.window, live.size_bytes, Wake::No);
                    ("UFFDIO_WRITEPROTECT", result)
                }
                // It could load from it all the time.
                Side::Consumer => return,
            }
        } else {
            // The rest as it is touched, so that nobody waits while a long queue is mapped.
            let result = process.faults.map_all(live.window, live.size_bytes.min(MAP_CHUNK));
            ("UFFDIO_CONTINUE", result)
        };
        self.check(call, result);
    }

    /// Maps the part of a queue that a thread has touched and that is not mapped: not yet, or not any
    /// more, since Linux may take pages away. Lets it try again.
    pub(crate) fn map_queue_part(&mut self, index: usize, end: EndpointId, page: u64) {
        let (_, live) = self.live_place(end);
        let offset = (page - live.window) / MAP_CHUNK * MAP_CHUNK;
        let size_bytes = (live.size_bytes - offset).min(MAP_CHUNK);
        if let Some(process) = &self.processes[index] {
            let result = process.faults.map_all(live.window + offset, size_bytes);
            self.check("UFFDIO_CONTINUE", result);
        }
        self.resume(thread_id(index));
    }

    /// Takes what an end's thread has of the queue from it, and from the peer, which gets it again when it
    /// touches it. What has not been released stays. For a consumer, which can still load from a queue that it
    /// has left.
    pub(crate) fn unmap_queue(&mut self, end: EndpointId) {
        let peer = end.peer();
        // Nobody stores to what is not there for a moment.
        if let Some(place) = self.world.thread_place(peer)
            && let Some(live) = place.live
            && self.opened_queues[end.port.0 as usize][peer.side as usize]
            && let Some(process) = &self.processes[place.thread.0 as usize]
        {
            let result = process.faults.protect(live.window, live.size_bytes);
            self.check("UFFDIO_WRITEPROTECT", result);
        }
        let result = self.world.ports[end.port.0 as usize].queue.renew(MAP_CHUNK);
        self.check("fallocate(PUNCH_HOLE)", result);
    }

    /// Takes a producer's right to store to the queue. A consumer can only load, and what it sees is
    /// this Port's own.
    pub(crate) fn close_queue(&mut self, end: EndpointId) {
        if end.side == Side::Consumer {
            return;
        }
        let (thread, live) = self.live_place(end);
        if let Some(process) = &self.processes[thread.0 as usize] {
            let result = process.faults.protect(live.window, live.size_bytes);
            self.check("UFFDIO_WRITEPROTECT", result);
        }
    }

    /// Tells a thread that is stopped in a fault of its own where window and cursor are now.
    pub(crate) fn publish_mode(&self, end: EndpointId, mode: Mode) {
        metadata::publish_mode(&self.world, end, mode);
    }

    /// Tells the core of every timer that has expired.
    pub(crate) fn expire_timers(&mut self) {
        let now = std::time::Instant::now();
        while let Some(timer) = self.timers.take_expired(now) {
            let start = std::time::Instant::now();
            self.expire_timer(timer);
            if let Some(instance) = self.find_payer(timer) {
                self.accounts.charge(instance, start);
            }
        }
    }

    /// The instance that a timer runs for: who waits.
    fn find_payer(&self, timer: Timer) -> Option<usize> {
        let thread = match timer {
            Timer::Gate(thread) => thread,
            Timer::Landing(end) => self.world.thread_place(end.peer())?.thread,
            Timer::Restart(instance) | Timer::Row(instance) => return Some(instance.0 as usize),
            Timer::Revocation(port) => {
                return self.plan.ports[port.0 as usize].payer().map(|payer| payer as usize);
            }
            Timer::Transfer(end) => self.world.thread_place(end)?.thread,
        };
        Some(self.world.threads[thread.0 as usize].instance.0 as usize)
    }

    fn expire_timer(&mut self, timer: Timer) {
        if let Timer::Landing(end) = timer {
            self.look(end);
            // What was seen may have started it anew: then this is over.
            if self.timers.is_set(timer) {
                return;
            }
        }
        self.step(Event::TimerExpired { timer });
    }
}
