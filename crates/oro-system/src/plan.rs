//! [`Plan`]: a checked system, as kernels take it (`SYS-9`).
//!
//! [`Plan::check`] says whether a plan keeps its promises, [`Plan::encode`] and [`Plan::decode`]
//! turn it to bytes and back. Port indices are *not* compared with the modules' notes here: who
//! makes a plan has the [`Interface`](oro_image::Interface)s, who takes one compares again.

use alloc::string::String;
use alloc::vec::Vec;

mod check;
mod codec;
mod places;

pub(crate) use check::{ENDPOINT_RULE, check_restart};
pub use check::{PlanError, PlanItem};
pub use codec::{DecodeError, PLAN_MAGIC, PLAN_VERSION};

/// Most modules of a system.
pub const MAX_MODULES: u32 = 4096;
/// Most instances of a system.
pub const MAX_INSTANCES: u32 = 4096;
/// Most Rings of a system, the root included.
pub const MAX_RINGS: u32 = 1024;
/// How deep Rings may lie in each other below the root (`RING-1`).
pub const MAX_RING_DEPTH: usize = 8;
/// Most Ports of a system, those for parameters included.
pub const MAX_PORTS: u32 = 65_536;
/// Most bytes of heap that an instance may ask for: 64 GiB.
pub const MAX_HEAP_BYTES: u64 = 64 << 30;
/// Longest time of a restart's policy: a day, in nanoseconds.
pub const MAX_RESTART_NS: u64 = 86_400_000_000_000;
/// Most parameters that come through one Port.
pub const MAX_PARAMS: u32 = 1024;
/// Most bytes of a parameter's key and value together (`TYPE-11`).
pub const MAX_PARAM_BYTES: usize = 248;
/// Bytes of a page: heaps are whole pages, cells begin at one.
pub const PAGE_BYTES: u64 = 4096;

/// A checked system. Indices have been validated; every non-optional port is wired once.
///
/// A system that runs adds to its plan, and nothing in it moves: of what is forgotten (`CTL-10`), of Rings,
/// instances, Ports and loaded modules, an entry stays that says nothing ([`PlanRing::is_forgotten`]) until
/// something new takes its place ([`Plan::add_instance`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Names of the modules; the kernel is given an image for each, in this order. The empty name is that of a
    /// forgotten one ([`Plan::forget_modules`]).
    pub modules: Vec<String>,
    /// Rings below the root: `rings[i]` is Ring `i + 1`; Ring 0 is the root.
    pub rings: Vec<PlanRing>,
    /// Instances, in manifest order.
    pub instances: Vec<PlanInstance>,
    /// Ports, in manifest order, then the params Ports.
    pub ports: Vec<PlanPort>,
}

/// A Ring below the root (`RING-1`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRing {
    /// Name; among its parent's Rings, instances and grants no other has it.
    pub name: String,
    /// Number of its parent, less than its own.
    pub parent: u32,
    /// Most bytes of memory that its instances and its descendants' have together; 0: no limit.
    pub memory_bytes: u64,
    /// Most Ports that they pay for; 0: no limit.
    pub port_count: u32,
    /// Most threads that they have; 0: no limit.
    pub thread_count: u32,
    /// What is remounted onto it (`RING-6`), in the order of names.
    pub grants: Vec<PlanGrant>,
}

/// An instance that is remounted onto a child Ring, under its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanGrant {
    /// Its name.
    pub name: String,
    /// Its number, if it is not a built-in one; it is in the parent's Ring, or granted to that.
    pub instance: Option<u32>,
}

/// An instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanInstance {
    /// Name, unique in its Ring.
    pub name: String,
    /// Number of its Ring.
    pub ring: u32,
    /// Index of its module.
    pub module: u32,
    /// Bytes of heap, a multiple of 4096.
    pub heap_bytes: u64,
    /// Most bytes of memory in all (`SYS-3`); 0: no limit.
    pub memory_bytes: u64,
    /// Whether it is restarted (`SYS-10`).
    pub restart: PlanRestart,
    /// Indices of the modules that it may mount (`CTL-5`), in ascending order.
    pub modules: Vec<u32>,
}

