//! The state of a system and the dispatch of its events.
//!
//! Key type: [`Kernel`]. What naive and managed threads may do is in `naive.rs` and `managed.rs`,
//! what both share about slots in `slots.rs`, the asynchronous mode in `live.rs` and its doorbells in
//! `doorbell.rs`, gates in `waiting.rs`, ends in `ends.rs`, restarts in `restart.rs`, how a system starts and grows in
//! `control.rs`, which numbers are used again in `reuse.rs`, what can be asked of a kernel in `view.rs`. Nothing here knows an address, a page or a byte of a message.

use alloc::vec::Vec;

use crate::live::Live;
use crate::revoke::Revocation;
use crate::transfer::Move;
use crate::{
    Condition, Effect, EndpointId, Event, InstanceEnd, InstanceId, InstanceState, Owner, PeerState,
    PortSetup, Setup, Side, ThreadId, Violation,
};

/// The generation of a Ring's tables before anything in them has changed (`META-7`).
pub(crate) const FIRST_GENERATION: u64 = 2;

/// A system that runs: all that the core knows, and decides on.
///
/// It can be cloned, compared and hashed; equal kernels answer equal events with equal effects.
///
/// # Examples
///
/// A thread stores to the first slot of a Port that a built-in instance consumes:
///
/// ```
/// use oro_kernel::*;
///
/// let setup = Setup {
///     instances: vec![InstanceSetup::default()],
///     threads: vec![ThreadSetup { instance: InstanceId(0), is_managed: false }],
///     tuning: Tuning::default(),
///     ports: vec![PortSetup {
///         slot_count: 4,
///         producer: Owner::Thread(ThreadId(0)),
///         consumer: Owner::Kernel,
///         upgrade: Upgrade::Allowed,
///         drops_at_restart: false,
///     }],
/// };
/// let end = EndpointId { port: PortId(0), side: Side::Producer };
/// let mut kernel = Kernel::new(setup);
/// let mut effects = Vec::new();
/// kernel.step(Event::Start, &mut effects);
/// effects.clear();
///
/// kernel.step(Event::CellTouched { end, cell: 0 }, &mut effects);
/// assert_eq!(effects, [Effect::OpenCell { end, cell: 0 }, Effect::Resume(ThreadId(0))]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    pub(crate) setup: Setup,
    /// By Port, then by side.
    pub(crate) ends: Vec<[End; 2]>,
    pub(crate) ports: Vec<Port>,
    pub(crate) threads: Vec<Thread>,
    pub(crate) instances: Vec<Instance>,
    /// Instances that run or are to be replaced. One that is mounted and has not started does not keep a
    /// system alive: who might start it has ended.
    pub(crate) open_instance_count: usize,
    pub(crate) has_started: bool,
    /// Ends whose last cursor is being read before they close.
    pub(crate) closing_count: usize,
    /// Ends whose doorbell is landing, in the order in which they rang.
    pub(crate) landing: Vec<EndpointId>,
    pub(crate) has_finished: bool,
    /// Naive threads whose touch has found the peer gone (`END-9`), to be ended before the step is
    /// over. Empty between steps.
    pub(crate) ending: Vec<ThreadId>,
    /// Ends to be moved once the fault has been answered before which they became synchronous.
    pub(crate) late_moves: Vec<EndpointId>,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::Mutant>,
}

/// One side of a Port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct End {
    pub(crate) owner: Owner,
    /// Messages committed or released: the shadow cursor. It never comes from a module.
    pub(crate) cursor: u64,
    /// Where the owner's present incarnation has started (`END-7`).
    pub(crate) first: u64,
    pub(crate) hold: Hold,
    /// How this end is for its peer.
    pub(crate) state: PeerState,
    /// How many peers it has had before.
    pub(crate) epoch: u32,
    /// Faults that were not repetitions of one that had been served.
    pub(crate) fault_count: Tally,
    /// Operations in a row that count towards the threshold (`MODE-1`).
    pub(crate) streak: u32,
    /// The state in asynchronous mode; `None`: synchronous.
    pub(crate) live: Option<Live>,
    /// It has had a live cursor, perhaps with a thread before the present one, and what its peer has seen
    /// there may have been taken back.
    pub(crate) was_live: bool,
    /// Protections of its cursor page that have not been answered.
    pub(crate) protecting_count: u32,
    /// Its thread has ended, and its last cursor is being read: how it then ends for its peer.
    pub(crate) closing: Option<PeerState>,
    /// A built-in end sleeps until its peer's cursor moves.
    pub(crate) is_kernel_asleep: bool,
    /// Its thread has said at a gate that it knows of its peer's end, and waits for another (`CTL-8`).
    pub(crate) is_given_up: bool,
    /// It is to be given to another thread.
    pub(crate) moving: Option<Move>,
}

