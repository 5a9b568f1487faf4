//! What the benchmarks need of Linux: child processes on given CPUs, memory shared with them, pipes,
//! futexes, and the clock.
//!
//! Everything panics on failure: a benchmark that cannot measure has nothing else to say.

use std::io;
use std::ops::Deref;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Panics with the last system error if `result` is one.
pub(crate) fn check<T: PartialOrd + Default>(call: &str, result: T) -> T {
    assert!(result >= T::default(), "{call}: {}", io::Error::last_os_error());
    result
}

/// `CLOCK_MONOTONIC` in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: stores one `timespec`.
    check("clock_gettime", unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) });
    let [seconds, nanoseconds] = [time.tv_sec, time.tv_nsec].map(i64::unsigned_abs);
    seconds * 1_000_000_000 + nanoseconds
}

/// Ticks of the time-stamp counter, which modules can read too.
pub(crate) fn read_counter() -> u64 {
    // SAFETY: every x86_64 processor has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The CPUs that this process may run on.
pub(crate) fn list_cpus() -> Vec<usize> {
    // SAFETY: all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: stores one set of the size given.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    check("sched_getaffinity", result);
    let limit = usize::try_from(libc::CPU_SETSIZE).expect("a small constant");
    // SAFETY: `cpu` is below CPU_SETSIZE.
    (0..limit).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect()
}

/// Moves a process or thread (0: the calling thread) to one CPU.
pub(crate) fn pin(process_id: i32, cpu: usize) {
    // SAFETY: all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: `cpu` comes from `list_cpus`, so it is below CPU_SETSIZE.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: reads one set of the size given.
    let result = unsafe { libc::sched_setaffinity(process_id, size_of_val(&set), &raw const set) };
    check("sched_setaffinity", result);
}

/// A child process of the benchmark.
#[must_use]
pub(crate) struct Child {
    pub(crate) process_id: i32,
}

impl Child {
    /// Runs `body` in a child, pinned to `cpu`.
    pub(crate) fn start(cpu: usize, body: impl FnOnce()) -> Self {
        Self::start_anywhere(|| {
            pin(0, cpu);
            body();
        })
    }

    /// Runs `body` in a child, on the CPUs that this process may use.
    pub(crate) fn start_anywhere(body: impl FnOnce()) -> Self {
        // SAFETY: the benchmark has one thread, so the child may do what it likes.
        let process_id = check("fork", unsafe { libc::fork() });
        if process_id == 0 {
            let work = std::panic::AssertUnwindSafe(body);
            let status = i32::from(std::panic::catch_unwind(work).is_err());
            // SAFETY: ends the child without running the benchmark's exit handlers.
            unsafe { libc::_exit(status) }
        }
        Self { process_id }
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn wait(self) {
        assert_eq!(wait_for(self.process_id), 0, "a child of the benchmark failed");
    }
}

/// Waits for a child's end; its wait status.
pub(crate) fn wait_for(process_id: i32) -> i32 {
    let mut status = 0;
    // SAFETY: waits for our own child; `status` is ordinary memory.
    check("waitpid", unsafe { libc::waitpid(process_id, &raw mut status, 0) });
    status
}

/// What may be shared with child processes.
///
/// # Safety
///
/// All zeros is a valid value, of atomics alone, aligned to a page at most.
pub(crate) unsafe trait Share {}

// SAFETY: an atomic, which may be zero.
unsafe impl Share for AtomicU64 {}

/// Zeroed memory that is shared with children started later. It goes when it is dropped, so that a
/// fork does not get slower from measurement to measurement.
pub(crate) struct Shared<T: Share> {
    base: NonNull<T>,
}

impl<T: Share> Shared<T> {
    pub(crate) fn new() -> Self {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let nowhere = core::ptr::null_mut();
        // SAFETY: a new mapping at an address of the system's choice overlaps nothing.
        let base = unsafe { libc::mmap(nowhere, size_of::<T>(), rights, flags, -1, 0) };
        assert_ne!(base, libc::MAP_FAILED, "mmap: {}", io::Error::last_os_error());
        Self { base: NonNull::new(base.cast()).expect("no mapping is at 0") }
    }
}

impl<T: Share> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: zeroed at first, page-aligned, and mapped until it is dropped; by `Share`, zeros
        // are a `T`, and all of it may be stored to by other processes.
        unsafe { self.base.as_ref() }
    }
}

impl<T: Share> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `new` made, and nothing refers to it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), size_of::<T>()) };
    }
}

/// A pipe: reading end, writing end.
pub(crate) fn make_pipe() -> [OwnedFd; 2] {
    let mut fds = [0; 2];
    // SAFETY: stores two descriptors.
    check("pipe2", unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) });
    own(fds)
}

/// Takes descriptors that a call has just made.
pub(crate) fn own<const COUNT: usize>(fds: [i32; COUNT]) -> [OwnedFd; COUNT] {
    // SAFETY: new descriptors that nobody else owns.
    fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits while `word` is `value`; may return early.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32) {
    let none = core::ptr::null::<libc::timespec>();
    // SAFETY: a live, aligned word.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, value, none) };
}

/// Wakes one waiter.
pub(crate) fn futex_wake(word: &AtomicU32) {
    // SAFETY: a live, aligned word.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}
