//! [`World`]: the memory of a whole system, laid out and created, before any process exists.
//!
//! From plan and images to memfds, planned mappings, and the places of every endpoint. Who may see
//! what is decided here and nowhere else: a page is in a thread's mappings because this file put it
//! there. Processes, faults and table contents are elsewhere.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use oro_image::{Image, Machine};
use oro_kernel::{
    EndpointId, InstanceId, InstanceSetup, Owner, PortId, PortSetup, Setup, Side, ThreadId,
    ThreadSetup,
};
use oro_system::{BuiltIn, Plan, PlanEnd};
use rustix::fs::SealFlags;

use crate::StartError;
use crate::addresses::{
    BINDINGS_OFFSET, CODE, GATE_PAGES, HEAP, IMAGE_BASE, MAX_HEAP, REQUEST, RING, ROOT,
    STACK_STRIDE, STACKS, START_GATE, WINDOWS, WINDOWS_END,
};
use crate::memory::{PAGE, SharedMemory, create_memfd, round_to_pages};
use crate::spawn::{Mapping, Rights};
use crate::stub::{RETURN_ADDRESS, code_page};

/// Offset of the request page in a thread's private memory.
pub(crate) const PRIVATE_REQUEST: u64 = GATE_PAGES * PAGE;
/// Offset of the first commit word or cell there.
const PRIVATE_ENDS: u64 = PRIVATE_REQUEST + PAGE;

/// The memory of a system.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) setup: Setup,
    /// The Ring's tables.
    pub(crate) ring: SharedMemory,
    pub(crate) instances: Vec<InstanceMemory>,
    pub(crate) threads: Vec<ThreadMemory>,
    pub(crate) ports: Vec<PortMemory>,
    /// Descriptors that the planned mappings name; of no use once every process exists.
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
    /// Root page and bindings; read-only to it.
    pub(crate) root: SharedMemory,
    /// Gates, request page, commit words, producer cells.
    pub(crate) private: SharedMemory,
    /// Consumer cells. The supervisor does not map them.
    pub(crate) snapshots: OwnedFd,
    snapshot_bytes: u64,
    /// What it will have mapped.
    pub(crate) mappings: Vec<Mapping>,
    /// Places at which its faults mean something, by ascending address.
    pub(crate) regions: Vec<Region>,
    next_window: u64,
}

/// A place at which a thread's faults mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) start: u64,
    pub(crate) size_bytes: u64,
    pub(crate) meaning: Meaning,
}

impl Region {
    /// A consumer's cell: it is mapped only while it holds a message. Everything else is always
    /// mapped, and protected unless the core has opened it.
    pub(crate) fn is_snapshot(&self) -> bool {
        matches!(self.meaning, Meaning::Cell { end: EndpointId { side: Side::Consumer, .. }, .. })
    }
}

/// What a fault in a [`Region`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Gate,
    Cell { end: EndpointId, cell: u32 },
    Word { end: EndpointId },
}

/// A Port's memory.
#[derive(Debug)]
pub(crate) struct PortMemory {
    pub(crate) slot_size_bytes: u64,
    pub(crate) stride_bytes: u64,
    pub(crate) slot_count: u64,
    /// The queue. No process maps it in synchronous mode.
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

    /// The endpoint's place, if it is a thread's.
    pub(crate) fn thread_place(&self, end: EndpointId) -> Option<&ThreadPlace> {
        match self.ports[end.port.0 as usize].place(end.side) {
            Place::Thread(place) => Some(place),
            Place::Kernel(_) => None,
        }
    }

    /// Every endpoint of the system.
    pub(crate) fn ends(&self) -> impl Iterator<Item = EndpointId> + use<> {
        let ports = u32::try_from(self.ports.len()).unwrap_or(u32::MAX);
        (0..ports)
            .map(PortId)
            .flat_map(|port| [Side::Producer, Side::Consumer].map(|side| EndpointId { port, side }))
    }
}

