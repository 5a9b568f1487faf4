//! Carries the core's effects out on the model, and checks at each one that the core had the right to
//! ask for it. Those of the asynchronous mode are in `effects_live.rs`.

use oro_kernel::{
    Effect, EndpointId, Event, FaultCause, InstanceEnd, InstanceId, Owner, PeerState, PortId, Side,
    ThreadId, Violation,
};

use crate::model::{Access, Cell, Failure, Phase, State, cell_index, check, owner_of};
use crate::program::{Act, Op, PART_COUNT, Program, REGISTER_COUNT, System};

impl State {
    /// Hands an event to the core and carries out what it says; then everything must be as it says.
    pub(crate) fn step(&mut self, system: &System, event: Event) -> Result<(), Failure> {
        let mut effects = Vec::new();
        self.kernel.step(event, &mut effects);
        for effect in effects {
            self.carry_out(system, effect)?;
        }
        if let Some(end) = self.asked.pop() {
            return self.settle_cursor(system, end);
        }
        self.check_published(system)
    }

    fn carry_out(&mut self, system: &System, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::StartThread(thread) => self.start_thread(system, thread),
            Effect::OpenCell { .. }
            | Effect::ProtectCell { .. }
            | Effect::CollectCell { .. }
            | Effect::DeliverCell { .. }
            | Effect::DeliverZeros { .. }
            | Effect::WithdrawCell { .. } => self.change_cell(system, effect)?,
            Effect::OpenWord { end } => self.open_word(system, end)?,
            Effect::SetWord { end, value } => {
                let memory = self.memory_of(end);
                memory.word = value;
                memory.word_expected = value;
            }
            Effect::OpenCursor { .. }
            | Effect::ProtectCursor { .. }
            | Effect::ReadCursor { .. }
            | Effect::OpenQueue { .. }
            | Effect::CloseQueue { .. }
            | Effect::PublishMode { .. } => self.carry_out_live(system, effect)?,
            Effect::OpenGate { thread, gate, ready, .. } => self.open_gate(thread, gate, ready)?,
            Effect::StartTimer { timer, .. } => {
                self.timers.insert(timer);
            }
            Effect::StopTimer { timer } => {
                self.timers.remove(&timer);
            }
            Effect::ReportBrokenPort { .. } => {}
            Effect::PublishCursor { end, value } => self.publish_cursor(system, end, value)?,
            Effect::PublishPeer { end, state, epoch } => {
                self.publish_peer(system, end, (state, epoch))?
            }
            Effect::PublishInstance(_) | Effect::PublishPort(_) => self.publish_entry(&effect),
            Effect::FinishRevocation(port) => self.finish_revocation(port)?,
            Effect::Resume(thread) => self.resume(thread)?,
            Effect::EndThread(thread) => {
                self.check_end_of_thread(thread)?;
                self.drain(thread)?;
                self.threads[thread.0 as usize].phase = Phase::Down;
            }
            Effect::EndInstance { instance, end, restart } => {
                self.end_instance(system, instance, end, restart)?;
            }
            Effect::ReplaceInstance(id) => {
                let is_awaited = self.kernel.instance(id).is_restarting;
                check!(is_awaited, "END-10 replaced for nothing", "{id:?}");
                check!(self.replacing.insert(id), "END-10 replaced twice", "{id:?}");
            }
            Effect::PublishFirst { end, value } => {
                let cursor = self.memory[&end].published;
                check!(value == cursor, "END-7 starts elsewhere", "{end:?}: {value}, not {cursor}");
                let Owner::Thread(thread) = owner_of(&self.kernel, end) else {
                    unreachable!("a built-in's end is not restarted")
                };
                self.threads[thread.0 as usize].first.insert(end, value);
            }
            Effect::MoveEnd { end, from, to } => self.move_end(system, end, from, to)?,
            Effect::RefuseMove { .. } => {}
            Effect::WakeKernelEnd(end) => {
                self.kernel_ends.get_mut(&end).expect("a built-in's").is_woken = true;
            }
            Effect::Finish => {
                check!(!self.is_finished, "END-4 finished once", "twice");
                self.is_finished = true;
            }
        }
        Ok(())
    }

    /// END-13: no thread can reach the queue any more.
    fn finish_revocation(&mut self, port: PortId) -> Result<(), Failure> {
        for side in [Side::Producer, Side::Consumer] {
            let end = EndpointId { port, side };
            let memory = &self.memory[&end];
            let is_open = memory.is_queue_open || memory.live.is_open;
            let is_down = self.is_down(end);
            check!(is_down || !is_open, "END-13 the queue is still open", "{end:?}");
        }
        let count = self.history[port.0 as usize].len();
        let is_new = self.revoked.insert(port, count).is_none();
        check!(is_new, "END-13 revoked twice", "{port:?}");
        Ok(())
    }

    /// An entry of a table, perhaps a new one.
    fn publish_entry(&mut self, effect: &Effect) {
        match *effect {
            Effect::PublishInstance(id) => {
                let view = self.kernel.instance(id);
                match self.instances_published.get_mut(id.0 as usize) {
                    Some(published) => *published = view,
                    None => self.instances_published.push(view),
                }
            }
            Effect::PublishPort(id) => {
                let state = self.kernel.port(id).state;
                match self.ports_published.get_mut(id.0 as usize) {
                    Some(published) => *published = state,
                    None => self.ports_published.push(state),
                }
            }
            _ => unreachable!("no entry: {effect:?}"),
        }
    }

    fn start_thread(&mut self, system: &System, thread: ThreadId) {
        let state = &mut self.threads[thread.0 as usize];
        state.phase = Phase::Running;
        state.next_op = 0;
        state.armed = 0;
        state.has_looked = false;
        state.seen = None;
        state.registers = [0; REGISTER_COUNT];
        state.log.clear();
        state.chaos_left = None;
        if let Program::Chaos(budget) = system.programs[thread.0 as usize] {
            state.chaos_left = Some(budget);
        }
    }

    /// What changes in a cell; of a broken Port, in all of them.
    fn change_cell(&mut self, system: &System, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::OpenCell { end, .. } if self.is_dead(system, end) => {
                // Any cell takes what nobody will read.
                for cell in &mut self.memory_of(end).cells {
                    cell.access = Access::Open;
                }
            }
            Effect::DeliverZeros { end, .. } if self.is_dead(system, end) => {
                let zeros = Cell { access: Access::ReadOnly, bytes: [0; PART_COUNT] };
                self.memory_of(end).cells = [zeros; 2];
            }
            Effect::OpenCell { end, cell } => self.open_cell(end, cell as usize)?,
            Effect::ProtectCell { end, cell } => {
                self.memory_of(end).cells[cell as usize].access = Access::ReadOnly;
            }
            Effect::CollectCell { end, cell, number } => {
                self.collect(system, end, cell as usize, number)?
            }
            Effect::DeliverCell { end, cell, number } => {
                self.deliver(system, end, cell as usize, Some(number))?;
            }
            Effect::DeliverZeros { end, cell } => self.deliver(system, end, cell as usize, None)?,
            Effect::WithdrawCell { end, cell } => {
                let absent = Cell { access: Access::Absent, bytes: [0; PART_COUNT] };
                self.memory_of(end).cells[cell as usize] = absent;
            }
            _ => unreachable!("not about a cell: {effect:?}"),
        }
        Ok(())
    }

    fn open_word(&mut self, system: &System, end: EndpointId) -> Result<(), Failure> {
        let is_excused = self.is_excused(system, end) || self.is_dead(system, end);
        let expected = self.kernel.cursor(end);
        let memory = self.memory_of(end);
        let is_next = memory.word + 1 == expected;
        let is_again = memory.word_expected == memory.word + 1;
        check!(is_excused || is_next || is_again, "MAN-5 word opens for one store", "{end:?}");
        if is_next {
            memory.word_expected = expected;
        }
        memory.is_word_open = true;
        Ok(())
    }

    fn open_cell(&mut self, end: EndpointId, cell: usize) -> Result<(), Failure> {
        let memory = &self.memory[&end];
        let right = cell_index(memory.published);
        check!(cell == right, "PORT-4 slot is not the next", "{end:?} opens cell {cell}");
        let held_count = self.kernel.cursor(end);
        let room = self.queues[end.port.0 as usize].len() as u64
            - (held_count - self.memory[&end.peer()].published);
        let has_ended = memory.peer.0 != PeerState::Wired;
        check!(room > 0 || has_ended, "NAIVE-2 a slot without room", "{end:?}");
        let is_managed = match owner_of(&self.kernel, end) {
            Owner::Thread(thread) => self.kernel.setup().threads[thread.0 as usize].is_managed,
            Owner::Kernel => false,
        };
        let is_first = memory.cells[cell].access == Access::ReadOnly;
        let is_for_nobody = has_ended && is_first && !is_managed;
        check!(!is_for_nobody, "NAIVE-3 a slot for nobody", "{end:?}");
        if memory.cells[cell].access == Access::ReadOnly {
            let is_zero = memory.cells[cell].bytes == [0; PART_COUNT];
            check!(is_zero, "PORT-5 a cell opens zeroed", "{end:?} cell {cell}");
        }
        self.memory_of(end).cells[cell].access = Access::Open;
        Ok(())
    }

    fn collect(
        &mut self,
        system: &System,
        end: EndpointId,
        cell: usize,
        number: u64,
    ) -> Result<(), Failure> {
        let is_revoked = self.kernel.is_revoked(end.port);
        check!(!is_revoked, "END-13 committed to a revoked Port", "{end:?}");
        let count = self.queues[end.port.0 as usize].len() as u64;
        let access = self.memory[&end].cells[cell].access;
        check!(access != Access::Open, "I7 PORT-6 protected before collected", "{end:?}");
        check!(cell == cell_index(number), "PORT-4 slot is not the next", "{end:?} {number}");
        if self.is_hostile(system, end) {
            // What it said that it had sent is not known message by message.
            let count = usize::try_from(number).expect("few");
            self.history[end.port.0 as usize].resize(count, [0; PART_COUNT]);
        }
        let next = self.history[end.port.0 as usize].len() as u64;
        check!(number == next, "I9 messages are numbered", "{end:?} {number}, not {next}");
        let released = self.memory[&end.peer()].published;
        check!(number - released < count, "I5 a message is overwritten", "{end:?} {number}");
        let bytes = self.memory[&end].cells[cell].bytes;
        let slot = usize::try_from(number % count).expect("few");
        self.queues[end.port.0 as usize][slot] = bytes;
        self.history[end.port.0 as usize].push(bytes);
        self.memory_of(end).cells[cell].bytes = [0; PART_COUNT];
        Ok(())
    }

    fn deliver(
        &mut self,
        system: &System,
        end: EndpointId,
        cell: usize,
        number: Option<u64>,
    ) -> Result<(), Failure> {
        let is_revoked = self.kernel.is_revoked(end.port);
        check!(!is_revoked, "END-13 delivered from a revoked Port", "{end:?}");
        let memory = &self.memory[&end];
        let own = memory.published;
        let absent = memory.cells[cell].access == Access::Absent;
        check!(absent, "PORT-5 a held snapshot changes", "{end:?} cell {cell}");
        check!(cell == cell_index(own), "PORT-4 slot is not the next", "{end:?} cell {cell}");
        let committed = self.memory[&end.peer()].published;
        let bytes = match number {
            Some(number) => {
                check!(number == own, "I9 messages in order", "{end:?} {number}, not {own}");
                check!(number < committed, "KRN-9 delivered before published", "{end:?} {number}");
                let queue = &self.queues[end.port.0 as usize];
                queue[usize::try_from(number % queue.len() as u64).expect("few")]
            }
            None => {
                let is_honest = !self.is_hostile(system, end.peer());
                check!(
                    !is_honest || own == committed,
                    "MAN-3 zeros for a message",
                    "{end:?} {own}"
                );
                check!(memory.peer.0 != PeerState::Wired, "MAN-3 zeros of a live peer", "{end:?}");
                [0; PART_COUNT]
            }
        };
        self.memory_of(end).cells[cell] = Cell { access: Access::ReadOnly, bytes };
        Ok(())
    }

    fn publish_cursor(
        &mut self,
        system: &System,
        end: EndpointId,
        value: u64,
    ) -> Result<(), Failure> {
        let before = self.memory[&end].published;
        let is_revoked = self.kernel.is_revoked(end.port);
        check!(!is_revoked || value == before, "END-13 a cursor of a revoked Port", "{end:?}");
        let is_kernel = owner_of(&self.kernel, end) == Owner::Kernel;
        // What a thread that lied has left is set right.
        let is_settled =
            value == before || self.is_hostile(system, end) || self.is_excused(system, end);
        let is_next = is_settled || value == before + 1 || (is_kernel && value > before);
        check!(is_next, "I5 cursors are monotonic, by one", "{end:?} {before} to {value}");
        self.memory_of(end).published = value;
        let producer = self.memory[&EndpointId { port: end.port, side: Side::Producer }].published;
        let consumer = self.memory[&EndpointId { port: end.port, side: Side::Consumer }].published;
        let count = self.queues[end.port.0 as usize].len() as u64;
        // A live cursor is what its thread says.
        let is_live = self.kernel.has_live_cursor(end.peer());
        let is_sound = is_live
            || self.is_excused(system, end)
            || (producer >= consumer && producer - consumer <= count);
        check!(is_sound, "I5 cursors", "{end:?} {producer} {consumer} {count}");
        let collected = self.history[end.port.0 as usize].len() as u64;
        let is_honest =
            !self.is_hostile(system, EndpointId { port: end.port, side: Side::Producer });
        check!(
            !is_honest || producer <= collected,
            "PORT-6 published before collected",
            "{end:?} {producer}"
        );
        Ok(())
    }

    fn publish_peer(
        &mut self,
        system: &System,
        end: EndpointId,
        (state, epoch): (PeerState, u32),
    ) -> Result<(), Failure> {
        let is_there = !self.forgotten.contains(&end);
        check!(is_there, "CTL-10 who is forgotten is told", "{end:?}");
        let shown = self.memory[&end.peer()].published;
        let last = self.kernel.cursor(end.peer());
        // What a thread stores by itself is shown by itself.
        let is_live = self.kernel.has_live_cursor(end.peer()) && state == PeerState::Wired;
        let is_excused = is_live || self.is_excused(system, end);
        check!(
            is_excused || shown == last,
            "KRN-5 the last cursor shows before the end",
            "{end:?}"
        );
        let told = self.kernel.peer_state(end);
        check!(told == (state, epoch), "END-6 the peer's state", "{end:?} {told:?}");
        self.memory_of(end).peer = (state, epoch);
        Ok(())
    }

    fn resume(&mut self, thread: ThreadId) -> Result<(), Failure> {
        match self.threads[thread.0 as usize].phase {
            Phase::Stopped(op) | Phase::Granted(op) => {
                let is_granted = self.is_granted(thread, op) || self.is_foreign(thread, op);
                check!(is_granted, "KRN-9 resumed without grant", "{thread:?} {op:?}");
                self.threads[thread.0 as usize].phase = Phase::Granted(op);
                Ok(())
            }
            phase @ (Phase::Down | Phase::Running) => Err(Failure {
                check: "KRN-9 resumed without a fault",
                detail: format!("{thread:?} {phase:?}"),
            }),
        }
    }

    /// END-9, MAN-3: a thread that did not ask for its end is naive, and its peer has gone.
    fn check_end_of_thread(&self, thread: ThreadId) -> Result<(), Failure> {
        let (Phase::Stopped(op) | Phase::Granted(op)) = self.threads[thread.0 as usize].phase
        else {
            return Err(Failure {
                check: "END-9 only a touch ends a thread",
                detail: format!("{thread:?}"),
            });
        };
        let (Op::Store { end, .. } | Op::Load { end, .. } | Op::Touch { end, .. }) = op else {
            return Ok(());
        };
        let is_managed = self.kernel.setup().threads[thread.0 as usize].is_managed;
        check!(!is_managed, "MAN-3 nobody ends a managed thread", "{thread:?} {op:?}");
        let has_ended = self.kernel.peer_state(end).0 != PeerState::Wired;
        check!(has_ended, "END-9 ended though its peer lives", "{thread:?} {op:?}");
        let left = self.memory[&end.peer()].published.saturating_sub(self.memory[&end].published);
        let is_drained = end.side == Side::Producer || left == 0;
        let is_drained = is_drained || self.kernel.is_revoked(end.port);
        check!(is_drained, "NAIVE-6 ended before the queue was drained", "{thread:?} {left}");
        Ok(())
    }

    fn end_instance(
        &mut self,
        system: &System,
        instance: InstanceId,
        end: InstanceEnd,
        restart: bool,
    ) -> Result<(), Failure> {
        let setup = self.kernel.setup().clone();
        let (is_right, is_allowed) = match end {
            InstanceEnd::Exited { .. } => (true, true),
            InstanceEnd::Violated { thread, violation: Violation::ForeignEndpoint, .. } => (
                setup.threads[thread.0 as usize].instance == instance,
                system.script.iter().any(|act| matches!(act, Act::Transfer(..))),
            ),
            InstanceEnd::Violated { thread, end, .. } => (
                setup.threads[thread.0 as usize].instance == instance
                    && owner_of(&self.kernel, end) == Owner::Thread(thread),
                system.hostile.contains(&instance),
            ),
            InstanceEnd::Faulted { thread, cause } => (
                setup.threads[thread.0 as usize].instance == instance,
                match cause {
                    FaultCause::Killed => self.killed[instance.0 as usize],
                    FaultCause::Trap | FaultCause::SystemCall | FaultCause::Panic => {
                        system.hostile.contains(&instance)
                    }
                },
            ),
            InstanceEnd::BadRequest { .. } => (true, system.hostile.contains(&instance)),
            InstanceEnd::Killed => (true, self.killed[instance.0 as usize]),
            InstanceEnd::Replaced => (true, system.replaceable.contains(&instance)),
            InstanceEnd::Revoked { port } => {
                let is_wanted = |act: &Act| matches!(act, Act::Revoke(id) if *id == port.0);
                let is_right = self.graced.contains(&port) || self.kernel.is_revoked(port);
                (is_right, system.script.iter().any(is_wanted))
            }
        };
        check!(is_right, "BLAME-1 another is blamed", "{instance:?} {end:?}");
        check!(is_allowed, "I1 only the offender ends", "{instance:?} {end:?}");
        let is_awaited = self.kernel.instance(instance).is_restarting;
        check!(is_awaited == restart, "END-7 restart", "{instance:?} {restart}");
        for (index, thread) in setup.threads.iter().enumerate() {
            if thread.instance == instance {
                // What it had executed reaches the memory before it is gone.
                self.drain(ThreadId(u32::try_from(index).expect("few")))?;
                self.threads[index].phase = Phase::Down;
            }
        }
        Ok(())
    }
}
