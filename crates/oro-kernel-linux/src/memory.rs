//! [`Arena`]: memfds with the supervisor's own mapping of each, of which memory is taken;
//! [`SharedMemory`]: a piece of one.
//!
//! A large system has tens of thousands of pieces. With a descriptor each, every process that is
//! started would have to lose all of them again; so there are few memfds with many pieces. Sealed
//! processes map pieces, so nothing here ever forms a Rust reference into them: bytes go in and out by
//! copies through raw pointers, words by atomic loads and stores (`KRN-2`, `KRN-4`). Offsets come from
//! the supervisor's own plan; one outside a piece is a kernel bug and asserts.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};

/// Page size of every kernel that this platform runs on.
pub(crate) const PAGE: u64 = 4096;

/// Rounds up to whole pages.
pub(crate) fn round_to_pages(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(PAGE) * PAGE
}

/// Makes a memfd of whole zeroed pages without mapping it here.
pub(crate) fn create_memfd(
    name: &CStr,
    size_bytes: u64,
    is_executable: bool,
) -> io::Result<OwnedFd> {
    let exec = if is_executable { MemfdFlags::EXEC } else { MemfdFlags::NOEXEC_SEAL };
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | exec;
    let fd = rustix::fs::memfd_create(name, flags)?;
    rustix::io::retry_on_intr(|| rustix::fs::ftruncate(&fd, size_bytes))?;
    Ok(fd)
}

/// Makes a memfd with these bytes, which nobody can change any more.
pub(crate) fn create_sealed(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    let fd = create_memfd(name, 0, false)?;
    let mut written = 0;
    while written < bytes.len() {
        written += rustix::io::pwrite(&fd, &bytes[written..], written as u64)?;
    }
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&fd, seals)?;
    Ok(fd)
}

/// Bytes of a memfd of an arena, unless a piece needs more. They are sparse: pages come to be when they
/// are touched.
const CHUNK_BYTES: u64 = 64 << 20;

/// As many as a limit on the size of files allows, which counts for memfds too.
fn choose_chunk_bytes() -> u64 {
    let limit = crate::limits::read_limit(libc::RLIMIT_FSIZE);
    limit.map_or(CHUNK_BYTES, |limit| CHUNK_BYTES.min(limit.rlim_cur / PAGE * PAGE))
}

/// Who may map what an arena gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writers {
    /// Whoever is planned to.
    Any,
    /// The supervisor alone, by the mapping that it has: nobody else can ever map it writable, not even
    /// who is handed a descriptor of it (`META-1`).
    Supervisor,
}

/// Memory, of which pieces are taken one after the other.
#[derive(Debug)]
pub(crate) struct Arena {
    name: &'static CStr,
    writers: Writers,
    /// The memfd that pieces are taken of, and how much of it is taken.
    chunk: Option<(Rc<Chunk>, u64)>,
    /// What has been given back, none beside another.
    free: Vec<SharedMemory>,
}

/// A memfd, mapped readable and writable in the supervisor.
#[derive(Debug)]
struct Chunk {
    fd: OwnedFd,
    base: NonNull<u8>,
    size_bytes: u64,
    inode: u64,
}

/// Memory of whole pages, zeroed at first. A clone is the same memory.
#[derive(Clone, Debug)]
pub(crate) struct SharedMemory {
    chunk: Rc<Chunk>,
    /// Where it is in the memfd.
    start: u64,
    size_bytes: u64,
}

impl Arena {
    pub(crate) fn new(name: &'static CStr, writers: Writers) -> Self {
        Self { name, writers, chunk: None, free: Vec::new() }
    }