/// A thread before its memory exists.
struct ThreadDraft {
    instance: InstanceId,
    entry: u32,
    private_bytes: u64,
    snapshot_bytes: u64,
    next_window: u64,
    binding_count: u32,
}

/// The state of [`World::build`].
struct Builder<'a> {
    plan: &'a Plan,
    images: &'a [Image],
    code: OwnedFd,
    ring: SharedMemory,
    image_files: Vec<Option<OwnedFd>>,
    data_files: Vec<OwnedFd>,
    instances: Vec<InstanceMemory>,
    threads: Vec<ThreadDraft>,
    places: Vec<[Place; 2]>,
}

impl<'a> Builder<'a> {
    fn new(plan: &'a Plan, images: &'a [Image]) -> Result<Self, StartError> {
        let system = |error| StartError::system("memfd_create", error);
        let code = create_memfd(c"oro-code", PAGE, true).map_err(system)?;
        write_at(&code, 0, &code_page()).map_err(system)?;
        seal(&code).map_err(system)?;
        let ring_bytes = crate::metadata::ring_bytes(plan);
        Ok(Self {
            plan,
            images,
            code,
            ring: SharedMemory::create(c"oro-ring", ring_bytes).map_err(system)?,
            image_files: images.iter().map(|_| None).collect(),
            data_files: Vec::new(),
            instances: Vec::new(),
            threads: Vec::new(),
            places: Vec::new(),
        })
    }

    /// The memory that an instance's threads share.
    fn add_instance(&mut self, index: usize) -> Result<(), StartError> {
        let system = |error| StartError::system("instance memory", error);
        let planned = &self.plan.instances[index];
        let image = &self.images[planned.module as usize];
        let bias = choose_bias(image);
        let heap_bytes = round_to_pages(planned.heap_bytes);
        assert!(heap_bytes <= MAX_HEAP, "a checked plan has no larger heap");
        let mut shared = vec![
            mapping(CODE, PAGE, Rights::ReadExecute, &self.code, 0),
            mapping(RING, self.ring.size_bytes(), Rights::Read, &self.ring.fd(), 0),
        ];
        let file = match &mut self.image_files[planned.module as usize] {
            Some(file) => file,
            slot => slot.insert(create_image_file(image, bias).map_err(system)?),
        };
        let mut offset = 0;
        for segment in image.segments.iter().filter(|segment| !segment.is_writable) {
            let rights = if segment.is_executable { Rights::ReadExecute } else { Rights::Read };
            shared.push(mapping(
                segment.address.wrapping_add(bias),
                segment.memory_bytes,
                rights,
                file,
                offset,
            ));
            offset += segment.memory_bytes;
        }
        let data = create_memfd(c"oro-data", 0, false).map_err(system)?;
        let end = add_data(&mut shared, &data, image, bias, heap_bytes).map_err(system)?;
        rustix::fs::ftruncate(&data, end).map_err(|error| system(error.into()))?;
        let instance = InstanceId(as_u32(index));
        let first_thread = as_u32(self.threads.len());
        let ports = &image.interface.ports;
        let binding_count = ports.iter().map(|port| port.index + port.max).max().unwrap_or(0);
        for entry in 0..as_u32(image.interface.entries.len()) {
            self.threads.push(ThreadDraft {
                instance,
                entry,
                private_bytes: PRIVATE_ENDS,
                snapshot_bytes: 0,
                next_window: WINDOWS,
                binding_count,
            });
        }
        self.instances.push(InstanceMemory { bias, heap_bytes, first_thread, shared });
        self.data_files.push(data);
        Ok(())
    }

    /// Gives every endpoint its place, in plan order.
    fn plan_ends(&mut self) {
        for port in &self.plan.ports {
            let cell_bytes = round_to_pages(u64::from(port.slot_size_bytes));
            let producer = self.plan_end(&port.producer, Side::Producer, cell_bytes);
            let consumer = self.plan_end(&port.consumer, Side::Consumer, cell_bytes);
            self.places.push([producer, consumer]);
        }
    }

