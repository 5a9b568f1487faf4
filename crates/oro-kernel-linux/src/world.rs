//! [`World`]: the memory of a whole system, laid out and created, before any process exists.
//!
//! From plan and images to memfds, planned mappings, and the places of every endpoint. Who may see
//! what is decided here and nowhere else: a page is in a thread's mappings because this file, or
//! `builder` for it, put it there. Processes, faults and table contents are elsewhere.

mod builder;

use std::os::fd::{AsRawFd, OwnedFd};

use oro_image::{Image, Machine};
use oro_kernel::{EndpointId, InstanceId, PortId, Setup, Side, ThreadId};
use oro_system::{BuiltIn, Plan, RestartOn};

use crate::StartError;
use crate::addresses::{GATE_PAGES, WINDOWS};
use crate::memory::{PAGE, SharedMemory};
use crate::spawn::{Mapping, Rights};
use crate::tables::Tables;
use builder::Builder;

/// Offset of the request page in a thread's private memory.
pub(crate) const PRIVATE_REQUEST: u64 = GATE_PAGES * PAGE;
/// Offset of the first commit word or cell there.
const PRIVATE_ENDS: u64 = PRIVATE_REQUEST + PAGE;

/// The memory of a system.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) setup: Setup,
    /// The Rings' tables.
    pub(crate) tables: Tables,
    pub(crate) instances: Vec<InstanceMemory>,
    pub(crate) threads: Vec<ThreadMemory>,
    pub(crate) ports: Vec<PortMemory>,
    /// Descriptors that the planned mappings name; of no use once every process exists that ever will.
    pub(crate) files: Vec<OwnedFd>,
}

/// What an instance's threads share.
#[derive(Debug)]
pub(crate) struct InstanceMemory {
    /// What is added to an image's addresses, modulo 2^64.
    pub(crate) bias: u64,
    /// Bytes of heap.
    pub(crate) heap_bytes: u64,
    /// Index of its first thread.
    pub(crate) first_thread: u32,
    /// Its writable segments, heap and stacks.
    data: SharedMemory,
    /// Mappings that every thread of it has.
    shared: Vec<Mapping>,
}

/// What a thread has of its own.
#[derive(Debug)]
pub(crate) struct ThreadMemory {
    pub(crate) instance: InstanceId,
    /// Index of its entry point.
    pub(crate) entry: u32,
    pub(crate) binding_count: u32,
    pub(crate) is_managed: bool,
    pub(crate) entry_address: u64,
    pub(crate) returns_status: bool,
    /// Its status has 32 bits (legacy `main`).
    pub(crate) has_short_status: bool,
    pub(crate) stack_start: u64,
    pub(crate) stack_end: u64,
    /// Root page, response page and bindings; read-only to it.
    pub(crate) root: SharedMemory,
    /// Gates, request page, commit words, producer cells.
    pub(crate) private: SharedMemory,
    /// Consumer cells. The supervisor does not touch them.
    pub(crate) snapshots: SharedMemory,
    /// What it will have mapped.
    pub(crate) mappings: Vec<Mapping>,
    /// Places at which its faults mean something, by ascending address.
    pub(crate) regions: Vec<Region>,
    /// Its wired bindings, by ascending index, with their endpoints.
    ends: Vec<(u32, EndpointId)>,
    next_window: u64,
}

/// A place at which a thread's faults mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) start: u64,
    pub(crate) size_bytes: u64,
    pub(crate) meaning: Meaning,
}

/// What is mapped in a [`Region`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Every page, at all times, protected unless the core has opened it. Linux may take pages away;
    /// they are mapped again.
    Always,
    /// A consumer's cell: its pages only while it holds a message.
    Snapshot,
    /// A queue: nothing until the core opens it; then as `Always`, but never protected to a consumer,
    /// which cannot store to it in any case.
    Queue,
}

impl Region {
    pub(crate) fn presence(&self) -> Presence {
        match self.meaning {
            Meaning::Cell { end, .. } if end.side == Side::Consumer => Presence::Snapshot,
            Meaning::Queue { .. } => Presence::Queue,
            Meaning::Gate
            | Meaning::Cell { .. }
            | Meaning::Word { .. }
            | Meaning::Cursor { .. } => Presence::Always,
        }
    }
}

/// What a fault in a [`Region`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Gate,
    Cell {
        end: EndpointId,
        cell: u32,
    },
    Word {
        end: EndpointId,
    },
    /// The window of the asynchronous mode.
    Queue {
        end: EndpointId,
    },
    /// The page of the own live cursor.
    Cursor {
        end: EndpointId,
    },
}

