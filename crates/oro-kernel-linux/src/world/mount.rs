//! [`Builder`]: how a [`World`] comes to be: first every address is planned, then every object is
//! created, then it is held against the quotas.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use oro_image::Image;
use oro_kernel::{
    EndpointId, InstanceId, InstanceSetup, Owner, PortId, PortSetup, Restart, RestartOn, Setup,
    Side, ThreadId, ThreadSetup, Tuning, Upgrade,
};
use oro_system::{BuiltIn, Plan, PlanEnd, PlanPort, PlanRestart};
use rustix::fs::SealFlags;

use super::{
    InstanceMemory, LivePlace, Meaning, PRIVATE_ENDS, PRIVATE_REQUEST, Place, PortMemory, Region,
    ThreadMemory, ThreadPlace, World, mapping,
};
use crate::StartError;
use crate::addresses::{
    BINDINGS_OFFSET, CODE, GATE_PAGES, HEAP, IMAGE_BASE, MAX_HEAP, REQUEST, RING, ROOT,
    STACK_STRIDE, START_GATE, WINDOWS, WINDOWS_END,
};
use crate::memory::{Arena, PAGE, Writers, create_memfd, round_to_pages};
use crate::spawn::{Mapping, Rights};
use crate::stub::{RETURN_ADDRESS, code_page};
use crate::tables::Tables;

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
pub(super) struct Builder<'a> {
    plan: &'a Plan,
    images: &'a [Image],
    code: ImageFile,
    /// What sealed processes may store to, as far as they have it mapped.
    writable: Arena,
    /// What nobody but the supervisor can ever map writable.
    readable: Arena,
    tables: Tables,
    image_files: Vec<Option<ImageFile>>,
    instances: Vec<InstanceMemory>,
    threads: Vec<ThreadDraft>,
    places: Vec<[Place; 2]>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(plan: &'a Plan, images: &'a [Image]) -> Result<Self, StartError> {
        let system = |error| StartError::system("memfd_create", error);
        let code = create_memfd(c"oro-code", PAGE, true).map_err(system)?;
        write_at(code.as_fd(), 0, &code_page()).map_err(system)?;
        let code = ImageFile::seal(code).map_err(system)?;
        Ok(Self {
            plan,
            images,
            code,
            writable: Arena::new(c"oro-memory", Writers::Any),
            readable: Arena::new(c"oro-metadata", Writers::Supervisor),
            tables: Tables::lay_out(plan, images).map_err(system)?,
            image_files: images.iter().map(|_| None).collect(),
            instances: Vec::new(),
            threads: Vec::new(),
            places: Vec::new(),
        })
    }

    /// The memory that an instance's threads share.
    pub(super) fn add_instance(&mut self, index: usize) -> Result<(), StartError> {
        let system = |error| StartError::system("instance memory", error);
        let planned = &self.plan.instances[index];
        let image = &self.images[planned.module as usize];
        let bias = choose_bias(image);
        let heap_bytes = round_to_pages(planned.heap_bytes);
        assert!(heap_bytes <= MAX_HEAP, "a checked plan has no larger heap");
        let tables = self.tables.memory(planned.ring);
        let mut shared = vec![
            file_mapping(CODE, PAGE, Rights::ReadExecute, &self.code, 0),
            mapping(RING, tables.size_bytes(), Rights::Read, tables, 0),
        ];
        let file = match &mut self.image_files[planned.module as usize] {
            Some(file) => file,
            slot => slot.insert(create_image_file(image, bias).map_err(system)?),
        };
        let mut offset = 0;
        for segment in image.segments.iter().filter(|segment| !segment.is_writable) {
            let rights = if segment.is_executable { Rights::ReadExecute } else { Rights::Read };
            shared.push(file_mapping(
                segment.address.wrapping_add(bias),
                segment.memory_bytes,
                rights,
                file,
                offset,
            ));
            offset += segment.memory_bytes;
        }
        let planned = list_data(image, bias, heap_bytes);
        let size_bytes = planned.iter().map(|(_, size_bytes)| size_bytes).sum();
        let data = self.writable.take(size_bytes).map_err(system)?;
        let mut end = 0;
        shared.extend(planned.iter().map(|&(address, size_bytes)| {
            let offset = take(&mut end, size_bytes);
            mapping(address, size_bytes, Rights::ReadWrite, &data, offset)
        }));
        let first_thread = as_u32(self.threads.len());
        let memory = InstanceMemory { bias, heap_bytes, first_thread, data, shared };
        memory.fill(image).map_err(system)?;
        let instance = InstanceId(as_u32(index));
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
        self.instances.push(memory);
        Ok(())
    }

    /// Gives every endpoint its place, in plan order.
    pub(super) fn plan_ends(&mut self) {
        for port in &self.plan.ports {
            let queue_bytes = self.can_upgrade(port).then(|| round_to_pages(port.queue_bytes()));
            let producer = self.plan_end(port, Side::Producer, queue_bytes);
            let consumer = self.plan_end(port, Side::Consumer, queue_bytes);
            self.places.push([producer, consumer]);
        }
    }

    /// Whether a Port can ever become asynchronous (`MODE-1`, `PORT-10`).
    fn can_upgrade(&self, port: &PlanPort) -> bool {
        let qualifies = |end: &PlanEnd| match end {
            PlanEnd::Instance { instance, entry, .. } => {
                let module = self.plan.instances[*instance as usize].module;
                self.images[module as usize].interface.entries[*entry as usize].is_managed
            }
            PlanEnd::BuiltIn(_) => true,
        };
        let ends = [&port.producer, &port.consumer];
        choose_upgrade(port) == Upgrade::Allowed
            && ends.iter().all(|end| qualifies(end))
            && ends.iter().any(|end| matches!(end, PlanEnd::Instance { .. }))
    }

    /// `queue_bytes`: of the window for the asynchronous mode, if the Port can have it.
    fn plan_end(&mut self, planned: &PlanPort, side: Side, queue_bytes: Option<u64>) -> Place {
        let cell_bytes = round_to_pages(u64::from(planned.slot_size_bytes));
        let end = match side {
            Side::Producer => &planned.producer,
            Side::Consumer => &planned.consumer,
        };
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
        let live = queue_bytes.map(|size_bytes| LivePlace {
            window: take(&mut draft.next_window, size_bytes + PAGE),
            size_bytes,
            cursor: take(&mut draft.next_window, 2 * PAGE),
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
            live,
        })
    }

    /// Creates what has been planned.
    pub(super) fn create(mut self) -> Result<World, StartError> {
        let system = |error| StartError::system("Port memory", error);
        let mut ports = Vec::new();
        for (planned, [producer, consumer]) in self.plan.ports.iter().zip(self.places.clone()) {
            let queue = self.writable.take(planned.queue_bytes()).map_err(system)?;
            // An end that can become asynchronous has its own cursor mapped writable; its peer has it
            // mapped read-only, and can make no system call to change that.
            let can_upgrade = self.can_upgrade(planned);
            let arena = if can_upgrade { &mut self.writable } else { &mut self.readable };
            let cursors = arena.take(2 * PAGE).map_err(system)?;
            let slot_size_bytes = u64::from(planned.slot_size_bytes);
            ports.push(PortMemory {
                slot_size_bytes,
                stride_bytes: u64::from(planned.stride_bytes),
                slot_count: u64::from(planned.slot_count),
                queue,
                cursors,
                producer,
                consumer,
            });
        }
        let mut threads = Vec::new();
        for index in 0..self.threads.len() {
            threads.push(self.create_thread(index).map_err(system)?);
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
            thread.ends.sort_unstable_by_key(|(binding, _)| *binding);
            let name = &self.plan.path(draft.instance.0 as usize);
            let used = thread.next_window - WINDOWS;
            if thread.next_window > WINDOWS_END {
                return Err(StartError::windows(name, used, WINDOWS_END - WINDOWS));
            }
        }
        check_quotas(self.plan, &self.instances, &threads)?;
        populate(&ports, &threads)?;
        let setup = describe(self.plan, self.images, &threads, &ports);
        let mut files = vec![self.code.fd];
        files.extend(self.image_files.into_iter().flatten().map(|file| file.fd));
        let (tables, instances) = (self.tables, self.instances);
        Ok(World { setup, tables, instances, threads, ports, files })
    }

    fn create_thread(&mut self, index: usize) -> io::Result<ThreadMemory> {
        let draft = &self.threads[index];
        let instance = &self.instances[draft.instance.0 as usize];
        let module = self.plan.instances[draft.instance.0 as usize].module;
        let interface = &self.images[module as usize].interface;
        let entry = &interface.entries[draft.entry as usize];
        let bindings = u64::from(draft.binding_count) * 128;
        let root = self.readable.take(BINDINGS_OFFSET + bindings)?;
        let private = self.writable.take(draft.private_bytes)?;
        let snapshots = self.writable.take(draft.snapshot_bytes)?;
        let mut mappings = instance.shared.clone();
        mappings.extend([
            mapping(ROOT, root.size_bytes(), Rights::Read, &root, 0),
            mapping(REQUEST, PAGE, Rights::ReadWrite, &private, PRIVATE_REQUEST),
            mapping(START_GATE, GATE_PAGES * PAGE, Rights::ReadWrite, &private, 0),
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
            mappings,
            regions: vec![Region {
                start: START_GATE,
                size_bytes: GATE_PAGES * PAGE,
                meaning: Meaning::Gate,
            }],
            ends: Vec::new(),
            next_window: draft.next_window,
        })
    }
}

