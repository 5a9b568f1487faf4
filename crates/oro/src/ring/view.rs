//! [`Ring`]: the tables of the thread's own Ring and of its descendants (`RING-2`), read only: which
//! [`Instance`]s, Rings and [`Port`]s there are, and how they fare.

use core::fmt;
use core::mem::offset_of;
use core::time::Duration;

use oro_sysabi as abi;
use oro_sysabi::{
    INSTANCE_ENDED, INSTANCE_FAULTED, INSTANCE_MOUNTED, INSTANCE_RUNNING, MODE_ASYNCHRONOUS,
    PORT_CONSUMER_ENDED, PORT_ENDED, PORT_FORCED_SYNCHRONOUS, PORT_OPEN, PORT_PRODUCER_ENDED,
    REASON_KILLED, REASON_NONE, REASON_PANIC, REASON_REVOKED, REASON_SYSTEM_CALL, REASON_TRAP,
    REASON_VIOLATION, WAIT_RING, read_consistent,
};

use super::entry::{Entries, Entry};
use super::{InstanceId, Name, PortId, RingId};
use crate::wait::{Interest, Sealed, Source};
use crate::{Instant, Thread};

/// Tries to find the tables at rest, before the thread lets others run.
const TRIES: u32 = 64;
/// For how long it does.
const PAUSE: Duration = Duration::from_micros(50);

/// A Ring that the thread can see: its own, or a descendant of it. What is read is of the moment when it is
/// read. For managed threads: while the kernel is changing the tables, a reader waits at a gate.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    thread: Thread,
    entry: Entry,
}

impl Ring {
    /// The Ring that the thread is in.
    #[must_use]
    pub fn own(thread: Thread) -> Self {
        // SAFETY: the address of the thread's own Ring (`META-3`), which is there as long as the thread is.
        Self { thread, entry: unsafe { Entry::new(thread.root().ring) } }
    }

    /// Its id, as requests name it.
    #[must_use]
    pub fn id(&self) -> RingId {
        RingId::from_u64(self.entry.load_u64(offset_of!(abi::Ring, id)))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.read(|ring| ring.load_name(offset_of!(abi::Ring, name)))
    }

    /// Moves when something of its structure has changed (`META-7`): instances, Rings and Ports that come
    /// and go, not how they fare.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.entry.load_u64(offset_of!(abi::Ring, generation))
    }

    /// Its instances, the built-in and remounted ones included, without those of its descendants.
    pub fn instances(&self) -> impl Iterator<Item = Instance> {
        let ring = *self;
        let entries = self.entries(offset_of!(abi::Ring, instances));
        let instances = entries.iter().map(move |entry| ring.read(|_| Instance::load(entry)));
        // What was forgotten leaves an empty entry.
        instances.filter(|instance| !instance.name.is_empty())
    }

    /// Its children.
    pub fn children(&self) -> impl Iterator<Item = Ring> {
        let thread = self.thread;
        let entries = self.entries(offset_of!(abi::Ring, children));
        let children = entries.iter().map(move |entry| Ring { thread, entry });
        children.filter(|child| !child.name().is_empty())
    }

    /// Ports with an end in it.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        let ring = *self;
        let entries = self.entries(offset_of!(abi::Ring, ports));
        let ports = entries.iter().map(move |entry| ring.read(|_| Port::load(entry)));
        ports.filter(|port| port.id.as_u64() != 0)
    }

    /// An instance of it, or of a descendant.
    #[must_use]
    pub fn find_instance(&self, id: InstanceId) -> Option<Instance> {
        let own = self.instances().find(|instance| instance.id == Some(id));
        own.or_else(|| self.children().find_map(|child| child.find_instance(id)))
    }

    /// It, or a descendant.
    #[must_use]
    pub fn find_ring(&self, id: RingId) -> Option<Ring> {
        let own = (self.id() == id).then_some(*self);
        own.or_else(|| self.children().find_map(|child| child.find_ring(id)))
    }

    /// A Port with an end in it, or in a descendant.
    #[must_use]
    pub fn find_port(&self, id: PortId) -> Option<Port> {
        let own = self.ports().find(|port| port.id == id);
        own.or_else(|| self.children().find_map(|child| child.find_port(id)))
    }

    /// Waits until an instance is over, and says how it ended; until the deadline, a moment of
    /// [`Thread::now`]'s time, and then says how it fares. `None`: it is not in the tables any more.
    ///
    /// No gate waits for an instance's state: it looks, first often, then every `pause`. Whoever has a Port of
    /// the instance waits for that Port's end first.
    #[must_use]
    pub fn wait_for_end(
        &self,
        id: InstanceId,
        pause: Duration,
        deadline: Option<Instant>,
    ) -> Option<Instance> {
        let mut next = PAUSE.min(pause);
        loop {
            let instance = self.find_instance(id)?;
            let now = self.thread.now();
            if instance.state.is_over() || deadline.is_some_and(|deadline| now >= deadline) {
                return Some(instance);
            }
            let until = now + next;
            self.thread.sleep_until(deadline.map_or(until, |deadline| until.min(deadline)));
            next = (2 * next).min(pause);
        }
    }

    fn entries(&self, offset_bytes: usize) -> Entries {
        self.read(|ring| ring.load_table(offset_bytes))
    }

    /// What `copy` makes of this Ring, of one moment (`META-7`).
    fn read<T>(&self, mut copy: impl FnMut(Entry) -> T) -> T {
        loop {
            let result = read_consistent(TRIES, || self.generation(), || copy(self.entry));
            match result {
                Ok(value) => return value,
                // The kernel is at it, perhaps on this very CPU: the gate lets it run.
                Err(_) => self.thread.sleep(PAUSE),
            }
        }
    }
}

