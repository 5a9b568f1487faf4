//! How long a process that sleeps in the kernel takes to wake up: from just before the other one
//! sends to just after it runs again.

use std::cell::Cell;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::common::os::{
    Child, Share, Shared, check, futex_wait, futex_wake, make_pipe, now_ns, own,
};
use crate::common::stats::{median, to_float};

/// What wakes a process up.
#[derive(Clone, Copy)]
pub(crate) enum Waker {
    Futex,
    EventFd,
    Pipe,
}

/// The sleeper is left alone for so long.
const IDLE_NS: u64 = 200_000;

/// The first ones are not counted.
const WARM_UP: u32 = 20;

/// The median of the nanoseconds of `count` wake-ups. The sender is on the first CPU, where it spins
/// while the other one sleeps.
pub(crate) fn measure_wake_up(waker: Waker, cpus: [usize; 2], count: u32) -> f64 {
    let [sent_at, result] = [Shared::<AtomicU64>::new(), Shared::<AtomicU64>::new()];
    let [there, back] = [Bell::new(waker), Bell::new(waker)];
    let sleeper = Child::start(cpus[1], || {
        let mut latencies = Vec::new();
        for turn in 0..WARM_UP + count {
            there.wait();
            let latency = now_ns() - sent_at.load(Ordering::Acquire);
            if turn >= WARM_UP {
                latencies.push(to_float(latency));
            }
            back.ring();
        }
        result.store(median(&latencies).to_bits(), Ordering::Relaxed);
    });
    let sender = Child::start(cpus[0], || {
        for _ in 0..WARM_UP + count {
            let start = now_ns();
            while now_ns() - start < IDLE_NS {
                core::hint::spin_loop();
            }
            sent_at.store(now_ns(), Ordering::Release);
            there.ring();
            back.wait();
        }
    });
    sender.wait();
    sleeper.wait();
    f64::from_bits(result.load(Ordering::Relaxed))
}

// SAFETY: an atomic, which may be zero.
unsafe impl Share for AtomicU32 {}

/// One process rings it, the other sleeps until then.
enum Bell {
    /// The word counts the rings; the cell those that its listener has heard.
    Futex(Shared<AtomicU32>, Cell<u32>),
    EventFd(OwnedFd),
    Pipe([OwnedFd; 2]),
}

impl Bell {
    fn new(waker: Waker) -> Self {
        match waker {
            Waker::Futex => Self::Futex(Shared::new(), Cell::new(0)),
            Waker::EventFd => Self::EventFd(make_event_fd()),
            Waker::Pipe => Self::Pipe(make_pipe()),
        }
    }

    fn ring(&self) {
        match self {
            Self::Futex(rings, _) => {
                rings.fetch_add(1, Ordering::Release);
                futex_wake(rings);
            }
            Self::EventFd(fd) | Self::Pipe([_, fd]) => write_word(fd),
        }
    }

    fn wait(&self) {
        match self {
            Self::Futex(rings, heard) => {
                while rings.load(Ordering::Acquire) == heard.get() {
                    futex_wait(rings, heard.get());
                }
                heard.set(heard.get().wrapping_add(1));
            }
            Self::EventFd(fd) | Self::Pipe([fd, _]) => read_word(fd),
        }
    }
}

fn make_event_fd() -> OwnedFd {
    // SAFETY: takes no memory.
    let fd = check("eventfd", unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) });
    let [fd] = own([fd]);
    fd
}

fn write_word(fd: &OwnedFd) {
    let word = 1_u64;
    // SAFETY: reads eight bytes of ordinary memory.
    let count = unsafe { libc::write(fd.as_raw_fd(), (&raw const word).cast(), 8) };
    assert_eq!(count, 8, "write: {}", std::io::Error::last_os_error());
}

fn read_word(fd: &OwnedFd) {
    let mut word = 0_u64;
    // SAFETY: stores eight bytes of ordinary memory.
    let count = unsafe { libc::read(fd.as_raw_fd(), (&raw mut word).cast(), 8) };
    assert_eq!(count, 8, "read: {}", std::io::Error::last_os_error());
}
