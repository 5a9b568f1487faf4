//! Carries the core's effects out on the model, and checks at each one that the core had the right to
//! ask for it; after each event, that what is shown is what is.

use oro_kernel::{
    Effect, EndpointId, Event, FaultCause, InstanceEnd, InstanceId, Mode, Owner, PeerState, PortId,
    Side, ThreadId,
};

use crate::model::{Access, Cell, EndMemory, Failure, Phase, State, cell_index, check, owner_of};
use crate::program::{Op, PART_COUNT, Program, REGISTER_COUNT, System};

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
            Effect::StartThread(thread) => {
                let state = &mut self.threads[thread.0 as usize];
                state.phase = Phase::Running;
                state.next_op = 0;
                state.armed = 0;
                state.has_looked = false;
                state.registers = [0; REGISTER_COUNT];
                state.log.clear();
                state.chaos_left = None;
                if let Program::Chaos(budget) = system.programs[thread.0 as usize] {
                    state.chaos_left = Some(budget);
                }
            }
            Effect::OpenCell { end, .. } if self.is_broken(system, end) => {
                // Any cell takes what nobody will read.
                for cell in &mut self.memory_of(end).cells {
                    cell.access = Access::Open;
                }
            }
            Effect::DeliverZeros { end, .. } if self.is_broken(system, end) => {
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
            Effect::OpenWord { end } => {
                let is_excused = self.is_excused(system, end);
                let expected = self.kernel.cursor(end);
                let memory = self.memory_of(end);
                let is_next = memory.word + 1 == expected;
                let is_again = memory.word_expected == memory.word + 1;
                check!(
                    is_excused || is_next || is_again,
                    "MAN-5 word opens for one store",
                    "{end:?}"
                );
                if is_next {
                    memory.word_expected = expected;
                }
                memory.is_word_open = true;
            }
            Effect::SetWord { end, value } => {
                let memory = self.memory_of(end);
                memory.word = value;
                memory.word_expected = value;
            }
            Effect::OpenCursor { end } => {
                // Of a broken Port nobody awaits anything any more.
                let is_excused =
                    self.is_hostile(system, end) || self.is_hostile(system, end.peer());
                let live = &mut self.memory_of(end).live;
                let is_complete = is_excused || live.protecting_count == 0;
                check!(is_complete, "BELL-1 opened while it is being protected", "{end:?}");
                live.is_open = true;
            }
            Effect::ProtectCursor { end } => self.protect_cursor(end)?,
            Effect::ReadCursor { end } => self.read_cursor(end)?,
            Effect::OpenQueue { end } => {
                let is_forced = self.forced[end.port.0 as usize];
                check!(!is_forced, "PORT-10 MODE-2 forced and asynchronous", "{end:?}");
                self.memory_of(end).is_queue_open = true;
            }
            Effect::CloseQueue { end } => self.memory_of(end).is_queue_open = false,
            Effect::PublishMode { end, mode } => self.publish_mode(end, mode)?,
            Effect::OpenGate { thread, gate, ready, .. } => self.open_gate(thread, gate, ready)?,
            Effect::StartTimer { timer, .. } => {
                self.timers.insert(timer);
            }
            Effect::StopTimer { timer } => {
                self.timers.remove(&timer);
            }
            Effect::ReportBrokenPort(_) => {}
            Effect::PublishCursor { end, value } => self.publish_cursor(system, end, value)?,
            Effect::PublishPeer { end, state, epoch } => {
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
            }
            Effect::PublishInstance(id) => {
                self.instances_published[id.0 as usize] = self.kernel.instance(id);
            }
            Effect::PublishPort(id) => {
                self.ports_published[id.0 as usize] = self.kernel.port(id).state;
            }
            Effect::Resume(thread) => self.resume(thread)?,
            Effect::EndThread(thread) => {
                self.check_end_of_thread(thread)?;
                self.drain(thread)?;
                self.threads[thread.0 as usize].phase = Phase::Down;
            }
            Effect::EndInstance { instance, end, restart } => {
                self.end_instance(system, instance, end, restart)?;
            }
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

    /// The page table's entry changes now; the processor's translation, and what it has executed by it,
    /// when the flush is complete.
    fn protect_cursor(&mut self, end: EndpointId) -> Result<(), Failure> {
        let Owner::Thread(thread) = owner_of(&self.kernel, end) else {
            return Err(Failure { check: "BELL-1 a thread's cursor", detail: format!("{end:?}") });
        };
        let phase = self.threads[thread.0 as usize].phase;
        let is_pending =
            matches!(phase, Phase::Granted(Op::StoreLive { end: pending, .. }) if pending == end);
        let may = !is_pending || self.memory[&end].live.is_overdue;
        check!(may, "BELL-3 protected before the store has landed", "{end:?}");
        let live = &mut self.memory_of(end).live;
        live.is_open = false;
        live.protecting_count += 1;
        Ok(())
    }

    fn read_cursor(&mut self, end: EndpointId) -> Result<(), Failure> {
        if let Owner::Thread(thread) = owner_of(&self.kernel, end) {
            let is_down = self.threads[thread.0 as usize].phase == Phase::Down;
            check!(is_down, "END-6 read before it was stopped", "{end:?}");
        }
        self.asked.push(end);
        Ok(())
    }

    fn publish_mode(&mut self, end: EndpointId, mode: Mode) -> Result<(), Failure> {
        let Owner::Thread(thread) = owner_of(&self.kernel, end) else {
            return Err(Failure { check: "MODE-2 a thread's end", detail: format!("{end:?}") });
        };
        let phase = self.threads[thread.0 as usize].phase;
        let is_stopped = matches!(phase, Phase::Stopped(_) | Phase::Granted(_));
        check!(is_stopped, "BIND-3 changed while its thread runs", "{end:?} {phase:?}");
        if mode == Mode::Asynchronous {
            let view = self.kernel.port(end.port);
            let peer = match end.side {
                Side::Producer => view.consumer,
                Side::Consumer => view.producer,
            };
            let is_built_in = owner_of(&self.kernel, end.peer()) == Owner::Kernel;
            let has_earned =
                is_built_in || peer.mode == Mode::Asynchronous || peer.streak >= view.threshold;
            check!(has_earned, "MODE-2 one end alone", "{end:?} {peer:?}");
        }
        self.memory_of(end).mode = mode;
        Ok(())
    }

    /// GATE-5, BELL-2: what a sleeper is told holds.
    fn open_gate(&mut self, thread: ThreadId, gate: u32, ready: u128) -> Result<(), Failure> {
        let state = &self.threads[thread.0 as usize];
        check!(state.armed == gate, "GATE-1 another gate opens", "{thread:?} {gate}");
        let (Phase::Stopped(op) | Phase::Granted(op)) = state.phase else {
            return Err(Failure { check: "GATE-1 opened unasked", detail: format!("{thread:?}") });
        };
        if let (Op::Await { end, .. }, true) = (op, ready != 0) {
            let Event::GateTouched { request: Ok(request), .. } = self.fault_event(thread, op)
            else {
                unreachable!("a gate's touch")
            };
            let [oro_kernel::Condition::Peer { value, .. }] = request.conditions[..] else {
                unreachable!("one condition")
            };
            let peer = self.memory[&end.peer()].published;
            let has_ended = self.kernel.peer_state(end).0 != PeerState::Wired;
            let holds = peer > value || has_ended;
            check!(holds, "BELL-2 woken before the cursor has moved", "{thread:?} {peer}");
        }
        self.threads[thread.0 as usize].armed = 1 - gate;
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

    fn resume(&mut self, thread: ThreadId) -> Result<(), Failure> {
        match self.threads[thread.0 as usize].phase {
            Phase::Stopped(op) | Phase::Granted(op) => {
                let is_granted = self.is_granted(thread, op);
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

    /// META-8, I5: what is shown is what is.
    fn check_published(&self, system: &System) -> Result<(), Failure> {
        for (end, memory) in &self.memory {
            let cursor = self.kernel.cursor(*end);
            let has_queue = self.kernel.has_queue(*end);
            let is_kernel = owner_of(&self.kernel, *end) == Owner::Kernel;
            let agrees = is_kernel || memory.is_queue_open == has_queue || self.is_down(*end);
            check!(agrees, "ASYNC-5 the queue is open to its mode", "{end:?} {has_queue}");
            let is_live = self.kernel.has_live_cursor(*end);
            let is_shared = is_live || self.kernel.has_live_cursor(end.peer());
            let view = self.kernel.port(end.port);
            let used = view.producer.cursor.wrapping_sub(view.consumer.cursor);
            let count = self.queues[end.port.0 as usize].len() as u64;
            let is_excused = is_shared || self.is_excused(system, *end);
            check!(is_excused || used <= count, "I5 KRN-3 cursors", "{end:?} {view:?}");
            if is_live {
                continue;
            }
            let is_excused = self.is_excused(system, *end);
            check!(
                is_excused || cursor == memory.published,
                "META-8 cursors are published",
                "{end:?} {cursor}"
            );
        }
        for (end, memory) in &self.memory {
            let Owner::Thread(thread) = owner_of(&self.kernel, *end) else { continue };
            let is_open = self.kernel.open_word(thread) == Some(*end);
            let is_live = self.kernel.is_live(thread);
            // The word of a broken Port is open for good.
            let is_excused = self.is_excused(system, *end);
            let agrees = !is_live || is_excused || is_open == memory.is_word_open;
            check!(agrees, "MAN-5 the core knows the open word", "{end:?} {is_open}");
            let agrees = !is_live || self.kernel.peer_state(*end) == memory.peer;
            check!(agrees, "END-6 the binding's state", "{end:?}");
        }
        for (index, published) in self.ports_published.iter().enumerate() {
            let id = PortId(u32::try_from(index).expect("few"));
            let state = self.kernel.port(id).state;
            check!(state == *published, "META-8 Ports are published", "{id:?} {state:?}");
        }
        for (index, published) in self.instances_published.iter().enumerate() {
            let id = InstanceId(u32::try_from(index).expect("few"));
            let view = self.kernel.instance(id);
            check!(view == *published, "META-8 instances are published", "{id:?} {view:?}");
        }
        for (index, thread) in self.threads.iter().enumerate() {
            let id = ThreadId(u32::try_from(index).expect("few"));
            let is_live = self.kernel.is_live(id);
            let runs = thread.phase != Phase::Down;
            check!(runs == is_live, "END-1 ended threads do not run", "{id:?} {runs} {is_live}");
        }
        let is_finished = self.kernel.is_finished();
        check!(is_finished == self.is_finished, "END-4 finished", "{is_finished}");
        Ok(())
    }

    /// Whether one of the two threads may lie about its cursor, so that their Port may break.
    fn is_excused(&self, system: &System, end: EndpointId) -> bool {
        let [owner, peer] = [end, end.peer()].map(|end| owner_of(&self.kernel, end));
        let are_threads = owner != Owner::Kernel && peer != Owner::Kernel;
        are_threads && (self.is_hostile(system, end) || self.is_hostile(system, end.peer()))
    }

    /// Whether the Port of a thread that may lie is over.
    fn is_broken(&self, system: &System, end: EndpointId) -> bool {
        let state = self.kernel.peer_state(end).0;
        self.is_excused(system, end) && state == PeerState::Faulted
    }

    /// Whether the end belongs to an instance that may break rules.
    pub(crate) fn is_hostile(&self, system: &System, end: EndpointId) -> bool {
        match owner_of(&self.kernel, end) {
            Owner::Thread(thread) => {
                system.hostile.contains(&system.setup.threads[thread.0 as usize].instance)
            }
            Owner::Kernel => false,
        }
    }

    fn is_down(&self, end: EndpointId) -> bool {
        match owner_of(&self.kernel, end) {
            Owner::Thread(thread) => self.threads[thread.0 as usize].phase == Phase::Down,
            Owner::Kernel => true,
        }
    }

    pub(crate) fn memory_of(&mut self, end: EndpointId) -> &mut EndMemory {
        self.memory.get_mut(&end).expect("every end has memory")
    }
}
