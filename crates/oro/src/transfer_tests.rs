//! Tests of [`Consumer`] and [`Producer`] over memory that a test controls, in both modes.

use crate::test_memory::{TestPort, TestThread};
use crate::{Consumer, End, PeerMisbehaved, Producer, RecvError, SendErrorKind, TryRecvError};
use core::sync::atomic::Ordering::Relaxed;
use oro_sysabi::{MODE_SYNCHRONOUS, STATE_CLOSED, STATE_FAULTED, STATE_FOREIGN, STATE_REVOKED};

crate::message! { "demo.pair.v1" struct Pair { a: u64, b: u64 } }

fn open_consumer(port: &TestPort) -> (TestThread, Consumer<Pair>) {
    let memory = TestThread::new(1);
    port.bind(&memory, 0, true, 4);
    // SAFETY: binding 0 is a consumer of this size, opened once.
    let end = unsafe { Consumer::open(memory.thread(), 0) };
    (memory, end)
}

fn open_producer(port: &TestPort) -> (TestThread, Producer<Pair>) {
    let memory = TestThread::new(1);
    port.bind(&memory, 0, false, 4);
    // SAFETY: binding 0 is a producer of this size, opened once.
    let end = unsafe { Producer::open(memory.thread(), 0) };
    (memory, end)
}