/// A Port, apart from its ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Port {
    /// An operator forces it synchronous.
    pub(crate) is_forced: bool,
    /// Its live cursors contradict each other (`ASYNC-6`).
    pub(crate) is_broken: bool,
    pub(crate) revocation: Revocation,
    /// An end has become asynchronous since one last left that mode.
    pub(crate) is_shared: bool,
    /// Downgrades so far that count for the threshold.
    pub(crate) setback_count: u32,
    pub(crate) upgrade_count: Tally,
    pub(crate) downgrade_count: Tally,
    pub(crate) refusal_count: Tally,
    pub(crate) doorbell_count: Tally,
}

/// A count that is shown to people and decides nothing, so that the hash of a kernel, by which the
/// explorer knows a state that it has seen, leaves it out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(u64);

impl Tally {
    pub(crate) fn add(&mut self, is_one: bool) {
        self.0 += u64::from(is_one);
    }

    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// For fields of 32 bits in the tables.
    pub(crate) fn get_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl core::hash::Hash for Tally {
    fn hash<H: core::hash::Hasher>(&self, _: &mut H) {}
}

/// What the owner of an endpoint has in the cell of its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hold {
    /// Nothing: the cell is not open to it.
    None,
    /// The slot.
    Slot,
    /// An open cell without the right to commit, or zeros, since the peer has ended (`MAN-3`).
    Nothing,
}

/// A thread of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Thread {
    pub(crate) instance: InstanceId,
    pub(crate) is_managed: bool,
    /// It has started and not ended.
    pub(crate) is_live: bool,
    pub(crate) status: u64,
    /// Where it is blocked.
    pub(crate) waiting: Waiting,
    /// Which of its gate pages is armed.
    pub(crate) armed: u32,
    /// The producer slot that a naive thread holds. There is never a second one: touching another
    /// endpoint's slot commits the first (`NAIVE-1`).
    pub(crate) output: Option<EndpointId>,
    /// Its commit words, if it is managed.
    pub(crate) word: Word,
    /// The endpoints that it owns.
    pub(crate) ends: Vec<EndpointId>,
}

/// Where a thread is blocked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Waiting {
    /// Nowhere.
    No,
    /// In a touch of this endpoint's slot.
    Touch(EndpointId),
    /// At its armed gate; none of the conditions held when it was last looked.
    Gate { conditions: Vec<Condition>, has_deadline: bool },
}

/// The commit words of a managed thread (`MAN-5`); at most one is not protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Word {
    /// All are protected and hold their cursors.
    Protected,
    /// This one is open; the store of `expected` that has been granted may have landed or not.
    Open { end: EndpointId, expected: u64 },
    /// This one has been protected again before the store had landed. The store is still the next
    /// thing that the thread does, unless it has stored the old value.
    NotLanded { end: EndpointId, expected: u64 },
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Instance {
    pub(crate) state: InstanceState,
    /// The replacement that has not come yet.
    pub(crate) replacement: Replacement,
    /// Restarts of the row that has not ended yet.
    pub(crate) restarts_in_row: u32,
    pub(crate) live_thread_count: u32,
    pub(crate) restart_count: u32,
    pub(crate) status: u64,
    pub(crate) end: Option<InstanceEnd>,
    /// Its threads in entry order.
    pub(crate) threads: Vec<ThreadId>,
    /// The generation of its Ring's tables.
    pub(crate) ring_generation: u64,
    /// It is no more, and its numbers may be used again.
    pub(crate) is_forgotten: bool,
}

/// The replacement of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Replacement {
    /// None is to come.
    None,
    /// The platform is asked for one when a timer expires (`END-11`).
    Delayed,
    /// The platform has been asked for one.
    Asked,
}