/// For [`wait`](crate::wait()): that the structure of what the thread's own Ring can see has changed.
///
/// ```no_run
/// # fn run(thread: oro::Thread) {
/// let ring = oro::ring::Ring::own(thread);
/// loop {
///     let generation = ring.generation(); // Before the look: what changes after it is not missed.
///     for child in ring.children() { /* ... */ }
///     oro::wait(thread, &[&oro::ring::Change { generation }], None);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The generation of the own Ring that is not waited for.
    pub generation: u64,
}

impl Source for Change {}
impl Sealed for Change {
    fn interest(&self) -> Interest {
        Interest::When(abi::Condition { kind: WAIT_RING, index: 0, value: self.generation })
    }
}

/// An instance, as a table shows it at one moment (`META-5`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id, as requests name it; `None`: a built-in one.
    pub id: Option<InstanceId>,
    /// Its name.
    pub name: Name,
    /// Name of its module; empty of a built-in and of a remounted one.
    pub module: Name,
    /// Whether it runs.
    pub state: State,
    /// Threads that have not ended.
    pub thread_count: u32,
    /// Its status, once it has ended (`END-4`).
    pub status: u64,
    /// Why it has faulted, once it has.
    pub reason: Reason,
    /// How often it was restarted.
    pub restarts: u32,
}

impl Instance {
    fn load(entry: Entry) -> Self {
        type At = abi::Instance;
        let id = entry.load_u64(offset_of!(At, id));
        Self {
            id: (id != 0).then_some(InstanceId::from_u64(id)),
            name: entry.load_name(offset_of!(At, name)),
            module: entry.load_name(offset_of!(At, module)),
            // The state before what is valid by it.
            state: State::of(entry.load_u32(offset_of!(At, state))),
            thread_count: entry.load_u32(offset_of!(At, thread_count)),
            status: entry.load_u64(offset_of!(At, status)),
            reason: Reason::of(entry.load_u32(offset_of!(At, reason))),
            restarts: entry.load_u32(offset_of!(At, restarts)),
        }
    }
}

/// How far an instance has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It was mounted, and not started.
    Mounted,
    /// It runs, or its replacement is to come (`END-7`).
    Running,
    /// It has ended by itself.
    Ended,
    /// It was ended by a violation, a trap or a kill.
    Faulted,
    /// What this crate does not know.
    Unknown,
}

impl State {
    fn of(state: u32) -> Self {
        match state {
            INSTANCE_MOUNTED => Self::Mounted,
            INSTANCE_RUNNING => Self::Running,
            INSTANCE_ENDED => Self::Ended,
            INSTANCE_FAULTED => Self::Faulted,
            _ => Self::Unknown,
        }
    }

    /// Whether it has ended, in whatever way.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Faulted)
    }
}

/// Why an instance has faulted (`END-5`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It has not.
    None,
    /// It broke a rule of a Port.
    Violation,
    /// The processor stopped it.
    Trap,
    /// It tried to make a system call.
    SystemCall,
    /// It was ended from outside.
    Killed,
    /// A Port of it was revoked, and it went on.
    Revoked,
    /// It panicked, and said so.
    Panic,
    /// What this crate does not know.
    Unknown,
}