#[test]
fn man_5_one_store_of_the_own_cursor_for_each_message() {
    // MAN-5, MAN-6
    let port = TestPort::new(16, 4);
    let (_a, mut output) = open_producer(&port);
    let (_b, mut input) = open_consumer(&port);
    assert_eq!(input.try_recv(), Err(TryRecvError::Empty));
    for n in 0..4 {
        assert_eq!(output.available(), Ok(4 - n));
        assert_eq!(output.try_send(Pair { a: n, b: !n }), Ok(()));
        assert_eq!(port.produced.load(Relaxed), n + 1);
    }
    let refused = output.try_send(Pair { a: 4, b: 4 }).unwrap_err();
    assert_eq!((refused.kind, refused.message.a), (SendErrorKind::Full, 4));
    for n in 0..4 {
        assert_eq!(input.available(), Ok(4 - n));
        assert_eq!(input.recv(), Ok(Pair { a: n, b: !n }));
        assert_eq!(port.consumed.load(Relaxed), n + 1);
    }
    assert_eq!(input.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(output.send(Pair { a: 4, b: 4 }), Ok(()));
}

#[test]
fn end_6_what_was_committed_stays_readable_after_the_end() {
    // END-6
    for state in [STATE_CLOSED, STATE_FAULTED] {
        let port = TestPort::new(16, 4);
        let (producer_memory, mut output) = open_producer(&port);
        let (consumer_memory, mut input) = open_consumer(&port);
        output.send(Pair { a: 1, b: 2 }).unwrap();
        consumer_memory.set(0, |binding| binding.state = state);
        assert_eq!(input.recv(), Ok(Pair { a: 1, b: 2 }));
        assert_eq!(input.recv(), Err(RecvError::Closed));
        assert_eq!(input.try_recv(), Err(TryRecvError::Closed));
        producer_memory.set(0, |binding| binding.state = state);
        let refused = output.send(Pair { a: 3, b: 4 }).unwrap_err();
        assert_eq!((refused.kind, refused.message), (SendErrorKind::Closed, Pair { a: 3, b: 4 }));
        assert_eq!(port.produced.load(Relaxed), 1);
    }
}

/// What the cursors say of a Port that was revoked is not there any more: zeros are not taken for messages.
#[test]
fn end_13_nothing_is_received_of_a_revoked_port() {
    for state in [STATE_REVOKED, STATE_FOREIGN] {
        let port = TestPort::new(16, 4);
        let (_memory, mut output) = open_producer(&port);
        let (memory, mut input) = open_consumer(&port);
        memory.set(0, |binding| binding.mode = MODE_SYNCHRONOUS);
        for n in 0..4 {
            output.send(Pair { a: n, b: 0 }).unwrap();
        }
        assert_eq!(input.available(), Ok(4));
        assert_eq!(input.recv(), Ok(Pair { a: 0, b: 0 }));
        memory.set(0, |binding| binding.state = state);
        assert_eq!(input.recv(), Err(RecvError::Closed));
        assert_eq!(input.try_peek().err(), Some(TryRecvError::Closed));
        assert_eq!(input.try_recv_batch(&mut [Pair { a: 9, b: 9 }; 2]), Err(TryRecvError::Closed));
        assert_eq!(port.consumed.load(Relaxed), 1);
    }
}

#[test]
fn bind_4_impossible_cursors_are_the_peers_misbehaviour() {
    // BIND-4, PORT-8
    for (own, good, bad) in [(10, 12, 17), (10, 12, 9), (10, 12, 11), (10, 12, u64::MAX)] {
        let port = TestPort::new(16, 4);
        port.consumed.store(own, Relaxed);
        let (_memory, mut input) = open_consumer(&port);
        port.produced.store(good, Relaxed);
        assert_eq!(input.available(), Ok(good - own));
        port.produced.store(bad, Relaxed);
        assert_eq!(input.available(), Err(PeerMisbehaved), "{bad}");
        // What was found possible before stays, and then there is only the error.
        for _ in own..good {
            assert!(input.recv().is_ok());
        }
        let _ = input.available();
        assert_eq!(input.recv(), Err(RecvError::PeerMisbehaved), "{bad}");
        assert_eq!(input.peek().unwrap_err(), RecvError::PeerMisbehaved);
        assert_eq!(input.try_recv(), Err(TryRecvError::PeerMisbehaved));
        assert_eq!(port.consumed.load(Relaxed), good);
    }
    for (own, good, bad) in [(10, 8, 13), (10, 8, 7), (10, 8, 5), (10, 8, u64::MAX)] {
        let port = TestPort::new(16, 4);
        port.produced.store(own, Relaxed);
        let (_memory, mut output) = open_producer(&port);
        port.consumed.store(good, Relaxed);
        assert_eq!(output.available(), Ok(4 - (own - good)));
        for _ in 0..4 - (own - good) {
            output.send(Pair { a: 1, b: 1 }).unwrap();
        }
        port.consumed.store(bad, Relaxed);
        let refused = output.send(Pair { a: 1, b: 1 }).unwrap_err();
        assert_eq!(refused.kind, SendErrorKind::PeerMisbehaved, "{bad}");
        let refused = output.send_batch(&[Pair { a: 1, b: 1 }]).unwrap_err();
        assert_eq!((refused.sent, refused.kind), (0, SendErrorKind::PeerMisbehaved));
        assert_eq!(port.produced.load(Relaxed), good + 4);
    }
}

#[test]
fn two_threads_pass_every_message_once_and_in_order() {
    const COUNT: u64 = if cfg!(miri) { 100 } else { 200_000 };
    let port = TestPort::new(16, 4);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (_memory, mut output) = open_producer(&port);
            for n in 0..COUNT {
                while output.try_send(Pair { a: n, b: !n }).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        let (_memory, mut input) = open_consumer(&port);
        for n in 0..COUNT {
            let pair = loop {
                match input.try_recv() {
                    Ok(pair) => break pair,
                    Err(error) => assert_eq!(error, TryRecvError::Empty),
                }
                std::thread::yield_now();
            };
            assert_eq!(pair, Pair { a: n, b: !n });
        }
    });
    assert_eq!(port.consumed.load(Relaxed), COUNT);
}

fn pairs<const N: usize>(first: u64) -> [Pair; N] {
    core::array::from_fn(|index| Pair { a: first + index as u64, b: 7 })
}