    /// Takes a piece, of what has been given back if that has room.
    pub(crate) fn take(&mut self, size_bytes: u64) -> io::Result<SharedMemory> {
        let size_bytes = round_to_pages(size_bytes.max(1));
        let free = self.free.iter().enumerate().filter(|(_, piece)| piece.size_bytes >= size_bytes);
        if let Some((index, piece)) = free.min_by_key(|(_, piece)| piece.size_bytes) {
            let taken = SharedMemory { size_bytes, ..piece.clone() };
            let rest = &mut self.free[index];
            (rest.start, rest.size_bytes) = (rest.start + size_bytes, rest.size_bytes - size_bytes);
            if rest.size_bytes == 0 {
                self.free.swap_remove(index);
            }
            return Ok(taken);
        }
        let has_room = |chunk: &Chunk, used: u64| chunk.size_bytes - used >= size_bytes;
        let (chunk, start) = match self.chunk.take() {
            Some((chunk, used)) if has_room(&chunk, used) => (chunk, used),
            old => {
                if let Some((chunk, used)) = old.filter(|(chunk, used)| *used < chunk.size_bytes) {
                    let size_bytes = chunk.size_bytes - used;
                    self.add_free(SharedMemory { chunk, start: used, size_bytes });
                }
                let chunk_bytes = choose_chunk_bytes().max(size_bytes);
                (Rc::new(Chunk::create(self.name, chunk_bytes, self.writers)?), 0)
            }
        };
        self.chunk = Some((Rc::clone(&chunk), start + size_bytes));
        Ok(SharedMemory { chunk, start, size_bytes })
    }

    /// Takes a piece back that nobody has mapped any more; it is zero when it is taken again.
    pub(crate) fn give_back(&mut self, piece: SharedMemory) -> io::Result<()> {
        match self.writers {
            Writers::Any => piece.punch_hole(0, piece.size_bytes)?,
            // Its seal forbids that.
            Writers::Supervisor => piece.clear(0, piece.size_bytes),
        }
        self.add_free(piece);
        Ok(())
    }

    /// Joins it with what is free beside it. A memfd of which all is free goes.
    fn add_free(&mut self, mut piece: SharedMemory) {
        let chunk = Rc::clone(&piece.chunk);
        self.free.retain(|other| {
            if !Rc::ptr_eq(&other.chunk, &chunk) {
                return true;
            }
            let (end, other_end) = (piece.start + piece.size_bytes, other.start + other.size_bytes);
            assert!(
                end <= other.start || other_end <= piece.start,
                "kernel bug: memory is given back twice"
            );
            let is_beside = end == other.start || other_end == piece.start;
            if is_beside {
                piece.start = piece.start.min(other.start);
                piece.size_bytes += other.size_bytes;
            }
            !is_beside
        });
        match &mut self.chunk {
            Some((current, used)) if Rc::ptr_eq(current, &chunk) => {
                if piece.start + piece.size_bytes == *used {
                    *used = piece.start;
                    return;
                }
            }
            Some(_) | None if piece.size_bytes == chunk.size_bytes => return,
            Some(_) | None => {}
        }
        self.free.push(piece);
    }
}

impl Chunk {
    fn create(name: &CStr, size_bytes: u64, writers: Writers) -> io::Result<Self> {
        let fd = create_memfd(name, size_bytes, false)?;
        let length = usize::try_from(size_bytes).map_err(io::Error::other)?;
        let rights = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the system's choice overlaps nothing.
        let base =
            unsafe { rustix::mm::mmap(ptr::null_mut(), length, rights, MapFlags::SHARED, &fd, 0) }?;
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mmap gave null"))?;
        if writers == Writers::Supervisor {
            let seals = SealFlags::FUTURE_WRITE | SealFlags::SHRINK | SealFlags::GROW;
            rustix::fs::fcntl_add_seals(&fd, seals)?;
        }
        let inode = rustix::fs::fstat(&fd)?.st_ino;
        Ok(Self { fd, base, size_bytes, inode })
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        #[expect(clippy::cast_possible_truncation, reason = "x86_64: usize has 64 bits")]
        // SAFETY: this is the mapping that `create` made; every piece keeps it, so none is left.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.size_bytes as usize) };
    }
}

