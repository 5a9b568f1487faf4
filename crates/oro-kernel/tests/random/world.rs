//! A system that runs, as far as it is followed, and what its platform does: looks, answers, timers,
//! built-in ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use oro_kernel::{
    EndpointId, Event, GateRequest, InstanceId, Kernel, Owner, PeerState, PortId, RequestProblem,
    Setup, Side, ThreadId, Timer,
};

use super::actions::Action;

/// Or what does not hold.
pub(crate) type Checked = Result<(), String>;

/// What a thread was about to do when it faulted.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Cell { end: EndpointId, cell: u32 },
    Word(EndpointId),
    Cursor { end: EndpointId, value: u64 },
    Gate { gate: u32, request: Result<GateRequest, RequestProblem> },
}

#[derive(Clone, Debug)]
pub(crate) enum Phase {
    Running,
    /// About to do something, by cursors that it has read.
    Decided(Op),
    /// In its fault; `None`: what a hostile thread does is not followed.
    Stopped(Option<Op>),
    /// Let go, and about to repeat the access.
    Granted(Op),
}

impl Phase {
    /// The end that the thread is about to touch.
    pub(crate) fn end(&self) -> Option<EndpointId> {
        match self {
            Self::Decided(op) | Self::Stopped(Some(op)) | Self::Granted(op) => op.end(),
            Self::Running | Self::Stopped(None) => None,
        }
    }
}

impl Op {
    fn end(&self) -> Option<EndpointId> {
        match self {
            Self::Cell { end, .. } | Self::Word(end) | Self::Cursor { end, .. } => Some(*end),
            Self::Gate { .. } => None,
        }
    }
}

/// The page of an end's live cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    ReadOnly,
    Open,
    /// A store may still go through, or not any more.
    Protecting,
}

pub(crate) struct EndMemory {
    /// The shared cursor: what the peer can load.
    pub(crate) cursor: u64,
    pub(crate) page: Page,
    pub(crate) word: u64,
    pub(crate) is_held: bool,
}

impl EndMemory {
    pub(crate) fn new() -> Self {
        Self { cursor: 0, page: Page::ReadOnly, word: 0, is_held: false }
    }
}

pub(crate) struct Run {
    pub(crate) kernel: Kernel,
    pub(crate) hostile: Vec<bool>,
    pub(crate) ends: Vec<EndpointId>,
    pub(crate) memory: BTreeMap<EndpointId, EndMemory>,
    pub(crate) phases: Vec<Phase>,
    /// By Port.
    pub(crate) broken: Vec<bool>,
    /// Ends whose elements have been taken from their threads: nobody is at them any more.
    pub(crate) dropped: BTreeSet<EndpointId>,
    /// Those of them whose element has another end since.
    pub(crate) rewired: BTreeSet<EndpointId>,
    /// Bindings of ends that are not those of a system's beginning.
    pub(crate) bindings: BTreeMap<EndpointId, u32>,
    /// Who has had an end before it was given to another thread.
    pub(crate) foreign: BTreeSet<(ThreadId, EndpointId)>,
    /// Honest threads that were about to touch such an end: they do not know.
    pub(crate) surprised: BTreeSet<ThreadId>,
    /// Cursors to be read before anything else happens.
    pub(crate) reads: VecDeque<EndpointId>,
    pub(crate) protections: VecDeque<EndpointId>,
    pub(crate) timers: BTreeSet<Timer>,
    pub(crate) stopped_timers: Vec<Timer>,
    /// Instances whose replacement was asked for and has not come.
    pub(crate) replacing: BTreeSet<InstanceId>,
    /// What must be looked at before a fault is being looked at.
    pub(crate) is_reporting: bool,
    pub(crate) is_finished: bool,
}

impl Run {
    pub(crate) fn start(setup: Setup, hostile: Vec<bool>) -> Result<Self, String> {
        let count = u32::try_from(setup.ports.len()).expect("few");
        let ends: Vec<EndpointId> = (0..count)
            .flat_map(|port| {
                [Side::Producer, Side::Consumer].map(|side| EndpointId { port: PortId(port), side })
            })
            .collect();
        let mut run = Self {
            memory: ends.iter().map(|end| (*end, EndMemory::new())).collect(),
            ends,
            hostile,
            phases: vec![Phase::Running; setup.threads.len()],
            broken: vec![false; setup.ports.len()],
            dropped: BTreeSet::new(),
            rewired: BTreeSet::new(),
            bindings: BTreeMap::new(),
            foreign: BTreeSet::new(),
            surprised: BTreeSet::new(),
            kernel: Kernel::new(setup),
            reads: VecDeque::new(),
            protections: VecDeque::new(),
            timers: BTreeSet::new(),
            stopped_timers: Vec::new(),
            replacing: BTreeSet::new(),
            is_reporting: false,
            is_finished: false,
        };
        run.step(Event::Start, None)?;
        Ok(run)
    }

