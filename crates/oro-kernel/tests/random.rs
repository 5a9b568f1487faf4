//! Random systems and random events, nonsense among them: the core never panics, whatever modules do
//! (`KRN-1`), and what it says stays within its rights.
//!
//! Unlike the explorer this has no memory and no programs: a thread may touch anything at any time,
//! also while it is blocked. Only what a platform owes the core is kept: settled words, and built-in
//! ends within their queues.

use oro_kernel::{
    Effect, EndpointId, Event, FaultCause, InstanceEnd, InstanceId, InstanceSetup, InstanceState,
    Kernel, Owner, PeerState, PortId, PortSetup, Setup, Side, ThreadId, ThreadSetup,
};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

/// What happens, with numbers that are taken modulo what there is.
#[derive(Clone, Debug)]
enum Action {
    TouchCell(u32, u32),
    TouchWord(u32),
    /// Which of the settled values is in the word, and if another, which.
    Settle(u8, u64),
    Exit(u32, u64),
    ExitInstance(u32, u64),
    Fault(u32, FaultCause),
    Kill(u32),
    Restart(u32),
    Serve(u32, u32),
    Close(u32, bool),
}

fn list_actions() -> impl Strategy<Value = Vec<Action>> {
    let cause = prop_oneof![
        Just(FaultCause::Trap),
        Just(FaultCause::SystemCall),
        Just(FaultCause::Panic),
        Just(FaultCause::Killed),
    ];
    let action = prop_oneof![
        20 => (any::<u32>(), 0..2_u32).prop_map(|(end, cell)| Action::TouchCell(end, cell)),
        10 => any::<u32>().prop_map(Action::TouchWord),
        10 => (0..12_u8, any::<u64>()).prop_map(|(which, value)| Action::Settle(which, value)),
        1 => (any::<u32>(), 0..3_u64).prop_map(|(thread, status)| Action::Exit(thread, status)),
        1 => (any::<u32>(), 0..3_u64).prop_map(|(id, status)| Action::ExitInstance(id, status)),
        1 => (any::<u32>(), cause).prop_map(|(thread, cause)| Action::Fault(thread, cause)),
        1 => any::<u32>().prop_map(Action::Kill),
        5 => any::<u32>().prop_map(Action::Restart),
        10 => (any::<u32>(), any::<u32>()).prop_map(|(end, count)| Action::Serve(end, count)),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(end, failed)| Action::Close(end, failed)),
    ];
    vec(action, 0..120)
}

fn make_setup() -> impl Strategy<Value = Setup> {
    let instances = vec(0..3_u32, 1..4);
    let threads = vec((any::<u32>(), any::<bool>()), 0..4);
    let ports = vec((0..3_u32, any::<u32>(), any::<u32>()), 1..6);
    (instances, threads, ports).prop_map(|(instances, threads, ports)| {
        let instance_count = u32::try_from(instances.len()).expect("few");
        let firsts = (0..instance_count).map(|id| (id, id % 2 == 0));
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
        Setup {
            instances: instances
                .into_iter()
                .map(|restart_count| InstanceSetup { restart_count })
                .collect(),
            threads,
            ports: ports
                .into_iter()
                .map(|(power, from, to)| PortSetup {
                    slot_count: 1 << power,
                    producer: owner(from),
                    consumer: owner(to),
                    upgrade: Upgrade::Allowed,
                })
                .collect(),
        }
    })
}

struct Run {
    kernel: Kernel,
    ends: Vec<EndpointId>,
    cursors: Vec<u64>,
    is_finished: bool,
}

