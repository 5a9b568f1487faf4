//! How an instance comes into a [`World`]: its memory and its threads, without a process yet.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use oro_image::Image;
use oro_kernel::InstanceId;
use oro_system::{Plan, PlanInstance};
use rustix::fs::SealFlags;

use super::{
    InstanceMemory, Meaning, PRIVATE_BYTES, PRIVATE_REQUEST, Region, ThreadMemory, World, mapping,
    put,
};
use crate::StartError;
use crate::addresses::{
    BINDINGS_OFFSET, CODE, GATE_PAGES, HEAP, IMAGE_BASE, MAX_HEAP, REQUEST, RING, ROOT,
    STACK_STRIDE, START_GATE, WINDOWS,
};
use crate::images::Images;
use crate::memory::{Arena, PAGE, SharedMemory, Writers, create_memfd, round_to_pages};
use crate::spawn::{Mapping, Rights};
use crate::stub::{RETURN_ADDRESS, code_page};

/// What memory is taken from.
#[derive(Debug)]
pub(super) struct Store {
    code: ImageFile,
    /// What sealed processes may store to, as far as they have it mapped.
    pub(super) writable: Arena,
    /// What nobody but the supervisor can ever map writable.
    pub(super) readable: Arena,
    /// By module.
    image_files: Vec<Option<ImageFile>>,
}

impl Store {
    pub(super) fn new() -> io::Result<Self> {
        let code = create_memfd(c"oro-code", PAGE, true)?;
        write_at(code.as_fd(), 0, &code_page())?;
        Ok(Self {
            code: ImageFile::seal(code)?,
            writable: Arena::new(c"oro-memory", Writers::Any),
            readable: Arena::new(c"oro-metadata", Writers::Supervisor),
            image_files: Vec::new(),
        })
    }

    /// The file with a module's read-only segments.
    fn image_file(&mut self, module: usize, image: &Image, bias: u64) -> io::Result<&ImageFile> {
        if self.image_files.len() <= module {
            self.image_files.resize_with(module + 1, || None);
        }
        match &mut self.image_files[module] {
            Some(file) => Ok(file),
            slot => Ok(slot.insert(create_image_file(image, bias)?)),
        }
    }

    /// Nobody can have a module any more.
    fn forget_file(&mut self, module: usize) {
        if let Some(file) = self.image_files.get_mut(module) {
            *file = None;
        }
    }

    /// Closes what planned mappings name that is of no use once every process exists that ever will.
    pub(super) fn forget_files(&mut self) {
        self.image_files.clear();
    }
}

impl World {
    /// Closes the file of a module that nobody can have any more.
    pub(crate) fn forget_module(&mut self, module: u32) {
        self.store.forget_file(module as usize);
    }

