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
    /// Pieces that have been given back.
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

    /// Takes a piece.
    pub(crate) fn take(&mut self, size_bytes: u64) -> io::Result<SharedMemory> {
        let size_bytes = round_to_pages(size_bytes.max(1));
        if let Some(index) = self.free.iter().position(|piece| piece.size_bytes == size_bytes) {
            return Ok(self.free.swap_remove(index));
        }
        let has_room = |chunk: &Chunk, used: u64| chunk.size_bytes - used >= size_bytes;
        let (chunk, start) = match self.chunk.take() {
            Some((chunk, used)) if has_room(&chunk, used) => (chunk, used),
            _ => {
                let chunk_bytes = choose_chunk_bytes().max(size_bytes);
                (Rc::new(Chunk::create(self.name, chunk_bytes, self.writers)?), 0)
            }
        };
        self.chunk = Some((Rc::clone(&chunk), start + size_bytes));
        Ok(SharedMemory { chunk, start, size_bytes })
    }
}

impl Arena {
    /// Takes a piece back that nobody has mapped any more; it is zero when it is taken again.
    pub(crate) fn give_back(&mut self, piece: SharedMemory) -> io::Result<()> {
        match self.writers {
            Writers::Any => piece.punch_hole(0, piece.size_bytes)?,
            // Its seal forbids that.
            Writers::Supervisor => piece.clear(0, piece.size_bytes),
        }
        self.free.push(piece);
        Ok(())
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
