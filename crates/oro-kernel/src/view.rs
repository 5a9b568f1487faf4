//! What a platform can ask of a [`Kernel`]: for the tables that it publishes, for its built-in
//! instances, and for a report when nothing can go on.

use alloc::vec::Vec;

use crate::doorbell::Page;
use crate::kernel::{Replacement, Waiting, Word};
use crate::revoke::Revocation;
use crate::{
    Condition, EndpointId, InstanceEnd, InstanceId, Kernel, Mode, Mutant, Owner, PeerState, PortId,
    Side, ThreadId, Upgrade,
};

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstanceState {
    /// Not started. It does not keep a system alive.
    Mounted,
    /// At least one thread is live.
    Running,
    /// Ended by its own threads. Like one that faulted, it may be about to be restarted.
    Ended,
    /// Ended in any other way.
    Faulted,
}

/// What is known of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceView {
    /// Where it is in its life.
    pub state: InstanceState,
    /// Threads that have started and not ended.
    pub live_thread_count: u32,
    /// Its status, if it has ended by itself; else 0.
    pub status: u64,
    /// How it ended, if it has, or how the incarnation before ended that is being replaced.
    pub end: Option<InstanceEnd>,
    /// How often it has been restarted.
    pub restart_count: u32,
    /// A replacement has been asked for and has not come yet.
    pub is_restarting: bool,
    /// The generation of its Ring's tables, as the core has been told last (`META-7`).
    pub ring_generation: u64,
}

/// Which ends of a Port live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortState {
    /// Both.
    Open,
    /// The consumer only.
    ProducerEnded,
    /// The producer only.
    ConsumerEnded,
    /// None.
    Ended,
    /// It has been revoked, and is neither's.
    Revoked,
}

/// What is known of a Port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortView {
    /// Which ends live.
    pub state: PortState,
    /// The producing end.
    pub producer: EndView,
    /// The consuming end.
    pub consumer: EndView,
    /// The manifest or an operator forces it synchronous.
    pub is_forced: bool,
    /// Streak that an end needs to qualify; 0 where it can never be asynchronous.
    pub threshold: u32,
    /// Times it became asynchronous.
    pub upgrade_count: u32,
    /// Times it became synchronous again.
    pub downgrade_count: u32,
    /// Times that one end qualified and the other did not.
    pub refusal_count: u32,
    /// Doorbells that rang.
    pub doorbell_count: u64,
}

/// A thread that is blocked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wait {
    /// The thread.
    pub thread: ThreadId,
    /// Where.
    pub place: WaitPlace,
}

/// Where a thread is blocked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WaitPlace {
    /// In a touch of this endpoint's slot.
    Touch(EndpointId),
    /// At its gate, until one of these holds.
    Gate(Vec<Condition>),
}

impl Wait {
    /// Whether it ends when somebody changes what its thread has or sees: a binding that is not wired, or its
    /// Ring. Where operators may do so, a system with such a thread is not deadlocked (`KRN-10`).
    #[must_use]
    pub fn waits_for_change(&self) -> bool {
        let WaitPlace::Gate(conditions) = &self.place else { return false };
        conditions.iter().any(|condition| {
            matches!(condition, Condition::Binding { end: None, .. } | Condition::Ring { .. })
        })
    }
}

impl Kernel {
    /// What must be looked at before a fault of this thread is reported, in this order. `at`: the fault
    /// is a store to the live cursor of this endpoint.
    #[must_use]
    pub fn looks_before(&self, thread: ThreadId, at: Option<EndpointId>) -> Vec<Look> {
        let state = self.thread(thread);
        let mut looks = Vec::new();
        if let Word::Open { end, .. } = state.word {
            looks.push(Look::Word(end));
        }
        for end in &state.ends {
            let Some(live) = &self.end(*end).live else { continue };
            let port = self.port_of(*end);
            let is_over = port.is_broken && port.revocation == Revocation::None;
            if Some(*end) == at || is_over {
                continue;
            }
            if live.has_left {
                looks.push(Look::Settle(*end));
            } else if matches!(live.page, Page::Landing | Page::Resting) {
                looks.push(Look::Cursor(*end));
            }
        }
        looks
    }

