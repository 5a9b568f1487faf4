//! Random systems and random events, nonsense among them: the core never panics, whatever modules do
//! (`KRN-1`), and what it says stays within its rights.
//!
//! Unlike the explorer this has no programs, and of memory only cursors and what may be stored to: a
//! thread of a *hostile* instance may touch anything at any time, also while it is blocked. Those of
//! the others keep the rules, so that none of them may ever be blamed. What a platform owes the core is
//! kept: looks before faults, answers in order, built-in ends within their queues.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use oro_kernel::{
    Condition, Effect, EndpointId, Event, FaultCause, GateRequest, InstanceEnd, InstanceId,
    InstanceSetup, InstanceState, Kernel, Look, Mode, ModeReason, Owner, PeerState, PortId,
    PortSetup, RequestProblem, Setup, Side, ThreadId, ThreadSetup, Timer, Tuning, Upgrade,
    WaitPlace,
};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

type Checked = Result<(), TestCaseError>;

/// What happens, with numbers that are taken modulo what there is.
#[derive(Clone, Debug)]
enum Action {
    /// A thread's next act by the rules; the second number chooses among them.
    Run(u32, u32),
    /// As many such acts of both threads of a Port, in turn.
    Pump(u32, u32, u8),
    /// Something that a hostile thread may do.
    Cheat(u32, Cheat),
    /// The platform answers the oldest request for a protection.
    Answer,
    /// It looks at what is landing.
    Poll,
    /// It looks at a live cursor.
    Look(u32),
    /// A timer expires.
    Expire(u32),
    /// One expires that was stopped meanwhile.
    ExpireLate(u32),
    Force(u32),
    Allow(u32),
    Fault(u32, FaultCause),
    Kill(u32),
    Restart(u32),
    Serve(u32, u32),
    Wait(u32),
    Close(u32, bool),
}

#[derive(Clone, Debug)]
enum Cheat {
    TouchCell(u32),
    TouchWord,
    /// What the word holds, less the cursor.
    StoreWord(u64),
    TouchCursor,
    TouchQueue,
    /// What the live cursor says, less what it said.
    StoreCursor(u64),
    TouchGate(u32, Option<RequestProblem>),
    Exit(u64),
    ExitInstance(u64),
}

fn list_cheats() -> impl Strategy<Value = Cheat> {
    let problem = RequestProblem::ReservedNotZero;
    prop_oneof![
        4 => (0..2_u32).prop_map(Cheat::TouchCell),
        2 => Just(Cheat::TouchWord),
        1 => prop_oneof![any::<u64>(), Just(0), Just(2)].prop_map(Cheat::StoreWord),
        4 => Just(Cheat::TouchCursor),
        1 => Just(Cheat::TouchQueue),
        8 => prop_oneof![
            4 => 0..4_u64,
            2 => (1..4_u64).prop_map(u64::wrapping_neg),
            1 => Just(1 << 63),
            1 => Just((1 << 63) - 1),
            1 => Just(u64::MAX / 4),
            1 => any::<u64>(),
        ].prop_map(Cheat::StoreCursor),
        3 => (0..2_u32, prop_oneof![9 => Just(None), 1 => Just(Some(problem))])
            .prop_map(|(gate, problem)| Cheat::TouchGate(gate, problem)),
        1 => (0..3_u64).prop_map(Cheat::Exit),
        1 => (0..3_u64).prop_map(Cheat::ExitInstance),
    ]
}

