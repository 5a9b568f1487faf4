//! Several tasks in one thread, without a heap: [`block_on`] runs a future, [`join`] and its like make
//! one of several; [`recv_async`](Consumer::recv_async) and its like, and [`sleep`], are what they wait
//! for.
//!
//! When every task waits, the thread sleeps at a gate for all that they wait for at once, up to 128
//! things; whatever comes, all of them are polled again. So tasks may be few or cheap to poll. Futures
//! that wait for anything else, such as a channel between two tasks, work too: a wake-up makes the
//! round go on. But a waker that another thread uses is noticed only when this thread wakes up; wait
//! for a word with [`changed`] there.
//!
//! ```no_run
//! use core::time::Duration;
//! use oro::{executor, module, Consumer, Producer};
//!
//! oro::message! { "demo.num.v1" pub struct Num { value: u64 } }
//!
//! module! {
//!     name: "forward",
//!     entry run {
//!         ports { a: Consumer<Num>, b: Consumer<Num>, to_a: Producer<Num>, to_b: Producer<Num> }
//!     }
//! }
//!
//! fn run(mut ports: run::Ports) {
//!     let forward = async |from: &mut Consumer<Num>, to: &mut Producer<Num>| {
//!         while let Ok(number) = from.recv_async().await {
//!             executor::sleep(ports.thread, Duration::from_millis(1)).await;
//!             if to.send_async(number).await.is_err() {
//!                 return;
//!             }
//!         }
//!     };
//!     executor::block_on(
//!         ports.thread,
//!         executor::join(
//!             forward(&mut ports.a, &mut ports.to_a),
//!             forward(&mut ports.b, &mut ports.to_b),
//!         ),
//!     );
//! }
//! # fn main() {}
//! ```

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;

use crate::reactor::Reactor;
use crate::wait::{Sealed as _, Word};
use crate::{
    ByteReader, ByteWriter, Consumer, Instant, Message, Producer, RecvError, SendError,
    SendErrorKind, Thread, TryRecvError,
};

/// Runs a future to its end; sleeps at a gate while it waits.
///
/// # Panics
///
/// If it waits for nothing that could ever come, or for more than 128 things at once.
pub fn block_on<F: Future>(thread: Thread, future: F) -> F::Output {
    let mut future = pin!(future);
    let reactor = Reactor::new(thread);
    // SAFETY: the waker is declared after the reactor, so that it goes first, and it is never moved out.
    let waker = unsafe { reactor.make_waker() };
    let mut context = Context::from_waker(&waker);
    loop {
        reactor.begin_round();
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        reactor.wait();
    }
}

/// Waits for both futures.
pub async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_output, mut b_output) = (None, None);
    poll_fn(|context| {
        poll_into(a.as_mut(), &mut a_output, context);
        poll_into(b.as_mut(), &mut b_output, context);
        match (a_output.take(), b_output.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            outputs => {
                (a_output, b_output) = outputs;
                Poll::Pending
            }
        }
    })
    .await
}

/// Waits for three futures.
pub async fn join3<A: Future, B: Future, C: Future>(
    a: A,
    b: B,
    c: C,
) -> (A::Output, B::Output, C::Output) {
    let ((a, b), c) = join(join(a, b), c).await;
    (a, b, c)
}

/// Waits for four futures.
pub async fn join4<A: Future, B: Future, C: Future, D: Future>(
    a: A,
    b: B,
    c: C,
    d: D,
) -> (A::Output, B::Output, C::Output, D::Output) {
    let ((a, b), (c, d)) = join(join(a, b), join(c, d)).await;
    (a, b, c, d)
}