/// A Port's memory.
#[derive(Debug)]
pub(crate) struct PortMemory {
    pub(crate) slot_size_bytes: u64,
    pub(crate) stride_bytes: u64,
    pub(crate) slot_count: u64,
    /// The queue. Only threads whose end can become asynchronous have it mapped, and see nothing of
    /// it until the core opens it.
    pub(crate) queue: SharedMemory,
    /// The producer's cursor at 0, the consumer's one page further.
    pub(crate) cursors: SharedMemory,
    pub(crate) producer: Place,
    pub(crate) consumer: Place,
}

/// Where an endpoint is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A thread's.
    Thread(ThreadPlace),
    /// The kernel's own.
    Kernel(BuiltIn),
}

/// A thread's endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadPlace {
    pub(crate) thread: ThreadId,
    /// Index of the port in the module, which is that of its binding.
    pub(crate) port_index: u32,
    pub(crate) element: u32,
    /// Address of cell 0.
    pub(crate) window: u64,
    /// Bytes of a cell, whole pages.
    pub(crate) cell_bytes: u64,
    /// Offset of cell 0 in the thread's private memory (producer) or snapshots (consumer); cell 1
    /// follows at `cell_bytes`.
    pub(crate) cells_offset: u64,
    /// Address and offset in private memory of the commit word, for managed threads.
    pub(crate) word: Option<(u64, u64)>,
    /// Address at which the peer's cursor can be read.
    pub(crate) peer_cursor: u64,
    /// Where this end is served in asynchronous mode; `None`: it can never have it.
    pub(crate) live: Option<LivePlace>,
}

/// Addresses of an endpoint in asynchronous mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LivePlace {
    /// The whole queue, followed by a guard page.
    pub(crate) window: u64,
    /// Bytes of the queue, whole pages.
    pub(crate) size_bytes: u64,
    /// The page of the own live cursor.
    pub(crate) cursor: u64,
}

impl ThreadPlace {
    /// Distance of the two cells in the window: a cell and its guard page (`PORT-4`).
    pub(crate) fn cell_stride(&self) -> u64 {
        self.cell_bytes + PAGE
    }

    pub(crate) fn cell_address(&self, cell: u32) -> u64 {
        self.window + u64::from(cell) * self.cell_stride()
    }

    pub(crate) fn cell_offset(&self, cell: u32) -> u64 {
        self.cells_offset + u64::from(cell) * self.cell_bytes
    }
}

impl PortMemory {
    /// Whether it can ever become asynchronous.
    fn can_upgrade(&self) -> bool {
        [&self.producer, &self.consumer]
            .iter()
            .any(|place| matches!(place, Place::Thread(ThreadPlace { live: Some(_), .. })))
    }

    /// Where message `number` lies in the queue.
    pub(crate) fn slot_offset(&self, number: u64) -> u64 {
        (number & (self.slot_count - 1)) * self.stride_bytes
    }

    pub(crate) fn place(&self, side: Side) -> &Place {
        match side {
            Side::Producer => &self.producer,
            Side::Consumer => &self.consumer,
        }
    }
}

impl InstanceMemory {
    /// The word at an address of the instance's writable segments, heap or stacks, loaded once;
    /// `None` if there is none, or it is not aligned.
    pub(crate) fn load_word(&self, address: u64) -> Option<u32> {
        if !address.is_multiple_of(4) {
            return None;
        }
        let mapping = self.shared.iter().find(|mapping| {
            mapping.rights == Rights::ReadWrite
                && (mapping.address..mapping.address + mapping.size_bytes).contains(&address)
        })?;
        let offset = mapping.offset + (address - mapping.address);
        let mut word = [0; 4];
        // An aligned word never straddles a page, and one call copies it whole.
        let count =
            rustix::io::retry_on_intr(|| rustix::io::pread(self.data.fd(), &mut word, offset))
                .ok()?;
        (count == word.len()).then(|| u32::from_le_bytes(word))
    }
}

impl World {
    /// Creates everything that the plan asks for.
    pub(crate) fn build(plan: &Plan, images: &[Image]) -> Result<Self, StartError> {
        for (name, image) in plan.modules.iter().zip(images) {
            if image.machine != Machine::X86_64 {
                return Err(StartError::machine(name, image.machine.name()));
            }
        }
        let mut builder = Builder::new(plan, images)?;
        for index in 0..plan.instances.len() {
            builder.add_instance(index)?;
        }
        builder.plan_ends();
        builder.create()
    }

    /// Drops what only building processes needs, of instances that are never built again.
    pub(crate) fn forget_plans(&mut self, plan: &Plan) {
        let may_restart = |index: usize| plan.instances[index].restart.on != RestartOn::Never;
        if !(0..plan.instances.len()).any(may_restart) {
            self.files.clear();
        }
        for thread in &mut self.threads {
            if !may_restart(thread.instance.0 as usize) {
                // Reports want to know what else is mapped.
                thread.mappings.retain(|mapping| mapping.address < WINDOWS);
                thread.mappings.shrink_to_fit();
            }
            thread.regions.shrink_to_fit();
            thread.ends.shrink_to_fit();
        }
    }

