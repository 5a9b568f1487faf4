//! A machine as small as can be: memory, threads, built-in ends; accesses go through or fault. It
//! checks what threads see, and what verdict the core comes to.
//!
//! Key types: [`State`], [`Failure`]. What it does not do: carry effects out (`platform.rs`), choose
//! what happens next (`explore.rs`).

use std::collections::BTreeMap;

use oro_kernel::{
    EndpointId, Event, FaultCause, InstanceEnd, InstanceId, InstanceView, Kernel, Owner, PeerState,
    PortId, PortState, Side, ThreadId, Violation,
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
    pub(crate) is_word_open: bool,
    /// The cursor as its peer sees it.
    pub(crate) published: u64,
    /// What its binding says of the peer.
    pub(crate) peer: (PeerState, u32),
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
            ports_published: vec![PortState::Open; setup.ports.len()],
            instances_published: Vec::new(),
            is_finished: false,
            kernel,
        };
        let down = ThreadState {
            phase: Phase::Down,
            next_op: 0,
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
                    is_word_open: false,
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
            memory.is_word_open = false;
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
        match self.attempt(thread, op)? {
            Attempt::Done => {
                let state = &mut self.threads[thread.0 as usize];
                state.phase = Phase::Running;
                state.next_op += usize::from(state.chaos_left.is_none());
                Ok(())
            }
            Attempt::Faulted(event) => {
                let phase = self.threads[thread.0 as usize].phase;
                let is_granted = matches!(phase, Phase::Granted(_));
                check!(!is_granted, "KRN-9 resumed without grant", "{thread:?} {op:?}");
                self.threads[thread.0 as usize].phase = Phase::Stopped(op);
                self.report(system, thread, op, event)
            }
        }
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
        let verdict = self.predict(thread, &event);
        if let Some(end) = self.kernel.open_word(thread) {
            let memory = self.memory.get_mut(&end).expect("every end has memory");
            memory.is_word_open = false;
            let value = memory.word;
            self.step(system, Event::WordSettled { end, value })?;
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
                InstanceEnd::Exited { .. } | InstanceEnd::Faulted { .. } | InstanceEnd::Killed,
            )
            | None => None,
        };
        check!(found == verdict, "BLAME-1 verdict", "{op:?}: {found:?}, right: {verdict:?}");
        Ok(())
    }

    /// The verdict of the clauses on a fault, from what the thread can see.
    fn predict(&self, thread: ThreadId, event: &Event) -> Option<(EndpointId, Violation)> {
        let setup = &self.kernel.setup().threads[thread.0 as usize];
        if !self.kernel.is_live(thread) {
            return None;
        }
        // MAN-5: the word that was opened for a store.
        let opened = self.memory.iter().find(|(end, memory)| {
            owner_of(&self.kernel, **end) == Owner::Thread(thread)
                && (memory.is_word_open || memory.word != memory.published)
        });
        if let Some((end, memory)) = opened
            && setup.is_managed
            && memory.word != memory.published
        {
            let is_repeated = *event == Event::WordTouched { end: *end };
            let has_not_landed = memory.word.wrapping_add(1) == memory.published;
            // A processor's trap of a word that may not have landed is a trap first.
            let is_trap = matches!(event, Event::ThreadFaulted { .. });
            if !(has_not_landed && (is_repeated || is_trap)) {
                let (stored, expected) = (memory.word, memory.published);
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
    fn fault_event(&self, thread: ThreadId, op: Op) -> Event {
        match op {
            Op::Store { end, .. } if end.side == Side::Consumer => {
                Event::ThreadFaulted { thread, cause: FaultCause::Trap } // PORT-7
            }
            Op::Store { end, place, .. }
            | Op::Load { end, place, .. }
            | Op::Touch { end, place } => {
                let cell = u32::try_from(self.cell(thread, end, place)).expect("0 or 1");
                Event::CellTouched { end, cell }
            }
            Op::Advance { end, .. } | Op::StoreWord { end, .. } => Event::WordTouched { end },
            Op::Return(status) => Event::ThreadExited { thread, status },
            Op::ReturnIfDrained { .. } | Op::ReturnIfEnded { .. } => {
                Event::ThreadExited { thread, status: 0 }
            }
            Op::ExitInstance(status) => Event::InstanceExited { thread, status },
            Op::Trap => Event::ThreadFaulted { thread, cause: FaultCause::Trap },
        }
    }

    fn attempt(&mut self, thread: ThreadId, op: Op) -> Result<Attempt, Failure> {
        let fault = Attempt::Faulted(self.fault_event(thread, op));
        if !self.is_granted(thread, op) {
            return Ok(fault);
        }
        match op {
            Op::Store { end, place, part, value } => {
                let cell = self.cell(thread, end, place);
                let value = match value {
                    Value::Constant(value) => value,
                    Value::Sum(register, number) => {
                        let registers = &self.threads[thread.0 as usize].registers;
                        registers[register].wrapping_add(number)
                    }
                };
                let memory = self.memory.get_mut(&end).expect("every end has memory");
                memory.cells[cell].bytes[part] = value;
            }
            Op::Load { end, place, part, register } => {
                let cell = self.memory[&end].cells[self.cell(thread, end, place)];
                let value = cell.bytes[part];
                if end.side == Side::Producer && cell.access == Access::ReadOnly {
                    check!(value == 0, "PORT-5 a cell that is not held is zero", "{op:?}");
                }
                if end.side == Side::Consumer {
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
