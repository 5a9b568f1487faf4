//! [`RingReader`]: a Ring's tables, mapped read-only in a process that is no part of the system.
//!
//! The kernel goes on writing them meanwhile, so no Rust reference into them is ever formed: words
//! come out by atomic loads. What they mean, and whether it makes sense, is `picture.rs`'s to say.

use std::io;
use std::os::fd::OwnedFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

/// Far more than the tables of the largest system take.
const MAX_BYTES: u64 = 256 << 20;
const WORD_BYTES: usize = size_of::<u64>();

/// The mapping, which lives as long as this.
#[derive(Debug)]
pub(crate) struct RingReader {
    base: NonNull<u64>,
    word_count: usize,
}

impl RingReader {
    /// Maps all of it. The object must keep its size, as the supervisor's does: it never changes it.
    pub(crate) fn map(fd: &OwnedFd) -> io::Result<Self> {
        let size_bytes = u64::try_from(rustix::fs::fstat(fd)?.st_size).unwrap_or(0);
        if !(1..=MAX_BYTES).contains(&size_bytes) {
            return Err(io::Error::other(format!("tables of {size_bytes} bytes")));
        }
        let length = usize::try_from(size_bytes).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address of the system's choice overlaps nothing.
        let base = unsafe {
            rustix::mm::mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::SHARED, fd, 0)
        }?;
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mmap gave null"))?;
        Ok(Self { base, word_count: length / WORD_BYTES })
    }

    /// Loads the word at an offset in bytes, a multiple of 8. Acquire: pairs with the release of the
    /// kernel's store, so that what was stored before it is seen by later loads.
    pub(crate) fn load(&self, offset: usize) -> Option<u64> {
        let index = offset / WORD_BYTES;
        if !offset.is_multiple_of(WORD_BYTES) || index >= self.word_count {
            return None;
        }
        // SAFETY: `index` is inside the mapping, as just seen.
        let word = unsafe { self.base.as_ptr().add(index) };
        // SAFETY: mapped while `self` lives, aligned since the mapping begins at a page, and only
        // loaded from; the kernel's own stores are atomic.
        Some(unsafe { AtomicU64::from_ptr(word) }.load(Ordering::Acquire))
    }

    /// Copies the first bytes, word by word in ascending order (an entry's state before what it guards). What
    /// has never been written is not to be touched: that would give it memory.
    pub(crate) fn copy(&self, size_bytes: usize) -> Vec<u64> {
        let count = (size_bytes / WORD_BYTES).min(self.word_count);
        (0..count).filter_map(|index| self.load(index * WORD_BYTES)).collect()
    }
}

impl Drop for RingReader {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `map` made, and nothing refers to it any more.
        let _ =
            unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.word_count * WORD_BYTES) };
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;
    use crate::memory::{SharedMemory, Writers};

    #[test]
    fn meta_7_words_are_seen_as_they_change_and_none_beyond_the_end() {
        let memory = SharedMemory::create(c"oro-test", 8192, Writers::Any).unwrap();
        let reader = RingReader::map(&memory.fd().as_fd().try_clone_to_owned().unwrap()).unwrap();
        assert_eq!(reader.load(8184), Some(0));
        memory.store_u64(8184, 7);
        assert_eq!(reader.load(8184), Some(7));
        assert_eq!(
            (reader.load(8192), reader.load(4), reader.load(usize::MAX - 7)),
            (None, None, None)
        );
        assert_eq!(reader.copy(4096).len(), 512);
        assert_eq!(reader.copy(usize::MAX).len(), 1024);
    }
}