fn list_actions() -> impl Strategy<Value = Vec<Action>> {
    let cause = prop_oneof![
        Just(FaultCause::Trap),
        Just(FaultCause::SystemCall),
        Just(FaultCause::Panic),
        Just(FaultCause::Killed),
    ];
    let action = prop_oneof![
        60 => (any::<u32>(), any::<u32>()).prop_map(|(thread, how)| Action::Run(thread, how)),
        20 => (any::<u32>(), any::<u32>(), 0..100_u8)
            .prop_map(|(port, how, count)| Action::Pump(port, how, count)),
        30 => (any::<u32>(), list_cheats()).prop_map(|(end, cheat)| Action::Cheat(end, cheat)),
        20 => Just(Action::Answer),
        10 => Just(Action::Poll),
        6 => any::<u32>().prop_map(Action::Look),
        10 => any::<u32>().prop_map(Action::Expire),
        2 => any::<u32>().prop_map(Action::ExpireLate),
        4 => any::<u32>().prop_map(Action::Force),
        4 => any::<u32>().prop_map(Action::Allow),
        1 => (any::<u32>(), cause).prop_map(|(thread, cause)| Action::Fault(thread, cause)),
        1 => any::<u32>().prop_map(Action::Kill),
        5 => any::<u32>().prop_map(Action::Restart),
        10 => (any::<u32>(), any::<u32>()).prop_map(|(end, count)| Action::Serve(end, count)),
        6 => any::<u32>().prop_map(Action::Wait),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(end, failed)| Action::Close(end, failed)),
    ];
    vec(action, 0..160)
}

/// A system, and which of its instances are hostile.
fn make_system() -> impl Strategy<Value = (Setup, Vec<bool>)> {
    let instances = vec((0..3_u32, any::<bool>()), 1..4);
    let threads = vec((any::<u32>(), prop_oneof![3 => Just(true), 1 => Just(false)]), 0..4);
    let upgrade = prop_oneof![
        8 => Just(Upgrade::Allowed),
        1 => Just(Upgrade::Forced),
        1 => Just(Upgrade::Unsupported),
    ];
    let ports = vec((0..3_u32, any::<u32>(), any::<u32>(), upgrade), 1..6);
    let small =
        (0..3_u32, 0..3_u32, 1..4_u32).prop_map(|(threshold, doubling_limit, ring_limit)| Tuning {
            threshold,
            doubling_limit,
            ring_limit,
        });
    let tuning = prop_oneof![Just(Tuning::default()), small];
    (instances, threads, ports, tuning).prop_map(|(instances, threads, ports, tuning)| {
        let instance_count = u32::try_from(instances.len()).expect("few");
        let firsts = (0..instance_count).map(|id| (id, id != 2));
        let threads: Vec<ThreadSetup> = firsts
            .chain(threads)
            .map(|(instance, is_managed)| ThreadSetup {
                instance: InstanceId(instance % instance_count),
                is_managed,
            })
            .collect();
        let thread_count = u32::try_from(threads.len()).expect("few");
        let owner = |number: u32| match number % (thread_count + 1) {
            0 => Owner::Kernel,
            thread => Owner::Thread(ThreadId(thread - 1)),
        };
        let hostile = instances.iter().map(|(_, is_hostile)| *is_hostile).collect();
        let setup = Setup {
            instances: instances
                .into_iter()
                .map(|(restart_count, _)| InstanceSetup { restart_count })
                .collect(),
            threads,
            ports: ports
                .into_iter()
                .map(|(power, from, to, upgrade)| PortSetup {
                    slot_count: 1 << power,
                    producer: owner(from),
                    consumer: owner(to),
                    upgrade,
                })
                .collect(),
            tuning,
        };
        (setup, hostile)
    })
}

/// What a thread was about to do when it faulted.
#[derive(Clone, Debug)]
enum Op {
    Cell { end: EndpointId, cell: u32 },
    Word(EndpointId),
    Cursor { end: EndpointId, value: u64 },
    Gate { gate: u32, request: Result<GateRequest, RequestProblem> },
}

#[derive(Clone, Debug)]
enum Phase {
    Running,
    /// About to do something, by cursors that it has read.
    Decided(Op),
    /// In its fault; `None`: what a hostile thread does is not followed.
    Stopped(Option<Op>),
    /// Let go, and about to repeat the access.
    Granted(Op),
}

/// The page of an end's live cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    ReadOnly,
    Open,
    /// A store may still go through, or not any more.
    Protecting,
}

struct EndMemory {
    /// The shared cursor: what the peer can load.
    cursor: u64,
    page: Page,
    word: u64,
    is_held: bool,
}