impl Kernel {
    /// A mounted and wired system that has not started.
    ///
    /// # Panics
    ///
    /// If the setup is not one that `oro-system` would have let pass: an index that leads nowhere,
    /// an instance without a thread, a queue whose slot count is not a power of two.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut instances: Vec<Instance> =
            setup.instances.iter().map(|_| Instance::new()).collect();
        let mut threads = Vec::with_capacity(setup.threads.len());
        for (index, thread) in setup.threads.iter().enumerate() {
            let instance = instances.get_mut(thread.instance.0 as usize);
            let instance = instance.expect("setup: a thread's instance does not exist");
            let index = u32::try_from(index).expect("setup: more than 2^32 threads");
            instance.threads.push(ThreadId(index));
            threads.push(Thread::new(thread.instance, thread.is_managed));
        }
        for instance in &instances {
            assert!(!instance.threads.is_empty(), "setup: an instance has no thread");
        }
        let mut ends = Vec::with_capacity(setup.ports.len());
        for (index, port) in setup.ports.iter().enumerate() {
            assert!(port.slot_count.is_power_of_two(), "setup: slot count is no power of two");
            let index = u32::try_from(index).expect("setup: more than 2^32 Ports");
            for (owner, side) in [(port.producer, Side::Producer), (port.consumer, Side::Consumer)]
            {
                let Owner::Thread(thread) = owner else { continue };
                let thread = threads.get_mut(thread.0 as usize);
                let thread = thread.expect("setup: a Port's thread does not exist");
                thread.ends.push(EndpointId { port: crate::PortId(index), side });
            }
            ends.push([End::new(port.producer, 0), End::new(port.consumer, 0)]);
        }
        Self {
            ports: setup.ports.iter().map(|_| Port::default()).collect(),
            ends,
            open_instance_count: 0,
            has_started: false,
            closing_count: 0,
            has_finished: false,
            landing: Vec::new(),
            ending: Vec::with_capacity(threads.len()),
            late_moves: Vec::new(),
            threads,
            instances,
            setup,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// Decides on one event and appends what is to be done about it.
    ///
    /// The order of the effects is part of the decision (`PORT-6`, `KRN-5`, `KRN-9`): a peer's
    /// part comes before the toucher's; the last two are the toucher's grant and its
    /// [`Effect::Resume`]. Nothing is allocated but by `effects` growing, and by what is mounted or wired.
    ///
    /// Whatever a module makes its platform report is answered. Events of threads that have ended
    /// are late and do nothing.
    ///
    /// # Panics
    ///
    /// On events that no correct platform sends (`BLAME-4`): about things that do not exist, a
    /// commit or release by a built-in beyond the queue, a fault of a thread whose open word has
    /// not been settled.
    pub fn step(&mut self, event: Event, effects: &mut Vec<Effect>) {
        let is_look = matches!(
            event,
            Event::WordSettled { .. } | Event::CursorSettled { .. } | Event::CursorLooked { .. }
        );
        match event {
            Event::Start => self.start(effects),
            Event::MountInstance { instance, restart, threads } => {
                self.mount_instance(instance, restart, &threads, effects);
            }
            Event::WirePort { id, port, bindings } => self.wire_port(id, port, bindings, effects),
            Event::ForgetInstance { instance } => self.forget_instance(instance),
            Event::DropEnd { end } => self.drop_end(end, effects),
            Event::StartInstance { instance } => self.start_instance(instance, effects),
            Event::RestartInstance { instance } => self.restart_now(instance, effects),
            Event::RevokePort { port } => self.revoke_port(port, effects),
            Event::TransferEnd { end, to, binding, upgrade } => {
                self.transfer_end(end, Move { to, binding, upgrade }, effects);
            }
            Event::ForeignTouched { thread, end } => {
                if self.thread(thread).is_live && self.is_word_landed(thread, effects) {
                    self.end_landings(thread, None, effects);
                    self.violate(thread, end, Violation::ForeignEndpoint, effects);
                }
            }
            Event::RingChanged { instance, generation } => {
                self.change_ring(instance, generation, effects);
            }
            Event::CellTouched { end, cell } => self.touch_cell(end, cell, effects),
            Event::WordTouched { end } => self.touch_word(end, effects),
            Event::WordSettled { end, value } => self.settle_word(end, value, effects),
            Event::CursorTouched { end } => self.touch_cursor(end, effects),
            Event::QueueTouched { end } => self.touch_queue(end, effects),
            Event::CursorLooked { end, value } => self.look_at_cursor(end, value, effects),
            Event::CursorProtected { end, value } => self.finish_protection(end, value, effects),
            Event::CursorSettled { end, value, peer } => {
                self.settle_cursor(end, value, peer, effects);
            }
            Event::GateTouched { thread, gate, request } => {
                self.touch_gate(thread, gate, request, effects);
            }
            Event::TimerExpired { timer } => self.expire_timer(timer, effects),
            Event::ForceSynchronous { port } => self.force_synchronous(port, effects),
            Event::AllowAsynchronous { port } => self.allow_asynchronous(port, effects),
            Event::KernelWaits { end } => self.put_kernel_end_to_sleep(end, effects),
            Event::ThreadExited { thread, status } => self.exit_thread(thread, status, effects),
            Event::InstanceExited { thread, status } => self.exit_instance(thread, status, effects),
            Event::ThreadFaulted { thread, cause } => {
                if self.thread(thread).is_live {
                    let instance = self.thread(thread).instance;
                    self.fault_instance(instance, InstanceEnd::Faulted { thread, cause }, effects);
                }
            }
            Event::KillInstance { instance } => self.kill_instance(instance, effects),
            Event::InstanceRestarted { instance } => self.restart_instance(instance, effects),
            Event::RestartFailed { instance } => self.retry_restart(instance, effects),
            Event::KernelCommitted { end, count } => self.commit_kernel(end, count, effects),
            Event::KernelReleased { end, count } => self.release_kernel(end, count, effects),
            Event::KernelClosed { end, has_failed } => self.close_kernel(end, has_failed, effects),
        }
        self.end_waiting_threads(effects);
        while !is_look && let Some(end) = self.late_moves.pop() {
            self.try_move(end, effects);
        }
    }

    /// What the system was made from.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(crate) fn end(&self, id: EndpointId) -> &End {
        &self.ends[id.port.0 as usize][id.side as usize]
    }

