//! [`World`]: the memory of a whole system, laid out and created, before any process exists.
//!
//! From plan and images to memfds, planned mappings, and the places of every endpoint. Who may see
//! what is decided here and nowhere else: a page is in a thread's mappings because this file, or
//! `builder` for it, put it there. Processes, faults and table contents are elsewhere.

mod mount;
mod quota;
mod release;
mod setup;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsRawFd;

use oro_image::{Direction, Machine};
use oro_kernel::{EndpointId, InstanceId, PortId, Side, ThreadId};
use oro_system::{BuiltIn, Plan, PlanEnd, PlanPort, RestartOn};

use crate::StartError;
use crate::addresses::{GATE_PAGES, WINDOWS};
use crate::images::Images;
use crate::memory::{PAGE, SharedMemory};
use crate::spawn::{Mapping, Rights};
use crate::tables::Tables;
pub(crate) use quota::Charges;
pub(crate) use setup::{describe_instance, describe_port};

use mount::Store;
use setup::choose_upgrade;
use wire::Reserved;

/// Offset of the request page in a thread's private memory.
pub(crate) const PRIVATE_REQUEST: u64 = GATE_PAGES * PAGE;
/// Bytes of it.
const PRIVATE_BYTES: u64 = PRIVATE_REQUEST + PAGE;

/// The memory of a system. It grows: by an instance ([`World::mount`]) or a Port ([`World::wire`]).
#[derive(Debug)]
pub(crate) struct World {
    /// The Rings' tables.
    pub(crate) tables: Tables,
    pub(crate) instances: Vec<InstanceMemory>,
    pub(crate) threads: Vec<ThreadMemory>,
    pub(crate) ports: Vec<PortMemory>,
    pub(crate) charges: Charges,
    store: Store,
    /// Rings such that they, and what is below them, may be changed while the system runs; 0: all.
    changeable: BTreeSet<u32>,
    /// The whole plan of the start has its places, so it fits: what comes now is allocated at once.
    is_built: bool,
}

/// What an instance's threads share.
#[derive(Debug)]
pub(crate) struct InstanceMemory {
    /// What is added to an image's addresses, modulo 2^64.
    pub(crate) bias: u64,
    /// Bytes of heap.
    pub(crate) heap_bytes: u64,
    /// Index of its first thread; the others follow it.
    pub(crate) first_thread: u32,
    pub(crate) thread_count: u32,
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
    /// Gates and request page.
    pub(crate) private: SharedMemory,
    /// What it will have mapped.
    pub(crate) mappings: Vec<Mapping>,
    /// Places at which its faults mean something, by ascending address.
    pub(crate) regions: Vec<Region>,
    /// Its wired bindings, by ascending index, with their endpoints.
    ends: Vec<(u32, EndpointId)>,
    /// Places for Ports that come when its process exists, by binding.
    reserved: BTreeMap<u32, Reserved>,
    /// Ends that were given to another thread; it has what it had of them mapped (`END-14`).
    given_away: Vec<(EndpointId, ThreadPlace)>,
    /// Places of Ports that are over and whose elements have got other ones (`CTL-8`): it may have mapped them.
    left_behind: Vec<(EndpointId, ThreadPlace)>,
    /// Its process exists, or has existed: it can map nothing more.
    pub(crate) is_sealed: bool,
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
    /// Nothing that its thread may touch.
    Never,
}