impl Reason {
    fn of(reason: u32) -> Self {
        match reason {
            REASON_NONE => Self::None,
            REASON_VIOLATION => Self::Violation,
            REASON_TRAP => Self::Trap,
            REASON_SYSTEM_CALL => Self::SystemCall,
            REASON_KILLED => Self::Killed,
            REASON_REVOKED => Self::Revoked,
            REASON_PANIC => Self::Panic,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "no reason",
            Self::Violation => "violation",
            Self::Trap => "trap",
            Self::SystemCall => "system call",
            Self::Killed => "killed",
            Self::Revoked => "revoked",
            Self::Panic => "panic",
            Self::Unknown => "unknown reason",
        })
    }
}

/// A Port, as a table shows it at one moment (`META-6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its id, as requests name it.
    pub id: PortId,
    /// Id of the message type (`TYPE-3`).
    pub type_id: u64,
    /// Bytes of a slot.
    pub slot_size_bytes: u32,
    /// Slots.
    pub slot_count: u32,
    /// Whether it is forced synchronous.
    pub is_forced: bool,
    /// Which of its ends live.
    pub state: PortState,
    /// The producing end.
    pub producer: PortEnd,
    /// The consuming end.
    pub consumer: PortEnd,
}

impl Port {
    fn load(entry: Entry) -> Self {
        type At = abi::Port;
        Self {
            id: PortId::from_u64(entry.load_u64(offset_of!(At, id))),
            type_id: entry.load_u64(offset_of!(At, type_id)),
            slot_size_bytes: entry.load_u32(offset_of!(At, slot_size_bytes)),
            slot_count: entry.load_u32(offset_of!(At, slot_count)),
            is_forced: entry.load_u32(offset_of!(At, flags)) & PORT_FORCED_SYNCHRONOUS != 0,
            // The state before the cursors that are final by it.
            state: PortState::of(entry.load_u32(offset_of!(At, state))),
            producer: PortEnd::load(
                entry.part(offset_of!(At, producer)),
                entry.load_u64(offset_of!(At, producer_ring)),
            ),
            consumer: PortEnd::load(
                entry.part(offset_of!(At, consumer)),
                entry.load_u64(offset_of!(At, consumer_ring)),
            ),
        }
    }
}

/// Which ends of a Port live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortState {
    /// Both.
    Open,
    /// The producer has ended; messages may remain.
    ProducerEnded,
    /// The consumer has ended.
    ConsumerEnded,
    /// None.
    Ended,
    /// What this crate does not know.
    Unknown,
}

impl PortState {
    fn of(state: u32) -> Self {
        match state {
            PORT_OPEN => Self::Open,
            PORT_PRODUCER_ENDED => Self::ProducerEnded,
            PORT_CONSUMER_ENDED => Self::ConsumerEnded,
            PORT_ENDED => Self::Ended,
            _ => Self::Unknown,
        }
    }
}

/// One end of a [`Port`]. Of an end whose owner the thread cannot see, only the count shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortEnd {
    /// Its owner; `None`: a built-in instance, or one that the thread cannot see.
    pub instance: Option<InstanceId>,
    /// The Ring of its owner; likewise.
    pub ring: Option<RingId>,
    /// Index of the port in the notes of the owner's module.
    pub port_index: u32,
    /// Messages committed or released; of an asynchronous end as of the kernel's last look.
    pub count: u64,
    /// Whether it is in asynchronous mode.
    pub is_asynchronous: bool,
    /// Why its mode is what it is, `MODE_REASON_*`.
    pub mode_reason: u32,
    /// Faults that were served at it.
    pub fault_count: u64,
}

impl PortEnd {
    fn load(entry: Entry, ring: u64) -> Self {
        type At = abi::End;
        let instance = entry.load_u64(offset_of!(At, instance_id));
        Self {
            instance: (instance != 0).then_some(InstanceId::from_u64(instance)),
            ring: (ring != 0).then_some(RingId::from_u64(ring)),
            port_index: entry.load_u32(offset_of!(At, port_index)),
            count: entry.load_u64(offset_of!(At, cursor)),
            is_asynchronous: entry.load_u32(offset_of!(At, mode)) == MODE_ASYNCHRONOUS,
            mode_reason: entry.load_u32(offset_of!(At, mode_reason)),
            fault_count: entry.load_u64(offset_of!(At, fault_count)),
        }
    }
}