    /// The commit word that is open to a thread.
    #[must_use]
    pub fn open_word(&self, thread: ThreadId) -> Option<EndpointId> {
        match self.thread(thread).word {
            Word::Open { end, .. } => Some(end),
            Word::Protected | Word::NotLanded { .. } => None,
        }
    }

    /// Whether a thread stores this endpoint's cursor by itself, so that what the core knows of it is
    /// as of the last look.
    #[must_use]
    pub fn has_live_cursor(&self, end: EndpointId) -> bool {
        self.end(end).live.is_some()
    }

    /// Whether the thread of this endpoint may touch the queue.
    #[must_use]
    pub fn has_queue(&self, end: EndpointId) -> bool {
        self.end(end).live.as_ref().is_some_and(|live| !live.has_left)
    }

    /// The gate page that is armed for a thread; `None` while it is blocked there.
    #[must_use]
    pub fn armed_gate(&self, thread: ThreadId) -> Option<u32> {
        let thread = self.thread(thread);
        (!matches!(thread.waiting, Waiting::Gate { .. })).then_some(thread.armed)
    }

    /// Ends whose cursor store has been let through and is awaited: their cursors are to be looked at
    /// until they have moved (`BELL-2`).
    #[must_use]
    pub fn landings(&self) -> Vec<EndpointId> {
        self.landing.iter().copied().filter(|end| self.is_landing_awaited(*end)).collect()
    }

    /// What the binding of this endpoint says of its mode; a built-in end has that of its peer.
    #[must_use]
    pub fn mode(&self, end: EndpointId) -> Mode {
        let of = match self.end(end).owner {
            Owner::Kernel => end.peer(),
            Owner::Thread(_) => end,
        };
        if self.has_queue(of) { Mode::Asynchronous } else { Mode::Synchronous }
    }

    /// Messages that a consumer can take, or slots that a producer can fill, by the cursors as they
    /// are now.
    #[must_use]
    pub fn available(&self, end: EndpointId) -> u64 {
        let [producer, consumer] = &self.ends[end.port.0 as usize];
        let count = u64::from(self.port_setup(end).slot_count);
        let ready = producer.cursor.wrapping_sub(consumer.cursor);
        // Two live cursors may contradict each other until they are read together.
        let is_dead = self.is_dead(end) && !self.breaks(Mutant::CommitRevoked);
        if ready > count || is_dead {
            return 0;
        }
        match end.side {
            Side::Consumer => ready,
            Side::Producer => count + u64::from(self.breaks(Mutant::OneSlotTooMany)) - ready,
        }
    }

    /// Messages committed or released by this end.
    #[must_use]
    pub fn cursor(&self, end: EndpointId) -> u64 {
        self.end(end).cursor
    }

    /// Whether somebody waits for what this endpoint's peer does: its thread, blocked in a touch of it
    /// or at a gate, or a built-in end that sleeps.
    #[must_use]
    pub fn is_waiting(&self, end: EndpointId) -> bool {
        self.wants_doorbell(end.peer())
    }

    /// What this endpoint knows of its peer: its state, and how many there have been before it.
    #[must_use]
    pub fn peer_state(&self, end: EndpointId) -> (PeerState, u32) {
        (self.end(end.peer()).state, self.end(end).epoch)
    }