#[test]
fn async_3_a_batch_is_one_store_up_to_the_wrap() {
    // ASYNC-1, ASYNC-3
    let port = TestPort::new(16, 4);
    port.produced.store(6, Relaxed);
    port.consumed.store(6, Relaxed);
    let (_a, mut output) = open_producer(&port);
    let (_b, mut input) = open_consumer(&port);
    // Slots 2 and 3 lie side by side, then the queue wraps.
    let mut slots = output.reserve(4).unwrap();
    assert_eq!((slots.len(), slots.is_full(), slots.is_empty()), (2, false, false));
    slots.push(Pair { a: 6, b: 7 });
    assert_eq!(port.produced.load(Relaxed), 6, "nothing before the commit");
    slots.push_in_place().write(Pair { a: 7, b: 7 });
    assert!(slots.is_full());
    assert_eq!(slots.commit(), 2);
    assert_eq!(port.produced.load(Relaxed), 8);
    output.send_batch(&pairs::<2>(8)).unwrap();
    assert_eq!(output.try_send_batch(&pairs::<2>(10)), Err(SendErrorKind::Full));
    assert_eq!(output.try_reserve(1).unwrap_err(), SendErrorKind::Full);

    let messages = input.peek().unwrap();
    assert_eq!((messages.len(), messages.is_empty()), (2, false));
    assert_eq!(messages.iter().map(|slot| slot.read().a).sum::<u64>(), 13);
    assert!(messages.get(2).is_none());
    messages.release(1);
    assert_eq!(port.consumed.load(Relaxed), 7);
    // What is not released comes again, and a batch goes on beyond the wrap.
    let mut batch = pairs::<8>(0);
    assert_eq!(input.try_recv_batch(&mut batch), Ok(3));
    assert_eq!(batch[..3], pairs::<3>(7));
    assert_eq!(port.consumed.load(Relaxed), 10);
    assert_eq!(input.try_recv_batch(&mut batch), Err(TryRecvError::Empty));
    assert_eq!(input.try_peek().unwrap_err(), TryRecvError::Empty);
    assert_eq!((input.recv_batch(&mut []), output.try_send_batch(&[])), (Ok(0), Ok(0)));
    assert_eq!(output.try_send_batch(&pairs::<8>(10)), Ok(4));
    assert_eq!(port.produced.load(Relaxed), 14);
    drop(output.try_reserve(1));
    assert_eq!(port.produced.load(Relaxed), 14);
}

#[test]
fn man_5_a_batch_is_one_slot_at_a_time_in_synchronous_mode() {
    // MAN-5: with eight slots of room, one lies in the cell.
    let (memory, port) = (TestThread::new(2), TestPort::new(16, 8));
    port.bind(&memory, 0, false, 2);
    port.bind(&memory, 1, true, 2);
    // SAFETY: the bindings are as the types say, each opened once.
    let mut output = unsafe { Producer::<Pair>::open(memory.thread(), 0) };
    // SAFETY: as above.
    let mut input = unsafe { Consumer::<Pair>::open(memory.thread(), 1) };
    assert_eq!(output.reserve(8).unwrap().len(), 1);
    output.send_batch(&pairs::<2>(0)).unwrap();
    assert_eq!(port.produced.load(Relaxed), 2);
    let messages = input.peek().unwrap();
    assert_eq!(messages.len(), 1);
    messages.release(0);
    assert_eq!(input.recv_batch(&mut pairs::<8>(0)), Ok(2));
    assert_eq!(output.send_all(pairs::<5>(0)), Ok(()));
    assert_eq!(port.produced.load(Relaxed), 7);
}