    /// Adds an instance of the plan, with the next number or that of one that is forgotten: its memory, and that of its threads.
    pub(crate) fn mount(
        &mut self,
        plan: &Plan,
        images: &Images<'_>,
        index: usize,
    ) -> Result<InstanceId, StartError> {
        let planned = &plan.instances[index];
        let image = &images[planned.module as usize];
        let instance = InstanceId(super::as_u32(index));
        let thread_count = super::as_u32(image.interface.entries.len());
        // The threads of who has had the number before have as many.
        let first_thread = match self.instances.get(index) {
            Some(old) => old.first_thread,
            None => super::as_u32(self.threads.len()),
        };
        let memory = self
            .create_instance(planned, image, first_thread)
            .map_err(|error| StartError::system("instance memory", error))?;
        let threads = (0..thread_count)
            .map(|entry| self.create_thread(instance, &memory, image, entry))
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| StartError::system("memory for a thread", error))?;
        put(&mut self.instances, index, memory);
        for (thread, index) in threads.into_iter().zip(first_thread as usize..) {
            put(&mut self.threads, index, thread);
        }
        self.tables.add_instance(plan, instance.0, thread_count);
        Ok(instance)
    }

    /// Puts another image, which declares the same, in the place of an instance's. Its memory until now,
    /// of no use once none of its processes lives.
    pub(crate) fn replace_image(
        &mut self,
        instance: u32,
        planned: &PlanInstance,
        image: &Image,
    ) -> io::Result<SharedMemory> {
        let index = instance as usize;
        let first_thread = self.instances[index].first_thread;
        let memory = self.create_instance(planned, image, first_thread)?;
        let old = std::mem::replace(&mut self.instances[index], memory);
        let memory = &self.instances[index];
        for (thread, entry) in
            self.threads[first_thread as usize..].iter_mut().zip(&image.interface.entries)
        {
            thread.mappings.splice(..old.shared.len(), memory.shared.iter().copied());
            thread.entry_address = entry.address.wrapping_add(memory.bias);
            thread.stack_start = thread.stack_end - round_to_pages(entry.stack_size_bytes);
        }
        Ok(old.data)
    }

    /// Bytes that count for an instance's quota before it has any Port: image, heap, stacks, and what a
    /// thread has of its own.
    pub(super) fn cost_of_instance(planned: &PlanInstance, image: &Image) -> u64 {
        let bindings = round_to_pages(BINDINGS_OFFSET + u64::from(count_bindings(image)) * 128);
        let threads = image.interface.entries.len() as u64 * (bindings + PRIVATE_BYTES);
        let read_only = image.segments.iter().filter(|segment| !segment.is_writable);
        let data = list_data(image, choose_bias(image), round_to_pages(planned.heap_bytes));
        threads
            + read_only.map(|segment| segment.memory_bytes).sum::<u64>()
            + data.iter().map(|(_, size_bytes)| size_bytes).sum::<u64>()
    }

    /// What an instance's threads share.
    fn create_instance(
        &mut self,
        planned: &PlanInstance,
        image: &Image,
        first_thread: u32,
    ) -> io::Result<InstanceMemory> {
        let bias = choose_bias(image);
        let heap_bytes = round_to_pages(planned.heap_bytes);
        assert!(heap_bytes <= MAX_HEAP, "a checked plan has no larger heap");
        let tables = self.tables.memory(planned.ring);
        let mut shared = vec![
            file_mapping(CODE, PAGE, Rights::ReadExecute, &self.store.code, 0),
            mapping(RING, tables.size_bytes(), Rights::Read, tables, 0),
        ];
        let file = self.store.image_file(planned.module as usize, image, bias)?;
        let mut offset = 0;
        for segment in image.segments.iter().filter(|segment| !segment.is_writable) {
            let rights = if segment.is_executable { Rights::ReadExecute } else { Rights::Read };
            let address = segment.address.wrapping_add(bias);
            shared.push(file_mapping(address, segment.memory_bytes, rights, file, offset));
            offset += segment.memory_bytes;
        }
        let parts = list_data(image, bias, heap_bytes);
        let size_bytes = parts.iter().map(|(_, size_bytes)| size_bytes).sum();
        let data = self.store.writable.take(size_bytes)?;
        let mut end = 0;
        shared.extend(parts.iter().map(|&(address, size_bytes)| {
            let offset = super::take(&mut end, size_bytes);
            mapping(address, size_bytes, Rights::ReadWrite, &data, offset)
        }));
        let memory = InstanceMemory {
            bias,
            heap_bytes,
            first_thread,
            thread_count: super::as_u32(image.interface.entries.len()),
            data,
            shared,
        };
        memory.fill(image)?;
        Ok(memory)
    }

    fn create_thread(
        &mut self,
        instance: InstanceId,
        memory: &InstanceMemory,
        image: &Image,
        index: u32,
    ) -> io::Result<ThreadMemory> {
        let entry = &image.interface.entries[index as usize];
        let binding_count = count_bindings(image);
        let root = self.store.readable.take(BINDINGS_OFFSET + u64::from(binding_count) * 128)?;
        let private = self.store.writable.take(PRIVATE_BYTES)?;
        // All there from the start, so that nobody waits for it later.
        private.populate()?;
        let mut mappings = memory.shared.clone();
        mappings.extend([
            mapping(ROOT, root.size_bytes(), Rights::Read, &root, 0),
            mapping(REQUEST, PAGE, Rights::ReadWrite, &private, PRIVATE_REQUEST),
            mapping(START_GATE, GATE_PAGES * PAGE, Rights::ReadWrite, &private, 0),
        ]);
        let stack_end = stack_end(index);
        let gates =
            Region { start: START_GATE, size_bytes: GATE_PAGES * PAGE, meaning: Meaning::Gate };
        Ok(ThreadMemory {
            instance,
            entry: index,
            binding_count,
            is_managed: entry.is_managed,
            entry_address: entry.address.wrapping_add(memory.bias),
            returns_status: entry.returns_status,
            has_short_status: image.interface.is_legacy,
            stack_start: stack_end - round_to_pages(entry.stack_size_bytes),
            stack_end,
            root,
            private,
            mappings,
            regions: vec![gates],
            ends: Vec::new(),
            reserved: BTreeMap::new(),
            given_away: Vec::new(),
            left_behind: Vec::new(),
            is_sealed: false,
            next_window: WINDOWS,
        })
    }
}

