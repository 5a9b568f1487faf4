//! The small systems that are explored, of naive threads and of managed ones in synchronous mode. The
//! others are in `live_systems.rs`.

use oro_kernel::{Owner, Restart, RestartOn};

use crate::program::{
    Ending, Op, Place, Program, System, Value, by, consumer, filter, load, log_of, producer, sink,
    source, store,
};

/// Systems of naive threads whose consumers do not end before their producers: each has one outcome
/// (`NAIVE-10`).
pub(crate) fn naive_systems() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2, 4] {
        systems.push(
            System::naive("pair", vec![source(0, 5), sink(0, 6)])
                .wire(slot_count, by(0), by(1))
                .expect_log(1, &log_of(1..=5)),
        );
        systems.push(
            System::naive("filter chain", vec![source(0, 3), filter(0, 1, 10, 4), sink(1, 4)])
                .wire(slot_count, by(0), by(1))
                .wire(slot_count, by(1), by(2))
                .expect_log(2, &log_of(11..=13)),
        );
        systems.push(rpc(slot_count));
        systems.push(tee(slot_count));
        systems.push(gather(slot_count));
        systems.push(built_in(slot_count));
        systems.push(read_before_write(slot_count));
        systems.push(threads_of_one_instance(slot_count));
        systems.push(diamond(slot_count));
    }
    systems.push(long_chain());
    systems.push(to_oneself(2).ends(Ending::Finishes));
    systems.push(to_oneself(1).ends(Ending::Deadlocks));
    systems
}

/// A client asks and waits for each answer: its question commits when it touches the answer.
fn rpc(slot_count: u32) -> System {
    let client = (0..3).flat_map(|slot| {
        let number = u8::try_from(slot).expect("few") + 1;
        let mut ops = store(producer(0), slot, Value::Constant(number));
        ops.extend(load(consumer(1), slot, 0));
        ops
    });
    System::naive("request and reply", vec![Program::Ops(client.collect()), filter(0, 1, 50, 4)])
        .wire(slot_count, by(0), by(1))
        .wire(slot_count, by(1), by(0))
        .expect_log(0, &log_of(51..=53))
        .expect_log(1, &log_of(1..=3))
}

/// One input, every message to both outputs.
fn tee(slot_count: u32) -> System {
    let ops = (0..3).flat_map(|slot| {
        let mut ops = load(consumer(0), slot, 0);
        ops.extend(store(producer(1), slot, Value::Sum(0, 10)));
        ops.extend(store(producer(2), slot, Value::Sum(0, 20)));
        ops
    });
    let programs = vec![source(0, 2), Program::Ops(ops.collect()), sink(1, 3), sink(2, 3)];
    System::naive("tee", programs)
        .wire(slot_count, by(0), by(1))
        .wire(slot_count, by(1), by(2))
        .wire(slot_count, by(1), by(3))
        .expect_log(2, &log_of(11..=12))
        .expect_log(3, &log_of(21..=22))
}

/// Two inputs in turn, the sums to one output; both snapshots are read after both touches.
fn gather(slot_count: u32) -> System {
    let ops = (0..3).flat_map(|slot| {
        let mut ops = load(consumer(0), slot, 0);
        ops.extend(load(consumer(1), slot, 1));
        ops.extend(load(consumer(0), slot, 0));
        ops.extend(store(producer(2), slot, Value::Sum(0, 0)));
        ops.extend(load(consumer(1), slot, 1));
        ops
    });
    let programs = vec![source(0, 2), source(1, 2), Program::Ops(ops.collect()), sink(2, 3)];
    System::naive("gather", programs)
        .wire(slot_count, by(0), by(2))
        .wire(slot_count, by(1), by(2))
        .wire(slot_count, by(2), by(3))
        .expect_log(3, &log_of(1..=2))
}

/// From a built-in instance, through a filter, to a built-in instance.
fn built_in(slot_count: u32) -> System {
    let mut system = System::naive("between built-in ends", vec![filter(0, 1, 10, 5)])
        .wire(slot_count, Owner::Kernel, by(0))
        .wire(slot_count, by(0), Owner::Kernel)
        .expect_log(0, &log_of(1..=4))
        .expect_kernel_log(1, &[11, 12, 13, 14]);
    system.kernel_message_count = 4;
    system
}

