//! The small systems whose Ports become asynchronous, and synchronous again.

use oro_kernel::Owner;

use crate::program::{
    Ending, Op, Program, System, Value, by, consumer, load, log_of, producer, store,
};

/// Sends each message when there is room, in the mode that its binding says, and waits at its gate.
pub(crate) fn live_source(port: u32, count: u8, ahead: u64) -> Program {
    Program::Ops(live_sends(port, count, ahead))
}

pub(crate) fn live_sends(port: u32, count: u8, ahead: u64) -> Vec<Op> {
    let end = producer(port);
    let one = |number: u8| {
        let slot = u64::from(number) - 1;
        let mut ops = vec![Op::Await { end, slot, ahead }];
        ops.extend(store(end, slot, Value::Constant(number)));
        ops.push(Op::Advance { end, count: slot + 1 });
        ops
    };
    (1..=count).flat_map(one).collect()
}

pub(crate) fn live_receive(port: u32, slot: u64) -> Vec<Op> {
    let end = consumer(port);
    let mut ops = vec![Op::Await { end, slot, ahead: 0 }];
    ops.extend(load(end, slot, 0));
    ops
}

pub(crate) fn live_sink(port: u32, count: u64) -> Program {
    let end = consumer(port);
    let mut ops: Vec<Op> = (0..count)
        .flat_map(|slot| {
            let mut ops = live_receive(port, slot);
            ops.push(Op::Advance { end, count: slot + 1 });
            ops
        })
        .collect();
    ops.push(Op::Await { end, slot: count, ahead: 0 });
    Program::Ops(ops)
}

fn live_filter(from: u32, to: u32, add: u8, count: u64) -> Program {
    let ops = (0..count).flat_map(|slot| {
        let mut ops = live_receive(from, slot);
        ops.push(Op::Await { end: producer(to), slot, ahead: 0 });
        ops.extend(store(producer(to), slot, Value::Sum(0, add)));
        ops.push(Op::Advance { end: producer(to), count: slot + 1 });
        ops.push(Op::Advance { end: consumer(from), count: slot + 1 });
        ops
    });
    Program::Ops(ops.collect())
}

pub(crate) fn live_pair(slot_count: u32, count: u8) -> System {
    System::naive(
        "asynchronous pair",
        vec![live_source(0, count, 0), live_sink(0, u64::from(count))],
    )
    .managed(&[0, 1])
    .wire(slot_count, by(0), by(1))
    .upgrades(1, 0)
    .without_repeats()
}

/// Systems whose Ports become asynchronous, and synchronous again.
pub(crate) fn asynchronous_systems() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2, 4] {
        let count = if slot_count == 4 { 5 } else { 3 };
        // In one of them every fault is also reported again at any point; it would be a multiple of
        // the states in each.
        let mut plain = live_pair(slot_count, count).expect_log(1, &log_of(1..=count));
        plain.repeats = slot_count == 1;
        systems.push(plain);
        let mut flipped = live_pair(slot_count, count).upgrades(1, 2);
        flipped.name = "flipped pair";
        systems.push(flipped.expect_log(1, &log_of(1..=count)));
        let mut killed = live_pair(slot_count, 3).upgrades(1, 1).kill(0, false);
        killed.name = "killed producer";
        systems.push(killed);
        let mut killed = live_pair(slot_count, 3).upgrades(1, 1).kill(1, true);
        killed.name = "killed consumer";
        systems.push(killed);
        let mut restarted = live_pair(slot_count, 3).upgrades(1, 0).kill_and_restart(1, 1);
        restarted.name = "restarted consumer";
        systems.push(restarted.ends(Ending::Either));
        systems.extend(live_built_ins(slot_count));
    }
    let mut ahead = System::naive("half of the queue", vec![live_source(0, 5, 1), live_sink(0, 5)])
        .managed(&[0, 1])
        .wire(4, by(0), by(1))
        .upgrades(1, 0)
        .expect_log(1, &log_of(1..=5));
    ahead.repeats = false;
    systems.push(ahead);
    systems.push(live_chain());
    // Every message both ways, and flips where the mode is earned at once: both in one system would be
    // half a million states.
    systems.push(live_rpc(3, 1, 0));
    systems.push(live_rpc(2, 0, 1));
    systems
}

