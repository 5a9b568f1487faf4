//! Faults: what the platform looks at before it reports one, the report, and whether the core has come
//! to the verdict of the clauses.

use oro_kernel::{
    Condition, EndpointId, Event, FaultCause, GateRequest, InstanceEnd, Look, Mode, Owner, Side,
    ThreadId, Tuning, Violation,
};

use crate::access::end_of;
use crate::model::{Access, Failure, Phase, State, cell_index, check, owner_of};
use crate::program::{Op, System};

impl State {
    /// Reports the fault of a thread that is stopped, or has been resumed and has not run, again.
    pub(crate) fn repeat(
        &mut self,
        system: &System,
        thread: ThreadId,
        op: Op,
    ) -> Result<(), Failure> {
        let event = self.fault_event(thread, op);
        self.threads[thread.0 as usize].phase = Phase::Stopped(op);
        self.report(system, thread, op, event)
    }

    pub(crate) fn report(
        &mut self,
        system: &System,
        thread: ThreadId,
        op: Op,
        event: Event,
    ) -> Result<(), Failure> {
        self.drain(thread)?;
        let verdict = self.predict(thread, &event);
        let at = match event {
            Event::CursorTouched { end } => Some(end),
            _ => None,
        };
        for look in self.kernel.looks_before(thread, at) {
            self.look(system, look)?;
        }
        let watched = match &event {
            Event::CellTouched { end, .. } | Event::WordTouched { end } => vec![end.peer()],
            Event::GateTouched { request: Ok(request), .. } => {
                let peer = |condition: &Condition| match condition {
                    Condition::Peer { end, .. } => Some(end.peer()),
                    _ => None,
                };
                request.conditions.iter().filter_map(peer).collect()
            }
            _ => Vec::new(),
        };
        for end in watched {
            self.look_at_live(system, end)?;
        }
        self.step(system, event)?;
        let instance = self.kernel.setup().threads[thread.0 as usize].instance;
        let end = self.kernel.instance(instance).end;
        let found = match end {
            // Foretold by nobody but who moved the end.
            Some(InstanceEnd::Violated { violation: Violation::ForeignEndpoint, .. }) => None,
            Some(InstanceEnd::Violated { thread: blamed, end, violation }) => {
                check!(blamed == thread, "BLAME-1 another is blamed", "{blamed:?}, not {thread:?}");
                Some((end, violation))
            }
            Some(
                InstanceEnd::Exited { .. }
                | InstanceEnd::BadRequest { .. }
                | InstanceEnd::Faulted { .. }
                | InstanceEnd::Killed
                | InstanceEnd::Replaced
                | InstanceEnd::Revoked { .. },
            )
            | None => None,
        };
        if let Some(verdict) = verdict {
            check!(found == verdict, "BLAME-1 verdict", "{op:?}: {found:?}, right: {verdict:?}");
        }
        Ok(())
    }

    fn look(&mut self, system: &System, look: Look) -> Result<(), Failure> {
        match look {
            Look::Word(end) => {
                let memory = self.memory_of(end);
                memory.is_word_open = false;
                let value = memory.word;
                self.step(system, Event::WordSettled { end, value })
            }
            Look::Settle(end) => self.settle_cursor(system, end),
            Look::Cursor(end) => self.look_at_live(system, end),
        }
    }

    pub(crate) fn settle_cursor(
        &mut self,
        system: &System,
        end: EndpointId,
    ) -> Result<(), Failure> {
        let memory = self.memory_of(end);
        memory.live.is_open = false;
        memory.live.is_cached = false;
        let value = memory.published;
        let is_live = self.kernel.has_live_cursor(end.peer());
        let peer = is_live.then(|| self.memory[&end.peer()].published);
        self.step(system, Event::CursorSettled { end, value, peer })
    }

    pub(crate) fn look_at_live(&mut self, system: &System, end: EndpointId) -> Result<(), Failure> {
        if !self.kernel.has_live_cursor(end) {
            return Ok(());
        }
        let value = self.memory[&end].published;
        self.step(system, Event::CursorLooked { end, value })
    }

    /// The verdict of the clauses on a fault, from what the thread can see; `None`: not foretold, in
    /// systems that know the asynchronous mode.
    fn predict(&self, thread: ThreadId, event: &Event) -> Option<Option<(EndpointId, Violation)>> {
        let knows_modes = self.kernel.setup().tuning != Tuning::default();
        // Any touch of a revoked Port is answered.
        let is_about_dead = match event {
            Event::CellTouched { end, .. } | Event::WordTouched { end } => {
                self.kernel.is_revoked(end.port)
            }
            _ => false,
        };
        if knows_modes || is_about_dead {
            return None;
        }
        Some(self.predict_synchronous(thread, event))
    }