struct Run {
    kernel: Kernel,
    hostile: Vec<bool>,
    ends: Vec<EndpointId>,
    memory: BTreeMap<EndpointId, EndMemory>,
    phases: Vec<Phase>,
    /// By Port.
    broken: Vec<bool>,
    /// Cursors to be read before anything else happens.
    reads: VecDeque<EndpointId>,
    protections: VecDeque<EndpointId>,
    timers: BTreeSet<Timer>,
    stopped_timers: Vec<Timer>,
    /// What must be looked at before a fault is being looked at.
    is_reporting: bool,
    is_finished: bool,
}

impl Run {
    fn start(setup: Setup, hostile: Vec<bool>) -> Result<Self, TestCaseError> {
        let count = u32::try_from(setup.ports.len()).expect("few");
        let ends: Vec<EndpointId> = (0..count)
            .flat_map(|port| {
                [Side::Producer, Side::Consumer].map(|side| EndpointId { port: PortId(port), side })
            })
            .collect();
        let new_memory = || EndMemory { cursor: 0, page: Page::ReadOnly, word: 0, is_held: false };
        let mut run = Self {
            memory: ends.iter().map(|end| (*end, new_memory())).collect(),
            ends,
            hostile,
            phases: vec![Phase::Running; setup.threads.len()],
            broken: vec![false; setup.ports.len()],
            kernel: Kernel::new(setup),
            reads: VecDeque::new(),
            protections: VecDeque::new(),
            timers: BTreeSet::new(),
            stopped_timers: Vec::new(),
            is_reporting: false,
            is_finished: false,
        };
        run.step(Event::Start, None)?;
        Ok(run)
    }

    fn owner(&self, end: EndpointId) -> Owner {
        let port = &self.kernel.setup().ports[end.port.0 as usize];
        match end.side {
            Side::Producer => port.producer,
            Side::Consumer => port.consumer,
        }
    }

    fn memory_of(&mut self, end: EndpointId) -> &mut EndMemory {
        self.memory.get_mut(&end).expect("every end has memory")
    }

    fn is_hostile(&self, thread: ThreadId) -> bool {
        self.hostile[instance_of(&self.kernel, thread).0 as usize]
    }

    fn act(&mut self, action: &Action) -> Checked {
        let end_of = |number: u32| self.ends[number as usize % self.ends.len()];
        let port_of = |number: u32| end_of(number).port;
        let thread_of = |number: u32| {
            ThreadId(number % u32::try_from(self.kernel.setup().threads.len()).expect("few"))
        };
        let instance_of = |number: u32| {
            InstanceId(number % u32::try_from(self.kernel.setup().instances.len()).expect("few"))
        };
        match *action {
            Action::Run(number, how) => self.run(thread_of(number), how, None),
            Action::Pump(number, how, count) => self.pump(port_of(number), how, count),
            Action::Cheat(number, ref cheat) => self.cheat(end_of(number), cheat),
            Action::Answer => self.answer(),
            Action::Poll => self.poll(),
            Action::Look(number) => self.look(end_of(number)),
            Action::Expire(number) => self.expire(number),
            Action::ExpireLate(number) => self.expire_late(number),
            Action::Force(number) => {
                self.step(Event::ForceSynchronous { port: port_of(number) }, None)
            }
            Action::Allow(number) => {
                self.step(Event::AllowAsynchronous { port: port_of(number) }, None)
            }
            Action::Fault(number, cause) => {
                let thread = thread_of(number);
                self.step(Event::ThreadFaulted { thread, cause }, Some(thread))
            }
            Action::Kill(number) => {
                self.step(Event::KillInstance { instance: instance_of(number) }, None)
            }
            Action::Restart(number) => {
                let instance = instance_of(number);
                if !self.kernel.instance(instance).is_restarting {
                    return Ok(());
                }
                self.step(Event::InstanceRestarted { instance }, None)
            }
            Action::Serve(number, count) => {
                let end = end_of(number);
                self.serve(end, |kernel| {
                    let available = u32::try_from(kernel.available(end)).expect("few");
                    let count = count % (available + 1);
                    match end.side {
                        Side::Producer => Event::KernelCommitted { end, count },
                        Side::Consumer => Event::KernelReleased { end, count },
                    }
                })
            }
            Action::Wait(number) => {
                let end = end_of(number);
                self.serve(end, |_| Event::KernelWaits { end })
            }
            Action::Close(number, has_failed) => {
                let end = end_of(number);
                self.serve(end, |_| Event::KernelClosed { end, has_failed })
            }
        }
    }

