//! The peers between two threads: one way and there and back, one by one and in batches.
//!
//! Both sides spin. A contender hands a message over the way that its documentation shows; batches
//! are written and read in place where it can.

use std::hint::spin_loop;

use ringbuf::HeapRb;
use ringbuf::traits::{Consumer as _, Observer as _, Producer as _, Split as _};

use crate::common::os::{now_ns, pin};
use crate::common::stats;
use crate::payload::{self, SLOTS};

/// Messages of one measurement.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) warm_up: u64,
    pub(crate) measured: u64,
}

impl Counts {
    /// The share of one message in `nanoseconds`.
    pub(crate) fn share(self, nanoseconds: u64) -> f64 {
        self.share_of(stats::to_float(nanoseconds))
    }

    /// The same of a float.
    pub(crate) fn share_of(self, nanoseconds: f64) -> f64 {
        nanoseconds / stats::to_float(self.measured)
    }

    /// All messages.
    pub(crate) fn total(self) -> u64 {
        self.warm_up + self.measured
    }
}

/// The peers within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Rtrb,
    Ringbuf,
    Crossbeam,
}

/// Nanoseconds for each message of a stream; `None` for what a library does not have.
pub(crate) fn measure_stream(
    library: Library,
    [bytes, batch]: [u32; 2],
    cpus: [usize; 2],
    counts: Counts,
) -> Option<f64> {
    let measure = match bytes {
        8 => measure_words::<1>,
        64 => measure_words::<8>,
        1024 => measure_words::<128>,
        _ => return None,
    };
    measure(library, u64::from(batch), cpus, counts)
}

fn measure_words<const WORDS: usize>(
    library: Library,
    batch: u64,
    cpus: [usize; 2],
    counts: Counts,
) -> Option<f64> {
    let nanoseconds = match (library, batch) {
        (Library::Rtrb, 1) => run_one_by_one(make_rtrb::<WORDS>(), cpus, counts),
        (Library::Ringbuf, 1) => run_one_by_one(make_ringbuf::<WORDS>(), cpus, counts),
        (Library::Crossbeam, 1) => run_one_by_one(make_crossbeam::<WORDS>(), cpus, counts),
        (Library::Rtrb, _) => run_rtrb_batches::<WORDS>(batch, cpus, counts),
        (Library::Ringbuf, _) => run_ringbuf_batches::<WORDS>(batch, cpus, counts),
        (Library::Crossbeam, _) => return None,
    };
    Some(counts.share(nanoseconds))
}

/// Nanoseconds for a request of 64 bytes and its reply.
pub(crate) fn measure_round_trip(library: Library, cpus: [usize; 2], counts: Counts) -> f64 {
    let nanoseconds = match library {
        Library::Rtrb => run_round_trip(make_rtrb, cpus, counts),
        Library::Ringbuf => run_round_trip(make_ringbuf, cpus, counts),
        Library::Crossbeam => run_round_trip(make_crossbeam, cpus, counts),
    };
    counts.share(nanoseconds)
}

/// An end that takes a message if there is room, or gives it back.
trait Push<M>: Send {
    fn push(&mut self, message: M) -> Result<(), M>;
}

/// An end that gives a message if there is one.
trait Pop<M>: Send {
    fn pop(&mut self) -> Option<M>;
}

fn make_rtrb<const WORDS: usize>() -> (impl Push<[u64; WORDS]>, impl Pop<[u64; WORDS]>) {
    rtrb::RingBuffer::new(SLOTS)
}

fn make_ringbuf<const WORDS: usize>() -> (impl Push<[u64; WORDS]>, impl Pop<[u64; WORDS]>) {
    HeapRb::new(SLOTS).split()
}

fn make_crossbeam<const WORDS: usize>() -> (impl Push<[u64; WORDS]>, impl Pop<[u64; WORDS]>) {
    crossbeam_channel::bounded(SLOTS)
}

impl<M: Send> Push<M> for rtrb::Producer<M> {
    #[inline(always)]
    fn push(&mut self, message: M) -> Result<(), M> {
        self.push(message).map_err(|rtrb::PushError::Full(message)| message)
    }
}

impl<M: Send> Pop<M> for rtrb::Consumer<M> {
    #[inline(always)]
    fn pop(&mut self) -> Option<M> {
        self.pop().ok()
    }
}

impl<M: Send> Push<M> for ringbuf::HeapProd<M> {
    #[inline(always)]
    fn push(&mut self, message: M) -> Result<(), M> {
        self.try_push(message)
    }
}

impl<M: Send> Pop<M> for ringbuf::HeapCons<M> {
    #[inline(always)]
    fn pop(&mut self) -> Option<M> {
        self.try_pop()
    }
}

impl<M: Send> Push<M> for crossbeam_channel::Sender<M> {
    #[inline(always)]
    fn push(&mut self, message: M) -> Result<(), M> {
        self.try_send(message).map_err(crossbeam_channel::TrySendError::into_inner)
    }
}

