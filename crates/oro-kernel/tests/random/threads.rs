//! What threads do: by the rules, or not; and how their faults are reported.

use oro_kernel::{
    Condition, EndpointId, Event, GateRequest, Look, Owner, PeerState, PortId, Side, ThreadId,
};

use super::actions::Cheat;
use super::world::{Checked, Op, Page, Phase, Run};

impl Run {
    // By the rules.

    pub(crate) fn pump(&mut self, port: PortId, how: u32, count: u8) -> Checked {
        for round in 0..count {
            for side in [Side::Producer, Side::Consumer] {
                let end = EndpointId { port, side };
                match self.owner(end) {
                    // Mostly plain transfers, which earn the mode.
                    Owner::Thread(thread) => {
                        let how = if round % 16 == 15 { how } else { (how | 63) << 8 };
                        self.run(thread, how, Some(end))?;
                    }
                    Owner::Kernel => self.act_for_kernel(end)?,
                }
            }
        }
        Ok(())
    }

    pub(crate) fn act_for_kernel(&mut self, end: EndpointId) -> Checked {
        self.serve(end, |kernel| {
            let count = u32::try_from(kernel.available(end)).expect("few").min(1);
            match (end.side, count) {
                (_, 0) => Event::KernelWaits { end },
                (Side::Producer, _) => Event::KernelCommitted { end, count },
                (Side::Consumer, _) => Event::KernelReleased { end, count },
            }
        })
    }

    pub(crate) fn run(&mut self, thread: ThreadId, how: u32, at: Option<EndpointId>) -> Checked {
        if !self.kernel.is_live(thread) {
            return Ok(());
        }
        let (how, is_repeated) = (how >> 8, how % 8 == 1);
        let phase = &self.phases[thread.0 as usize];
        let is_blocked = matches!(phase, Phase::Stopped(_)) && !is_repeated;
        if let Some(end) = phase.end().filter(|_| !is_blocked)
            && self.owner(end) != Owner::Thread(thread)
        {
            return self.report_foreign(thread, end);
        }
        match self.phases[thread.0 as usize].clone() {
            Phase::Running => self.begin(thread, how, at),
            Phase::Decided(Op::Cursor { end, value }) => self.store_cursor(thread, end, value, how),
            Phase::Decided(op) => self.fault(thread, op),
            Phase::Stopped(Some(op)) | Phase::Granted(op) if is_repeated => self.fault(thread, op),
            Phase::Stopped(_) => Ok(()),
            Phase::Granted(op) => self.complete(thread, op, how),
        }
    }

    /// A thread repeats the access that it was let go for.
    pub(crate) fn complete(&mut self, thread: ThreadId, op: Op, how: u32) -> Checked {
        match op {
            Op::Cursor { end, value } => return self.store_cursor(thread, end, value, how),
            Op::Word(end) => {
                let memory = self.memory_of(end);
                memory.word = memory.cursor;
            }
            Op::Cell { .. } | Op::Gate { .. } => {}
        }
        self.phases[thread.0 as usize] = Phase::Running;
        Ok(())
    }

    pub(crate) fn store_cursor(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        value: u64,
        how: u32,
    ) -> Checked {
        let memory = self.memory_of(end);
        let goes_through = match memory.page {
            Page::ReadOnly => false,
            Page::Open => true,
            Page::Protecting => how.is_multiple_of(2),
        };
        if goes_through {
            memory.cursor = value;
            self.phases[thread.0 as usize] = Phase::Running;
            Ok(())
        } else {
            self.fault(thread, Op::Cursor { end, value })
        }
    }