    pub(crate) fn end_mut(&mut self, id: EndpointId) -> &mut End {
        &mut self.ends[id.port.0 as usize][id.side as usize]
    }

    pub(crate) fn thread(&self, id: ThreadId) -> &Thread {
        &self.threads[id.0 as usize]
    }

    pub(crate) fn thread_mut(&mut self, id: ThreadId) -> &mut Thread {
        &mut self.threads[id.0 as usize]
    }

    pub(crate) fn port_of(&self, end: EndpointId) -> &Port {
        &self.ports[end.port.0 as usize]
    }

    pub(crate) fn port_setup(&self, id: EndpointId) -> &PortSetup {
        &self.setup.ports[id.port.0 as usize]
    }

    /// The thread whose touch of this endpoint a platform reports.
    pub(crate) fn owner_thread(&self, end: EndpointId) -> ThreadId {
        match self.end(end).owner {
            Owner::Thread(thread) => thread,
            Owner::Kernel => panic!("platform: a touch of {end:?}, which is the kernel's own"),
        }
    }

    /// Whether a rule is broken on purpose; never, outside this crate's own tests.
    #[cfg(feature = "mutants")]
    pub(crate) fn breaks(&self, mutant: crate::Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether a rule is broken on purpose; never, outside this crate's own tests.
    #[cfg(not(feature = "mutants"))]
    #[inline]
    #[expect(clippy::unused_self, reason = "the same call with and without mutants")]
    pub(crate) const fn breaks(&self, _mutant: crate::Mutant) -> bool {
        false
    }
}

impl End {
    pub(crate) fn new(owner: Owner, epoch: u32) -> Self {
        Self {
            owner,
            cursor: 0,
            first: 0,
            hold: Hold::None,
            state: PeerState::Wired,
            epoch,
            fault_count: Tally::default(),
            streak: 0,
            live: None,
            was_live: false,
            protecting_count: 0,
            closing: None,
            is_kernel_asleep: false,
            is_given_up: false,
            moving: None,
        }
    }

    /// The cell of the message at the cursor (`PORT-4`).
    pub(crate) fn cell(&self) -> u32 {
        cell_of(self.cursor)
    }
}

impl Thread {
    pub(crate) fn new(instance: InstanceId, is_managed: bool) -> Self {
        Self {
            instance,
            is_managed,
            is_live: false,
            status: 0,
            waiting: Waiting::No,
            armed: 0,
            output: None,
            word: Word::Protected,
            ends: Vec::new(),
        }
    }
}

impl Instance {
    pub(crate) fn new() -> Self {
        Self {
            state: InstanceState::Mounted,
            replacement: Replacement::None,
            restarts_in_row: 0,
            live_thread_count: 0,
            restart_count: 0,
            status: 0,
            end: None,
            threads: Vec::new(),
            ring_generation: FIRST_GENERATION,
            is_forgotten: false,
        }
    }
}

/// The cell that a message's slot is (`PORT-4`).
pub(crate) fn cell_of(number: u64) -> u32 {
    u32::from(number & 1 == 1)
}
