//! What a platform can ask of a [`Kernel`]: for the tables that it publishes, for its built-in
//! instances, and for a report when nothing can go on.

use alloc::vec::Vec;

use crate::kernel::Word;
use crate::{
    EndpointId, InstanceEnd, InstanceId, Kernel, Mutant, Owner, PeerState, PortId, Side, ThreadId,
};

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstanceState {
    /// Not started.
    Mounted,
    /// At least one thread is live.
    Running,
    /// Ended by its own threads.
    Ended,
    /// Ended in any other way; it may be about to be restarted.
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
}

/// What is known of a Port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortView {
    /// Which ends live.
    pub state: PortState,
    /// Messages committed.
    pub producer_cursor: u64,
    /// Messages released.
    pub consumer_cursor: u64,
    /// Touches of the producer's cells and word that were served, each counted once however often
    /// it was reported.
    pub producer_fault_count: u64,
    /// The same for the consumer.
    pub consumer_fault_count: u64,
}

/// A thread that is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wait {
    /// The thread.
    pub thread: ThreadId,
    /// The endpoint whose slot it has touched.
    pub end: EndpointId,
}

impl Kernel {
    /// The commit word that is open to a thread. Before any other fault of this thread is
    /// reported, the platform protects the word, reads it, and sends
    /// [`Event::WordSettled`](crate::Event::WordSettled).
    #[must_use]
    pub fn open_word(&self, thread: ThreadId) -> Option<EndpointId> {
        match self.thread(thread).word {
            Word::Open(end) => Some(end),
            Word::Protected | Word::NotLanded(_) => None,
        }
    }

    /// Messages that a consumer can take, or slots that a producer can fill, by the cursors as they
    /// are now.
    #[must_use]
    pub fn available(&self, end: EndpointId) -> u64 {
        let [producer, consumer] = &self.ends[end.port.0 as usize];
        let ready = producer.cursor - consumer.cursor;
        match end.side {
            Side::Consumer => ready,
            Side::Producer => {
                let extra = u64::from(self.breaks(Mutant::OneSlotTooMany));
                u64::from(self.port_setup(end).slot_count) + extra - ready
            }
        }
    }

    /// Messages committed or released by this end.
    #[must_use]
    pub fn cursor(&self, end: EndpointId) -> u64 {
        self.end(end).cursor
    }

    /// Whether the thread of this endpoint is blocked in a touch of it.
    #[must_use]
    pub fn is_waiting(&self, end: EndpointId) -> bool {
        match self.end(end).owner {
            Owner::Thread(thread) => self.thread(thread).waiting == Some(end),
            Owner::Kernel => false,
        }
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
            is_restarting: instance.is_restarting,
        }
    }

    /// What is known of a Port.
    #[must_use]
    pub fn port(&self, id: PortId) -> PortView {
        let [producer, consumer] = &self.ends[id.0 as usize];
        let is_live = |state| state == PeerState::Wired;
        PortView {
            state: match (is_live(producer.state), is_live(consumer.state)) {
                (true, true) => PortState::Open,
                (false, true) => PortState::ProducerEnded,
                (true, false) => PortState::ConsumerEnded,
                (false, false) => PortState::Ended,
            },
            producer_cursor: producer.cursor,
            consumer_cursor: consumer.cursor,
            producer_fault_count: producer.fault_count,
            consumer_fault_count: consumer.fault_count,
        }
    }

    /// Whether a thread has started and not ended.
    #[must_use]
    pub fn is_live(&self, thread: ThreadId) -> bool {
        self.thread(thread).is_live
    }

    /// Who waits for whom, if nothing can ever go on: every live thread is blocked in a touch, none
    /// of them at a Port whose other end is a live built-in's, and no replacement is awaited. Else
    /// empty.
    #[must_use]
    pub fn deadlock(&self) -> Vec<Wait> {
        if self.instances.iter().any(|instance| instance.is_restarting) {
            return Vec::new();
        }
        let mut waits = Vec::new();
        for (index, thread) in self.threads.iter().enumerate() {
            if !thread.is_live {
                continue;
            }
            let Some(end) = thread.waiting else { return Vec::new() };
            let peer = self.end(end.peer());
            if peer.owner == Owner::Kernel && peer.state == PeerState::Wired {
                return Vec::new();
            }
            let index = u32::try_from(index).expect("counted in `new`");
            waits.push(Wait { thread: ThreadId(index), end });
        }
        waits
    }

    /// Whether every instance has ended for good.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.open_instance_count == 0
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
    pub mode: crate::Mode,
    /// Why.
    pub reason: ModeReason,
    /// Operations in a row that count towards the threshold.
    pub streak: u32,
    /// Touches of its cells, its word and its live cursor that were served, each counted once however
    /// often it was reported.
    pub fault_count: u64,
}