/// Both wait for the other's first message: one outcome, a deadlock (`SYS-8`).
fn read_before_write(slot_count: u32) -> System {
    System::naive("both read first", vec![filter(0, 1, 1, 2), filter(1, 0, 1, 2)])
        .wire(slot_count, by(1), by(0))
        .wire(slot_count, by(0), by(1))
        .ends(Ending::Deadlocks)
}

/// Three threads of one instance; the instance ends with the last, with the first status that is
/// not zero in entry order (`END-4`).
fn threads_of_one_instance(slot_count: u32) -> System {
    let end_with = |program, status| match program {
        Program::Ops(mut ops) => {
            ops.push(Op::Return(status));
            Program::Ops(ops)
        }
        Program::Chaos(_) | Program::Turncoat(..) => unreachable!("not here"),
    };
    let programs =
        vec![end_with(source(0, 2), 0), end_with(filter(0, 1, 10, 2), 4), end_with(sink(1, 2), 3)];
    System::naive("three threads", programs)
        .join(1, 0)
        .join(2, 0)
        .wire(slot_count, by(0), by(1))
        .wire(slot_count, by(1), by(2))
        .expect_log(2, &log_of(11..=12))
}

/// A tee whose outputs are gathered again.
fn diamond(slot_count: u32) -> System {
    let tee = (0..2).flat_map(|slot| {
        let number = u8::try_from(slot).expect("few") + 1;
        let mut ops = store(producer(0), slot, Value::Constant(number));
        ops.extend(store(producer(1), slot, Value::Constant(number + 10)));
        ops
    });
    let gather = (0..3).flat_map(|slot| {
        let mut ops = load(consumer(0), slot, 0);
        ops.extend(load(consumer(1), slot, 1));
        ops
    });
    System::naive("diamond", vec![Program::Ops(tee.collect()), Program::Ops(gather.collect())])
        .wire(slot_count, by(0), by(1))
        .wire(slot_count, by(0), by(1))
        .expect_log(1, &[1, 101, 11, 111, 2, 102, 12, 112])
}

fn long_chain() -> System {
    let programs = vec![source(0, 2), filter(0, 1, 10, 3), filter(1, 2, 10, 3), sink(2, 3)];
    System::naive("long chain", programs)
        .wire(1, by(0), by(1))
        .wire(1, by(1), by(2))
        .wire(1, by(2), by(3))
        .expect_log(3, &log_of(21..=22))
}

/// A Port from a thread to itself: two messages ahead need two slots.
fn to_oneself(slot_count: u32) -> System {
    let mut ops = store(producer(0), 0, Value::Constant(1));
    ops.extend(store(producer(0), 1, Value::Constant(2)));
    ops.extend(load(consumer(0), 0, 0));
    ops.extend(load(consumer(0), 1, 0));
    System::naive("to oneself", vec![Program::Ops(ops)]).wire(slot_count, by(0), by(0))
}

/// Filters with one input and one output that are killed at any point and restarted (`NAIVE-11`).
pub(crate) fn restarted_filters() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2, 4] {
        systems.push(
            System::naive("killed filter", vec![source(0, 3), filter(0, 1, 10, 4), sink(1, 4)])
                .wire(slot_count, by(0), by(1))
                .wire(slot_count, by(1), by(2))
                .kill_and_restart(1, 3)
                .expect_log(2, &log_of(11..=13)),
        );
        let mut system = System::naive("killed filter, built-in ends", vec![filter(0, 1, 10, 5)])
            .wire(slot_count, Owner::Kernel, by(0))
            .wire(slot_count, by(0), Owner::Kernel)
            .kill_and_restart(0, 4)
            .expect_kernel_log(1, &[11, 12, 13, 14]);
        system.kernel_message_count = 4;
        systems.push(system);
        let mut two = System::naive(
            "two killed filters",
            vec![source(0, 2), filter(0, 1, 10, 3), filter(1, 2, 10, 3), sink(2, 3)],
        )
        .wire(slot_count, by(0), by(1))
        .wire(slot_count, by(1), by(2))
        .wire(slot_count, by(2), by(3))
        .kill_and_restart(1, 2)
        .kill_and_restart(2, 2)
        .expect_log(3, &log_of(21..=22));
        two.repeats = false;
        systems.push(two);
        systems.extend([restarted_always(slot_count), restarted_late(slot_count)]);
    }
    systems
}

