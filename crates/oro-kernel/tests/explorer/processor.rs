//! What a processor keeps to itself: a store that it has executed and that is not in memory yet, and a
//! translation that lets it store although the page table's entry says otherwise by now.
//!
//! Also here is how a thread waits in asynchronous mode: it looks at its peer's cursor, then touches its
//! gate, and anything may happen between the two.

use oro_kernel::{EndpointId, Event, Owner, PeerState, Side, ThreadId};

use crate::model::{Failure, Phase, State, owner_of};
use crate::program::{Op, System};

impl State {
    /// One step of waiting for a slot: a look, the touch of the gate, or the return from it.
    pub(crate) fn await_slot(
        &mut self,
        system: &System,
        thread: ThreadId,
        end: EndpointId,
        slot: u64,
        ahead: u64,
    ) -> Result<(), Failure> {
        let op = Op::Await { end, slot, ahead };
        let own = self.threads[thread.0 as usize].first[&end] + slot;
        let peer = self.memory[&end.peer()].published;
        let count = self.queues[end.port.0 as usize].len() as u64;
        let used = match end.side {
            Side::Producer => own.wrapping_sub(peer),
            Side::Consumer => peer.wrapping_sub(own),
        };
        let is_available = match end.side {
            Side::Producer => used < count,
            Side::Consumer => used > 0,
        };
        // A thread of sense leaves a peer that lies.
        let has_ended = self.memory[&end].peer.0 != PeerState::Wired || used > count;
        let is_foreign = self.is_foreign(thread, op);
        let is_revoked = self.memory[&end].peer.0 == PeerState::Revoked;
        let has_ended = has_ended || is_foreign;
        let is_available = is_available && used <= count && !is_foreign && !is_revoked;
        let state = &mut self.threads[thread.0 as usize];
        match state.phase {
            Phase::Granted(_) => {
                // The store to the gate goes through; then it looks again.
                state.phase = Phase::Running;
                state.has_looked = false;
                Ok(())
            }
            _ if state.has_looked => {
                state.phase = Phase::Stopped(op);
                self.drain(thread)?;
                let event = self.fault_event(thread, op);
                self.report(system, thread, op, event)
            }
            _ if has_ended && (end.side == Side::Producer || !is_available || is_foreign) => {
                state.phase = Phase::Stopped(Op::Return(0));
                self.drain(thread)?;
                let event = Event::ThreadExited { thread, status: 0 };
                self.report(system, thread, Op::Return(0), event)
            }
            _ if is_available => {
                state.next_op += 1;
                Ok(())
            }
            _ => {
                state.has_looked = true;
                Ok(())
            }
        }
    }

    /// What this thread's processor has executed reaches the memory.
    pub(crate) fn drain(&mut self, thread: ThreadId) -> Result<(), Failure> {
        let ends: Vec<EndpointId> = self.memory.keys().copied().collect();
        for end in ends {
            if owner_of(&self.kernel, end) == Owner::Thread(thread) {
                self.drain_end(end)?;
            }
        }
        Ok(())
    }

    /// A store to a live cursor lands: messages are committed or released by it.
    pub(crate) fn drain_end(&mut self, end: EndpointId) -> Result<(), Failure> {
        let Some(value) = self.memory_of(end).live.buffered.take() else { return Ok(()) };
        let before = self.memory[&end].published;
        self.memory_of(end).published = value;
        let peer = self.memory[&end.peer()].published;
        let queue = &self.queues[end.port.0 as usize];
        let count = queue.len() as u64;
        let used = match end.side {
            Side::Producer => value.wrapping_sub(peer),
            Side::Consumer => peer.wrapping_sub(value),
        };
        // Of a thread that lies nothing is expected any more.
        if end.side == Side::Producer && value.wrapping_sub(before) <= count && used <= count {
            for number in before..value {
                let message = queue[usize::try_from(number % count).expect("few")];
                self.history[end.port.0 as usize].push(message);
            }
        }
        Ok(())
    }

    /// A store to a live cursor is executed: by the translation that the processor holds, or the open
    /// page; it is not in memory yet.
    pub(crate) fn store_live(&mut self, end: EndpointId, value: u64) {
        let live = &mut self.memory_of(end).live;
        live.is_cached = true;
        live.is_overdue = false;
        live.buffered = Some(value);
    }

    /// The flush of a protection is complete: the processor goes by the page table again.
    pub(crate) fn finish_protection(
        &mut self,
        system: &System,
        end: EndpointId,
    ) -> Result<(), Failure> {
        let memory = self.memory_of(end);
        memory.live.protecting_count -= 1;
        memory.live.is_cached &= memory.live.is_open;
        let value = memory.published;
        self.step(system, Event::CursorProtected { end, value })
    }
}