    pub(crate) fn owner(&self, end: EndpointId) -> Owner {
        owner_in(&self.kernel, end)
    }

    pub(crate) fn memory_of(&mut self, end: EndpointId) -> &mut EndMemory {
        self.memory.get_mut(&end).expect("every end has memory")
    }

    pub(crate) fn is_hostile(&self, thread: ThreadId) -> bool {
        self.hostile[instance_of(&self.kernel, thread).0 as usize]
    }

    pub(crate) fn act(&mut self, action: &Action) -> Checked {
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
                if !self.replacing.remove(&instance) {
                    return Ok(());
                }
                self.step(Event::InstanceRestarted { instance }, None)
            }
            Action::FailRestart(number) => {
                let instance = instance_of(number);
                if !self.replacing.remove(&instance) {
                    return Ok(());
                }
                self.step(Event::RestartFailed { instance }, None)
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
            Action::Control(request) => self.control(request),
        }
    }

    /// Something that a built-in instance does.
    pub(crate) fn serve(
        &mut self,
        end: EndpointId,
        decide: impl FnOnce(&Kernel) -> Event,
    ) -> Checked {
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

    pub(crate) fn answer(&mut self) -> Checked {
        let Some(end) = self.protections.pop_front() else { return Ok(()) };
        let is_last = !self.protections.contains(&end);
        let memory = self.memory_of(end);
        if is_last && memory.page == Page::Protecting {
            memory.page = Page::ReadOnly;
        }
        let value = memory.cursor;
        self.step(Event::CursorProtected { end, value }, None)
    }

    pub(crate) fn poll(&mut self) -> Checked {
        for end in self.kernel.landings() {
            self.look(end)?;
        }
        Ok(())
    }

    pub(crate) fn look(&mut self, end: EndpointId) -> Checked {
        if !self.kernel.has_live_cursor(end) {
            return Ok(());
        }
        self.step(Event::CursorLooked { end, value: self.memory[&end].cursor }, None)
    }

    pub(crate) fn expire(&mut self, number: u32) -> Checked {
        if self.timers.is_empty() {
            return Ok(());
        }
        let index = number as usize % self.timers.len();
        let timer = *self.timers.iter().nth(index).expect("counted");
        self.timers.remove(&timer);
        self.step(Event::TimerExpired { timer }, None)
    }

    pub(crate) fn expire_late(&mut self, number: u32) -> Checked {
        if self.stopped_timers.is_empty() {
            return Ok(());
        }
        let timer = self.stopped_timers.swap_remove(number as usize % self.stopped_timers.len());
        // An earlier deadline is not taken for that of a later wait, nor a delay for another.
        if !matches!(timer, Timer::Landing(_)) && self.timers.contains(&timer) {
            return Ok(());
        }
        self.step(Event::TimerExpired { timer }, None)
    }

    /// I11: all that was begun comes to an end when the threads do nothing more.
    pub(crate) fn drain(&mut self) -> Checked {
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
        ensure!(false, "it does not come to rest: {:?} {:?}", self.protections, self.timers);
        Ok(())
    }

    pub(crate) fn settle(&mut self, end: EndpointId) -> Checked {
        self.memory_of(end).page = Page::ReadOnly;
        let value = self.memory[&end].cursor;
        let peer = end.peer();
        let peer = self.kernel.has_live_cursor(peer).then(|| self.memory[&peer].cursor);
        self.step(Event::CursorSettled { end, value, peer }, None)
    }
}

pub(crate) fn instance_of(kernel: &Kernel, thread: ThreadId) -> InstanceId {
    kernel.setup().threads[thread.0 as usize].instance
}

pub(crate) fn owner_in(kernel: &Kernel, end: EndpointId) -> Owner {
    let port = &kernel.setup().ports[end.port.0 as usize];
    match end.side {
        Side::Producer => port.producer,
        Side::Consumer => port.consumer,
    }
}