/// How many bindings each thread of an image has: one for each element of each port.
fn count_bindings(image: &Image) -> u32 {
    image.interface.ports.iter().map(|port| port.index + port.max).max().unwrap_or(0)
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
        (stack_end(super::as_u32(index)) - size_bytes, size_bytes)
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

/// Bytes of an instance's memory that are cleared at once.
const CLEAR_BYTES: u64 = 16 << 20;

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
        for entry in 0..super::as_u32(image.interface.entries.len()) {
            let offset = self.data_offset(stack_end(entry) - 8);
            write_at(self.data.fd(), offset, &RETURN_ADDRESS.to_le_bytes())?;
        }
        Ok(())
    }

    /// Clears the next part of its writable memory, so that nobody waits while a large one is cleared:
    /// up to where it is zero then; `None` if it had come to the end. None of its processes lives.
    pub(crate) fn clear_part(&self, cleared_bytes: u64) -> io::Result<Option<u64>> {
        let size_bytes = CLEAR_BYTES.min(self.data.size_bytes() - cleared_bytes);
        if size_bytes == 0 {
            return Ok(None);
        }
        self.data.punch_hole(cleared_bytes, size_bytes)?;
        Ok(Some(cleared_bytes + size_bytes))
    }

    /// Makes its writable memory what it was before it first ran. None of its processes lives.
    pub(crate) fn reset(&self, image: &Image) -> io::Result<()> {
        self.data.punch_hole(0, self.data.size_bytes())?;
        self.fill(image)
    }

    /// Bytes of its memory as its threads see it, copied once; `None` where not all of it is the instance's:
    /// its image, its heap or its stacks.
    pub(crate) fn read(&self, address: u64, size_bytes: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(end) = address.checked_add(size_bytes) else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(size_bytes).map_err(io::Error::other)?];
        let (mut at, mut rest) = (address, bytes.as_mut_slice());
        while at < end {
            // The first two are the kernel's instructions and the Ring's tables.
            let found = self.shared.iter().skip(2).find(|mapping| {
                (mapping.address..mapping.address + mapping.size_bytes).contains(&at)
            });
            let Some(mapping) = found else { return Ok(None) };
            let after = (mapping.address + mapping.size_bytes).min(end);
            let part_bytes = usize::try_from(after - at).map_err(io::Error::other)?;
            let (part, others) = rest.split_at_mut(part_bytes);
            match read_at(mapping, mapping.offset + (at - mapping.address), part) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                result => result?,
            }
            (at, rest) = (after, others);
        }
        Ok(Some(bytes))
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

/// Reads from the object of a mapping.
fn read_at(mapping: &Mapping, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = match mapping.read(offset, bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[count..];
        offset += count as u64;
    }
    Ok(())
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
#[derive(Debug)]
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
