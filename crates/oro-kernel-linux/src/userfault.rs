//! [`Userfault`]: the supervisor's hold on one sealed process's page faults.
//!
//! A thin wrapper over the ioctls of userfaultfd(2). Addresses are those of the sealed process; the
//! kernel checks them against its registered ranges, so a wrong one is an error, not a danger.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

const FEATURE_WRITE_PROTECT: u64 = 1 << 0;
const FEATURE_MISSING_SHMEM: u64 = 1 << 5;
const FEATURE_MINOR_SHMEM: u64 = 1 << 10;
const FEATURE_EXACT_ADDRESS: u64 = 1 << 11;
const FEATURE_WRITE_PROTECT_SHMEM: u64 = 1 << 12;

/// What this kernel needs of userfaultfd.
pub(crate) const FEATURES: u64 = FEATURE_WRITE_PROTECT
    | FEATURE_MISSING_SHMEM
    | FEATURE_MINOR_SHMEM
    | FEATURE_EXACT_ADDRESS
    | FEATURE_WRITE_PROTECT_SHMEM;

/// Report accesses to pages that do not exist.
pub(crate) const REGISTER_MISSING: u64 = 1 << 0;
/// Report stores to write-protected pages.
pub(crate) const REGISTER_WRITE_PROTECT: u64 = 1 << 1;
/// Report accesses to pages that exist in the object but are not mapped.
pub(crate) const REGISTER_MINOR: u64 = 1 << 2;

const API: u64 = 0xAA;
const EVENT_PAGEFAULT: u8 = 0x12;
const FLAG_WRITE: u64 = 1 << 0;
const FLAG_WRITE_PROTECT: u64 = 1 << 1;
const FLAG_MINOR: u64 = 1 << 2;

const fn ioctl_number(direction: u64, number: u64, size: u64) -> u64 {
    direction << 30 | size << 16 | 0xAA << 8 | number
}
const READ: u64 = 2;
const READ_WRITE: u64 = 3;
const IOCTL_API: u64 = ioctl_number(READ_WRITE, 0x3F, 24);
const IOCTL_REGISTER: u64 = ioctl_number(READ_WRITE, 0x00, 32);
const IOCTL_WAKE: u64 = ioctl_number(READ, 0x02, 16);
const IOCTL_COPY: u64 = ioctl_number(READ_WRITE, 0x03, 40);
const IOCTL_WRITE_PROTECT: u64 = ioctl_number(READ_WRITE, 0x06, 24);
const IOCTL_CONTINUE: u64 = ioctl_number(READ_WRITE, 0x07, 32);

const COPY_DO_NOT_WAKE: u64 = 1 << 0;
const CONTINUE_DO_NOT_WAKE: u64 = 1 << 0;
const CONTINUE_WRITE_PROTECTED: u64 = 1 << 1;
const WRITE_PROTECT: u64 = 1 << 0;
const WRITE_PROTECT_DO_NOT_WAKE: u64 = 1 << 1;

/// How often what Linux had no time for is tried.
const RETRIES: u32 = 1000;

/// Whether an operation also lets a thread that waits for the range go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    Yes,
    No,
}

/// A page fault of the sealed process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageFault {
    pub(crate) address: u64,
    pub(crate) is_write: bool,
    /// The page is mapped, and protected.
    pub(crate) is_protection: bool,
    /// The page exists in its object, and is not mapped.
    pub(crate) is_minor: bool,
}

/// A userfaultfd that belongs to a sealed process.
#[derive(Debug)]
pub(crate) struct Userfault {
    fd: OwnedFd,
}