    fn predict_synchronous(
        &self,
        thread: ThreadId,
        event: &Event,
    ) -> Option<(EndpointId, Violation)> {
        let setup = &self.kernel.setup().threads[thread.0 as usize];
        if !self.kernel.is_live(thread) {
            return None;
        }
        // MAN-5: the word that was opened for a store.
        let opened = self.memory.iter().find(|(end, memory)| {
            owner_of(&self.kernel, **end) == Owner::Thread(thread)
                && !self.kernel.is_revoked(end.port)
                && (memory.is_word_open || memory.word != memory.word_expected)
        });
        if let Some((end, memory)) = opened
            && setup.is_managed
            && memory.word != memory.word_expected
        {
            let is_repeated = *event == Event::WordTouched { end: *end };
            let has_not_landed = memory.word.wrapping_add(1) == memory.word_expected;
            // A processor's trap of a word that may not have landed is a trap first.
            let is_trap = matches!(event, Event::ThreadFaulted { .. });
            if !(has_not_landed && (is_repeated || is_trap)) {
                let (stored, expected) = (memory.word, memory.word_expected);
                return Some((*end, Violation::WrongCursor { stored, expected }));
            }
            return None; // Let through without a second commit.
        }
        match *event {
            Event::CellTouched { end, cell } => {
                let memory = &self.memory[&end];
                let right = cell_index(memory.published);
                let is_held = match end.side {
                    Side::Producer => memory.cells[right].access == Access::Open,
                    Side::Consumer => memory.cells[right].access == Access::ReadOnly,
                };
                let is_wrong = cell as usize != right && (setup.is_managed || !is_held);
                let has_committed = memory.published > self.threads[thread.0 as usize].first[&end];
                let was_handed_over =
                    !setup.is_managed && end.side == Side::Producer && has_committed;
                let expected = memory.published;
                is_wrong.then_some((
                    end,
                    Violation::WrongCell { touched: cell, expected, was_handed_over },
                ))
            }
            Event::WordTouched { end } if setup.is_managed => {
                let cursor = self.memory[&end].published;
                let peer = self.memory[&end.peer()].published;
                let limit = match end.side {
                    Side::Producer => peer + self.queues[end.port.0 as usize].len() as u64,
                    Side::Consumer => peer,
                };
                (cursor == limit).then_some((end, Violation::CursorPastQueue { cursor, peer }))
            }
            _ => None,
        }
    }

    /// The event of an access that faults.
    pub(crate) fn fault_event(&self, thread: ThreadId, op: Op) -> Event {
        if let Some(end) = end_of(op)
            && owner_of(&self.kernel, end) != Owner::Thread(thread)
        {
            return Event::ForeignTouched { thread, end };
        }
        match op {
            Op::Store { end, .. } if end.side == Side::Consumer => {
                Event::ThreadFaulted { thread, cause: FaultCause::Trap } // PORT-7
            }
            Op::Store { end, .. } | Op::Load { end, .. } | Op::Touch { end, .. }
                if self.memory[&end].mode == Mode::Asynchronous =>
            {
                Event::QueueTouched { end }
            }
            Op::Store { end, place, .. }
            | Op::Load { end, place, .. }
            | Op::Touch { end, place } => {
                let cell = u32::try_from(self.cell(thread, end, place)).expect("0 or 1");
                Event::CellTouched { end, cell }
            }
            Op::Advance { end, .. } | Op::StoreWord { end, .. } => Event::WordTouched { end },
            Op::StoreLive { end, .. } => Event::CursorTouched { end },
            Op::StoreQueue { end, .. } => Event::QueueTouched { end },
            Op::Await { end, slot, ahead } => {
                let own = self.threads[thread.0 as usize].first[&end] + slot;
                let count = self.queues[end.port.0 as usize].len() as u64;
                let value = match end.side {
                    Side::Producer => (own + ahead).saturating_sub(count),
                    Side::Consumer => own + ahead,
                };
                let conditions = vec![Condition::Peer { end, value }];
                let request = Ok(GateRequest { conditions, deadline_ns: None });
                let gate = self.threads[thread.0 as usize].armed;
                Event::GateTouched { thread, gate, request }
            }
            Op::AwaitWired { binding, .. } => {
                let end = self.bindings.get(&(thread, binding)).copied();
                let seen = self.threads[thread.0 as usize].seen.expect("it has looked");
                let conditions = vec![Condition::Binding { binding, end, seen }];
                let request = Ok(GateRequest { conditions, deadline_ns: None });
                let gate = self.threads[thread.0 as usize].armed;
                Event::GateTouched { thread, gate, request }
            }
            Op::Return(status) => Event::ThreadExited { thread, status },
            Op::ReturnIfDrained { .. } | Op::ReturnIfEnded { .. } => {
                Event::ThreadExited { thread, status: 0 }
            }
            Op::ExitInstance(status) => Event::InstanceExited { thread, status },
            Op::Trap => Event::ThreadFaulted { thread, cause: FaultCause::Trap },
        }
    }
}
