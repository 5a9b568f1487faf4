//! One Port between two managed threads, or a thread and a built-in, for tests of single clauses.

#![allow(dead_code, reason = "each test file uses a part of it")]

use oro_kernel::{
    Condition, Effect, EndpointId, Event, GateRequest, InstanceId, InstanceSetup, Kernel, Owner,
    PortId, PortSetup, Setup, Side, ThreadId, ThreadSetup, Tuning, Upgrade,
};

pub(crate) const PORT: PortId = PortId(0);
pub(crate) const OUT: EndpointId = EndpointId { port: PORT, side: Side::Producer };
pub(crate) const IN: EndpointId = EndpointId { port: PORT, side: Side::Consumer };
pub(crate) const SOURCE: ThreadId = ThreadId(0);
pub(crate) const SINK: ThreadId = ThreadId(1);

/// One transfer earns the mode.
pub(crate) const EAGER: Tuning = Tuning { threshold: 1, doubling_limit: 7, ring_limit: 16 };

pub(crate) fn wait_for(end: EndpointId, value: u64) -> GateRequest {
    GateRequest { conditions: vec![Condition::Peer { end, value }], deadline_ns: None }
}

pub(crate) fn open_gate(thread: ThreadId, gate: u32, cause: u32, ready: u128) -> [Effect; 2] {
    [Effect::OpenGate { thread, gate, cause, ready }, Effect::Resume(thread)]
}

/// A kernel and one Port of four slots.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) kernel: Kernel,
    /// Protections that have been asked for and not been answered.
    asked: Vec<EndpointId>,
}

impl Pair {
    /// From thread 0 to thread 1, each an instance of its own, both managed.
    pub(crate) fn start(tuning: Tuning) -> Self {
        Self::start_with(tuning, |_| {})
    }

    pub(crate) fn start_with(tuning: Tuning, change: impl FnOnce(&mut Setup)) -> Self {
        let thread = |id| ThreadSetup { instance: InstanceId(id), is_managed: true };
        let mut setup = Setup {
            instances: vec![InstanceSetup::default(); 2],
            threads: vec![thread(0), thread(1)],
            ports: vec![PortSetup {
                slot_count: 4,
                producer: Owner::Thread(SOURCE),
                consumer: Owner::Thread(SINK),
                upgrade: Upgrade::Allowed,
                drops_at_restart: false,
            }],
            tuning,
        };
        change(&mut setup);
        let mut pair = Self { kernel: Kernel::new(setup), asked: Vec::new() };
        pair.step(Event::Start);
        pair
    }

    /// A thread that produces for a built-in.
    pub(crate) fn start_writer(tuning: Tuning) -> Self {
        Self::start_with(tuning, |setup| {
            setup.instances.pop();
            setup.threads.pop();
            setup.ports[0].consumer = Owner::Kernel;
        })
    }

    /// Both ends asynchronous, with one message committed and released.
    pub(crate) fn start_shared(tuning: Tuning) -> Self {
        Self::start_shared_with(tuning, |_| {})
    }

    pub(crate) fn start_shared_with(tuning: Tuning, change: impl FnOnce(&mut Setup)) -> Self {
        let mut pair = Self::start_with(tuning, change);
        let needed = u64::from(pair.kernel.port(PORT).threshold);
        for _ in 0..needed {
            pair.pass(OUT);
            pair.pass(IN);
        }
        // The producer's streak was long enough before the consumer's was.
        pair.pass(OUT);
        pair.settle_word(OUT);
        pair.settle_word(IN);
        assert!([OUT, IN].iter().all(|end| pair.kernel.has_queue(*end)));
        pair
    }

    /// A touch of the next slot and the store that commits or releases it.
    pub(crate) fn pass(&mut self, end: EndpointId) -> Vec<Effect> {
        self.settle_word(end);
        let cell = u32::from(self.kernel.cursor(end) % 2 == 1);
        self.step(Event::CellTouched { end, cell });
        self.step(Event::WordTouched { end })
    }

    /// The store that was let through has landed.
    pub(crate) fn settle_word(&mut self, end: EndpointId) {
        let thread = if end.side == Side::Producer { SOURCE } else { SINK };
        if self.kernel.open_word(thread) == Some(end) {
            let value = self.kernel.cursor(end);
            assert_eq!(self.step(Event::WordSettled { end, value }), []);
        }
    }

    /// If a protection has been asked for.
    pub(crate) fn answer_if_asked(&mut self, end: EndpointId, value: u64) {
        if self.asked.contains(&end) {
            self.answer(end, value);
        }
    }

    pub(crate) fn answer(&mut self, end: EndpointId, value: u64) -> Vec<Effect> {
        self.asked.retain(|asked| *asked != end);
        self.step(Event::CursorProtected { end, value })
    }

    pub(crate) fn touch_gate(
        &mut self,
        thread: ThreadId,
        gate: u32,
        request: GateRequest,
    ) -> Vec<Effect> {
        self.step(Event::GateTouched { thread, gate, request: Ok(request) })
    }

    pub(crate) fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.kernel.step(event, &mut effects);
        for effect in &effects {
            if let Effect::ProtectCursor { end } = effect {
                self.asked.push(*end);
            }
        }
        effects
    }
}