    fn plan_end(&mut self, end: &PlanEnd, side: Side, cell_bytes: u64) -> Place {
        let &PlanEnd::Instance { instance, port, entry, element } = end else {
            let PlanEnd::BuiltIn(built_in) = end else { unreachable!("the other kind") };
            return Place::Kernel(built_in.clone());
        };
        let memory = &self.instances[instance as usize];
        let image = &self.images[self.plan.instances[instance as usize].module as usize];
        let thread = memory.first_thread + entry;
        let draft = &mut self.threads[thread as usize];
        let cells_offset = match side {
            Side::Producer => take(&mut draft.private_bytes, 2 * cell_bytes),
            Side::Consumer => take(&mut draft.snapshot_bytes, 2 * cell_bytes),
        };
        let window = take(&mut draft.next_window, 2 * (cell_bytes + PAGE));
        let peer_cursor = take(&mut draft.next_window, 2 * PAGE);
        let word = image.interface.entries[entry as usize].is_managed.then(|| {
            let address = take(&mut draft.next_window, 2 * PAGE);
            (address, take(&mut draft.private_bytes, PAGE))
        });
        Place::Thread(ThreadPlace {
            thread: ThreadId(thread),
            port_index: port,
            element,
            window,
            cell_bytes,
            cells_offset,
            word,
            peer_cursor,
        })
    }

    /// Creates what has been planned.
    fn create(self) -> Result<World, StartError> {
        let system = |error| StartError::system("Port memory", error);
        let mut ports = Vec::new();
        for (planned, [producer, consumer]) in self.plan.ports.iter().zip(self.places.clone()) {
            let stride_bytes = u64::from(planned.stride_bytes);
            let slot_count = u64::from(planned.slot_count);
            let queue =
                SharedMemory::create(c"oro-queue", stride_bytes * slot_count).map_err(system)?;
            let cursors = SharedMemory::create(c"oro-cursors", 2 * PAGE).map_err(system)?;
            cursors.forbid_new_writers().map_err(system)?;
            let slot_size_bytes = u64::from(planned.slot_size_bytes);
            ports.push(PortMemory {
                slot_size_bytes,
                stride_bytes,
                slot_count,
                queue,
                cursors,
                producer,
                consumer,
            });
        }
        let mut threads = Vec::new();
        for draft in &self.threads {
            threads.push(self.create_thread(draft).map_err(system)?);
        }
        for (index, port) in ports.iter().enumerate() {
            for side in [Side::Producer, Side::Consumer] {
                if let Place::Thread(place) = port.place(side) {
                    let end = EndpointId { port: PortId(as_u32(index)), side };
                    threads[place.thread.0 as usize].add_end(end, place, port);
                }
            }
        }
        for (thread, draft) in threads.iter_mut().zip(&self.threads) {
            thread.regions.sort_unstable_by_key(|region| region.start);
            let name = &self.plan.instances[draft.instance.0 as usize].name;
            let used = thread.next_window - WINDOWS;
            if thread.next_window > WINDOWS_END {
                return Err(StartError::quota(name, used, WINDOWS_END - WINDOWS));
            }
        }
        check_quotas(self.plan, &self.instances, &threads)?;
        let setup = describe(self.plan, self.images, &threads, &ports);
        self.ring.forbid_new_writers().map_err(system)?;
        let mut files = self.data_files;
        files.extend(self.image_files.into_iter().flatten());
        files.push(self.code);
        Ok(World { setup, ring: self.ring, instances: self.instances, threads, ports, files })
    }