    /// Something that a built-in instance does.
    fn serve(&mut self, end: EndpointId, decide: impl FnOnce(&Kernel) -> Event) -> Checked {
        if self.owner(end) != Owner::Kernel {
            return Ok(());
        }
        self.look(end.peer())?;
        if self.kernel.peer_state(end.peer()).0 != PeerState::Wired {
            return Ok(());
        }
        let event = decide(&self.kernel);
        self.step(event, None)
    }

    // What a platform does by itself.

    fn answer(&mut self) -> Checked {
        let Some(end) = self.protections.pop_front() else { return Ok(()) };
        let is_last = !self.protections.contains(&end);
        let memory = self.memory_of(end);
        if is_last && memory.page == Page::Protecting {
            memory.page = Page::ReadOnly;
        }
        let value = memory.cursor;
        self.step(Event::CursorProtected { end, value }, None)
    }

    fn poll(&mut self) -> Checked {
        for end in self.kernel.landings() {
            self.look(end)?;
        }
        Ok(())
    }

    fn look(&mut self, end: EndpointId) -> Checked {
        if !self.kernel.has_live_cursor(end) {
            return Ok(());
        }
        self.step(Event::CursorLooked { end, value: self.memory[&end].cursor }, None)
    }

    fn expire(&mut self, number: u32) -> Checked {
        if self.timers.is_empty() {
            return Ok(());
        }
        let index = number as usize % self.timers.len();
        let timer = *self.timers.iter().nth(index).expect("counted");
        self.timers.remove(&timer);
        self.step(Event::TimerExpired { timer }, None)
    }

    fn expire_late(&mut self, number: u32) -> Checked {
        if self.stopped_timers.is_empty() {
            return Ok(());
        }
        let timer = self.stopped_timers.swap_remove(number as usize % self.stopped_timers.len());
        // An earlier deadline is not taken for that of a later wait.
        if matches!(timer, Timer::Gate(_)) && self.timers.contains(&timer) {
            return Ok(());
        }
        self.step(Event::TimerExpired { timer }, None)
    }

    // What threads do by the rules.

