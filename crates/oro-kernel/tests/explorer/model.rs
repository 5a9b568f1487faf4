//! A machine as small as can be: all that there is at one moment.
//!
//! Key types: [`State`], [`EndMemory`], [`LivePage`], [`Failure`]. What happens to it is elsewhere:
//! accesses in `access.rs`, what a processor keeps to itself in `processor.rs`, faults in `faults.rs`,
//! effects in `platform.rs` and `effects_live.rs`.

use std::collections::{BTreeMap, BTreeSet};

use oro_kernel::{
    EndpointId, InstanceId, InstanceView, Kernel, Mode, Owner, PeerState, PortId, PortState, Side,
    ThreadId, Timer,
};

use crate::program::{Op, PART_COUNT, REGISTER_COUNT, System};

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
    /// What it has last seen in the binding that it waits for.
    pub(crate) seen: Option<u64>,
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
    pub(crate) replace_count: u8,
    /// What of the script comes next.
    pub(crate) next_act: usize,
    /// The endpoints that bindings have been wired to later.
    pub(crate) bindings: BTreeMap<(ThreadId, u32), EndpointId>,
    /// Endpoints whose element has been taken from their thread.
    pub(crate) dropped: BTreeSet<EndpointId>,
    /// Endpoints of instances that have been forgotten.
    pub(crate) forgotten: BTreeSet<EndpointId>,
    /// An endpoint has been given to another thread.
    pub(crate) has_moved: bool,
    /// Ports whose time of grace is over.
    pub(crate) graced: BTreeSet<PortId>,
    /// By Port that has been revoked: how many messages it had committed.
    pub(crate) revoked: BTreeMap<PortId, usize>,
    pub(crate) forced: Vec<bool>,
    pub(crate) timers: BTreeSet<Timer>,
    /// Cursors that the core has asked for.
    pub(crate) asked: Vec<EndpointId>,
    pub(crate) ports_published: Vec<PortState>,
    pub(crate) instances_published: Vec<InstanceView>,
    /// Instances whose replacement the core has asked for.
    pub(crate) replacing: BTreeSet<InstanceId>,
    pub(crate) is_finished: bool,
}

impl EndMemory {
    pub(crate) fn new() -> Self {
        Self {
            cells: [Cell { access: Access::Absent, bytes: [0; PART_COUNT] }; 2],
            word: 0,
            word_expected: 0,
            is_word_open: false,
            mode: Mode::Synchronous,
            is_queue_open: false,
            live: LivePage::default(),
            published: 0,
            peer: (PeerState::Wired, 0),
        }
    }
}

impl ThreadState {
    pub(crate) fn down() -> Self {
        Self {
            phase: Phase::Down,
            next_op: 0,
            armed: 0,
            has_looked: false,
            seen: None,
            chaos_left: None,
            registers: [0; REGISTER_COUNT],
            log: Vec::new(),
            first: BTreeMap::new(),
        }
    }
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
            replace_count: 0,
            next_act: 0,
            bindings: system.bindings.iter().copied().collect(),
            dropped: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            revoked: BTreeMap::new(),
            graced: BTreeSet::new(),
            has_moved: false,
            forced: vec![false; setup.ports.len()],
            timers: BTreeSet::new(),
            asked: Vec::new(),
            ports_published: vec![PortState::Open; setup.ports.len()],
            instances_published: Vec::new(),
            replacing: BTreeSet::new(),
            is_finished: false,
            kernel,
        };
        state.threads = vec![ThreadState::down(); setup.threads.len()];
        for (index, port) in setup.ports.iter().enumerate() {
            state.queues.push(vec![[0; PART_COUNT]; port.slot_count as usize]);
            let port_id = PortId(u32::try_from(index).expect("few"));
            for (owner, side) in [(port.producer, Side::Producer), (port.consumer, Side::Consumer)]
            {
                let end = EndpointId { port: port_id, side };
                state.memory.insert(end, EndMemory::new());
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
                && !self.dropped.contains(end)
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
            // Until the core says otherwise.
            memory.word = 0;
            memory.word_expected = 0;
            memory.is_word_open = false;
            memory.mode = Mode::Synchronous;
            memory.is_queue_open = false;
            memory.live.is_open = false;
            memory.live.is_cached = false;
            memory.peer = peer;
            self.threads[thread.0 as usize].first.insert(end, first);
        }
    }

    /// Whether one of the two threads may lie about its cursor, so that their Port may break.
    pub(crate) fn is_excused(&self, system: &System, end: EndpointId) -> bool {
        let [owner, peer] = [end, end.peer()].map(|end| owner_of(&self.kernel, end));
        let are_threads = owner != Owner::Kernel && peer != Owner::Kernel;
        are_threads && (self.is_hostile(system, end) || self.is_hostile(system, end.peer()))
    }

    /// Whether the Port of a thread that may lie is over.
    pub(crate) fn is_broken(&self, system: &System, end: EndpointId) -> bool {
        let state = self.kernel.peer_state(end).0;
        self.is_excused(system, end) && state == PeerState::Faulted
    }

    /// Whether any touch is answered there and has no effect.
    pub(crate) fn is_dead(&self, system: &System, end: EndpointId) -> bool {
        self.kernel.is_revoked(end.port) || self.is_broken(system, end)
    }

    /// Whether the end belongs to an instance that may break rules.
    pub(crate) fn is_hostile(&self, system: &System, end: EndpointId) -> bool {
        match owner_of(&self.kernel, end) {
            Owner::Thread(thread) => {
                system.hostile.contains(&self.kernel.setup().threads[thread.0 as usize].instance)
            }
            Owner::Kernel => false,
        }
    }

    pub(crate) fn is_down(&self, end: EndpointId) -> bool {
        match owner_of(&self.kernel, end) {
            Owner::Thread(thread) => self.threads[thread.0 as usize].phase == Phase::Down,
            Owner::Kernel => true,
        }
    }

    pub(crate) fn memory_of(&mut self, end: EndpointId) -> &mut EndMemory {
        self.memory.get_mut(&end).expect("every end has memory")
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