impl Run {
    fn start(setup: Setup) -> Result<Self, TestCaseError> {
        let count = u32::try_from(setup.ports.len()).expect("few");
        let ends: Vec<EndpointId> = (0..count)
            .flat_map(|port| {
                [Side::Producer, Side::Consumer].map(|side| EndpointId { port: PortId(port), side })
            })
            .collect();
        let cursors = vec![0; ends.len()];
        let mut run = Self { kernel: Kernel::new(setup), ends, cursors, is_finished: false };
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

    fn act(&mut self, action: &Action) -> Result<(), TestCaseError> {
        let end_of = |number: u32| self.ends[number as usize % self.ends.len()];
        let thread_of = |number: u32| {
            ThreadId(number % u32::try_from(self.kernel.setup().threads.len()).expect("few"))
        };
        let instance_of = |number: u32| {
            InstanceId(number % u32::try_from(self.kernel.setup().instances.len()).expect("few"))
        };
        match *action {
            Action::TouchCell(number, cell) => {
                let end = end_of(number);
                self.touch(end, Event::CellTouched { end, cell })
            }
            Action::TouchWord(number) => {
                let end = end_of(number);
                self.touch(end, Event::WordTouched { end })
            }
            Action::Settle(which, value) => {
                let threads = 0..self.kernel.setup().threads.len();
                let mut ids = threads.map(|id| ThreadId(u32::try_from(id).expect("few")));
                let open = ids.find_map(|id| self.kernel.open_word(id).map(|end| (id, end)));
                let Some((thread, end)) = open else { return Ok(()) };
                let value = match which {
                    0 => value,
                    1 | 2 => self.kernel.cursor(end) - 1,
                    _ => self.kernel.cursor(end),
                };
                self.step(Event::WordSettled { end, value }, Some(thread))
            }
            Action::Exit(number, status) => {
                let thread = thread_of(number);
                self.fault(thread, Event::ThreadExited { thread, status })
            }
            Action::ExitInstance(number, status) => {
                let thread = thread_of(number);
                self.fault(thread, Event::InstanceExited { thread, status })
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
                let available = u32::try_from(self.kernel.available(end)).expect("few");
                let count = count % (available + 1);
                self.serve(
                    end,
                    match end.side {
                        Side::Producer => Event::KernelCommitted { end, count },
                        Side::Consumer => Event::KernelReleased { end, count },
                    },
                )
            }
            Action::Close(number, has_failed) => {
                let end = end_of(number);
                self.serve(end, Event::KernelClosed { end, has_failed })
            }
        }
    }

    fn touch(&mut self, end: EndpointId, event: Event) -> Result<(), TestCaseError> {
        match self.owner(end) {
            Owner::Thread(thread) => self.fault(thread, event),
            Owner::Kernel => Ok(()),
        }
    }

    fn serve(&mut self, end: EndpointId, event: Event) -> Result<(), TestCaseError> {
        let is_open = self.kernel.peer_state(end.peer()).0 == PeerState::Wired;
        if self.owner(end) == Owner::Kernel && is_open { self.step(event, None) } else { Ok(()) }
    }

    /// A fault of a thread; its open word, if it has one, is settled as an honest store leaves it.
    fn fault(&mut self, thread: ThreadId, event: Event) -> Result<(), TestCaseError> {
        if let Some(end) = self.kernel.open_word(thread) {
            let value = self.kernel.cursor(end);
            self.step(Event::WordSettled { end, value }, Some(thread))?;
        }
        self.step(event, Some(thread))
    }

    fn step(&mut self, event: Event, actor: Option<ThreadId>) -> Result<(), TestCaseError> {
        let mut twin = self.kernel.clone();
        let was_live = actor.is_none_or(|thread| self.kernel.is_live(thread));
        let (mut effects, mut twin_effects) = (Vec::new(), Vec::new());
        twin.step(event.clone(), &mut twin_effects);
        self.kernel.step(event, &mut effects);
        prop_assert_eq!(&effects, &twin_effects);
        prop_assert_eq!(&self.kernel, &twin);
        prop_assert!(was_live || effects.is_empty(), "a late event did something: {:?}", effects);
        self.check_effects(&effects, actor)?;
        self.check_state()
    }

    fn check_effects(
        &mut self,
        effects: &[Effect],
        actor: Option<ThreadId>,
    ) -> Result<(), TestCaseError> {
        // I15: one event costs at most a few effects for each thing that there is.
        let setup = self.kernel.setup();
        let size = self.ends.len() + setup.threads.len() + setup.instances.len();
        prop_assert!(effects.len() <= 8 * size + 8, "{} effects", effects.len());
        for (position, effect) in effects.iter().enumerate() {
            match effect {
                Effect::PublishCursor { end, value } => {
                    let index = self.ends.iter().position(|other| other == end).expect("listed");
                    // I5: monotonic; by one, unless a built-in took several at once.
                    prop_assert!(*value > self.cursors[index]);
                    let is_kernel = self.owner(*end) == Owner::Kernel;
                    prop_assert!(is_kernel || *value == self.cursors[index] + 1);
                    self.cursors[index] = *value;
                }
                // END-3: the flush before the end may wake a sibling, which then ends too.
                Effect::Resume(thread) => {
                    let own = setup_instance(&self.kernel, *thread);
                    let ends_later = effects[position..].iter().any(|later| {
                        matches!(later, Effect::EndInstance { instance, .. } if *instance == own)
                    });
                    prop_assert!(self.kernel.is_live(*thread) || ends_later);
                }
                Effect::EndThread(thread) => prop_assert!(!self.kernel.is_live(*thread)),
                Effect::EndInstance { instance, end, .. } => match end {
                    // BLAME-1: who did it is who ends.
                    InstanceEnd::Violated { thread, .. } | InstanceEnd::Faulted { thread, .. } => {
                        prop_assert_eq!(Some(*thread), actor);
                        let owner = setup_instance(&self.kernel, *thread);
                        prop_assert_eq!(owner, *instance);
                    }
                    InstanceEnd::Exited { .. } | InstanceEnd::Killed => {}
                },
                Effect::Finish => {
                    prop_assert!(!self.is_finished);
                    self.is_finished = true;
                }
                Effect::StartThread(_)
                | Effect::OpenCell { .. }
                | Effect::ProtectCell { .. }
                | Effect::CollectCell { .. }
                | Effect::DeliverCell { .. }
                | Effect::DeliverZeros { .. }
                | Effect::WithdrawCell { .. }
                | Effect::OpenWord { .. }
                | Effect::PublishPeer { .. }
                | Effect::PublishInstance(_)
                | Effect::PublishPort(_)
                | Effect::WakeKernelEnd(_) => {}
            }
        }
        Ok(())
    }

    fn check_state(&self) -> Result<(), TestCaseError> {
        for pair in self.ends.chunks(2) {
            let (producer, consumer) = (self.kernel.cursor(pair[0]), self.kernel.cursor(pair[1]));
            let slot_count = self.kernel.setup().ports[pair[0].port.0 as usize].slot_count;
            prop_assert!(consumer <= producer && producer - consumer <= u64::from(slot_count));
        }
        for (end, published) in self.ends.iter().zip(&self.cursors) {
            prop_assert_eq!(self.kernel.cursor(*end), *published);
            if self.kernel.is_waiting(*end) {
                // I10, I12: nobody is left blocked with something to be had.
                prop_assert_eq!(self.kernel.available(*end), 0);
                prop_assert_eq!(self.kernel.peer_state(*end).0, PeerState::Wired);
            }
        }
        prop_assert_eq!(self.kernel.is_finished(), self.is_finished);
        for wait in self.kernel.deadlock() {
            prop_assert!(self.kernel.is_waiting(wait.end));
        }
        for index in 0..self.kernel.setup().instances.len() {
            let id = InstanceId(u32::try_from(index).expect("few"));
            let view = self.kernel.instance(id);
            prop_assert_eq!(view.state == InstanceState::Running, view.live_thread_count > 0);
        }
        Ok(())
    }
}

fn setup_instance(kernel: &Kernel, thread: ThreadId) -> InstanceId {
    kernel.setup().threads[thread.0 as usize].instance
}

proptest! {
    /// KRN-1, KRN-3, BLAME-1, PORT-8: nothing that modules do breaks the core or another instance.
    #[test]
    fn krn_1_no_event_stream_breaks_the_core(setup in make_setup(), actions in list_actions()) {
        let mut run = Run::start(setup)?;
        for action in &actions {
            run.act(action)?;
        }
    }
}