    pub(crate) fn begin(&mut self, thread: ThreadId, how: u32, at: Option<EndpointId>) -> Checked {
        let owned: Vec<EndpointId> = self
            .ends
            .iter()
            .copied()
            .filter(|end| self.owner(*end) == Owner::Thread(thread))
            // CTL-8: who has said that it knows of the end does not touch the element again.
            .filter(|end| !self.dropped.contains(end) && !self.kernel.is_over(*end))
            .collect();
        let (how, choice) = (how / 64, how % 64);
        let at = at.filter(|end| owned.contains(end));
        let end = at.or_else(|| owned.get(how as usize % owned.len().max(1)).copied());
        let how = how / 16;
        if choice == 0 {
            return self.fault_exit(thread, how);
        }
        let Some(end) = end.filter(|_| choice > 12) else {
            return self.enter_gate(thread, &owned, how);
        };
        let is_managed = self.kernel.setup().threads[thread.0 as usize].is_managed;
        let is_revoked = self.kernel.is_revoked(end.port);
        if self.broken[end.port.0 as usize] || (is_revoked && is_managed) {
            return Ok(());
        }
        let own = self.memory[&end].cursor;
        let is_held = self.memory[&end].is_held;
        let room = self.find_room(end);
        if self.kernel.has_queue(end) {
            if room == 0 {
                return self.enter_gate(thread, &[end], 0);
            }
            let value = own + 1 + u64::from(how) % room;
            if how % 16 == 5 {
                self.phases[thread.0 as usize] = Phase::Decided(Op::Cursor { end, value });
                return Ok(());
            }
            return self.store_cursor(thread, end, value, how);
        }
        let cell = |number: u64| u32::from(number % 2 == 1);
        match (is_managed, is_held) {
            (false, _) => {
                let cell = cell(own + u64::from(is_held));
                self.fault(thread, Op::Cell { end, cell })
            }
            (true, false) if room > 0 && how % 16 == 5 => {
                // MAN-6: an untouched slot, too.
                self.phases[thread.0 as usize] = Phase::Decided(Op::Word(end));
                Ok(())
            }
            (true, true) if room > 0 => self.fault(thread, Op::Word(end)),
            (true, true) => Ok(()),
            (true, false) => self.fault(thread, Op::Cell { end, cell: cell(own) }),
        }
    }

    /// What an endpoint may commit or release, by the cursors that its thread can see.
    pub(crate) fn find_room(&self, end: EndpointId) -> u64 {
        let (own, peer) = (self.memory[&end].cursor, self.memory[&end.peer()].cursor);
        let count = u64::from(self.kernel.setup().ports[end.port.0 as usize].slot_count);
        match end.side {
            Side::Producer => Some(own.wrapping_sub(peer))
                .filter(|used| *used <= count)
                .map_or(0, |used| count - used),
            Side::Consumer => {
                Some(peer.wrapping_sub(own)).filter(|ready| *ready <= count).unwrap_or(0)
            }
        }
    }

    pub(crate) fn fault_exit(&mut self, thread: ThreadId, how: u32) -> Checked {
        let status = u64::from(how % 3);
        let event = match how % 4 {
            0 => Event::InstanceExited { thread, status },
            _ => Event::ThreadExited { thread, status },
        };
        self.report(thread, event, None)
    }

    pub(crate) fn enter_gate(
        &mut self,
        thread: ThreadId,
        owned: &[EndpointId],
        how: u32,
    ) -> Checked {
        let request = Ok(self.make_request(owned, how));
        let armed = self.kernel.armed_gate(thread).unwrap_or(0);
        let gate = if how % 32 == 31 { 1 - armed } else { armed };
        self.fault(thread, Op::Gate { gate, request })
    }

    pub(crate) fn make_request(&self, owned: &[EndpointId], how: u32) -> GateRequest {
        let mut conditions = Vec::new();
        for (index, end) in owned.iter().enumerate() {
            let seen = self.memory[&end.peer()].cursor;
            let (state, epoch) = self.kernel.peer_state(*end);
            let state = 1 + u64::from(state != PeerState::Wired);
            conditions.extend(match how >> (index % 6 * 2) & 7 {
                0 | 1 => Some(Condition::Peer { end: *end, value: seen }),
                2 => Some(Condition::Peer { end: *end, value: seen.wrapping_sub(1) }),
                3 => Some(Condition::Binding {
                    binding: self.binding(*end),
                    end: Some(*end),
                    seen: state | u64::from(epoch) << 32,
                }),
                4 => Some(Condition::Word { address: u64::from(how % 2) * 4, has_changed: false }),
                _ => None,
            });
        }
        match how / 7 % 16 {
            7 => conditions.push(Condition::Ring { generation: self.kernel.ring_generation() }),
            8 => conditions.push(Condition::Ring { generation: 1 }),
            9 => conditions.push(Condition::Wake { address: u64::from(how % 2) * 4 }),
            10 => conditions.push(Condition::Word { address: 0, has_changed: true }),
            11 => conditions.push(Condition::Binding { binding: u32::MAX, end: None, seen: 0 }),
            _ => {}
        }
        let deadline_ns = match how / 5 % 4 {
            0 => Some(u64::from(how % 3)),
            _ => None,
        };
        GateRequest { conditions, deadline_ns }
    }

    // What hostile ones do.