    /// The endpoint's place, if it is a thread's.
    pub(crate) fn thread_place(&self, end: EndpointId) -> Option<&ThreadPlace> {
        match self.ports[end.port.0 as usize].place(end.side) {
            Place::Thread(place) => Some(place),
            Place::Kernel(_) => None,
        }
    }

    /// The threads of an instance, by index, in entry order.
    pub(crate) fn list_threads(&self, instance: InstanceId) -> std::ops::Range<usize> {
        let first = self.instances[instance.0 as usize].first_thread as usize;
        let next = self.instances.get(instance.0 as usize + 1);
        first..next.map_or(self.threads.len(), |next| next.first_thread as usize)
    }

    /// Every endpoint of the system.
    pub(crate) fn ends(&self) -> impl Iterator<Item = EndpointId> + use<> {
        let ports = u32::try_from(self.ports.len()).unwrap_or(u32::MAX);
        (0..ports)
            .map(PortId)
            .flat_map(|port| [Side::Producer, Side::Consumer].map(|side| EndpointId { port, side }))
    }
}

impl ThreadMemory {
    /// Maps an endpoint's cells, its peer's cursor, its commit word, and what it needs in
    /// asynchronous mode.
    fn add_end(&mut self, end: EndpointId, place: &ThreadPlace, port: &PortMemory) {
        let (rights, memory) = match end.side {
            Side::Producer => (Rights::ReadWrite, &self.private),
            Side::Consumer => (Rights::Read, &self.snapshots),
        };
        for cell in 0..2 {
            let address = place.cell_address(cell);
            let size_bytes = place.cell_bytes;
            let offset = place.cell_offset(cell);
            self.mappings.push(mapping(address, size_bytes, rights, memory, offset));
            let meaning = Meaning::Cell { end, cell };
            self.regions.push(Region { start: address, size_bytes, meaning });
        }
        let peer_offset = cursor_offset(end.side.peer());
        let cursors = &port.cursors;
        self.mappings.push(mapping(place.peer_cursor, PAGE, Rights::Read, cursors, peer_offset));
        if let Some((address, offset)) = place.word {
            self.mappings.push(mapping(address, PAGE, Rights::ReadWrite, &self.private, offset));
            let meaning = Meaning::Word { end };
            self.regions.push(Region { start: address, size_bytes: PAGE, meaning });
        }
        if let Some(live) = place.live {
            self.add_live(end, live, port);
        }
        self.ends.push((place.port_index, end));
    }

    /// Maps the queue and the own live cursor.
    fn add_live(&mut self, end: EndpointId, live: LivePlace, port: &PortMemory) {
        let rights = match end.side {
            Side::Producer => Rights::ReadWrite,
            Side::Consumer => Rights::Read,
        };
        let LivePlace { window, size_bytes, cursor } = live;
        self.mappings.push(mapping(window, size_bytes, rights, &port.queue, 0));
        self.regions.push(Region { start: window, size_bytes, meaning: Meaning::Queue { end } });
        let offset = cursor_offset(end.side);
        self.mappings.push(mapping(cursor, PAGE, Rights::ReadWrite, &port.cursors, offset));
        let meaning = Meaning::Cursor { end };
        self.regions.push(Region { start: cursor, size_bytes: PAGE, meaning });
    }

    /// Its endpoints.
    pub(crate) fn list_ends(&self) -> impl Iterator<Item = EndpointId> + '_ {
        self.ends.iter().map(|(_, end)| *end)
    }

    /// The endpoint behind a binding, if it is wired and this thread's.
    pub(crate) fn find_end(&self, binding: u32) -> Option<EndpointId> {
        let found = self.ends.binary_search_by_key(&binding, |(index, _)| *index).ok()?;
        Some(self.ends[found].1)
    }

    /// What a fault at this address means, if anything.
    pub(crate) fn find_region(&self, address: u64) -> Option<&Region> {
        let after = self.regions.partition_point(|region| region.start <= address);
        let region = self.regions.get(after.checked_sub(1)?)?;
        (address - region.start < region.size_bytes).then_some(region)
    }
}

/// Offset of a side's cursor in [`PortMemory::cursors`].
pub(crate) fn cursor_offset(side: Side) -> u64 {
    match side {
        Side::Producer => 0,
        Side::Consumer => PAGE,
    }
}

fn mapping(
    address: u64,
    size_bytes: u64,
    rights: Rights,
    memory: &SharedMemory,
    offset: u64,
) -> Mapping {
    let (fd, inode) = (memory.fd().as_raw_fd(), memory.inode());
    Mapping { address, size_bytes, rights, fd, inode, offset: memory.start() + offset }
}