    fn create_thread(&self, draft: &ThreadDraft) -> io::Result<ThreadMemory> {
        let instance = &self.instances[draft.instance.0 as usize];
        let module = self.plan.instances[draft.instance.0 as usize].module;
        let interface = &self.images[module as usize].interface;
        let entry = &interface.entries[draft.entry as usize];
        let bindings = u64::from(draft.binding_count) * 128;
        let root = SharedMemory::create(c"oro-root", BINDINGS_OFFSET + bindings)?;
        root.forbid_new_writers()?;
        let private = SharedMemory::create(c"oro-private", draft.private_bytes)?;
        private.populate()?;
        let snapshots = create_memfd(c"oro-snapshots", draft.snapshot_bytes, false)?;
        let mut mappings = instance.shared.clone();
        mappings.extend([
            mapping(ROOT, root.size_bytes(), Rights::Read, &root.fd(), 0),
            mapping(REQUEST, PAGE, Rights::ReadWrite, &private.fd(), PRIVATE_REQUEST),
            mapping(START_GATE, GATE_PAGES * PAGE, Rights::ReadWrite, &private.fd(), 0),
        ]);
        let stack_end = stack_end(draft.entry);
        Ok(ThreadMemory {
            instance: draft.instance,
            entry: draft.entry,
            binding_count: draft.binding_count,
            is_managed: entry.is_managed,
            entry_address: entry.address.wrapping_add(instance.bias),
            returns_status: entry.returns_status,
            has_short_status: interface.is_legacy,
            stack_start: stack_end - round_to_pages(entry.stack_size_bytes),
            stack_end,
            root,
            private,
            snapshots,
            snapshot_bytes: draft.snapshot_bytes,
            mappings,
            regions: vec![Region {
                start: START_GATE,
                size_bytes: GATE_PAGES * PAGE,
                meaning: Meaning::Gate,
            }],
            next_window: draft.next_window,
        })
    }
}