/// A filter that is restarted whatever ends it (`END-10`): its own end closes nothing before the last.
fn restarted_always(slot_count: u32) -> System {
    let programs = vec![source(0, 2), filter(0, 1, 10, 3), sink(1, 3)];
    let mut system = System::naive("restarted always", programs)
        .wire(slot_count, by(0), by(1))
        .wire(slot_count, by(1), by(2))
        .kill_and_restart(1, 1)
        .expect_log(2, &log_of(11..=12));
    system.setup.instances[1].restart.on = RestartOn::Always;
    system.setup.instances[1].restart.max = 2;
    system
}

/// With a delay, in rows, and perhaps without a replacement (`END-11`).
fn restarted_late(slot_count: u32) -> System {
    let programs = vec![source(0, 2), filter(0, 1, 10, 3), sink(1, 3)];
    let mut system = System::naive("restarted late", programs)
        .wire(slot_count, by(0), by(1))
        .wire(slot_count, by(1), by(2))
        .kill_and_restart(1, 2)
        .ends(Ending::Either);
    system.setup.instances[1].restart =
        Restart { on: RestartOn::Fault, max: 1, within_ns: 9, backoff_ns: 1 };
    system.fails_to_restart = true;
    system.repeats = false;
    system
}

/// Systems with managed threads.
pub(crate) fn managed_systems() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2, 4] {
        let pair = || {
            System::naive("managed pair", vec![managed_source(0, 4), managed_sink(0, 4)])
                .managed(&[0, 1])
                .wire(slot_count, by(0), by(1))
        };
        systems.push(pair().expect_log(1, &log_of(1..=4)));
        systems.push(
            System::naive("managed to naive", vec![managed_source(0, 4), sink(0, 5)])
                .managed(&[0])
                .wire(slot_count, by(0), by(1))
                .expect_log(1, &log_of(1..=4)),
        );
        systems.push(
            System::naive("naive to managed", vec![source(0, 4), managed_sink(0, 4)])
                .managed(&[1])
                .wire(slot_count, by(0), by(1))
                .expect_log(1, &log_of(1..=4)),
        );
        systems.push(managed_filter(slot_count).expect_log(2, &log_of(11..=13)));
        systems.push(pair().kill(0, false));
        systems.push(pair().kill(1, true));
        systems.push(managed_filter(slot_count).kill(1, false));
        // A managed filter that dies between its two cursor stores answers twice: at least once,
        // never lost. What its sink sees is checked message by message.
        systems.push(managed_filter(slot_count).kill_and_restart(1, 2));
        systems.push(untouched(slot_count));
        systems.push(
            System::naive("held at return", vec![held_at_return(), managed_sink(0, 2)])
                .managed(&[0, 1])
                .wire(slot_count, by(0), by(1))
                .expect_log(1, &log_of(1..=1)),
        );
        systems.push(read_before_write(slot_count).managed(&[0, 1]));
    }
    systems
}

/// Commits each message by its cursor; returns when its peer has ended.
pub(crate) fn managed_source(port: u32, count: u8) -> Program {
    let one = |number: u8| {
        let slot = u64::from(number) - 1;
        let mut ops = store(producer(port), slot, Value::Constant(number));
        ops.push(Op::ReturnIfEnded { end: producer(port) });
        ops.push(Op::Advance { end: producer(port), count: slot + 1 });
        ops
    };
    Program::Ops((1..=count).flat_map(one).collect())
}