impl SharedMemory {
    /// Memory in a memfd of its own, of exactly its size.
    pub(crate) fn create(
        name: &'static CStr,
        size_bytes: u64,
        writers: Writers,
    ) -> io::Result<Self> {
        let size_bytes = round_to_pages(size_bytes.max(1));
        let chunk = Rc::new(Chunk::create(name, size_bytes, writers)?);
        Ok(Self { chunk, start: 0, size_bytes })
    }

    /// Allocates every page now, so that a process can map it without a missing page.
    pub(crate) fn populate(&self) -> io::Result<()> {
        let (fd, flags) = (&self.chunk.fd, FallocateFlags::empty());
        let all = || rustix::fs::fallocate(fd, flags, self.start, self.size_bytes);
        Ok(rustix::io::retry_on_intr(all)?)
    }

    /// The same bytes in other pages: nobody has any of it mapped any more. `chunk_bytes` at a time.
    pub(crate) fn renew(&self, chunk_bytes: u64) -> io::Result<()> {
        let mut bytes = vec![0; usize::try_from(chunk_bytes.min(self.size_bytes)).unwrap_or(0)];
        let mut offset = 0;
        while offset < self.size_bytes {
            let size_bytes = chunk_bytes.min(self.size_bytes - offset);
            let part = &mut bytes[..usize::try_from(size_bytes).unwrap_or(0)];
            self.read(offset, part);
            self.punch_hole(offset, size_bytes)?;
            self.write(offset, part);
            offset += size_bytes;
        }
        Ok(())
    }

    /// Drops whole pages: they vanish from every mapping, and read as zeros afterwards.
    pub(crate) fn punch_hole(&self, offset: u64, size_bytes: u64) -> io::Result<()> {
        self.check(offset, size_bytes);
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let all = || rustix::fs::fallocate(&self.chunk.fd, flags, self.start + offset, size_bytes);
        Ok(rustix::io::retry_on_intr(all)?)
    }