impl ThreadMemory {
    /// Maps an endpoint's cells, its peer's cursor and its commit word.
    fn add_end(&mut self, end: EndpointId, place: &ThreadPlace, port: &PortMemory) {
        let (rights, fd) = match end.side {
            Side::Producer => (Rights::ReadWrite, self.private.fd().as_raw_fd()),
            Side::Consumer => (Rights::Read, self.snapshots.as_raw_fd()),
        };
        for cell in 0..2 {
            let address = place.cell_address(cell);
            let size_bytes = place.cell_bytes;
            let offset = place.cell_offset(cell);
            self.mappings.push(Mapping { address, size_bytes, rights, fd, offset });
            let meaning = Meaning::Cell { end, cell };
            self.regions.push(Region { start: address, size_bytes, meaning });
        }
        let peer_offset = cursor_offset(end.side.peer());
        let cursors = port.cursors.fd();
        self.mappings.push(mapping(place.peer_cursor, PAGE, Rights::Read, &cursors, peer_offset));
        if let Some((address, offset)) = place.word {
            let private = self.private.fd();
            self.mappings.push(mapping(address, PAGE, Rights::ReadWrite, &private, offset));
            let meaning = Meaning::Word { end };
            self.regions.push(Region { start: address, size_bytes: PAGE, meaning });
        }
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

/// First address after the stack of an entry.
fn stack_end(entry: u32) -> u64 {
    STACKS + (u64::from(entry) + 1) * STACK_STRIDE - PAGE
}

fn choose_bias(image: &Image) -> u64 {
    if image.is_relocatable {
        let align = image.align_bytes.max(PAGE);
        (IMAGE_BASE.div_ceil(align) * align).wrapping_sub(image.span().start / align * align)
    } else {
        0
    }
}

/// One sealed file with an image's read-only segments, relocated, one after the other.
fn create_image_file(image: &Image, bias: u64) -> io::Result<OwnedFd> {
    let readable = || image.segments.iter().enumerate().filter(|(_, part)| !part.is_writable);
    let total = readable().map(|(_, segment)| segment.memory_bytes).sum();
    let file = create_memfd(c"oro-image", total, true)?;
    let mut offset = 0;
    for (index, segment) in readable() {
        write_at(&file, offset, &image.build_segment(index, bias))?;
        offset += segment.memory_bytes;
    }
    seal(&file)?;
    Ok(file)
}

/// Adds an instance's writable segments, heap and stacks, all in `data`; its size.
fn add_data(
    shared: &mut Vec<Mapping>,
    data: &OwnedFd,
    image: &Image,
    bias: u64,
    heap_bytes: u64,
) -> io::Result<u64> {
    let mut end = 0;
    for (index, segment) in image.segments.iter().enumerate() {
        if segment.is_writable {
            let offset = take(&mut end, segment.memory_bytes);
            let address = segment.address.wrapping_add(bias);
            shared.push(mapping(address, segment.memory_bytes, Rights::ReadWrite, data, offset));
            write_at(data, offset, &image.build_segment(index, bias))?;
        }
    }
    if heap_bytes > 0 {
        let offset = take(&mut end, heap_bytes);
        shared.push(mapping(HEAP, heap_bytes, Rights::ReadWrite, data, offset));
    }
    for (index, entry) in image.interface.entries.iter().enumerate() {
        let size = round_to_pages(entry.stack_size_bytes);
        let offset = take(&mut end, size);
        let address = stack_end(as_u32(index)) - size;
        shared.push(mapping(address, size, Rights::ReadWrite, data, offset));
        // The return address of the entry point (END-1).
        write_at(data, offset + size - 8, &RETURN_ADDRESS.to_le_bytes())?;
    }
    Ok(end)
}

/// Image, heap, stacks, cells and commit words against `quota.memory`.
fn check_quotas(
    plan: &Plan,
    instances: &[InstanceMemory],
    threads: &[ThreadMemory],
) -> Result<(), StartError> {
    for (index, (planned, memory)) in plan.instances.iter().zip(instances).enumerate() {
        let shared = memory.shared[2..].iter().map(|mapping| mapping.size_bytes).sum::<u64>();
        let own = threads
            .iter()
            .filter(|thread| thread.instance.0 as usize == index)
            .map(|thread| {
                thread.private.size_bytes() + thread.snapshot_bytes + thread.root.size_bytes()
            })
            .sum::<u64>();
        if planned.memory_bytes != 0 && shared + own > planned.memory_bytes {
            return Err(StartError::quota(&planned.name, shared + own, planned.memory_bytes));
        }
    }
    Ok(())
}

/// What the core is told of all this.
fn describe(
    plan: &Plan,
    images: &[Image],
    threads: &[ThreadMemory],
    ports: &[PortMemory],
) -> Setup {
    let is_managed = |thread: &ThreadMemory| {
        let module = plan.instances[thread.instance.0 as usize].module;
        images[module as usize].interface.entries[thread.entry as usize].is_managed
    };
    let owner = |place: &Place| match place {
        Place::Thread(place) => Owner::Thread(place.thread),
        Place::Kernel(_) => Owner::Kernel,
    };
    Setup {
        instances: plan.instances.iter().map(|_| InstanceSetup::default()).collect(),
        threads: threads
            .iter()
            .map(|thread| ThreadSetup { instance: thread.instance, is_managed: is_managed(thread) })
            .collect(),
        ports: plan
            .ports
            .iter()
            .zip(ports)
            .map(|(planned, port)| PortSetup {
                slot_count: planned.slot_count,
                producer: owner(&port.producer),
                consumer: owner(&port.consumer),
                is_forced_synchronous: planned.is_forced_synchronous,
            })
            .collect(),
    }
}

fn mapping(address: u64, size_bytes: u64, rights: Rights, fd: &impl AsFd, offset: u64) -> Mapping {
    Mapping { address, size_bytes, rights, fd: fd.as_fd().as_raw_fd(), offset }
}

/// Takes `size_bytes` from a running total: where they start.
fn take(next: &mut u64, size_bytes: u64) -> u64 {
    let start = *next;
    *next += size_bytes;
    start
}

/// The plan's lists are far shorter than 2^32 (`LIM-*`).
fn as_u32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn write_at(fd: &OwnedFd, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::pwrite(fd, bytes, offset))?;
        bytes = &bytes[count..];
        offset += count as u64;
    }
    Ok(())
}

/// From now on nobody can change it, this process included.
fn seal(fd: &OwnedFd) -> io::Result<()> {
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    Ok(rustix::fs::fcntl_add_seals(fd, seals)?)
}