/// Releases each message by its cursor: waits by touching, then looks whether its peer has ended.
pub(crate) fn managed_sink(port: u32, count: u64) -> Program {
    let one = |slot| {
        let mut ops = receive(port, slot);
        ops.push(Op::Advance { end: consumer(port), count: slot + 1 });
        ops
    };
    let mut ops: Vec<Op> = (0..count).flat_map(one).collect();
    ops.extend(receive(port, count));
    Program::Ops(ops)
}

/// Waits for a message and loads it; returns if there will be none (`MAN-3`).
fn receive(port: u32, slot: u64) -> Vec<Op> {
    let end = consumer(port);
    let mut ops =
        vec![Op::Touch { end, place: Place::Slot(slot) }, Op::ReturnIfDrained { end, count: slot }];
    ops.extend(load(end, slot, 0));
    ops
}

pub(crate) fn managed_filter(slot_count: u32) -> System {
    let mut ops = Vec::new();
    for slot in 0..3 {
        ops.extend(receive(0, slot));
        ops.extend(store(producer(1), slot, Value::Sum(0, 10)));
        ops.push(Op::Advance { end: producer(1), count: slot + 1 });
        ops.push(Op::Advance { end: consumer(0), count: slot + 1 });
    }
    System::naive("managed filter", vec![source(0, 3), Program::Ops(ops), sink(1, 9)])
        .managed(&[1])
        .wire(slot_count, by(0), by(1))
        .wire(slot_count, by(1), by(2))
}

/// Commits and releases without touching: zeros travel (`MAN-6`).
fn untouched(slot_count: u32) -> System {
    let mut skipping = vec![Op::Advance { end: producer(0), count: 1 }];
    skipping.extend(store(producer(0), 1, Value::Constant(2)));
    skipping.push(Op::Advance { end: producer(0), count: 2 });
    let mut system =
        System::naive("untouched slots", vec![Program::Ops(skipping), managed_sink(0, 2)])
            .managed(&[0, 1])
            .wire(slot_count, by(0), by(1))
            .expect_log(1, &[0, 0, 2, 102]);
    if slot_count == 1 {
        // The second message waits for room by a touch: MAN-2.
        system.name = "untouched slots, one at a time";
    }
    system
}

/// Returns with a slot that it has filled and not committed (`MAN-7`).
fn held_at_return() -> Program {
    let mut ops = store(producer(0), 0, Value::Constant(1));
    ops.push(Op::Advance { end: producer(0), count: 1 });
    ops.extend(store(producer(0), 1, Value::Constant(2)));
    Program::Ops(ops)
}

/// Ends in the middle of things: kills, failures, consumers that leave.
pub(crate) fn ending_systems() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2] {
        let chain = || {
            System::naive("chain", vec![source(0, 3), filter(0, 1, 10, 4), sink(1, 4)])
                .wire(slot_count, by(0), by(1))
                .wire(slot_count, by(1), by(2))
        };
        systems.extend((0..3).map(|instance| chain().kill(instance, instance == 1)));
        let mut failing = System::naive("a full disk", vec![source(0, 4)])
            .wire(slot_count, by(0), Owner::Kernel)
            .expect_kernel_log(0, &[1, 2]);
        failing.kernel_fails_after = Some(2);
        systems.push(failing);
        systems.push(System::naive("a sink that leaves", vec![source(0, 5), sink(0, 2)]).wire(
            slot_count,
            by(0),
            by(1),
        ));
        systems.push(exit_of_an_instance(slot_count));
        systems.push(ended_before_the_fault(slot_count));
        systems.push(killed_while_restarting(slot_count));
    }
    systems
}

/// One thread ends the instance while the other is anywhere: what the other holds is discarded,
/// what the toucher holds is committed (`END-3`).
fn exit_of_an_instance(slot_count: u32) -> System {
    let mut ops = store(producer(0), 0, Value::Constant(1));
    ops.push(Op::ExitInstance(9));
    System::naive(
        "exit of an instance",
        vec![Program::Ops(ops), source(1, 2), sink(0, 2), sink(1, 3)],
    )
    .join(1, 0)
    .join(2, 1)
    .join(3, 2)
    .wire(slot_count, by(0), by(2))
    .wire(slot_count, by(1), by(3))
    .expect_log(2, &log_of(1..=1))
}