/// Waits for all futures of an array.
pub async fn join_all<F: Future, const N: usize>(futures: [F; N]) -> [F::Output; N] {
    let mut futures = pin!(futures);
    let mut outputs = [const { None }; N];
    poll_fn(|context| {
        let mut is_done = true;
        for (index, output) in outputs.iter_mut().enumerate() {
            // SAFETY: the array is pinned and nothing is moved out of it.
            let futures = unsafe { futures.as_mut().get_unchecked_mut() };
            // SAFETY: an element of a pinned array stays where it is, as the array does.
            let future = unsafe { Pin::new_unchecked(&mut futures[index]) };
            poll_into(future, output, context);
            is_done &= output.is_some();
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    // Every one is there, since the poll above says so.
    outputs.map(|output| output.expect("each future has ended"))
}

/// Polls a future that has no output yet.
fn poll_into<F: Future>(
    future: Pin<&mut F>,
    output: &mut Option<F::Output>,
    context: &mut Context<'_>,
) {
    if output.is_none()
        && let Poll::Ready(value) = future.poll(context)
    {
        *output = Some(value);
    }
}

/// What [`race`] gives: the output of the future that was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<A, B> {
    /// The first future's.
    A(A),
    /// The second future's.
    B(B),
}

/// Waits for one of two futures and drops the other. If both are ready, the first wins.
///
/// Dropping `recv_async` and `read_async` takes nothing; dropping `send_async` drops its message.
pub async fn race<A: Future, B: Future>(a: A, b: B) -> First<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| {
        if let Poll::Ready(output) = a.as_mut().poll(context) {
            return Poll::Ready(First::A(output));
        }
        b.as_mut().poll(context).map(First::B)
    })
    .await
}

/// Waits until this moment.
pub async fn sleep_until(thread: Thread, moment: Instant) {
    poll_fn(|context| {
        let reactor = Reactor::of(context, thread);
        if thread.load_last_time() >= moment {
            return Poll::Ready(());
        }
        reactor.add_timer(moment);
        Poll::Pending
    })
    .await;
}

/// Waits for this long, from the first poll on.
pub async fn sleep(thread: Thread, duration: Duration) {
    sleep_until(thread, thread.now() + duration).await;
}

/// Gives a future this much time, from the first poll on; `None` if it did not suffice.
pub async fn timeout<F: Future>(
    thread: Thread,
    duration: Duration,
    future: F,
) -> Option<F::Output> {
    match race(future, sleep(thread, duration)).await {
        First::A(output) => Some(output),
        First::B(()) => None,
    }
}

/// Waits until `word` is not `expected`; see [`Thread::wait_word`].
pub async fn changed(thread: Thread, word: &AtomicU32, expected: u32) {
    poll_fn(|context| {
        let reactor = Reactor::of(context, thread);
        if word.load(Ordering::Acquire) != expected {
            return Poll::Ready(());
        }
        reactor.add(Word { word, expected }.interest());
        Poll::Pending
    })
    .await;
}

/// Lets the other tasks have their turn.
pub async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if core::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl<T: Message> Consumer<T> {
    /// [`recv`](Self::recv) for a task.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn recv_async(&mut self) -> Result<T, RecvError> {
        let thread = self.end.thread();
        poll_fn(|context| {
            let reactor = Reactor::of(context, thread);
            if !reactor.take_turn() {
                return Poll::Pending;
            }
            Poll::Ready(match self.try_recv() {
                Ok(message) => Ok(message),
                Err(TryRecvError::Closed) => Err(RecvError::Closed),
                Err(TryRecvError::PeerMisbehaved) => Err(RecvError::PeerMisbehaved),
                Err(TryRecvError::Empty) => {
                    reactor.add(self.interest());
                    return Poll::Pending;
                }
            })
        })
        .await
    }
}

impl<T: Message> Producer<T> {
    /// [`send`](Self::send) for a task.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_async(&mut self, message: T) -> Result<(), SendError<T>> {
        let thread = self.end.thread();
        poll_fn(|context| {
            let reactor = Reactor::of(context, thread);
            if !reactor.take_turn() {
                return Poll::Pending;
            }
            match self.try_send(message) {
                Err(error) if error.kind == SendErrorKind::Full => {
                    reactor.add(self.interest());
                    Poll::Pending
                }
                result => Poll::Ready(result),
            }
        })
        .await
    }
}