    fn pump(&mut self, port: PortId, how: u32, count: u8) -> Checked {
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

    fn act_for_kernel(&mut self, end: EndpointId) -> Checked {
        self.serve(end, |kernel| {
            let count = u32::try_from(kernel.available(end)).expect("few").min(1);
            match (end.side, count) {
                (_, 0) => Event::KernelWaits { end },
                (Side::Producer, _) => Event::KernelCommitted { end, count },
                (Side::Consumer, _) => Event::KernelReleased { end, count },
            }
        })
    }

    fn run(&mut self, thread: ThreadId, how: u32, at: Option<EndpointId>) -> Checked {
        if !self.kernel.is_live(thread) {
            return Ok(());
        }
        let (how, is_repeated) = (how >> 8, how % 8 == 1);
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
    fn complete(&mut self, thread: ThreadId, op: Op, how: u32) -> Checked {
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

    fn store_cursor(&mut self, thread: ThreadId, end: EndpointId, value: u64, how: u32) -> Checked {
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

    fn begin(&mut self, thread: ThreadId, how: u32, at: Option<EndpointId>) -> Checked {
        let owned: Vec<EndpointId> = self
            .ends
            .iter()
            .copied()
            .filter(|end| self.owner(*end) == Owner::Thread(thread))
            .collect();
        let (how, choice) = (how / 64, how % 64);
        let end = at.or_else(|| owned.get(how as usize % owned.len().max(1)).copied());
        let how = how / 16;
        if choice == 0 {
            return self.fault_exit(thread, how);
        }
        let Some(end) = end.filter(|_| choice > 12) else {
            return self.enter_gate(thread, &owned, how);
        };
        if self.broken[end.port.0 as usize] {
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
        let is_managed = self.kernel.setup().threads[thread.0 as usize].is_managed;
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
    fn find_room(&self, end: EndpointId) -> u64 {
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

    fn fault_exit(&mut self, thread: ThreadId, how: u32) -> Checked {
        let status = u64::from(how % 3);
        let event = match how % 4 {
            0 => Event::InstanceExited { thread, status },
            _ => Event::ThreadExited { thread, status },
        };
        self.report(thread, event, None)
    }

    fn enter_gate(&mut self, thread: ThreadId, owned: &[EndpointId], how: u32) -> Checked {
        let request = Ok(self.make_request(owned, how));
        let armed = self.kernel.armed_gate(thread).unwrap_or(0);
        let gate = if how % 32 == 31 { 1 - armed } else { armed };
        self.fault(thread, Op::Gate { gate, request })
    }

    fn make_request(&self, owned: &[EndpointId], how: u32) -> GateRequest {
        let mut conditions = Vec::new();
        for (index, end) in owned.iter().enumerate() {
            let seen = self.memory[&end.peer()].cursor;
            let (state, epoch) = self.kernel.peer_state(*end);
            let state = 1 + u64::from(state != PeerState::Wired);
            conditions.extend(match how >> (index % 6 * 2) & 7 {
                0 | 1 => Some(Condition::Peer { end: *end, value: seen }),
                2 => Some(Condition::Peer { end: *end, value: seen.wrapping_sub(1) }),
                3 => Some(Condition::Binding {
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
            11 => conditions.push(Condition::Binding { end: None, seen: 0 }),
            _ => {}
        }
        let deadline_ns = match how / 5 % 4 {
            0 => Some(u64::from(how % 3)),
            _ => None,
        };
        GateRequest { conditions, deadline_ns }
    }

    // What the others do.

    fn cheat(&mut self, end: EndpointId, cheat: &Cheat) -> Checked {
        let Owner::Thread(thread) = self.owner(end) else { return Ok(()) };
        if !self.is_hostile(thread) {
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
        };
        if self.kernel.is_live(thread) {
            self.phases[thread.0 as usize] = Phase::Stopped(None);
        }
        self.report(thread, event, Some(end))
    }

    fn fault(&mut self, thread: ThreadId, op: Op) -> Checked {
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
    fn report(&mut self, thread: ThreadId, event: Event, end: Option<EndpointId>) -> Checked {
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
                prop_assert!(!has_left, "{:?} has not been settled", end);
            }
        }
        Ok(())
    }

    fn settle(&mut self, end: EndpointId) -> Checked {
        self.memory_of(end).page = Page::ReadOnly;
        let value = self.memory[&end].cursor;
        let peer = end.peer();
        let peer = self.kernel.has_live_cursor(peer).then(|| self.memory[&peer].cursor);
        self.step(Event::CursorSettled { end, value, peer }, None)
    }

    fn step(&mut self, event: Event, actor: Option<ThreadId>) -> Checked {
        let before = self.kernel.clone();
        let mut twin = before.clone();
        let was_live = actor.is_none_or(|thread| self.kernel.is_live(thread));
        let (mut effects, mut twin_effects) = (Vec::new(), Vec::new());
        twin.step(event.clone(), &mut twin_effects);
        self.kernel.step(event, &mut effects);
        prop_assert_eq!(&effects, &twin_effects);
        prop_assert_eq!(&self.kernel, &twin);
        prop_assert!(was_live || effects.is_empty(), "a late event did something: {:?}", effects);
        // I15: one event costs at most a few effects for each thing that there is.
        let setup = self.kernel.setup();
        let size = self.ends.len() + setup.threads.len() + setup.instances.len();
        prop_assert!(effects.len() <= 8 * size + 8, "{} effects", effects.len());
        for (position, effect) in effects.iter().enumerate() {
            self.carry_out(&before, effect, &effects[position..], actor)?;
        }
        self.check_state()?;
        while let Some(end) = self.reads.pop_front() {
            self.settle(end)?;
        }
        prop_assert_eq!(self.kernel.is_finished(), self.is_finished);
        Ok(())
    }

    fn carry_out(
        &mut self,
        before: &Kernel,
        effect: &Effect,
        rest: &[Effect],
        actor: Option<ThreadId>,
    ) -> Checked {
        match effect {
            Effect::StartThread(thread) => {
                prop_assert!(self.kernel.is_live(*thread));
                self.phases[thread.0 as usize] = Phase::Running;
                for end in self.ends.clone() {
                    if self.owner(end) == Owner::Thread(*thread) {
                        self.memory_of(end).is_held = false;
                    }
                }
            }
            Effect::PublishCursor { end, value } => self.publish_cursor(before, *end, *value)?,
            Effect::SetWord { end, value } => self.memory_of(*end).word = *value,
            Effect::OpenCell { end, .. } | Effect::DeliverCell { end, .. } => {
                self.memory_of(*end).is_held = true;
            }
            Effect::DeliverZeros { end, .. } => self.memory_of(*end).is_held = true,
            Effect::Resume(thread) => self.resume(*thread, rest)?,
            Effect::EndThread(thread) => prop_assert!(!self.kernel.is_live(*thread)),
            Effect::EndInstance { instance, end, .. } => {
                self.check_blame(*instance, *end, actor)?
            }
            Effect::OpenCursor { end } => {
                // Nobody believes a cursor of a broken Port.
                let is_broken = self.broken[end.port.0 as usize];
                let is_live = self.kernel.has_live_cursor(*end);
                prop_assert!(is_live || is_broken, "{:?} is synchronous", end);
                self.memory_of(*end).page = Page::Open;
            }
            Effect::ProtectCursor { end } => {
                prop_assert!(self.kernel.has_live_cursor(*end), "{:?} is synchronous", end);
                self.memory_of(*end).page = Page::Protecting;
                self.protections.push_back(*end);
            }
            Effect::ReadCursor { end } => {
                let Owner::Thread(thread) = self.owner(*end) else { unreachable!("not live") };
                prop_assert!(!self.kernel.is_live(thread), "END-6: it may store yet");
                self.reads.push_back(*end);
            }
            Effect::PublishMode { end, mode } => self.publish_mode(*end, *mode)?,
            Effect::StartTimer { timer, .. } => drop(self.timers.insert(*timer)),
            Effect::StopTimer { timer } => {
                if self.timers.remove(timer) {
                    self.stopped_timers.push(*timer);
                }
            }
            Effect::ReportBrokenPort(port) => self.break_port(*port)?,
            Effect::Finish => {
                prop_assert!(!self.is_finished);
                self.is_finished = true;
            }
            Effect::OpenGate { .. }
            | Effect::OpenQueue { .. }
            | Effect::CloseQueue { .. }
            | Effect::ProtectCell { .. }
            | Effect::CollectCell { .. }
            | Effect::WithdrawCell { .. }
            | Effect::OpenWord { .. }
            | Effect::PublishPeer { .. }
            | Effect::PublishInstance(_)
            | Effect::PublishPort(_)
            | Effect::WakeKernelEnd(_) => {}
        }
        Ok(())
    }

    fn publish_cursor(&mut self, before: &Kernel, end: EndpointId, value: u64) -> Checked {
        // I5: monotonic; by one, unless a built-in or a live cursor took several at once.
        let last = before.cursor(end);
        if before.has_live_cursor(end) {
            let is_monotonic = value.wrapping_sub(last) <= u64::MAX >> 1;
            prop_assert!(is_monotonic || self.broken[end.port.0 as usize]);
        } else {
            prop_assert!(value > last);
            prop_assert!(self.owner(end) == Owner::Kernel || value == last + 1);
        }
        let memory = self.memory_of(end);
        memory.cursor = value;
        memory.is_held = false;
        Ok(())
    }

    /// END-3: the flush before the end may wake a sibling, which then ends too.
    fn resume(&mut self, thread: ThreadId, rest: &[Effect]) -> Checked {
        let own = instance_of(&self.kernel, thread);
        let ends_later = rest
            .iter()
            .any(|later| matches!(later, Effect::EndInstance { instance, .. } if *instance == own));
        prop_assert!(self.kernel.is_live(thread) || ends_later, "{:?}", thread);
        let is_hostile = self.is_hostile(thread);
        let phase = &mut self.phases[thread.0 as usize];
        *phase = match phase.clone() {
            Phase::Stopped(Some(op)) | Phase::Granted(op) => Phase::Granted(op),
            Phase::Stopped(None) => Phase::Running,
            // A hostile one has done something else while it was stopped.
            Phase::Running | Phase::Decided(_) => {
                prop_assert!(is_hostile, "{:?} was not stopped", thread);
                Phase::Running
            }
        };
        Ok(())
    }

    fn publish_mode(&mut self, end: EndpointId, mode: Mode) -> Checked {
        prop_assert_eq!(self.kernel.mode(end), mode);
        let port = self.kernel.port(end.port);
        prop_assert!(!port.is_forced || mode == Mode::Synchronous, "MODE-2: forced");
        let Owner::Thread(thread) = self.owner(end) else { unreachable!("no thread") };
        let is_stopped = matches!(self.phases[thread.0 as usize], Phase::Stopped(_));
        prop_assert!(is_stopped || self.is_hostile(thread), "{:?} is told while it runs", end);
        Ok(())
    }

    fn break_port(&mut self, port: PortId) -> Checked {
        prop_assert!(!self.broken[port.0 as usize], "reported twice");
        self.broken[port.0 as usize] = true;
        let is_hostile = self.ends.iter().any(|end| {
            end.port == port && matches!(self.owner(*end), Owner::Thread(id) if self.is_hostile(id))
        });
        prop_assert!(is_hostile, "ASYNC-6: {:?} is broken by nobody", port);
        Ok(())
    }

    /// BLAME-1, I1: who did it is who ends.
    fn check_blame(
        &self,
        instance: InstanceId,
        end: InstanceEnd,
        actor: Option<ThreadId>,
    ) -> Checked {
        match end {
            InstanceEnd::Violated { thread, .. } | InstanceEnd::BadRequest { thread, .. } => {
                prop_assert_eq!(instance_of(&self.kernel, thread), instance);
                prop_assert!(self.is_hostile(thread), "an honest one is blamed: {:?}", end);
            }
            InstanceEnd::Faulted { thread, .. } => {
                prop_assert_eq!(Some(thread), actor);
                prop_assert_eq!(instance_of(&self.kernel, thread), instance);
            }
            InstanceEnd::Exited { .. } | InstanceEnd::Killed => {}
        }
        Ok(())
    }

    fn check_state(&self) -> Checked {
        for end in &self.ends {
            self.check_end(*end)?;
        }
        for end in self.kernel.landings() {
            prop_assert!(self.kernel.has_live_cursor(end));
        }
        for (index, phase) in self.phases.iter().enumerate() {
            self.check_thread(ThreadId(u32::try_from(index).expect("few")), phase)?;
        }
        for wait in self.kernel.deadlock() {
            match wait.place {
                WaitPlace::Touch(end) => prop_assert!(self.kernel.is_waiting(end)),
                WaitPlace::Gate(_) => {
                    prop_assert_eq!(self.kernel.armed_gate(wait.thread), None);
                }
            }
        }
        for index in 0..self.kernel.setup().instances.len() {
            let id = InstanceId(u32::try_from(index).expect("few"));
            let view = self.kernel.instance(id);
            prop_assert_eq!(view.state == InstanceState::Running, view.live_thread_count > 0);
        }
        Ok(())
    }

    fn check_end(&self, end: EndpointId) -> Checked {
        let peer = end.peer();
        let memory = &self.memory[&end];
        let port = self.kernel.port(end.port);
        if self.broken[end.port.0 as usize] {
            prop_assert!(!self.kernel.is_waiting(end), "ASYNC-6: {:?} still waits", end);
            return Ok(());
        }
        let is_live = self.kernel.has_live_cursor(end);
        if !is_live {
            prop_assert_eq!(memory.page, Page::ReadOnly);
            prop_assert_eq!(self.kernel.cursor(end), memory.cursor);
        }
        if !is_live && !self.kernel.has_live_cursor(peer) {
            // I5
            let slot_count = self.kernel.setup().ports[end.port.0 as usize].slot_count;
            let [producer, consumer] = [Side::Producer, Side::Consumer]
                .map(|side| self.kernel.cursor(EndpointId { port: end.port, side }));
            prop_assert!(producer.wrapping_sub(consumer) <= u64::from(slot_count), "{:?}", end);
        }
        let is_cared_for = |end: EndpointId| {
            self.protections.contains(&end)
                || self.kernel.landings().contains(&end)
                || self.timers.contains(&Timer::Landing(end))
        };
        if self.kernel.is_waiting(end) {
            let is_at_gate = match self.owner(end) {
                Owner::Thread(thread) => self.kernel.armed_gate(thread).is_none(),
                Owner::Kernel => false,
            };
            // I10, I12: nobody is left blocked with something to be had.
            prop_assert_eq!(self.kernel.peer_state(end).0, PeerState::Wired);
            prop_assert!(is_at_gate || self.kernel.available(end) == 0, "{:?} waits", end);
            // BELL-1: who sleeps on a live cursor has a doorbell, or will have one.
            if self.kernel.has_live_cursor(peer) && !self.reads.contains(&peer) {
                let peer_memory = &self.memory[&peer];
                let is_known = peer_memory.cursor == self.kernel.cursor(peer);
                let is_armed = peer_memory.page == Page::ReadOnly && is_known;
                prop_assert!(is_armed || is_cared_for(peer), "{:?} has no doorbell", end);
            }
        }
        let view = if end.side == Side::Producer { port.producer } else { port.consumer };
        if view.reason == ModeReason::Leaving && !self.reads.contains(&end) && is_live {
            // MODE-3
            let is_caught = memory.page == Page::ReadOnly || is_cared_for(end);
            prop_assert!(is_caught, "{:?} is to leave", end);
        }
        Ok(())
    }

    /// A thread that is stopped and does nothing wrong is blocked where it has faulted.
    fn check_thread(&self, thread: ThreadId, phase: &Phase) -> Checked {
        let Phase::Stopped(Some(op)) = phase else { return Ok(()) };
        if !self.kernel.is_live(thread) {
            return Ok(());
        }
        let is_stopped = match op {
            Op::Cell { end, .. } => self.kernel.is_waiting(*end),
            Op::Cursor { end, .. } => self.protections.contains(end),
            Op::Gate { .. } => self.kernel.armed_gate(thread).is_none(),
            Op::Word(_) => false,
        };
        // Before its own event there are looks.
        prop_assert!(is_stopped || self.is_reporting, "{:?} is left at {:?}", thread, op);
        Ok(())
    }

    /// I11: all that was begun comes to an end when the threads do nothing more.
    fn drain(&mut self) -> Checked {
        for _ in 0..200 {
            if self.protections.is_empty() && self.timers.is_empty() {
                return Ok(());
            }
            self.answer()?;
            self.poll()?;
            if self.protections.is_empty() {
                self.expire(0)?;
            }
        }
        prop_assert!(false, "it does not come to rest: {:?} {:?}", self.protections, self.timers);
        Ok(())
    }
}

fn instance_of(kernel: &Kernel, thread: ThreadId) -> InstanceId {
    kernel.setup().threads[thread.0 as usize].instance
}

proptest! {
    /// KRN-1, KRN-3, BLAME-1, PORT-8, BELL-1, MODE-8: nothing that modules do breaks the core or
    /// another instance.
    #[test]
    fn krn_1_no_event_stream_breaks_the_core(
        (setup, hostile) in make_system(),
        actions in list_actions(),
    ) {
        let mut run = Run::start(setup, hostile)?;
        for action in &actions {
            run.act(action)?;
        }
        run.drain()?;
    }
}