impl Region {
    pub(crate) fn presence(&self) -> Presence {
        match self.meaning {
            Meaning::Cell { end, .. } if end.side == Side::Consumer => Presence::Snapshot,
            Meaning::Queue { .. } => Presence::Queue,
            Meaning::Reserved { .. } | Meaning::Foreign { .. } => Presence::Never,
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
    /// A place for an end that is not wired yet: a cell or a commit word.
    Reserved {
        /// Its thread may only read it: a consumer's cell.
        is_read_only: bool,
    },
    /// What was an end's, until that was given to another thread.
    Foreign {
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
    /// By side, the page where the other side sees its cursor; `None`: nobody looks there any more, and the page
    /// may be another's. Of an end that came late, or to another thread, that is a page of this thread's.
    cursors: [Option<SharedMemory>; 2],
    /// A page for each side, as they were taken for the Port: where live cursors are.
    cursor_pages: SharedMemory,
    /// Threads may have its own cursors mapped writable.
    can_upgrade: bool,
    /// Nobody has the queue, or the cursors, any more; they may be another Port's.
    is_queue_given_back: bool,
    are_cursors_given_back: bool,
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
#[derive(Clone, Debug)]
pub(crate) struct ThreadPlace {
    pub(crate) thread: ThreadId,
    /// Index of the port in the module, which is that of its binding.
    pub(crate) port_index: u32,
    pub(crate) element: u32,
    /// Address of cell 0.
    pub(crate) window: u64,
    /// Bytes of a cell, whole pages.
    pub(crate) cell_bytes: u64,
    /// Both cells. The supervisor does not touch a consumer's.
    pub(crate) cells: SharedMemory,
    /// The commit word, for managed threads.
    pub(crate) word: Option<WordPlace>,
    /// Address at which the peer's cursor can be read.
    pub(crate) peer_cursor: u64,
    /// Where this end is served in asynchronous mode; `None`: it can never have it.
    pub(crate) live: Option<LivePlace>,
}

/// A page with a commit word at its beginning.
#[derive(Clone, Debug)]
pub(crate) struct WordPlace {
    pub(crate) address: u64,
    pub(crate) memory: SharedMemory,
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

    /// Where a cell is in [`ThreadPlace::cells`].
    pub(crate) fn cell_offset(&self, cell: u32) -> u64 {
        u64::from(cell) * self.cell_bytes
    }

    /// Its commit word's address, if it has one.
    pub(crate) fn word_address(&self) -> Option<u64> {
        self.word.as_ref().map(|word| word.address)
    }
}

impl PortMemory {
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

    fn place_mut(&mut self, side: Side) -> &mut Place {
        match side {
            Side::Producer => &mut self.producer,
            Side::Consumer => &mut self.consumer,
        }
    }

    /// The page of a side's live cursor.
    fn live_cursor(&self, side: Side) -> SharedMemory {
        self.cursor_pages.part(side as u64 * PAGE, PAGE)
    }

    /// A live cursor, loaded once, and shown where the other side sees it, if that is another page.
    pub(crate) fn read_cursor(&self, side: Side) -> u64 {
        let live = self.live_cursor(side);
        let value = live.load_u64(0);
        if let Some(shown) = &self.cursors[side as usize]
            && (shown.inode(), shown.start()) != (live.inode(), live.start())
        {
            shown.store_u64(0, value);
        }
        value
    }

    /// Shows the other side a cursor, if anybody looks.
    pub(crate) fn show_cursor(&self, side: Side, value: u64) {
        if let Some(shown) = &self.cursors[side as usize] {
            shown.store_u64(0, value);
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
    /// Creates everything that the plan asks for. `is_growable`: operators may add to it.
    pub(crate) fn build(
        plan: &Plan,
        images: &Images<'_>,
        is_growable: bool,
    ) -> Result<Self, StartError> {
        for (index, name) in plan.modules.iter().enumerate() {
            let image = &images[index];
            if image.machine != Machine::X86_64 {
                return Err(StartError::machine(name, image.machine.name()));
            }
        }
        let charges = Charges::count(plan, images);
        charges.check(plan)?;
        let system = |error| StartError::system("memory for tables and code", error);
        let mut changeable = list_holders(plan);
        if is_growable {
            changeable.insert(0);
        }
        let mut world = Self {
            tables: Tables::lay_out(plan, !changeable.is_empty()).map_err(system)?,
            instances: Vec::new(),
            threads: Vec::new(),
            ports: Vec::new(),
            charges,
            store: Store::new().map_err(system)?,
            changeable,
            is_built: false,
        };
        for index in 0..plan.instances.len() {
            world.mount(plan, images, index)?;
        }
        world.tables.add_built_ins();
        for (index, ring) in plan.rings.iter().enumerate() {
            for grant in &ring.grants {
                world.tables.add_grant(plan, as_u32(index + 1), grant);
            }
        }
        for index in 0..plan.ports.len() {
            world.wire(plan, images, PortId(as_u32(index)))?;
        }
        for index in 0..world.threads.len() {
            let instance = &plan.instances[world.threads[index].instance.0 as usize];
            if plan.ancestry(instance.ring).any(|ring| world.changeable.contains(&ring)) {
                world.reserve(plan, images, ThreadId(as_u32(index)))?;
            }
        }
        // Not before all of it is known to have its place: it may be far more than there is.
        for port in &world.ports {
            port.allocate().map_err(|error| StartError::system("memory for a Port", error))?;
        }
        world.is_built = true;
        Ok(world)
    }

    /// Every thread has its process: drops what only building processes needs, of instances that are never
    /// built again.
    pub(crate) fn finish_sealing(&mut self, plan: &Plan) {
        for thread in &mut self.threads {
            thread.is_sealed = true;
        }
        if self.grows() {
            return; // Whoever changes it may have any of them built again, and more.
        }
        let may_restart = |index: usize| plan.instances[index].restart.on != RestartOn::Never;
        if !(0..plan.instances.len()).any(may_restart) {
            self.store.forget_files();
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

    /// Whether something may be added to it.
    pub(crate) fn grows(&self) -> bool {
        !self.changeable.is_empty()
    }

    /// Makes what is a thread's alone what it was before it first ran; its process is gone. Root page and
    /// bindings are to be written anew.
    pub(crate) fn reset_thread(&mut self, index: usize) -> io::Result<()> {
        for place in self.threads[index].drop_given_away() {
            place.give_back(&mut self.store.writable)?;
        }
        let thread = &self.threads[index];
        thread.root.clear(0, thread.root.size_bytes());
        thread.private.punch_hole(0, thread.private.size_bytes())?;
        thread.private.populate()?;
        for end in thread.list_ends() {
            if let Some(place) = self.thread_place(end) {
                place.reset(end.side)?;
                if place.live.is_some() {
                    // Behind the live cursor, which goes on, its thread may have stored anything.
                    let page = self.ports[end.port.0 as usize].live_cursor(end.side);
                    page.clear(8, PAGE - 8);
                }
            }
        }
        Ok(())
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
        let instance = &self.instances[instance.0 as usize];
        let first = instance.first_thread as usize;
        first..first + instance.thread_count as usize
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

/// Rings of which some instance holds Ring control (`CTL-1`).
fn list_holders(plan: &Plan) -> BTreeSet<u32> {
    let holders = plan.ports.iter().filter_map(|port| match (&port.producer, &port.consumer) {
        (PlanEnd::Instance { instance, .. }, PlanEnd::BuiltIn(BuiltIn::RingRequests)) => {
            Some(plan.instances[*instance as usize].ring)
        }
        _ => None,
    });
    holders.collect()
}

/// Puts something at its number: the next one, or that of something that nobody has any more (`CTL-13`).
pub(crate) fn put<T>(list: &mut Vec<T>, index: usize, new: T) {
    match list.get_mut(index) {
        Some(old) => *old = new,
        None => {
            assert_eq!(index, list.len(), "kernel bug: not the next number");
            list.push(new);
        }
    }
}

/// Takes `size_bytes` from a running total: where they start.
pub(crate) fn take(next: &mut u64, size_bytes: u64) -> u64 {
    let start = *next;
    *next += size_bytes;
    start
}

/// An end of a planned Port.
pub(crate) fn planned_end(port: &PlanPort, side: Side) -> &PlanEnd {
    match side {
        Side::Producer => &port.producer,
        Side::Consumer => &port.consumer,
    }
}

pub(crate) fn side_of(direction: Direction) -> Side {
    match direction {
        Direction::Producer => Side::Producer,
        Direction::Consumer => Side::Consumer,
    }
}

/// The plan's lists are far shorter than 2^32 (`LIM-*`).
pub(crate) fn as_u32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