    /// What is known of an instance.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> InstanceView {
        let instance = &self.instances[id.0 as usize];
        InstanceView {
            state: instance.state,
            live_thread_count: instance.live_thread_count,
            status: instance.status,
            end: instance.end,
            restart_count: instance.restart_count,
            is_restarting: instance.replacement != Replacement::None,
            ring_generation: instance.ring_generation,
        }
    }

    /// What is known of a Port.
    #[must_use]
    pub fn port(&self, id: PortId) -> PortView {
        let [producer, consumer] = &self.ends[id.0 as usize];
        let is_live = |state| state == PeerState::Wired;
        let port = &self.ports[id.0 as usize];
        let upgrade = self.setup.ports[id.0 as usize].upgrade;
        let is_forced = port.is_forced || upgrade == Upgrade::Forced;
        let describe = |side| self.describe_end(EndpointId { port: id, side });
        PortView {
            state: match (is_live(producer.state), is_live(consumer.state)) {
                (true, true) => PortState::Open,
                (false, true) => PortState::ProducerEnded,
                (true, false) => PortState::ConsumerEnded,
                _ if port.revocation == Revocation::Done => PortState::Revoked,
                (false, false) => PortState::Ended,
            },
            producer: describe(Side::Producer),
            consumer: describe(Side::Consumer),
            is_forced,
            threshold: if upgrade == Upgrade::Allowed { self.threshold(id) } else { 0 },
            upgrade_count: port.upgrade_count.get_u32(),
            downgrade_count: port.downgrade_count.get_u32(),
            refusal_count: port.refusal_count.get_u32(),
            doorbell_count: port.doorbell_count.get(),
        }
    }

    fn describe_end(&self, end: EndpointId) -> EndView {
        let state = self.end(end);
        EndView {
            cursor: state.cursor,
            mode: self.mode(end),
            reason: self.mode_reason(end),
            streak: state.streak,
            fault_count: state.fault_count.get(),
        }
    }

    /// `MODE-7`
    fn mode_reason(&self, end: EndpointId) -> ModeReason {
        let port = self.port_of(end);
        let upgrade = self.port_setup(end).upgrade;
        let of = match self.end(end).owner {
            Owner::Kernel => end.peer(),
            Owner::Thread(_) => end,
        };
        let is_naive = |end: EndpointId| match self.end(end).owner {
            Owner::Kernel => false,
            Owner::Thread(thread) => !self.thread(thread).is_managed,
        };
        let is_over = [end, end.peer()].iter().any(|end| {
            self.end(*end).state != PeerState::Wired || self.end(*end).closing.is_some()
        });
        match (&self.end(of).live, upgrade) {
            _ if is_over => ModeReason::Ended,
            (Some(live), _) if live.is_leaving && !live.has_left => ModeReason::Leaving,
            (Some(live), _) if !live.has_left => ModeReason::Earned,
            (_, Upgrade::Unsupported) => ModeReason::Unsupported,
            _ if port.is_forced || upgrade == Upgrade::Forced => ModeReason::Forced,
            _ if is_naive(end) => ModeReason::Naive,
            _ if !self.qualifies(end) => ModeReason::Streak,
            _ if !self.qualifies(end.peer()) => ModeReason::Peer,
            _ => ModeReason::Qualified,
        }
    }

    /// Whether a thread has started and not ended.
    #[must_use]
    pub fn is_live(&self, thread: ThreadId) -> bool {
        self.thread(thread).is_live
    }

    /// Who waits for whom, if nothing can ever go on: every live thread is blocked in a touch, or at a
    /// gate without deadline, none of them at a Port whose other end is a live built-in's, and nothing
    /// that the platform was asked for is unanswered. Else empty.
    ///
    /// But for operators ([`Wait::waits_for_change`]) a change of a Ring, or of a binding that is not wired, is
    /// only ever made for a thread that asks for it (`CTL-1`): one that is blocked, and not at a live built-in's Port, asks for nothing more. So who
    /// waits for such a change can be deadlocked as well; what has been asked for is to be served before
    /// this is called.
    #[must_use]
    pub fn deadlock(&self) -> Vec<Wait> {
        let is_revoking = self.ports.iter().any(|port| port.revocation == Revocation::Wanted);
        let is_awaiting = self.closing_count > 0
            || is_revoking
            || self.instances.iter().any(|instance| instance.replacement != Replacement::None)
            || self.ends.iter().flatten().any(is_unsettled);
        if is_awaiting {
            return Vec::new();
        }
        let mut waits = Vec::new();
        for (index, thread) in self.threads.iter().enumerate() {
            if !thread.is_live {
                continue;
            }
            let place = match &thread.waiting {
                Waiting::Touch(end) if !self.is_live_built_in(end.peer()) => WaitPlace::Touch(*end),
                Waiting::Gate { conditions, has_deadline: false }
                    if !conditions.iter().any(|condition| self.can_come_true(condition)) =>
                {
                    WaitPlace::Gate(conditions.clone())
                }
                Waiting::No | Waiting::Touch(_) | Waiting::Gate { .. } => return Vec::new(),
            };
            let index = u32::try_from(index).expect("counted in `new`");
            waits.push(Wait { thread: ThreadId(index), place });
        }
        waits
    }

    fn is_live_built_in(&self, end: EndpointId) -> bool {
        let state = self.end(end);
        state.owner == Owner::Kernel && state.state == PeerState::Wired
    }

    /// Whether a condition can come to hold by something else than a thread of the system.
    fn can_come_true(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Peer { end, .. } | Condition::Binding { end: Some(end), .. } => {
                self.is_live_built_in(end.peer())
            }
            Condition::Binding { end: None, .. }
            | Condition::Ring { .. }
            | Condition::Word { .. }
            | Condition::Wake { .. } => false,
        }
    }

    /// Whether no instance runs or is to be replaced, after the start.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let is_kept = self.breaks(Mutant::CountMounted)
            && self.instances.iter().any(|instance| instance.state == InstanceState::Mounted);
        self.has_started && self.open_instance_count == 0 && !is_kept
    }
}

