//! A machine as small as can be: memory, threads, built-in ends; accesses go through or fault. It
//! checks what threads see, and what verdict the core comes to.
//!
//! Key types: [`State`], [`Failure`]. What it does not do: carry effects out (`platform.rs`), choose
//! what happens next (`explore.rs`).

use std::collections::{BTreeMap, BTreeSet};

use oro_kernel::{
    Condition, EndpointId, Event, FaultCause, GateRequest, InstanceEnd, InstanceId, InstanceView,
    Kernel, Look, Mode, Owner, PeerState, PortId, PortState, Side, ThreadId, Timer, Tuning,
    Violation,
};

use crate::program::{Op, PART_COUNT, Place, REGISTER_COUNT, System, Value};

/// A check that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Its name: the clause or invariant first.
    pub(crate) check: &'static str,
    pub(crate) detail: String,
}

macro_rules! check {
    ($condition:expr, $name:expr, $($detail:tt)+) => {
        if !$condition {
            return Err($crate::model::Failure { check: $name, detail: format!($($detail)+) });
        }
    };
}
pub(crate) use check;

pub(crate) type Message = [u8; PART_COUNT];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Absent,
    ReadOnly,
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    pub(crate) access: Access,
    pub(crate) bytes: Message,
}

/// What an endpoint's thread sees.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EndMemory {
    pub(crate) cells: [Cell; 2],
    pub(crate) word: u64,
    /// What the word holds once the store that it was opened for has landed.
    pub(crate) word_expected: u64,
    pub(crate) is_word_open: bool,
    /// What its binding says.
    pub(crate) mode: Mode,
    /// The thread may store to the queue, or load from it.
    pub(crate) is_queue_open: bool,
    pub(crate) live: LivePage,
    /// The cursor as its peer sees it: the live cursor.
    pub(crate) published: u64,
    /// What its binding says of the peer.
    pub(crate) peer: (PeerState, u32),
}

/// The page of a live cursor, and what a processor makes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LivePage {
    /// The page table's entry says writable.
    pub(crate) is_open: bool,
    /// The thread's processor holds a translation that says so.
    pub(crate) is_cached: bool,
    /// A store that has been executed and is not in memory yet.
    pub(crate) buffered: Option<u64>,
    /// Protections that have not been answered.
    pub(crate) protecting_count: u32,
    /// The time for the store that was let through has passed: it may be stopped again (BELL-3).
    pub(crate) is_overdue: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Not started, or ended.
    Down,
    Running,
    /// Stopped in a fault that has been reported.
    Stopped(Op),
    /// Resumed; the access has not been repeated yet.
    Granted(Op),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ThreadState {
    pub(crate) phase: Phase,
    pub(crate) next_op: usize,
    /// The gate page that its response calls armed.
    pub(crate) armed: u32,
    /// It has looked at its peer and found nothing.
    pub(crate) has_looked: bool,
    /// Accesses that a hostile thread may still choose; `None` for the others.
    pub(crate) chaos_left: Option<u8>,
    pub(crate) registers: [u8; REGISTER_COUNT],
    pub(crate) log: Vec<u8>,
    /// Where this incarnation starts, by endpoint.
    pub(crate) first: BTreeMap<EndpointId, u64>,
}

/// A built-in instance's end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KernelEnd {
    pub(crate) is_woken: bool,
    pub(crate) is_closed: bool,
    /// First parts of the messages taken.
    pub(crate) log: Vec<u8>,
}

/// A whole system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) kernel: Kernel,
    pub(crate) memory: BTreeMap<EndpointId, EndMemory>,
    pub(crate) threads: Vec<ThreadState>,
    pub(crate) kernel_ends: BTreeMap<EndpointId, KernelEnd>,
    /// By Port: the queue's slots.
    pub(crate) queues: Vec<Vec<Message>>,
    /// By Port: every message that was ever committed. Not part of a platform: what must be.
    pub(crate) history: Vec<Vec<Message>>,
    pub(crate) killed: Vec<bool>,
    pub(crate) kill_count: u8,
    pub(crate) flip_count: u8,
    pub(crate) forced: Vec<bool>,
    pub(crate) timers: BTreeSet<Timer>,
    /// Cursors that the core has asked for.
    pub(crate) asked: Vec<EndpointId>,
    pub(crate) ports_published: Vec<PortState>,
    pub(crate) instances_published: Vec<InstanceView>,
    pub(crate) is_finished: bool,
}