impl Userfault {
    /// Takes over a fresh, non-blocking userfaultfd and agrees on the features.
    pub(crate) fn open(fd: OwnedFd) -> io::Result<Self> {
        let this = Self { fd };
        this.call(IOCTL_API, &mut [API, FEATURES, 0])?;
        Ok(this)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Registers a range for `REGISTER_*`.
    pub(crate) fn register(&self, address: u64, size_bytes: u64, modes: u64) -> io::Result<()> {
        self.call(IOCTL_REGISTER, &mut [address, size_bytes, modes, 0])
    }

    /// Maps pages that exist in the object, read-only until they are opened.
    pub(crate) fn map_protected(&self, address: u64, size_bytes: u64) -> io::Result<()> {
        let mode = CONTINUE_DO_NOT_WAKE | CONTINUE_WRITE_PROTECTED;
        self.call(IOCTL_CONTINUE, &mut [address, size_bytes, mode, 0])
    }

    /// Maps a page that Linux has taken out of the mapping (it may, when memory is short), and lets
    /// the thread try again.
    pub(crate) fn map_again(&self, address: u64, is_protected: bool) -> io::Result<()> {
        let mode = if is_protected { CONTINUE_WRITE_PROTECTED } else { 0 };
        let size_bytes = crate::memory::PAGE;
        match self.call(IOCTL_CONTINUE, &mut [address, size_bytes, mode, 0]) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                self.wake(address, size_bytes)
            }
            other => other,
        }
    }

    /// Maps every page of a range that is not mapped yet, each of which exists in the object, and
    /// wakes nobody.
    pub(crate) fn map_all(&self, address: u64, size_bytes: u64) -> io::Result<()> {
        let end = address + size_bytes;
        let mut next = address;
        while next < end {
            let mut request = [next, end - next, CONTINUE_DO_NOT_WAKE, 0];
            match self.call(IOCTL_CONTINUE, &mut request) {
                Ok(()) => return Ok(()),
                Err(error) => match error.raw_os_error() {
                    // The first page is mapped already.
                    Some(libc::EEXIST) => next += crate::memory::PAGE,
                    // One further on is, or the call was interrupted: the last word says how far it got.
                    Some(libc::EAGAIN) if request[3].cast_signed() > 0 => next += request[3],
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Makes pages read-only. When it returns, no CPU can use an older translation.
    pub(crate) fn protect(&self, address: u64, size_bytes: u64) -> io::Result<()> {
        self.call(IOCTL_WRITE_PROTECT, &mut [address, size_bytes, WRITE_PROTECT])
    }

    /// Makes pages writable again.
    pub(crate) fn open_pages(&self, address: u64, size_bytes: u64, wake: Wake) -> io::Result<()> {
        let mode = if wake == Wake::No { WRITE_PROTECT_DO_NOT_WAKE } else { 0 };
        self.call(IOCTL_WRITE_PROTECT, &mut [address, size_bytes, mode])
    }

    /// Puts a copy of the supervisor's bytes at `source` into missing pages.
    ///
    /// # Safety
    ///
    /// `source` is good for reading `size_bytes` bytes.
    pub(crate) unsafe fn copy(
        &self,
        address: u64,
        source: *const u8,
        size_bytes: u64,
        wake: Wake,
    ) -> io::Result<()> {
        let mode = if wake == Wake::No { COPY_DO_NOT_WAKE } else { 0 };
        let mut request = [address, source as u64, size_bytes, mode, 0];
        loop {
            match self.call(IOCTL_COPY, &mut request) {
                // Interrupted by a change of the process's mappings: the last word says how far it got.
                Err(error)
                    if error.raw_os_error() == Some(libc::EAGAIN)
                        && request[4].cast_signed() > 0 =>
                {
                    let done = request[4];
                    request =
                        [request[0] + done, request[1] + done, request[2] - done, request[3], 0];
                }
                other => return other,
            }
        }
    }

    /// Lets a thread that waits for a fault in the range try again.
    pub(crate) fn wake(&self, address: u64, size_bytes: u64) -> io::Result<()> {
        self.call(IOCTL_WAKE, &mut [address, size_bytes])
    }

    /// The next fault, if one waits.
    pub(crate) fn next_fault(&self) -> io::Result<Option<PageFault>> {
        let mut message = [0_u64; 4];
        // SAFETY: the buffer is 32 bytes, the size of one message, and ordinary memory.
        let count = unsafe { libc::read(self.fd.as_raw_fd(), message.as_mut_ptr().cast(), 32) };
        match count {
            32 => {}
            0 => return Ok(None),
            _ => {
                let error = io::Error::last_os_error();
                return match error.raw_os_error() {
                    // ESRCH: the process's memory is gone; its end is reported elsewhere.
                    Some(libc::EAGAIN | libc::EINTR | libc::ESRCH) => Ok(None),
                    _ => Err(error),
                };
            }
        }
        let [head, flags, address, _] = message;
        assert_eq!(head.to_le_bytes()[0], EVENT_PAGEFAULT, "kernel bug: only faults are asked for");
        Ok(Some(PageFault {
            address,
            is_write: flags & FLAG_WRITE != 0,
            is_protection: flags & FLAG_WRITE_PROTECT != 0,
            is_minor: flags & FLAG_MINOR != 0,
        }))
    }

    fn call<const N: usize>(&self, request: u64, words: &mut [u64; N]) -> io::Result<()> {
        let asked = *words;
        for _ in 0..RETRIES {
            // SAFETY: every request here takes a structure of u64 words, and `words` has its size, which
            // is part of the request number.
            let result = unsafe { libc::ioctl(self.fd.as_raw_fd(), request, words.as_mut_ptr()) };
            if result == 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            // In the last word of a longer structure Linux says how far it got, or why no further.
            let has_begun = N > 3 && words[N - 1].cast_signed() > 0;
            if error.raw_os_error() != Some(libc::EAGAIN) || has_begun {
                return Err(error);
            }
            *words = asked;
        }
        Err(io::Error::from_raw_os_error(libc::EAGAIN))
    }
}
