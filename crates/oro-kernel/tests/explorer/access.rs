//! Accesses of threads: each goes through, as the memory is at that moment, or faults. What a thread
//! reads is checked here.

use oro_kernel::{EndpointId, Event, Mode, Owner, PeerState, Side, ThreadId};

use crate::model::{Access, Failure, Message, Phase, State, cell_index, check, owner_of};
use crate::program::{Op, PART_COUNT, Place, System, Value};

/// What became of an access.
enum Attempt {
    Done,
    Faulted(Event),
}

/// The endpoint that an access is about.
pub(crate) fn end_of(op: Op) -> Option<EndpointId> {
    match op {
        Op::Store { end, .. }
        | Op::Load { end, .. }
        | Op::Touch { end, .. }
        | Op::Advance { end, .. }
        | Op::Await { end, .. }
        | Op::StoreLive { end, .. }
        | Op::StoreQueue { end, .. }
        | Op::StoreWord { end, .. }
        | Op::ReturnIfDrained { end, .. }
        | Op::ReturnIfEnded { end } => Some(end),
        Op::AwaitWired { .. } | Op::Return(_) | Op::ExitInstance(_) | Op::Trap => None,
    }
}

impl State {
    /// Repeats or makes an access; a fault is reported to the core.
    pub(crate) fn access(
        &mut self,
        system: &System,
        thread: ThreadId,
        op: Op,
    ) -> Result<(), Failure> {
        let op = self.resolve(thread, op);
        if let Some(end) = end_of(op) {
            let is_taken = self.dropped.contains(&end);
            check!(!is_taken, "CTL-8 an element in use is wired again", "{thread:?} {op:?}");
        }
        if let Op::AwaitWired { binding, end } = op {
            return self.await_wired(system, thread, binding, end);
        }
        if let Op::Await { end, slot, ahead } = op {
            return self.await_slot(system, thread, end, slot, ahead);
        }
        match self.attempt(system, thread, op)? {
            Attempt::Done => {
                let state = &mut self.threads[thread.0 as usize];
                state.phase = Phase::Running;
                state.next_op += usize::from(state.chaos_left.is_none());
                Ok(())
            }
            Attempt::Faulted(event) => {
                let phase = self.threads[thread.0 as usize].phase;
                // A live cursor may have been protected again, after a time (BELL-3).
                let is_granted = matches!(phase, Phase::Granted(granted)
                    if !matches!(granted, Op::StoreLive { .. }));
                let is_granted = is_granted && !self.is_foreign(thread, op);
                check!(!is_granted, "KRN-9 resumed without grant", "{thread:?} {op:?}");
                self.threads[thread.0 as usize].phase = Phase::Stopped(op);
                self.report(system, thread, op, event)
            }
        }
    }

    /// An instruction's address is settled when it is first tried: what the binding says then.
    fn resolve(&self, thread: ThreadId, op: Op) -> Op {
        let Op::Advance { end, count } = op else { return op };
        let value = self.threads[thread.0 as usize].first[&end] + count;
        match self.memory[&end].mode {
            Mode::Synchronous => Op::StoreWord { end, value },
            Mode::Asynchronous => Op::StoreLive { end, value },
        }
    }

    fn attempt(&mut self, system: &System, thread: ThreadId, op: Op) -> Result<Attempt, Failure> {
        let fault = Attempt::Faulted(self.fault_event(thread, op));
        if !self.is_granted(thread, op) {
            return Ok(fault);
        }
        if !matches!(op, Op::StoreLive { .. }) {
            self.drain(thread)?;
        }
        match op {
            Op::StoreLive { end, value } => {
                self.drain(thread)?;
                self.store_live(end, value);
            }
            Op::StoreQueue { end, slot, value } => {
                self.queues[end.port.0 as usize][slot] = [value; PART_COUNT];
            }
            Op::Store { end, place: Place::Slot(slot), part, value }
                if self.memory[&end].mode == Mode::Asynchronous =>
            {
                self.store_to_queue(thread, end, slot, part, value)?;
            }
            Op::Load { end, place: Place::Slot(slot), part, register }
                if self.memory[&end].mode == Mode::Asynchronous =>
            {
                self.load_from_queue(system, thread, end, slot, (part, register))?;
            }
            Op::Await { .. } | Op::AwaitWired { .. } => unreachable!("has steps of its own"),
            Op::Store { end, place, part, value } => {
                let cell = self.cell(thread, end, place);
                let value = self.evaluate(thread, value);
                let memory = self.memory.get_mut(&end).expect("every end has memory");
                memory.cells[cell].bytes[part] = value;
            }
            Op::Load { end, place, part, register } => {
                self.load_from_cell(system, thread, end, place, (part, register))?;
            }
            Op::Advance { end, count } => {
                let value = self.threads[thread.0 as usize].first[&end] + count;
                self.memory.get_mut(&end).expect("every end has memory").word = value;
            }
            Op::StoreWord { end, value } => {
                self.memory.get_mut(&end).expect("every end has memory").word = value;
            }
            Op::Touch { .. } | Op::ReturnIfDrained { .. } | Op::ReturnIfEnded { .. } => {}
            Op::Return(_) | Op::ExitInstance(_) | Op::Trap => return Ok(fault),
        }
        Ok(Attempt::Done)
    }