    pub(crate) fn cheat(&mut self, end: EndpointId, cheat: &Cheat) -> Checked {
        if let Cheat::TouchForeign = cheat {
            let mut had = self.foreign.iter().filter(|(_, other)| *other == end);
            let former = had.find(|(thread, _)| {
                self.is_hostile(*thread) && self.owner(end) != Owner::Thread(*thread)
            });
            let Some((thread, _)) = former else { return Ok(()) };
            return self.report_foreign(*thread, end);
        }
        let Owner::Thread(thread) = self.owner(end) else { return Ok(()) };
        if !self.is_hostile(thread) || self.dropped.contains(&end) {
            return Ok(());
        }
        let event = match *cheat {
            Cheat::StoreWord(by) => {
                if self.kernel.open_word(thread) == Some(end) {
                    let memory = self.memory_of(end);
                    memory.word = memory.cursor.wrapping_add(by);
                }
                return Ok(());
            }
            Cheat::StoreCursor(by) => {
                let memory = self.memory_of(end);
                if memory.page != Page::ReadOnly {
                    memory.cursor = memory.cursor.wrapping_add(by);
                }
                return Ok(());
            }
            Cheat::TouchQueue if self.kernel.has_queue(end) => return Ok(()),
            Cheat::TouchQueue => Event::QueueTouched { end },
            Cheat::TouchCell(cell) => Event::CellTouched { end, cell },
            Cheat::TouchWord => Event::WordTouched { end },
            Cheat::TouchCursor => Event::CursorTouched { end },
            Cheat::TouchGate(gate, problem) => {
                let request = problem.map_or_else(|| Ok(self.make_request(&[end], gate)), Err);
                Event::GateTouched { thread, gate, request }
            }
            Cheat::Exit(status) => Event::ThreadExited { thread, status },
            Cheat::ExitInstance(status) => Event::InstanceExited { thread, status },
            Cheat::TouchForeign => unreachable!("it is above"),
        };
        if self.kernel.is_live(thread) {
            self.phases[thread.0 as usize] = Phase::Stopped(None);
        }
        self.report(thread, event, Some(end))
    }

    // Faults.

    /// A touch of what is another thread's now (`END-14`).
    fn report_foreign(&mut self, thread: ThreadId, end: EndpointId) -> Checked {
        if self.kernel.is_live(thread) {
            self.phases[thread.0 as usize] = Phase::Stopped(None);
        }
        self.report(thread, Event::ForeignTouched { thread, end }, None)
    }

    pub(crate) fn fault(&mut self, thread: ThreadId, op: Op) -> Checked {
        self.phases[thread.0 as usize] = Phase::Stopped(Some(op.clone()));
        let (event, end) = match op {
            Op::Cell { end, cell } => (Event::CellTouched { end, cell }, Some(end)),
            Op::Word(end) => (Event::WordTouched { end }, Some(end)),
            Op::Cursor { end, .. } => (Event::CursorTouched { end }, Some(end)),
            Op::Gate { gate, request } => (Event::GateTouched { thread, gate, request }, None),
        };
        self.report(thread, event, end)
    }

    /// A fault of a thread, after what must be looked at before it.
    pub(crate) fn report(
        &mut self,
        thread: ThreadId,
        event: Event,
        end: Option<EndpointId>,
    ) -> Checked {
        let at = if let Event::CursorTouched { end } = event { Some(end) } else { None };
        self.is_reporting = true;
        for look in self.kernel.looks_before(thread, at) {
            match look {
                Look::Word(end) => {
                    let value = self.memory[&end].word;
                    self.step(Event::WordSettled { end, value }, Some(thread))?;
                }
                Look::Settle(end) => self.settle(end)?,
                Look::Cursor(end) => self.look(end)?,
            }
        }
        let mut peers: Vec<EndpointId> = end.iter().map(|end| end.peer()).collect();
        if let Event::GateTouched { request: Ok(request), .. } = &event {
            peers.extend(request.conditions.iter().filter_map(|condition| match condition {
                Condition::Peer { end, .. } => Some(end.peer()),
                _ => None,
            }));
        }
        for peer in peers {
            self.look(peer)?;
        }
        self.is_reporting = false;
        self.step(event, Some(thread))?;
        // MODE-5: an end that was to leave has left.
        for end in self.ends.iter().filter(|_| at.is_none() && self.kernel.is_live(thread)) {
            if self.owner(*end) == Owner::Thread(thread) && !self.broken[end.port.0 as usize] {
                let has_left = self.kernel.has_live_cursor(*end) && !self.kernel.has_queue(*end);
                ensure!(!has_left, "{:?} has not been settled", end);
            }
        }
        Ok(())
    }
}