/// What became of an access.
enum Attempt {
    Done,
    Faulted(Event),
}

impl State {
    /// Mounts and wires a system; it has not started.
    pub(crate) fn new(system: &System, kernel: Kernel) -> Self {
        let setup = &system.setup;
        let mut state = Self {
            memory: BTreeMap::new(),
            threads: Vec::new(),
            kernel_ends: BTreeMap::new(),
            queues: Vec::new(),
            history: vec![Vec::new(); setup.ports.len()],
            killed: vec![false; setup.instances.len()],
            kill_count: 0,
            flip_count: 0,
            forced: vec![false; setup.ports.len()],
            timers: BTreeSet::new(),
            asked: Vec::new(),
            ports_published: vec![PortState::Open; setup.ports.len()],
            instances_published: Vec::new(),
            is_finished: false,
            kernel,
        };
        let down = ThreadState {
            phase: Phase::Down,
            next_op: 0,
            armed: 0,
            has_looked: false,
            chaos_left: None,
            registers: [0; REGISTER_COUNT],
            log: Vec::new(),
            first: BTreeMap::new(),
        };
        state.threads = vec![down; setup.threads.len()];
        for (index, port) in setup.ports.iter().enumerate() {
            state.queues.push(vec![[0; PART_COUNT]; port.slot_count as usize]);
            let port_id = PortId(u32::try_from(index).expect("few"));
            for (owner, side) in [(port.producer, Side::Producer), (port.consumer, Side::Consumer)]
            {
                let end = EndpointId { port: port_id, side };
                let memory = EndMemory {
                    cells: [Cell { access: Access::Absent, bytes: [0; PART_COUNT] }; 2],
                    word: 0,
                    word_expected: 0,
                    is_word_open: false,
                    mode: Mode::Synchronous,
                    is_queue_open: false,
                    live: LivePage::default(),
                    published: 0,
                    peer: (PeerState::Wired, 0),
                };
                state.memory.insert(end, memory);
                if owner == Owner::Kernel {
                    let kernel_end =
                        KernelEnd { is_woken: true, is_closed: false, log: Vec::new() };
                    state.kernel_ends.insert(end, kernel_end);
                }
            }
        }
        for index in 0..setup.instances.len() {
            let id = InstanceId(u32::try_from(index).expect("few"));
            state.instances_published.push(state.kernel.instance(id));
            state.mount(id);
        }
        state
    }

    /// Gives the threads of an instance fresh memory on its Ports.
    pub(crate) fn mount(&mut self, id: InstanceId) {
        let setup = self.kernel.setup();
        let mut ends = Vec::new();
        for end in self.memory.keys() {
            if let Owner::Thread(thread) = owner_of(&self.kernel, *end)
                && setup.threads[thread.0 as usize].instance == id
            {
                ends.push((*end, thread));
            }
        }
        for (end, thread) in ends {
            let first = self.kernel.cursor(end);
            let access = match end.side {
                Side::Producer => Access::ReadOnly,
                Side::Consumer => Access::Absent,
            };
            let peer = self.kernel.peer_state(end);
            let memory = self.memory.get_mut(&end).expect("every end has memory");
            memory.cells = [Cell { access, bytes: [0; PART_COUNT] }; 2];
            memory.word = first;
            memory.word_expected = first;
            memory.is_word_open = false;
            memory.mode = Mode::Synchronous;
            memory.is_queue_open = false;
            memory.live.is_open = false;
            memory.live.is_cached = false;
            memory.peer = peer;
            self.threads[thread.0 as usize].first.insert(end, first);
        }
    }