/// First address after the stack of an entry.
fn stack_end(entry: u32) -> u64 {
    WINDOWS - u64::from(entry) * STACK_STRIDE - PAGE
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
fn create_image_file(image: &Image, bias: u64) -> io::Result<ImageFile> {
    let readable = || image.segments.iter().enumerate().filter(|(_, part)| !part.is_writable);
    let total = readable().map(|(_, segment)| segment.memory_bytes).sum();
    let file = create_memfd(c"oro-image", total, true)?;
    let mut offset = 0;
    for (index, segment) in readable() {
        write_at(file.as_fd(), offset, &image.build_segment(index, bias))?;
        offset += segment.memory_bytes;
    }
    ImageFile::seal(file)
}

/// What an instance can write: segments, heap and stacks, by address and size.
fn list_data(image: &Image, bias: u64, heap_bytes: u64) -> Vec<(u64, u64)> {
    let segments = image.segments.iter().filter(|segment| segment.is_writable);
    let segments =
        segments.map(|segment| (segment.address.wrapping_add(bias), segment.memory_bytes));
    let heap = (heap_bytes > 0).then_some((HEAP, heap_bytes));
    let stacks = image.interface.entries.iter().enumerate().map(|(index, entry)| {
        let size_bytes = round_to_pages(entry.stack_size_bytes);
        (stack_end(as_u32(index)) - size_bytes, size_bytes)
    });
    segments.chain(heap).chain(stacks).collect()
}

fn file_mapping(
    address: u64,
    size_bytes: u64,
    rights: Rights,
    file: &ImageFile,
    offset: u64,
) -> Mapping {
    let ImageFile { fd, inode } = file;
    Mapping { address, size_bytes, rights, fd: fd.as_raw_fd(), inode: *inode, offset }
}

impl InstanceMemory {
    /// Puts what an instance starts with into its writable memory, which is zero: initialised data, and
    /// the return address of each entry point (`END-1`).
    fn fill(&self, image: &Image) -> io::Result<()> {
        for (index, segment) in image.segments.iter().enumerate() {
            if segment.is_writable {
                let offset = self.data_offset(segment.address.wrapping_add(self.bias));
                write_at(self.data.fd(), offset, &image.build_segment(index, self.bias))?;
            }
        }
        for entry in 0..as_u32(image.interface.entries.len()) {
            let offset = self.data_offset(stack_end(entry) - 8);
            write_at(self.data.fd(), offset, &RETURN_ADDRESS.to_le_bytes())?;
        }
        Ok(())
    }

    /// Makes its writable memory what it was before it first ran. None of its processes lives.
    pub(crate) fn reset(&self, image: &Image) -> io::Result<()> {
        self.data.punch_hole(0, self.data.size_bytes())?;
        self.fill(image)
    }

    /// Where an address of its writable memory is in the memfd of `data`.
    fn data_offset(&self, address: u64) -> u64 {
        let holds = |mapping: &&Mapping| {
            mapping.rights == Rights::ReadWrite
                && (mapping.address..mapping.address + mapping.size_bytes).contains(&address)
        };
        let mapping = self.shared.iter().find(holds).expect("a segment, or a stack, is mapped");
        mapping.offset + (address - mapping.address)
    }
}

impl ThreadMemory {
    /// Makes what is its thread's alone what it was before it first ran; its process is gone. Root page
    /// and bindings are to be written anew.
    pub(crate) fn reset(&self) -> io::Result<()> {
        self.root.clear(0, self.root.size_bytes());
        self.private.punch_hole(0, self.private.size_bytes())?;
        self.private.populate()?;
        self.snapshots.punch_hole(0, self.snapshots.size_bytes())
    }
}

/// Allocates what threads have mapped from the start, and the queues that they may get: nobody waits for
/// it later, and where Linux says that there is not so much, the system does not start.
fn populate(ports: &[PortMemory], threads: &[ThreadMemory]) -> Result<(), StartError> {
    for port in ports.iter().filter(|port| port.can_upgrade()) {
        port.queue
            .populate()
            .and_then(|()| port.cursors.populate())
            .map_err(|error| StartError::system("memory for a Port's queue", error))?;
    }
    for thread in threads {
        let result = thread.private.populate();
        result.map_err(|error| StartError::system("memory for a thread", error))?;
    }
    Ok(())
}

/// Image, heap, stacks, cells, commit words and queues against `quota.memory` of instances (`SYS-3`) and
/// of Rings (`RING-9`).
fn check_quotas(
    plan: &Plan,
    instances: &[InstanceMemory],
    threads: &[ThreadMemory],
) -> Result<(), StartError> {
    let mut needed: Vec<u64> = instances
        .iter()
        .map(|memory| memory.shared[2..].iter().map(|mapping| mapping.size_bytes).sum())
        .collect();
    for port in &plan.ports {
        if let Some(payer) = port.payer() {
            needed[payer as usize] += round_to_pages(port.queue_bytes());
        }
    }
    for thread in threads {
        needed[thread.instance.0 as usize] +=
            thread.private.size_bytes() + thread.snapshots.size_bytes() + thread.root.size_bytes();
    }
    let mut rings = vec![0; plan.rings.len() + 1];
    for (index, (planned, needed)) in plan.instances.iter().zip(needed).enumerate() {
        if planned.memory_bytes != 0 && needed > planned.memory_bytes {
            let whose = format!("instance `{}` needs", plan.path(index));
            return Err(StartError::quota(whose, needed, planned.memory_bytes));
        }
        for ring in plan.ancestry(planned.ring) {
            rings[ring as usize] += needed;
        }
    }
    for (ring, needed) in plan.rings.iter().zip(&rings[1..]) {
        if ring.memory_bytes != 0 && *needed > ring.memory_bytes {
            let whose = format!("the instances of Ring `{}` need", ring.name);
            return Err(StartError::quota(whose, *needed, ring.memory_bytes));
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
        tuning: Tuning::default(),
        instances: plan
            .instances
            .iter()
            .map(|planned| InstanceSetup { restart: convert_restart(&planned.restart) })
            .collect(),
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
                upgrade: choose_upgrade(planned),
                drops_at_restart: planned.drops_at_restart,
            })
            .collect(),
    }
}