#[test]
fn mode_8_no_message_is_lost_when_the_mode_changes_between_two_stores() {
    // MODE-2, MODE-4, MODE-8: a kernel changes the binding inside a store of the own cursor, in either
    // direction; what it copies between cells and queue is played here.
    for (before, after) in [(2_u32, 8_u32), (8, 2)] {
        let (memory, cells, queue) =
            (TestThread::new(1), TestPort::new(16, 8), TestPort::new(16, 8));
        let [port, then] = if before == 2 { [cells, queue] } else { [queue, cells] };
        port.bind(&memory, 0, false, before);
        // SAFETY: the binding is as the type says, and opened once.
        let mut output = unsafe { Producer::<Pair>::open(memory.thread(), 0) };
        output.send_batch(&pairs::<3>(0)).unwrap();
        assert_eq!(port.produced.load(Relaxed), 3);
        then.produced.store(3, Relaxed);
        then.bind(&memory, 0, false, after);
        assert_eq!(output.reserve(8).unwrap().len(), if after == 2 { 1 } else { 5 });
        output.send_batch(&pairs::<2>(3)).unwrap();
        assert_eq!((port.produced.load(Relaxed), then.produced.load(Relaxed)), (3, 5));
        let slot = |n| then.word(n & u64::from(after - 1), 0).load(Relaxed);
        assert_eq!((slot(3), slot(4)), (3, 4));

        let (memory, cells, queue) =
            (TestThread::new(1), TestPort::new(16, 8), TestPort::new(16, 8));
        let [port, then] = if before == 2 { [cells, queue] } else { [queue, cells] };
        port.produced.store(5, Relaxed);
        then.produced.store(5, Relaxed);
        port.bind(&memory, 0, true, before);
        // SAFETY: as above.
        let mut input = unsafe { Consumer::<Pair>::open(memory.thread(), 0) };
        for n in 0..3 {
            port.word(n & u64::from(before - 1), 0).store(n, Relaxed);
            assert_eq!(input.recv().unwrap().a, n);
        }
        assert_eq!(port.consumed.load(Relaxed), 3);
        then.consumed.store(3, Relaxed);
        (3..5).for_each(|n| then.word(n & u64::from(after - 1), 0).store(n, Relaxed));
        then.bind(&memory, 0, true, after);
        let mut batch = pairs::<4>(90);
        assert_eq!(input.recv_batch(&mut batch), Ok(2));
        assert_eq!((batch[0].a, batch[1].a), (3, 4));
        assert_eq!((port.consumed.load(Relaxed), then.consumed.load(Relaxed)), (3, 5));
    }
}

#[test]
fn gate_6_until_a_deadline_nothing_is_lost() {
    // GATE-6
    let port = TestPort::new(16, 4);
    let (memory, mut output) = open_producer(&port);
    let clock = memory.run_clock(1000);
    output.send_batch(&pairs::<4>(0)).unwrap();
    let deadline = memory.thread().now() + core::time::Duration::from_micros(20);
    let refused = output.send_until(Pair { a: 4, b: 7 }, deadline).unwrap_err();
    assert_eq!((refused.kind, refused.message.a), (SendErrorKind::Full, 4));
    assert!(memory.thread().now() >= deadline);
    port.consumed.store(1, Relaxed);
    assert_eq!(output.send_until(refused.message, deadline), Ok(()));
    drop(clock);
    let (memory, mut input) = open_consumer(&TestPort::new(16, 4));
    memory.set_response(|response| response.now_ns = 5);
    assert_eq!(input.recv_until(crate::Instant::from_ns(5)), Err(TryRecvError::Empty));
}

#[test]
fn gate_4_both_ends_sleep_at_gates_that_wake_them_for_nothing() {
    // GATE-4: on one CPU, without a spin, every wait goes to the fake gate, which returns at once.
    const COUNT: u64 = if cfg!(miri) { 60 } else { 20_000 };
    for slot_count in [1, 2, 8] {
        let port = TestPort::new(16, slot_count);
        let open = |is_consumer| {
            let memory = TestThread::new(1);
            port.bind(&memory, 0, is_consumer, slot_count);
            memory
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let memory = open(false);
                // SAFETY: the binding is as the type says, and opened once.
                let mut output = unsafe { Producer::<Pair>::open(memory.thread(), 0) };
                for n in (0..COUNT).step_by(5) {
                    output.send_batch(&pairs::<4>(n)).unwrap();
                    output.send(Pair { a: n + 4, b: 7 }).unwrap();
                }
            });
            let memory = open(true);
            // SAFETY: as above.
            let mut input = unsafe { Consumer::<Pair>::open(memory.thread(), 0) };
            let mut next = 0;
            while next < COUNT {
                let mut batch = pairs::<3>(0);
                let count = input.recv_batch(&mut batch).unwrap();
                for pair in &batch[..count] {
                    assert_eq!(*pair, Pair { a: next, b: 7 });
                    next += 1;
                }
            }
        });
    }
}