/// A cursor or word to be looked at before a fault is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Look {
    /// Protect this commit word, read it, send [`Event::WordSettled`](crate::Event::WordSettled).
    Word(EndpointId),
    /// Protect this live cursor's page, read it, then read the peer's cursor if
    /// [`Kernel::has_live_cursor`] says that it is live, and send
    /// [`Event::CursorSettled`](crate::Event::CursorSettled).
    Settle(EndpointId),
    /// Read this live cursor, send [`Event::CursorLooked`](crate::Event::CursorLooked).
    Cursor(EndpointId),
}

/// Why the mode of an end is what it is (`MODE-7`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModeReason {
    /// The manifest or an operator forces the Port synchronous.
    Forced,
    /// This end's thread is naive.
    Naive,
    /// The streak is below the threshold.
    Streak,
    /// This end qualifies, its peer does not.
    Peer,
    /// An end of the kernel's own has no asynchronous mode.
    Unsupported,
    /// Both ends qualify: asynchronous after its next cursor store.
    Qualified,
    /// Asynchronous: earned.
    Earned,
    /// Asynchronous, and synchronous after its next cursor store.
    Leaving,
    /// An end of the Port has ended.
    Ended,
}

/// What is known of one end of a Port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndView {
    /// Messages committed or released; of a live cursor, as of the last look.
    pub cursor: u64,
    /// What its binding says.
    pub mode: Mode,
    /// Why.
    pub reason: ModeReason,
    /// Operations in a row that count towards the threshold.
    pub streak: u32,
    /// Touches of its cells, its word and its live cursor that were served, each counted once however
    /// often it was reported.
    pub fault_count: u64,
}

/// Whether something about an end's live cursor will be known later, by a platform's answer or a timer.
fn is_unsettled(end: &crate::kernel::End) -> bool {
    let page = end.live.as_ref().map(|live| live.page);
    end.protecting_count > 0 || matches!(page, Some(Page::Landing | Page::Resting))
}