/// When an instance is restarted, and how often (`END-10`, `END-11`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanRestart {
    /// When. If never, everything else is 0.
    pub on: RestartOn,
    /// How often in a row, at least once.
    pub max: u32,
    /// How long it has to run, in nanoseconds, so that a row ends; at least 1.
    pub within_ns: u64,
    /// How long the first restart of a row is delayed, in nanoseconds.
    pub backoff_ns: u64,
}

impl PlanRestart {
    /// A policy with the numbers of one that names none (`SYS-10`).
    #[must_use]
    pub fn of(on: RestartOn) -> Self {
        match on {
            RestartOn::Never => Self::default(),
            RestartOn::Fault | RestartOn::Always => {
                Self { on, max: 3, within_ns: 60_000_000_000, backoff_ns: 10_000_000 }
            }
        }
    }
}

/// After which ends an instance is restarted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartOn {
    /// After none.
    #[default]
    Never,
    /// After a fault.
    Fault,
    /// After every end but one on purpose from outside.
    Always,
}

/// A Port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPort {
    /// Size of a slot in bytes.
    pub slot_size_bytes: u32,
    /// Distance of two slots in the queue: the size rounded up to the type's alignment.
    pub stride_bytes: u32,
    /// Slots, a power of two.
    pub slot_count: u32,
    /// Forced synchronous.
    pub is_forced_synchronous: bool,
    /// What is committed when the consumer is restarted is dropped (`END-12`).
    pub drops_at_restart: bool,
    /// Layout text of the message type.
    pub layout: String,
    /// The producing end.
    pub producer: PlanEnd,
    /// The consuming end.
    pub consumer: PlanEnd,
}

impl PlanRing {
    /// Whether it is no more, and its entry says nothing (`CTL-10`).
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.name.is_empty()
    }

    /// Forgets it, but for the Ring that it was in.
    pub fn forget(&mut self) {
        *self = Self { parent: self.parent, ..Self::default() };
    }
}

impl PlanInstance {
    /// Whether it is no more, and its entry says nothing (`CTL-10`).
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.name.is_empty()
    }

    /// Forgets it, but for the numbers of its Ring and its module, which others may have from then on.
    pub fn forget(&mut self) {
        *self = Self { ring: self.ring, module: self.module, ..Self::default() };
    }
}

impl Plan {
    /// Number of a Ring's parent; `None` of the root.
    #[must_use]
    pub fn parent(&self, ring: u32) -> Option<u32> {
        let index = usize::try_from(ring).ok()?.checked_sub(1)?;
        self.rings.get(index).map(|ring| ring.parent)
    }

    /// A Ring and those that it is in, from the inside to the root.
    pub fn ancestry(&self, ring: u32) -> impl Iterator<Item = u32> + '_ {
        core::iter::successors(Some(ring), |ring| self.parent(*ring))
    }

    /// Name of an instance with those of its Rings: `outer/inner/name`.
    ///
    /// ```
    /// use oro_system::{Plan, PlanInstance, PlanRing};
    /// let ring = |name: &str, parent| PlanRing { name: name.into(), parent, ..PlanRing::default() };
    /// let plan = Plan {
    ///     rings: vec![ring("outer", 0), ring("inner", 1)],
    ///     instances: vec![PlanInstance { name: "a".into(), ring: 2, ..PlanInstance::default() }],
    ///     ..Plan::default()
    /// };
    /// assert_eq!(plan.path(0), "outer/inner/a");
    /// ```
    ///
    /// One that is forgotten has none: the text is empty.
    ///
    /// # Panics
    ///
    /// If there is no such instance.
    #[must_use]
    pub fn path(&self, instance: usize) -> String {
        let instance = &self.instances[instance];
        let mut path = instance.name.clone();
        if instance.is_forgotten() {
            return path;
        }
        for ring in self.ancestry(instance.ring) {
            let index = usize::try_from(ring).ok().and_then(|ring| ring.checked_sub(1));
            if let Some(ring) = index.and_then(|index| self.rings.get(index)) {
                path.insert(0, '/');
                path.insert_str(0, &ring.name);
            }
        }
        path
    }
}