impl ByteReader {
    /// [`read`](Self::read) for a task.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn read_async(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        let thread = self.thread();
        poll_fn(|context| {
            let reactor = Reactor::of(context, thread);
            if !reactor.take_turn() {
                return Poll::Pending;
            }
            match self.try_read(buffer) {
                Ok(Some(length)) => Poll::Ready(Ok(length)),
                Err(error) => Poll::Ready(Err(error.into())),
                Ok(None) => {
                    reactor.add(self.interest());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl ByteWriter {
    /// [`write`](Self::write) for a task.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn write_async(&mut self, bytes: &[u8]) -> Result<(), SendErrorKind> {
        let thread = self.thread();
        let mut written = 0;
        poll_fn(|context| {
            let reactor = Reactor::of(context, thread);
            while written < bytes.len() {
                if !reactor.take_turn() {
                    return Poll::Pending;
                }
                match self.try_write(&bytes[written..]) {
                    Ok(length) => written += length,
                    Err(SendErrorKind::Full) => {
                        reactor.add(self.interest());
                        return Poll::Pending;
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::{First, block_on, changed, join, join_all, join3, join4, race, sleep, timeout};
    use crate::test_memory::{TestPort, TestThread};
    use crate::{ByteReader, ByteWriter, Consumer, End, Producer, RecvError};
    use core::cell::RefCell;
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::Release};
    use core::task::{Poll, Waker};
    use core::time::Duration;
    use oro_sysabi::{STATE_CLOSED, WAIT_PEER};
    use std::vec::Vec;

    crate::message! { "demo.one.v1" struct One { a: u64 } }

    /// Both ends of a Port of four slots in one thread, at bindings `index` and `index + 1`.
    fn open_pair(memory: &TestThread, index: usize) -> (Producer<One>, Consumer<One>, TestPort) {
        let port = TestPort::new(8, 4);
        port.bind(memory, index, false, 4);
        port.bind(memory, index + 1, true, 4);
        // SAFETY: the bindings are as the types say, each opened once.
        let output = unsafe { Producer::open(memory.thread(), index) };
        // SAFETY: as above.
        let input = unsafe { Consumer::open(memory.thread(), index + 1) };
        (output, input, port)
    }

    #[test]
    fn tasks_pass_messages_to_each_other_and_back() {
        let memory = TestThread::new(4);
        let (mut to, mut at, _) = open_pair(&memory, 0);
        let (mut back, mut home, _) = open_pair(&memory, 2);
        let ask = async {
            let mut sum = 0;
            for a in 0..1000 {
                to.send_async(One { a }).await.unwrap();
                sum += home.recv_async().await.unwrap().a;
            }
            sum
        };
        let answer = async {
            for _ in 0..1000 {
                let One { a } = at.recv_async().await.unwrap();
                back.send_async(One { a: 2 * a }).await.unwrap();
            }
        };
        assert_eq!(block_on(memory.thread(), join(ask, answer)), (999_000, ()));
    }

    #[test]
    fn gate_3_a_sleep_waits_for_all_that_the_tasks_wait_for() {
        // GATE-3, GATE-6
        let memory = TestThread::new(4);
        let clock = memory.run_clock(1000);
        let (_out, mut first, first_port) = open_pair(&memory, 0);
        let (mut full, _in, second_port) = open_pair(&memory, 2);
        full.send_batch(&[One { a: 0 }; 4]).unwrap();
        let thread = memory.thread();
        let tasks = join3(
            async { first.recv_async().await.unwrap().a },
            async { full.send_async(One { a: 1 }).await.unwrap() },
            async {
                sleep(thread, Duration::from_micros(100)).await;
                let request = memory.request();
                let seen = request.conditions[..request.count as usize].iter();
                let seen: Vec<_> = seen.map(|one| (one.kind, one.index, one.value)).collect();
                assert_eq!(seen, [(WAIT_PEER, 1, 0), (WAIT_PEER, 2, 0)]);
                assert!(request.deadline_ns <= 100_000);
                first_port.word(0, 0).store(7, Relaxed);
                first_port.produced.store(1, Release);
                second_port.consumed.store(1, Release);
            },
        );
        assert_eq!(block_on(thread, tasks), (7, (), ()));
        assert_eq!(second_port.produced.load(Relaxed), 5);
        drop(clock);
    }

    #[test]
    fn a_timer_is_not_kept_waiting_by_a_busy_task() {
        let memory = TestThread::new(2);
        let clock = memory.run_clock(1000);
        let (mut output, mut input, _) = open_pair(&memory, 0);
        let busy = async {
            loop {
                output.send_async(One { a: 1 }).await.unwrap();
                input.recv_async().await.unwrap();
            }
        };
        let timed = timeout(memory.thread(), Duration::from_micros(50), busy);
        assert_eq!(block_on(memory.thread(), timed), None::<()>);
        drop(clock);
    }

    #[test]
    fn end_6_a_task_hears_of_its_peers_end() {
        // END-6
        let memory = TestThread::new(2);
        let (mut output, mut input, _port) = open_pair(&memory, 0);
        output.send(One { a: 1 }).unwrap();
        memory.set(1, |binding| binding.state = STATE_CLOSED);
        let task = async { [input.recv_async().await, input.recv_async().await] };
        let expected = [Ok(One { a: 1 }), Err(RecvError::Closed)];
        assert_eq!(block_on(memory.thread(), task), expected);
    }

    #[test]
    fn bytes_flow_between_tasks() {
        let (memory, port) = (TestThread::new(2), TestPort::new(16, 2));
        port.bind(&memory, 0, false, 2);
        port.bind(&memory, 1, true, 2);
        // SAFETY: the bindings are as the types say, each opened once.
        let mut writer = unsafe { ByteWriter::open(memory.thread(), 0) };
        // SAFETY: as above.
        let mut reader = unsafe { ByteReader::open(memory.thread(), 1) };
        let write = async { writer.write_async(&[b'x'; 100]).await.unwrap() };
        let read = async {
            let (mut count, mut buffer) = (0, [0; 5]);
            while count < 100 {
                count += reader.read_async(&mut buffer).await.unwrap();
            }
            count
        };
        assert_eq!(block_on(memory.thread(), join(write, read)), ((), 100));
    }

    #[test]
    fn futures_of_others_work_by_their_wakers() {
        let memory = TestThread::new(0);
        let thread = memory.thread();
        let (value, waker) = (RefCell::new(None), RefCell::new(None::<Waker>));
        let take = core::future::poll_fn(|context| {
            *waker.borrow_mut() = Some(context.waker().clone());
            value.borrow_mut().take().map_or(Poll::Pending, Poll::Ready)
        });
        let give = async {
            super::yield_now().await;
            *value.borrow_mut() = Some(5);
            waker.borrow_mut().take().unwrap().wake();
        };
        assert_eq!(block_on(thread, join4(take, give, async {}, async {})).0, 5);
        let word = AtomicU32::new(0);
        let change = async {
            super::yield_now().await;
            word.store(1, Relaxed);
        };
        block_on(thread, join(changed(thread, &word, 0), change));
        let both = race(async { 1 }, async { 2 });
        assert_eq!(block_on(thread, both), First::A(1));
        assert_eq!(block_on(thread, join_all([1, 2, 3].map(async |a| 2 * a))), [2, 4, 6]);
    }

    #[test]
    fn a_word_that_is_gone_is_not_looked_at() {
        // The loser of a race is dropped, and its word with it, in the round in which it waited. Miri
        // says whether it is loaded from after that.
        let memory = TestThread::new(2);
        let (mut output, mut input, _) = open_pair(&memory, 0);
        let thread = memory.thread();
        let wait = async {
            let word = std::boxed::Box::new(AtomicU32::new(0));
            let quick = core::future::poll_fn(|_| Poll::Ready(()));
            assert_eq!(race(changed(thread, &word, 0), quick).await, First::B(()));
            drop(word);
            input.recv_async().await.unwrap().a
        };
        let send = async {
            super::yield_now().await;
            super::yield_now().await;
            sleep(thread, Duration::ZERO).await;
            output.send_async(One { a: 3 }).await.unwrap();
        };
        assert_eq!(block_on(thread, join(wait, send)), (3, ()));
    }

    #[test]
    fn what_can_never_come_is_a_panic() {
        let memory = TestThread::new(0);
        let never = || block_on(memory.thread(), core::future::pending::<()>());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(never)).is_err());
    }
}