/// An instance of which one thread has ended by itself is not restarted (`END-7`).
fn ended_before_the_fault(slot_count: u32) -> System {
    System::naive(
        "ended before the fault",
        vec![source(0, 1), source(1, 3), sink(0, 2), sink(1, 4)],
    )
    .join(1, 0)
    .join(2, 1)
    .join(3, 2)
    .wire(slot_count, by(0), by(2))
    .wire(slot_count, by(1), by(3))
    .kill_and_restart(0, 1)
}

/// Killed for good, perhaps while its replacement is awaited.
fn killed_while_restarting(slot_count: u32) -> System {
    let trap = Program::Ops(vec![
        Op::Load { end: consumer(0), place: Place::Slot(0), part: 0, register: 0 },
        Op::Trap,
    ]);
    let mut system = System::naive("killed while restarting", vec![source(0, 2), trap])
        .wire(slot_count, by(0), by(1))
        .hostile(1)
        .kill(1, true);
    system.setup.instances[1].restart = Restart::after_faults(1);
    system
}

/// One thread does whatever it likes, beside threads that keep the rules.
pub(crate) fn hostile_systems() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2] {
        for managed in [&[][..], &[0], &[1], &[0, 1]] {
            let honest_sink = if managed.contains(&1) { managed_sink(0, 3) } else { sink(0, 5) };
            systems.push(
                System::naive("hostile producer", vec![Program::Chaos(5), honest_sink])
                    .managed(managed)
                    .wire(slot_count, by(0), by(1))
                    .hostile(0),
            );
            let honest_source =
                if managed.contains(&0) { managed_source(0, 3) } else { source(0, 3) };
            systems.push(
                System::naive("hostile consumer", vec![honest_source, Program::Chaos(5)])
                    .managed(managed)
                    .wire(slot_count, by(0), by(1))
                    .hostile(1),
            );
        }
        for managed in [&[][..], &[1]] {
            let mut system =
                System::naive("hostile filter", vec![source(0, 2), Program::Chaos(4), sink(1, 4)])
                    .managed(managed)
                    .wire(slot_count, by(0), by(1))
                    .wire(slot_count, by(1), by(2))
                    .hostile(1)
                    .ends(Ending::Either);
            system.repeats = false;
            systems.push(system);
        }
        systems.push(
            System::naive("hostile at both ends", vec![Program::Chaos(3), Program::Chaos(3)])
                .managed(&[0, 1])
                .wire(slot_count, by(0), by(1))
                .hostile(0)
                .hostile(1),
        );
    }
    systems
}

/// Two producers that hand a message over by touching another Port, then store to it again: the
/// mistake that `WrongCell::was_handed_over` explains.
pub(crate) fn two_outputs_field_by_field() -> System {
    let place = Place::Slot(0);
    let value = Value::Constant(1);
    let ops = vec![
        Op::Store { end: producer(0), place, part: 0, value },
        Op::Store { end: producer(1), place, part: 0, value },
        Op::Store { end: producer(0), place, part: 1, value },
    ];
    System::naive("two outputs, field by field", vec![Program::Ops(ops), sink(0, 2), sink(1, 2)])
        .wire(1, by(0), by(1))
        .wire(1, by(0), by(2))
        .hostile(0)
}

/// A producer of two Ports, one of whose consumers leaves early: how far the other gets depends on
/// who is faster. That is the limit of `NAIVE-10`.
pub(crate) fn consumer_that_leaves() -> System {
    let ops = (0..4).flat_map(|slot| {
        let number = u8::try_from(slot).expect("few") + 1;
        let mut ops = store(producer(0), slot, Value::Constant(number));
        ops.extend(store(producer(1), slot, Value::Constant(number)));
        ops
    });
    System::naive(
        "a consumer that leaves",
        vec![Program::Ops(ops.collect()), sink(0, 1), sink(1, 5)],
    )
    .wire(2, by(0), by(1))
    .wire(2, by(0), by(2))
}