/// Between built-in ends.
fn live_built_ins(slot_count: u32) -> Vec<System> {
    let mut from = System::naive("from a built-in end", vec![live_sink(0, 4)])
        .managed(&[0])
        .wire(slot_count, Owner::Kernel, by(0))
        .upgrades(1, 2)
        .without_repeats()
        .expect_log(0, &log_of(1..=4));
    from.kernel_message_count = 4;
    let to = System::naive("to a built-in end", vec![live_source(0, 4, 0)])
        .managed(&[0])
        .wire(slot_count, by(0), Owner::Kernel)
        .upgrades(1, 2)
        .without_repeats()
        .expect_kernel_log(0, &[1, 2, 3, 4]);
    vec![from, to]
}

fn live_chain() -> System {
    let mut system = System::naive(
        "asynchronous chain",
        vec![live_source(0, 2, 0), live_filter(0, 1, 10, 2), live_sink(1, 2)],
    )
    .managed(&[0, 1, 2])
    .wire(1, by(0), by(1))
    .wire(1, by(1), by(2))
    .upgrades(1, 0)
    .expect_log(2, &log_of(11..=12));
    system.repeats = false;
    system
}

/// Both sides sleep at each message.
fn live_rpc(count: u8, threshold: u32, flip_budget: u8) -> System {
    let client = (0..u64::from(count)).flat_map(|slot| {
        let number = u8::try_from(slot).expect("few") + 1;
        let mut ops = vec![Op::Await { end: producer(0), slot, ahead: 0 }];
        ops.extend(store(producer(0), slot, Value::Constant(number)));
        ops.push(Op::Advance { end: producer(0), count: slot + 1 });
        ops.extend(live_receive(1, slot));
        ops.push(Op::Advance { end: consumer(1), count: slot + 1 });
        ops
    });
    let mut system = System::naive(
        "asynchronous request and reply",
        vec![Program::Ops(client.collect()), live_filter(0, 1, 50, u64::from(count))],
    )
    .managed(&[0, 1])
    .wire(1, by(0), by(1))
    .wire(1, by(1), by(0))
    .upgrades(threshold, flip_budget)
    .expect_log(0, &log_of(51..=50 + count));
    system.repeats = false;
    system
}

/// A thread that earns the asynchronous mode, and then does whatever it likes.
pub(crate) fn turncoat_systems() -> Vec<System> {
    let mut systems = vec![
        // One slot is the largest, as everybody sleeps at each message: what the thread does is split.
        turncoat(1, 2, live_sink(0, 3)).upgrades(1, 0),
        turncoat(1, 1, live_sink(0, 3)).upgrades(1, 1),
        turncoat(2, 2, live_sink(0, 3)).upgrades(1, 1),
    ];
    for (slot_count, budget) in [(1, 2), (2, 3)] {
        let mut system = System::naive(
            "hostile to a built-in end",
            vec![Program::Turncoat(live_sends(0, 2, 0), budget)],
        )
        .managed(&[0])
        .wire(slot_count, by(0), Owner::Kernel)
        .upgrades(1, 1)
        .hostile(0)
        .ends(Ending::Either);
        system.repeats = false;
        systems.push(system);
    }
    systems
}

fn turncoat(slot_count: u32, budget: u8, sink: Program) -> System {
    System::naive(
        "a producer that turns hostile",
        vec![Program::Turncoat(live_sends(0, 2, 0), budget), sink],
    )
    .managed(&[0, 1])
    .wire(slot_count, by(0), by(1))
    .hostile(0)
    .ends(Ending::Either)
    .without_repeats()
}