    /// Repeats or makes an access; a fault is reported to the core.
    pub(crate) fn access(
        &mut self,
        system: &System,
        thread: ThreadId,
        op: Op,
    ) -> Result<(), Failure> {
        let op = self.resolve(thread, op);
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

    /// One step of waiting for a slot: a look, the touch of the gate, or the return from it.
    fn await_slot(
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
        let is_available = is_available && used <= count;
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
            _ if has_ended && (end.side == Side::Producer || !is_available) => {
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

    fn report(
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
            Some(InstanceEnd::Violated { thread: blamed, end, violation }) => {
                check!(blamed == thread, "BLAME-1 another is blamed", "{blamed:?}, not {thread:?}");
                Some((end, violation))
            }
            Some(
                InstanceEnd::Exited { .. }
                | InstanceEnd::BadRequest { .. }
                | InstanceEnd::Faulted { .. }
                | InstanceEnd::Killed,
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
        if knows_modes {
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
            Op::Return(status) => Event::ThreadExited { thread, status },
            Op::ReturnIfDrained { .. } | Op::ReturnIfEnded { .. } => {
                Event::ThreadExited { thread, status: 0 }
            }
            Op::ExitInstance(status) => Event::InstanceExited { thread, status },
            Op::Trap => Event::ThreadFaulted { thread, cause: FaultCause::Trap },
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
                let live = &mut self.memory_of(end).live;
                live.is_cached = true;
                live.is_overdue = false;
                live.buffered = Some(value);
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
                let number = self.threads[thread.0 as usize].first[&end] + slot;
                let queue = &self.queues[end.port.0 as usize];
                let bytes = queue[usize::try_from(number % queue.len() as u64).expect("few")];
                let index = usize::try_from(number).expect("few");
                let right = self.history[end.port.0 as usize].get(index).copied();
                let is_right = right == Some(bytes) || self.is_hostile(system, end.peer());
                check!(is_right, "MODE-8 what is read", "{end:?} {number}: {bytes:?} {right:?}");
                let state = &mut self.threads[thread.0 as usize];
                if state.chaos_left.is_none() {
                    state.registers[register] = bytes[part];
                    state.log.push(bytes[part]);
                }
            }
            Op::Await { .. } => unreachable!("has steps of its own"),
            Op::Store { end, place, part, value } => {
                let cell = self.cell(thread, end, place);
                let value = self.evaluate(thread, value);
                let memory = self.memory.get_mut(&end).expect("every end has memory");
                memory.cells[cell].bytes[part] = value;
            }
            Op::Load { end, place, part, register } => {
                let cell = self.memory[&end].cells[self.cell(thread, end, place)];
                let value = cell.bytes[part];
                if end.side == Side::Producer && cell.access == Access::ReadOnly {
                    check!(value == 0, "PORT-5 a cell that is not held is zero", "{op:?}");
                }
                if end.side == Side::Consumer && !self.is_hostile(system, end.peer()) {
                    self.check_loaded(end, place, thread, cell.bytes)?;
                }
                let state = &mut self.threads[thread.0 as usize];
                if state.chaos_left.is_none() {
                    state.registers[register] = value;
                    state.log.push(value);
                }
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

    /// Whether an access goes through as the memory is now.
    pub(crate) fn is_granted(&self, thread: ThreadId, op: Op) -> bool {
        match op {
            Op::StoreLive { end, .. } => {
                let live = &self.memory[&end].live;
                live.is_open || live.is_cached
            }
            Op::StoreQueue { end, .. } => self.memory[&end].is_queue_open,
            // The gate has been opened, or it would not have been resumed.
            Op::Await { .. } => true,
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
                !(has_ended && self.memory[&end.peer()].published == first + count)
            }
            Op::ReturnIfEnded { end } => self.memory[&end].peer.0 == PeerState::Wired,
            Op::Return(_) | Op::ExitInstance(_) | Op::Trap => false,
        }
    }

    fn cell(&self, thread: ThreadId, end: EndpointId, place: Place) -> usize {
        match place {
            Place::Cell(cell) => cell as usize,
            Place::Slot(slot) => cell_index(self.threads[thread.0 as usize].first[&end] + slot),
        }
    }
}

pub(crate) fn owner_of(kernel: &Kernel, end: EndpointId) -> Owner {
    let port = &kernel.setup().ports[end.port.0 as usize];
    match end.side {
        Side::Producer => port.producer,
        Side::Consumer => port.consumer,
    }
}

pub(crate) fn cell_index(number: u64) -> usize {
    usize::from(number % 2 == 1)
}
