//! The peers: what else two processes on this machine can hand 64 bytes over with, and what a cache
//! line alone costs. And what else starts a program.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::Counts;
use crate::common::os::{Child, Share, Shared, futex_wait, futex_wake, make_pipe, now_ns};
use crate::common::stats;
use crate::os::{self, Program};

/// The peers of a Port.
#[derive(Clone, Copy)]
pub(crate) enum Peer {
    Pipe,
    SocketPair,
    /// A queue of 64 slots in shared memory, with futexes for whoever finds it empty or full.
    Futex,
}

/// Nanoseconds for a request and its reply between processes on the two CPUs.
pub(crate) fn measure_round_trip(peer: Peer, cpus: [usize; 2], counts: Counts) -> f64 {
    let result = Shared::<AtomicU64>::new();
    let [request, reply] = [Channel::new(peer), Channel::new(peer)];
    let server = Child::start(cpus[1], || {
        for _ in 0..counts.warm_up + counts.measured {
            let message = request.receive();
            reply.send(message[0] + 1);
        }
    });
    let client = Child::start(cpus[0], || {
        let mut start = 0;
        for number in 0..counts.warm_up + counts.measured {
            request.send(number);
            assert_eq!(reply.receive()[0], number + 1);
            if number + 1 == counts.warm_up {
                start = now_ns();
            }
        }
        result.store(now_ns() - start, Ordering::Relaxed);
    });
    client.wait();
    server.wait();
    counts.share(result.load(Ordering::Relaxed))
}

/// Nanoseconds for each message of a stream between processes on the two CPUs.
pub(crate) fn measure_stream(peer: Peer, cpus: [usize; 2], counts: Counts) -> f64 {
    let result = Shared::<AtomicU64>::new();
    let channel = Channel::new(peer);
    let source = Child::start(cpus[0], || {
        for number in 0..counts.warm_up + counts.measured {
            channel.send(number);
        }
    });
    let sink = Child::start(cpus[1], || {
        let mut start = 0;
        for number in 0..counts.warm_up + counts.measured {
            assert_eq!(channel.receive()[0], number);
            if number + 1 == counts.warm_up {
                start = now_ns();
            }
        }
        result.store(now_ns() - start, Ordering::Relaxed);
    });
    sink.wait();
    source.wait();
    counts.share(result.load(Ordering::Relaxed))
}

/// One way for messages.
enum Channel {
    Stream { reader: OwnedFd, writer: OwnedFd },
    Queue(Shared<Queue>),
}

impl Channel {
    fn new(peer: Peer) -> Self {
        let [reader, writer] = match peer {
            Peer::Pipe => make_pipe(),
            Peer::SocketPair => os::make_socket_pair(),
            Peer::Futex => return Self::Queue(Shared::new()),
        };
        Self::Stream { reader, writer }
    }

    /// Sends `number` and seven words more.
    fn send(&self, number: u64) {
        let message = core::array::from_fn(|index| number + index as u64);
        match self {
            Self::Stream { writer, .. } => os::write_message(writer, &message),
            Self::Queue(queue) => queue.send(&message),
        }
    }

    fn receive(&self) -> [u64; 8] {
        let mut message = [0; 8];
        match self {
            Self::Stream { reader, .. } => os::read_message(reader, &mut message),
            Self::Queue(queue) => queue.receive(&mut message),
        }
        message
    }
}

const QUEUE_SLOTS: u32 = 64;

/// An unsafe peer's queue: both processes can write all of it.
#[repr(C)]
struct Queue {
    sent: Line<AtomicU32>,
    received: Line<AtomicU32>,
    /// One while the consumer sleeps, or is about to.
    consumer_sleeps: Line<AtomicU32>,
    producer_sleeps: Line<AtomicU32>,
    slots: [Line<[AtomicU64; 8]>; QUEUE_SLOTS as usize],
}

#[repr(C, align(64))]
struct Line<T>(T);

// SAFETY: made of atomics alone, which may be zero; aligned to 64.
unsafe impl Share for Queue {}

impl Queue {
    fn slot(&self, number: u32) -> &[AtomicU64; 8] {
        &self.slots[(number % QUEUE_SLOTS) as usize].0
    }

    fn send(&self, message: &[u64; 8]) {
        let sent = self.sent.0.load(Ordering::Relaxed);
        let is_full = |received: u32| sent.wrapping_sub(received) == QUEUE_SLOTS;
        wait_while(&self.received.0, &self.producer_sleeps.0, is_full);
        for (word, value) in self.slot(sent).iter().zip(message) {
            word.store(*value, Ordering::Relaxed);
        }
        advance(&self.sent.0, &self.consumer_sleeps.0);
    }

    fn receive(&self, message: &mut [u64; 8]) {
        let received = self.received.0.load(Ordering::Relaxed);
        wait_while(&self.sent.0, &self.consumer_sleeps.0, |sent| sent == received);
        for (word, value) in self.slot(received).iter().zip(message) {
            *value = word.load(Ordering::Relaxed);
        }
        advance(&self.received.0, &self.producer_sleeps.0);
    }
}

/// Sleeps while the other side's cursor says so. The flag is stored before the cursor is looked at
/// again, and `advance` stores the cursor before it looks at the flag, all sequentially consistent:
/// one of the two sees the other.
fn wait_while(cursor: &AtomicU32, sleeps: &AtomicU32, must_wait: impl Fn(u32) -> bool) {
    while must_wait(cursor.load(Ordering::Acquire)) {
        sleeps.store(1, Ordering::SeqCst);
        let value = cursor.load(Ordering::SeqCst);
        if must_wait(value) {
            futex_wait(cursor, value);
        }
        sleeps.store(0, Ordering::Relaxed);
    }
}

fn advance(cursor: &AtomicU32, sleeps: &AtomicU32) {
    let value = cursor.load(Ordering::Relaxed).wrapping_add(1);
    cursor.store(value, Ordering::SeqCst);
    if sleeps.load(Ordering::SeqCst) == 1 {
        futex_wake(cursor);
    }
}

/// Nanoseconds for the whole life of a static program: fork and execve, or `posix_spawn`; its end is
/// waited for.
pub(crate) fn measure_exec(path: &Path, is_fork: bool, cpu: usize, count: u32) -> f64 {
    let result = Shared::<AtomicU64>::new();
    let program = Program::new(path);
    Child::start(cpu, || {
        let start = now_ns();
        for _ in 0..count {
            if is_fork {
                program.fork_and_wait();
            } else {
                program.spawn_and_wait();
            }
        }
        result.store(now_ns() - start, Ordering::Relaxed);
    })
    .wait();
    stats::to_float(result.load(Ordering::Relaxed)) / f64::from(count)
}