    /// MODE-8: a consumer reads the message with its number, whatever the modes.
    fn load_from_queue(
        &mut self,
        system: &System,
        thread: ThreadId,
        end: EndpointId,
        slot: u64,
        (part, register): (usize, usize),
    ) -> Result<(), Failure> {
        let number = self.threads[thread.0 as usize].first[&end] + slot;
        let queue = &self.queues[end.port.0 as usize];
        let bytes = queue[usize::try_from(number % queue.len() as u64).expect("few")];
        let index = usize::try_from(number).expect("few");
        let right = self.history[end.port.0 as usize].get(index).copied();
        let is_right = right == Some(bytes) || self.is_hostile(system, end.peer());
        check!(is_right, "MODE-8 what is read", "{end:?} {number}: {bytes:?} {right:?}");
        self.keep(thread, register, bytes[part]);
        Ok(())
    }

    fn load_from_cell(
        &mut self,
        system: &System,
        thread: ThreadId,
        end: EndpointId,
        place: Place,
        (part, register): (usize, usize),
    ) -> Result<(), Failure> {
        let cell = self.memory[&end].cells[self.cell(thread, end, place)];
        let value = cell.bytes[part];
        if end.side == Side::Producer && cell.access == Access::ReadOnly {
            check!(value == 0, "PORT-5 a cell that is not held is zero", "{end:?} {place:?}");
        }
        let is_believed = !self.is_hostile(system, end.peer()) && !self.kernel.is_revoked(end.port);
        if end.side == Side::Consumer && is_believed {
            self.check_loaded(end, place, thread, cell.bytes)?;
        }
        self.keep(thread, register, value);
        Ok(())
    }

    fn keep(&mut self, thread: ThreadId, register: usize, value: u8) {
        let state = &mut self.threads[thread.0 as usize];
        if state.chaos_left.is_none() {
            state.registers[register] = value;
            state.log.push(value);
        }
    }

    fn evaluate(&self, thread: ThreadId, value: Value) -> u8 {
        match value {
            Value::Constant(value) => value,
            Value::Sum(register, number) => {
                self.threads[thread.0 as usize].registers[register].wrapping_add(number)
            }
        }
    }

    fn store_to_queue(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        slot: u64,
        part: usize,
        value: Value,
    ) -> Result<(), Failure> {
        let number = self.threads[thread.0 as usize].first[&end] + slot;
        let count = self.queues[end.port.0 as usize].len() as u64;
        let released = self.memory[&end.peer()].published;
        check!(number - released < count, "I5 a message is overwritten", "{end:?} {number}");
        let value = self.evaluate(thread, value);
        let index = usize::try_from(number % count).expect("few");
        self.queues[end.port.0 as usize][index][part] = value;
        Ok(())
    }

    /// PORT-5: a consumer sees the message at its own cursor, whole, as long as it holds it; and
    /// zeros where there is none any more (MAN-3).
    fn check_loaded(
        &self,
        end: EndpointId,
        place: Place,
        thread: ThreadId,
        bytes: Message,
    ) -> Result<(), Failure> {
        let published = self.memory[&end].published;
        if let Place::Slot(slot) = place {
            let number = self.threads[thread.0 as usize].first[&end] + slot;
            check!(number == published, "PORT-4 slot is not the next", "{end:?} {number}");
        }
        let index = usize::try_from(published).expect("few");
        let message = self.history[end.port.0 as usize].get(index).copied();
        let right = message.unwrap_or([0; PART_COUNT]);
        check!(bytes == right, "PORT-5 delivered bytes", "{end:?} {index}: {bytes:?} {right:?}");
        Ok(())
    }

    /// Whether an access is to an endpoint that was given to another thread.
    pub(crate) fn is_foreign(&self, thread: ThreadId, op: Op) -> bool {
        end_of(op).is_some_and(|end| owner_of(&self.kernel, end) != Owner::Thread(thread))
    }

    /// Whether an access goes through as the memory is now.
    pub(crate) fn is_granted(&self, thread: ThreadId, op: Op) -> bool {
        if self.is_foreign(thread, op) {
            return false;
        }
        match op {
            Op::StoreLive { end, .. } => {
                let live = &self.memory[&end].live;
                live.is_open || live.is_cached
            }
            Op::StoreQueue { end, .. } => self.memory[&end].is_queue_open,
            // The gate has been opened, or it would not have been resumed.
            Op::Await { .. } | Op::AwaitWired { .. } => true,
            Op::Store { end, place: Place::Slot(_), .. }
            | Op::Load { end, place: Place::Slot(_), .. }
                if self.memory[&end].mode == Mode::Asynchronous =>
            {
                self.memory[&end].is_queue_open
            }
            Op::Store { end, place, .. } => {
                self.memory[&end].cells[self.cell(thread, end, place)].access == Access::Open
            }
            Op::Load { end, place, .. } | Op::Touch { end, place } => {
                self.memory[&end].cells[self.cell(thread, end, place)].access != Access::Absent
            }
            Op::Advance { end, .. } | Op::StoreWord { end, .. } => self.memory[&end].is_word_open,
            Op::ReturnIfDrained { end, count } => {
                let first = self.threads[thread.0 as usize].first[&end];
                let has_ended = self.memory[&end].peer.0 != PeerState::Wired;
                let is_revoked = self.memory[&end].peer.0 == PeerState::Revoked;
                let is_drained = self.memory[&end.peer()].published == first + count;
                !(has_ended && (is_revoked || is_drained))
            }
            Op::ReturnIfEnded { end } => self.memory[&end].peer.0 == PeerState::Wired,
            Op::Return(_) | Op::ExitInstance(_) | Op::Trap => false,
        }
    }

    pub(crate) fn cell(&self, thread: ThreadId, end: EndpointId, place: Place) -> usize {
        match place {
            Place::Cell(cell) => cell as usize,
            Place::Slot(slot) => cell_index(self.threads[thread.0 as usize].first[&end] + slot),
        }
    }
}