    /// The memfd that it is a piece of.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.chunk.fd.as_fd()
    }

    /// Its number, as `/proc/PID/maps` says it.
    pub(crate) fn inode(&self) -> u64 {
        self.chunk.inode
    }

    /// Where it begins there.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn check(&self, offset: u64, size_bytes: u64) {
        let end = offset.checked_add(size_bytes);
        assert!(
            end.is_some_and(|end| end <= self.size_bytes),
            "kernel bug: offset {offset:#x}+{size_bytes:#x} outside of {:#x} bytes",
            self.size_bytes
        );
    }

    /// A part of it, of whole pages.
    pub(crate) fn part(&self, offset: u64, size_bytes: u64) -> Self {
        self.check(offset, size_bytes);
        Self { chunk: Rc::clone(&self.chunk), start: self.start + offset, size_bytes }
    }

    /// A pointer to `offset`, good for `size_bytes` bytes.
    pub(crate) fn pointer(&self, offset: u64, size_bytes: u64) -> *mut u8 {
        self.check(offset, size_bytes);
        #[expect(clippy::cast_possible_truncation, reason = "x86_64: usize has 64 bits")]
        // SAFETY: inside of this piece, as just asserted, which is inside of the mapping.
        unsafe {
            self.chunk.base.as_ptr().add((self.start + offset) as usize)
        }
    }

    /// Copies bytes in.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        let target = self.pointer(offset, bytes.len() as u64);
        // SAFETY: `target` is good for the length, and `bytes` is ordinary memory of this process.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) }
    }

    /// Copies bytes out.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) {
        let source = self.pointer(offset, bytes.len() as u64);
        // SAFETY: `source` is good for the length, and `bytes` is ordinary memory of this process.
        unsafe { ptr::copy_nonoverlapping(source, bytes.as_mut_ptr(), bytes.len()) }
    }

    /// Copies bytes from another such memory.
    pub(crate) fn copy_from(&self, offset: u64, source: &Self, from: u64, size_bytes: u64) {
        let target = self.pointer(offset, size_bytes);
        let source = source.pointer(from, size_bytes);
        #[expect(clippy::cast_possible_truncation, reason = "x86_64: usize has 64 bits")]
        // SAFETY: both are good for the size; `copy` allows that they be the same object.
        unsafe {
            ptr::copy(source, target, size_bytes as usize);
        }
    }

    /// Fills with zeros.
    pub(crate) fn clear(&self, offset: u64, size_bytes: u64) {
        let target = self.pointer(offset, size_bytes);
        #[expect(clippy::cast_possible_truncation, reason = "x86_64: usize has 64 bits")]
        // SAFETY: `target` is good for the size.
        unsafe {
            ptr::write_bytes(target, 0, size_bytes as usize);
        }
    }

    /// An atomic word of this memory.
    fn word64(&self, offset: u64) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8), "kernel bug: unaligned word at {offset:#x}");
        // SAFETY: inside the mapping and aligned; atomics may be shared with other processes, and
        // the mapping lives as long as `self`.
        unsafe { AtomicU64::from_ptr(self.pointer(offset, 8).cast()) }
    }

    /// Loads a word once. Acquire: pairs with whoever stored it with release.
    pub(crate) fn load_u64(&self, offset: u64) -> u64 {
        self.word64(offset).load(Ordering::Acquire)
    }

    /// Stores a word with release, so that whoever acquires it sees all that was stored before.
    pub(crate) fn store_u64(&self, offset: u64, value: u64) {
        self.word64(offset).store(value, Ordering::Release);
    }

    /// Stores a half word with release, likewise.
    pub(crate) fn store_u32(&self, offset: u64, value: u32) {
        assert!(offset.is_multiple_of(4), "kernel bug: unaligned word at {offset:#x}");
        // SAFETY: inside the mapping and aligned; atomics may be shared with other processes.
        let word = unsafe { AtomicU32::from_ptr(self.pointer(offset, 4).cast()) };
        word.store(value, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctl_13_what_is_given_back_is_joined_and_taken_again() {
        let mut arena = Arena::new(c"oro-test", Writers::Any);
        let pieces: Vec<SharedMemory> =
            (1..=8).map(|pages| arena.take(pages * PAGE).unwrap()).collect();
        let last = arena.take(PAGE).unwrap();
        let inode = last.inode();
        for piece in [4, 2, 3, 0, 1, 7, 5, 6].map(|index: usize| pieces[index].clone()) {
            piece.write(0, &[1]);
            arena.give_back(piece).unwrap();
        }
        assert_eq!(arena.free.len(), 1);
        // Of any size, and zero.
        let piece = arena.take(30 * PAGE).unwrap();
        let mut bytes = [9; 1];
        piece.read(0, &mut bytes);
        assert_eq!((piece.start(), piece.inode(), bytes), (0, inode, [0]));
        arena.give_back(piece).unwrap();
        arena.give_back(last).unwrap();
        // All of it is free, and the next piece is where the first one was.
        assert_eq!((arena.free.len(), arena.take(PAGE).unwrap().start()), (0, 0));
    }

    #[test]
    fn ctl_13_a_memfd_of_which_all_is_free_goes() {
        let mut arena = Arena::new(c"oro-test", Writers::Any);
        let first = arena.take(CHUNK_BYTES - PAGE).unwrap();
        // Does not fit in the rest.
        let second = arena.take(2 * PAGE).unwrap();
        assert_ne!(first.inode(), second.inode());
        assert_eq!(arena.free.len(), 1);
        let chunk = Rc::downgrade(&first.chunk);
        arena.give_back(first).unwrap();
        assert_eq!((arena.free.len(), chunk.strong_count()), (0, 0));
        assert_eq!(arena.take(PAGE).unwrap().inode(), second.inode());
    }

    #[test]
    #[should_panic(expected = "given back twice")]
    fn blame_4_memory_that_is_given_back_twice_is_a_bug() {
        let mut arena = Arena::new(c"oro-test", Writers::Any);
        let pieces = [0; 3].map(|_: u64| arena.take(PAGE).unwrap());
        arena.give_back(pieces[0].clone()).unwrap();
        let _ = arena.give_back(pieces[0].clone());
    }
}