impl PlanPort {
    /// Whether it is no more, and its entry says nothing (`CTL-8`, `CTL-10`).
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.layout.is_empty()
    }

    /// Forgets it.
    pub fn forget(&mut self) {
        *self = Self {
            slot_size_bytes: 0,
            stride_bytes: 0,
            slot_count: 0,
            is_forced_synchronous: false,
            drops_at_restart: false,
            layout: String::new(),
            producer: PlanEnd::BuiltIn(BuiltIn::NullSource),
            consumer: PlanEnd::BuiltIn(BuiltIn::NullSink),
        };
    }

    /// Bytes of the slots of its queue.
    ///
    /// ```
    /// # use oro_system::{BuiltIn, PlanEnd, PlanPort};
    /// # let end = || PlanEnd::BuiltIn(BuiltIn::Clock);
    /// let port = PlanPort {
    ///     slot_size_bytes: 12,
    ///     stride_bytes: 16,
    ///     slot_count: 8,
    ///     is_forced_synchronous: false,
    ///     drops_at_restart: false,
    ///     layout: "demo.num.v1{value:u64,}".to_owned(),
    ///     producer: end(),
    ///     consumer: end(),
    /// };
    /// assert_eq!(port.queue_bytes(), 128);
    /// assert_eq!(port.payer(), None);
    /// ```
    #[must_use]
    pub fn queue_bytes(&self) -> u64 {
        u64::from(self.stride_bytes) * u64::from(self.slot_count)
    }

    /// The instance whose quota the queue is drawn from: the producer, since it fills the queue; the
    /// consumer where a built-in produces (`SYS-3`).
    #[must_use]
    pub fn payer(&self) -> Option<u32> {
        match (&self.producer, &self.consumer) {
            (PlanEnd::Instance { instance, .. }, _)
            | (PlanEnd::BuiltIn(_), PlanEnd::Instance { instance, .. }) => Some(*instance),
            (PlanEnd::BuiltIn(_), PlanEnd::BuiltIn(_)) => None,
        }
    }
}

/// One end of a Port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanEnd {
    /// A port of an instance.
    Instance {
        /// Index of the instance.
        instance: u32,
        /// Index of the port in the module, with the element added.
        port: u32,
        /// Index of the owning entry point.
        entry: u32,
        /// Element of a port array, else 0.
        element: u32,
    },
    /// An end of a built-in instance.
    BuiltIn(BuiltIn),
}

/// An end of a built-in instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// `console.stdin` (produces).
    Stdin,
    /// `console.stdout` (consumes).
    Stdout,
    /// `console.log` (consumes).
    Log,
    /// `files.NAME` as a producer: read.
    FileRead(String),
    /// `files.NAME` as a consumer: written.
    FileWrite(String),
    /// `null.bytes` as a producer: ends at once.
    NullSource,
    /// `null.bytes` as a consumer: swallows.
    NullSink,
    /// `clock.now` (produces).
    Clock,
    /// `ring.requests` (consumes): what a holder of Ring control wants (`CTL-1`).
    RingRequests,
    /// `ring.replies` (produces): what came of it.
    RingReplies,
    /// The parameters of one instance (produces): names and values, defaults included.
    Params(Vec<(String, String)>),
}

impl BuiltIn {
    /// What a manifest calls this end; parameters, which none wires: `params`.
    ///
    /// ```
    /// assert_eq!(oro_system::BuiltIn::FileRead("in".into()).name(), "files.in");
    /// ```
    #[must_use]
    pub fn name(&self) -> String {
        String::from(match self {
            Self::Stdin => "console.stdin",
            Self::Stdout => "console.stdout",
            Self::Log => "console.log",
            Self::FileRead(name) | Self::FileWrite(name) => return alloc::format!("files.{name}"),
            Self::NullSource | Self::NullSink => "null.bytes",
            Self::Clock => "clock.now",
            Self::RingRequests => "ring.requests",
            Self::RingReplies => "ring.replies",
            Self::Params(_) => "params",
        })
    }
}