fn convert_restart(planned: &PlanRestart) -> Restart {
    let &PlanRestart { on, max, within_ns, backoff_ns } = planned;
    let on = match on {
        oro_system::RestartOn::Never => RestartOn::Never,
        oro_system::RestartOn::Fault => RestartOn::Fault,
        oro_system::RestartOn::Always => RestartOn::Always,
    };
    Restart { on, max, within_ns, backoff_ns }
}

/// What hinders a Port from ever becoming asynchronous, its threads apart (`PORT-10`, `BUILTIN-5`).
fn choose_upgrade(port: &PlanPort) -> Upgrade {
    let fills_on_demand =
        |end: &PlanEnd| matches!(end, PlanEnd::BuiltIn(BuiltIn::Clock | BuiltIn::Params(_)));
    if port.is_forced_synchronous {
        Upgrade::Forced
    } else if fills_on_demand(&port.producer) || fills_on_demand(&port.consumer) {
        Upgrade::Unsupported
    } else {
        Upgrade::Allowed
    }
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

fn write_at(fd: BorrowedFd<'_>, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::pwrite(fd, bytes, offset))?;
        bytes = &bytes[count..];
        offset += count as u64;
    }
    Ok(())
}

/// A file that is executed, which nobody can change.
struct ImageFile {
    fd: OwnedFd,
    inode: u64,
}

impl ImageFile {
    /// From now on nobody can change it, this process included.
    fn seal(fd: OwnedFd) -> io::Result<Self> {
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&fd, seals)?;
        let inode = rustix::fs::fstat(&fd)?.st_ino;
        Ok(Self { fd, inode })
    }
}