impl<M: Send> Pop<M> for crossbeam_channel::Receiver<M> {
    #[inline(always)]
    fn pop(&mut self) -> Option<M> {
        self.try_recv().ok()
    }
}

#[inline(always)]
fn send<const WORDS: usize>(end: &mut impl Push<[u64; WORDS]>, number: u64) {
    let mut message = payload::write(number);
    while let Err(same) = end.push(message) {
        message = same;
        spin_loop();
    }
}

#[inline(always)]
fn receive<const WORDS: usize>(end: &mut impl Pop<[u64; WORDS]>, number: u64) {
    loop {
        if let Some(message) = end.pop() {
            return payload::check(&message, number);
        }
        spin_loop();
    }
}

fn run_one_by_one<const WORDS: usize>(
    (mut producer, mut consumer): (impl Push<[u64; WORDS]>, impl Pop<[u64; WORDS]>),
    cpus: [usize; 2],
    counts: Counts,
) -> u64 {
    let produce = move || {
        for number in 0..counts.total() {
            send(&mut producer, number);
        }
        // The consumer may still read what an end owns.
        producer
    };
    run_pair(cpus, produce, || consume(counts, 1, |number| receive(&mut consumer, number)))
}

fn run_rtrb_batches<const WORDS: usize>(batch: u64, cpus: [usize; 2], counts: Counts) -> u64 {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<[u64; WORDS]>::new(SLOTS);
    let size = to_size(batch);
    let produce = move || {
        let mut number = 0;
        while number < counts.total() {
            let Ok(chunk) = producer.write_chunk_uninit(size) else {
                spin_loop();
                continue;
            };
            chunk.fill_from_iter((number..number + batch).map(payload::write));
            number += batch;
        }
        producer
    };
    let receive = |number| {
        loop {
            if let Ok(chunk) = consumer.read_chunk(size) {
                let (left, right) = chunk.as_slices();
                check_all(left, right, number);
                return chunk.commit_all();
            }
            spin_loop();
        }
    };
    run_pair(cpus, produce, || consume(counts, batch, receive))
}

fn run_ringbuf_batches<const WORDS: usize>(batch: u64, cpus: [usize; 2], counts: Counts) -> u64 {
    let (mut producer, mut consumer) = HeapRb::<[u64; WORDS]>::new(SLOTS).split();
    let size = to_size(batch);
    let produce = move || {
        let mut number = 0;
        while number < counts.total() {
            if producer.vacant_len() < size {
                spin_loop();
                continue;
            }
            producer.push_iter((number..number + batch).map(payload::write));
            number += batch;
        }
        producer
    };
    let receive = |number| {
        while consumer.occupied_len() < size {
            spin_loop();
        }
        let (left, right) = consumer.as_slices();
        let left = &left[..left.len().min(size)];
        check_all(left, &right[..size - left.len()], number);
        consumer.skip(size);
    };
    run_pair(cpus, produce, || consume(counts, batch, receive))
}

#[inline(always)]
fn check_all<const WORDS: usize>(left: &[[u64; WORDS]], right: &[[u64; WORDS]], first: u64) {
    for (message, number) in left.iter().chain(right).zip(first..) {
        payload::check(message, number);
    }
}

fn run_round_trip<P: Push<[u64; 8]>, C: Pop<[u64; 8]>>(
    make: impl Fn() -> (P, C),
    cpus: [usize; 2],
    counts: Counts,
) -> u64 {
    let [(mut request, mut requests), (mut reply, mut replies)] = [make(), make()];
    let serve = move || {
        for number in 0..counts.total() {
            receive(&mut requests, number);
            send(&mut reply, number + 1);
        }
        (requests, reply)
    };
    let exchange = |number| {
        send(&mut request, number);
        receive(&mut replies, number + 1);
    };
    let [first, second] = cpus;
    run_pair([second, first], serve, || consume(counts, 1, exchange))
}

#[inline(always)]
fn consume(counts: Counts, batch: u64, receive: impl FnMut(u64)) -> u64 {
    payload::consume([counts.warm_up, counts.measured], batch, receive, now_ns)
}

/// Runs two threads on the two CPUs; the result of the second. Ends the benchmark if one panics,
/// since the other would spin for ever.
fn run_pair<A: Send, B: Send>(
    cpus: [usize; 2],
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> B {
    std::thread::scope(|scope| {
        let first = scope.spawn(move || run_on(cpus[0], first));
        let second = scope.spawn(move || run_on(cpus[1], second));
        // Kept until the other end has read what it owns.
        let _end = first.join();
        second.join().expect("a panic ends the process")
    })
}

fn run_on<T>(cpu: usize, body: impl FnOnce() -> T) -> T {
    pin(0, cpu);
    let body = std::panic::AssertUnwindSafe(body);
    std::panic::catch_unwind(body).unwrap_or_else(|_| std::process::exit(1))
}

fn to_size(batch: u64) -> usize {
    usize::try_from(batch).expect("a batch fits into a queue")
}
