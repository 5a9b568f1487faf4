//! The small systems that grow while they run: instances are mounted, wired and started at any point, and
//! elements are wired again; and those in which an instance is replaced by order.

use oro_kernel::{EndpointId, Owner, Restart, RestartOn};

use crate::live_systems::{live_pair, live_receive, live_sends, live_sink, live_source};
use crate::program::{
    Act, Ending, Op, Program, System, Value, by, consumer, filter, load, log_of, new_port,
    producer, sink, source, store,
};
use crate::systems::{managed_filter, managed_sink, managed_source};

/// Both are there at the first look, or the binding is waited for.
fn await_wired(binding: u32, end: EndpointId) -> Op {
    Op::AwaitWired { binding, end }
}

fn after_wired(binding: u32, end: EndpointId, program: Program) -> Program {
    let Program::Ops(ops) = program else { unreachable!("a list of accesses") };
    Program::Ops([vec![await_wired(binding, end)], ops].concat())
}

/// A Port to or from bindings 0.
fn wire(slot_count: u32, from: Owner, to: Owner, after: [Option<EndpointId>; 2]) -> Act {
    Act::Wire { number: None, port: new_port(slot_count, from, to), bindings: [0, 0], after }
}

/// The same, with the number of another that is no more.
fn wire_again(
    number: u32,
    slot_count: u32,
    from: Owner,
    to: Owner,
    after: [Option<EndpointId>; 2],
) -> Act {
    let port = new_port(slot_count, from, to);
    Act::Wire { number: Some(number), port, bindings: [0, 0], after }
}

pub(crate) fn growing_systems() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2] {
        for managed in [&[][..], &[0], &[1], &[0, 1]] {
            systems.push(late_sink(slot_count, managed));
        }
        systems.push(rewired_sink(slot_count));
        systems.push(rewired_source(slot_count));
        systems.push(late_built_ins(slot_count));
        systems.push(late_behind_a_filter(slot_count));
        systems.push(late_behind_a_filter(slot_count).replace(1, 1));
        systems.push(late_asynchronous(slot_count));
    }
    systems.push(rewired_asynchronous());
    systems.extend([never_started(), left_unread()]);
    systems
}

/// A producer that runs before there is anybody to produce for.
fn late_sink(slot_count: u32, managed: &[usize]) -> System {
    let sends = if managed.contains(&0) { managed_source(0, 3) } else { source(0, 3) };
    let receives = if managed.contains(&1) { managed_sink(0, 3) } else { sink(0, 4) };
    let programs = vec![after_wired(0, producer(0), sends), receives];
    System::naive("a sink that comes later", programs)
        .managed(managed)
        .begins_with(1)
        .act(Act::Mount(vec![managed.contains(&1)]))
        .act(wire(slot_count, by(0), by(1), [None, None]))
        .act(Act::Start(1))
        .expect_log(1, &log_of(1..=3))
}

/// A consumer whose element is wired to a second producer once the first has ended.
fn rewired_sink(slot_count: u32) -> System {
    let mut ops = vec![await_wired(0, consumer(0))];
    for port in [0, 1] {
        for slot in 0..2 {
            ops.extend(load(consumer(port), slot, 0));
            ops.push(Op::Advance { end: consumer(port), count: slot + 1 });
        }
        if port == 0 {
            ops.push(await_wired(0, consumer(1)));
        }
    }
    let mut system = System::naive(
        "a sink for two, in turn",
        vec![Program::Ops(ops), source(0, 2), source(1, 2)],
    )
    .managed(&[0])
    .begins_with(1)
    .expect_log(0, &[1, 101, 2, 102, 1, 101, 2, 102]);
    for (instance, after) in [(1, None), (2, Some(consumer(0)))] {
        system = system
            .act(Act::Mount(vec![false]))
            .act(wire(slot_count, by(instance), by(0), [None, after]))
            .act(Act::Start(instance));
    }
    system
}

/// A producer whose element is wired to a second consumer; it has filled a slot that the first never
/// took.
fn rewired_source(slot_count: u32) -> System {
    let mut ops = vec![await_wired(0, producer(0))];
    for slot in 0..2 {
        let value = Value::Constant(u8::try_from(slot).expect("few") + 1);
        ops.extend(store(producer(0), slot, value));
        ops.push(Op::Advance { end: producer(0), count: slot + 1 });
    }
    ops.extend(store(producer(0), 2, Value::Constant(9)));
    ops.push(await_wired(0, producer(1)));
    ops.extend(store(producer(1), 0, Value::Constant(5)));
    ops.push(Op::Advance { end: producer(1), count: 1 });
    let mut system =
        System::naive("a source for two, in turn", vec![Program::Ops(ops), sink(0, 2), sink(1, 2)])
            .managed(&[0])
            .begins_with(1)
            .expect_log(1, &log_of(1..=2))
            .expect_log(2, &log_of(5..=5));
    for (instance, after) in [(1, None), (2, Some(producer(0)))] {
        system = system
            .act(Act::Mount(vec![false]))
            .act(wire(slot_count, by(0), by(instance), [after, None]))
            .act(Act::Start(instance));
    }
    system
}

/// A filter whose built-in ends come while it runs, the output first.
fn late_built_ins(slot_count: u32) -> System {
    let program = after_wired(1, consumer(1), filter(1, 0, 10, 4));
    let port = |from, to| new_port(slot_count, from, to);
    let mut system =
        System::naive("built-in ends that come later", vec![after_wired(0, producer(0), program)])
            .act(wire(slot_count, by(0), Owner::Kernel, [None, None]))
            .act(Act::Wire {
                number: None,
                port: port(Owner::Kernel, by(0)),
                bindings: [0, 1],
                after: [None; 2],
            })
            .expect_kernel_log(0, &[11, 12, 13]);
    system.kernel_message_count = 3;
    system
}

/// The consumer of a filter that is killed and restarted comes later.
fn late_behind_a_filter(slot_count: u32) -> System {
    let programs = vec![source(0, 2), after_wired(0, producer(1), filter(0, 1, 10, 3)), sink(1, 3)];
    System::naive("a sink behind a killed filter", programs)
        .wire(slot_count, by(0), by(1))
        .begins_with(2)
        .kill_and_restart(1, 1)
        .act(Act::Mount(vec![false]))
        .act(wire(slot_count, by(1), by(2), [None, None]))
        .act(Act::Start(2))
        .expect_log(2, &log_of(11..=12))
        .without_repeats()
}

/// A late Port becomes asynchronous, as any other.
fn late_asynchronous(slot_count: u32) -> System {
    let receives = (0..3).flat_map(|slot| {
        let mut ops = live_receive(0, slot);
        ops.push(Op::Advance { end: consumer(0), count: slot + 1 });
        ops
    });
    let programs =
        vec![after_wired(0, producer(0), live_source(0, 3, 0)), Program::Ops(receives.collect())];
    System::naive("an asynchronous sink that comes later", programs)
        .managed(&[0, 1])
        .begins_with(1)
        .act(Act::Mount(vec![true]))
        .act(wire(slot_count, by(0), by(1), [None, None]))
        .act(Act::Start(1))
        .upgrades(1, 0)
        .without_repeats()
        .expect_log(1, &log_of(1..=3))
}

/// An element whose Port was asynchronous is wired again.
fn rewired_asynchronous() -> System {
    let mut ops = Vec::new();
    for slot in 0..3 {
        ops.extend(live_receive(0, slot));
        ops.push(Op::Advance { end: consumer(0), count: slot + 1 });
    }
    ops.push(await_wired(0, consumer(1)));
    ops.extend(live_receive(1, 0));
    ops.push(Op::Advance { end: consumer(1), count: 1 });
    let programs = vec![
        Program::Ops(live_sends(0, 3, 0)),
        Program::Ops(ops),
        Program::Ops(live_sends(1, 1, 0)),
    ];
    System::naive("an asynchronous sink for two, in turn", programs)
        .managed(&[0, 1, 2])
        .wire(2, by(0), by(1))
        .binds(1, 0, consumer(0))
        .begins_with(2)
        .act(Act::Mount(vec![true]))
        .act(wire(2, by(2), by(1), [None, Some(consumer(0))]))
        .act(Act::Start(2))
        .upgrades(1, 0)
        .without_repeats()
        .expect_log(1, &[1, 101, 2, 102, 3, 103, 1, 101])
}

/// What is mounted and never started keeps nobody (`END-4`).
fn never_started() -> System {
    System::naive("never started", vec![source(0, 1), sink(0, 2), sink(0, 1)])
        .wire(1, by(0), by(1))
        .begins_with(2)
        .act(Act::Mount(vec![false]))
        .expect_log(1, &log_of(1..=1))
}

/// Numbers of what is forgotten are used again (`CTL-10`).
pub(crate) fn reused_systems() -> Vec<System> {
    let mut systems = vec![reused_too_early(), taken_number()];
    for slot_count in [1, 2] {
        systems.push(clients_in_turn(slot_count));
        for managed in [&[][..], &[1], &[2], &[1, 2]] {
            systems.push(both_ends_again(slot_count, managed));
        }
        systems.push(both_ends_again(slot_count, &[]).kill(1, false).ends(Ending::Either));
        systems.push(both_ends_again(slot_count, &[2]).kill(2, true).ends(Ending::Either));
    }
    // With the timers of a restart that is delayed, and of a row that goes on.
    let mut restarted = both_ends_again(1, &[]).kill_and_restart(1, 1).replace(2, 1);
    restarted.setup.instances[1].restart =
        Restart { on: RestartOn::Fault, max: 1, within_ns: 9, backoff_ns: 1 };
    systems.push(restarted.ends(Ending::Either).without_repeats());
    let live = |name, mut system: System| {
        system.programs[1] = live_source(0, 2, 0);
        system.programs[2] = live_sink(0, 2);
        system.name = name;
        system.upgrades(1, 0).ends(Ending::Either).without_repeats()
    };
    let managed = || both_ends_again(1, &[1, 2]);
    for killed in [1, 2] {
        let system = managed().kill(killed, killed == 1);
        systems.push(live("an asynchronous Port's number again", system));
    }
    let name = "a revoked Port's number again";
    for mut revoked in [both_ends_again(1, &[]), managed(), live(name, managed())] {
        revoked.script.insert(0, Act::Revoke(0));
        revoked.name = name;
        systems.push(revoked.ends(Ending::Either).without_repeats());
    }
    let mut broken = live("a broken Port's number again", managed()).hostile(1);
    broken.programs[1] = Program::Turncoat(live_sends(0, 2, 0), 1);
    systems.push(broken);
    systems
}

/// A server whose clients come and go: one is forgotten, and the third has its numbers.
fn clients_in_turn(slot_count: u32) -> System {
    let ops = [0, 1, 0].into_iter().flat_map(|port| {
        let mut ops = vec![await_wired(0, consumer(port))];
        ops.extend(load(consumer(port), 0, 0));
        ops.push(Op::Advance { end: consumer(port), count: 1 });
        ops
    });
    let programs = vec![Program::Ops(ops.collect()), source(0, 1), source(1, 1)];
    let wire = |after| wire(slot_count, by(1), by(0), [None, after]);
    System::naive("a server of clients in turn", programs)
        .managed(&[0])
        .begins_with(1)
        .act(Act::Mount(vec![false]))
        .act(wire(None))
        .act(Act::Start(1))
        .act(Act::Mount(vec![false]))
        .act(self::wire(slot_count, by(2), by(0), [None, Some(consumer(0))]))
        .act(Act::Start(2))
        .act(Act::Forget(1))
        .act(Act::MountAgain(1))
        .act(wire_again(0, slot_count, by(1), by(0), [None, Some(consumer(1))]))
        .act(Act::Start(1))
        .expect_log(0, &[1, 101, 1, 101, 1, 101])
}

/// A producer and a consumer end, and others have their numbers and that of their Port, while a third one runs.
fn both_ends_again(slot_count: u32, managed: &[usize]) -> System {
    let send = if managed.contains(&1) { managed_source(0, 2) } else { source(0, 2) };
    let receive = if managed.contains(&2) { managed_sink(0, 2) } else { sink(0, 3) };
    let mut system = System::naive(
        "others with the numbers of two",
        vec![after_wired(0, consumer(1), sink(1, 1)), send, receive],
    )
    .managed(managed)
    .wire(slot_count, by(1), by(2))
    .act(Act::Forget(1))
    .act(Act::Forget(2))
    .act(Act::MountAgain(1))
    .act(Act::MountAgain(2))
    .act(wire_again(0, slot_count, by(1), by(2), [None, None]))
    .act(Act::Start(2))
    .act(Act::Start(1))
    .act(wire(1, Owner::Kernel, by(0), [None, None]));
    system.kernel_message_count = 1;
    system.expect_log(0, &log_of(1..=1))
}

/// Nobody has the number of an instance while a Port has an end of it.
fn reused_too_early() -> System {
    System::naive("a number that a Port names", vec![sink(0, 2), source(0, 1)])
        .wire(1, by(1), by(0))
        .act(Act::Forget(1))
        .act(Act::MountAgain(1))
        .expect_log(0, &log_of(1..=1))
}

/// Nor that of a Port of which one end is somebody's yet.
fn taken_number() -> System {
    let programs = vec![
        after_wired(0, consumer(1), sink(1, 1)),
        source(0, 1),
        sink(0, 1),
        source(0, 1),
        sink(0, 1),
    ];
    System::naive("a Port's number that is taken", programs)
        .wire(1, by(1), by(2))
        .begins_with(3)
        .act(Act::Forget(1))
        .act(Act::Mount(vec![false]))
        .act(Act::Mount(vec![false]))
        .act(wire_again(0, 1, by(3), by(4), [None, None]))
        .ends(Ending::Deadlocks)
}

/// An instance is replaced by order at any point (`CTL-9`).
pub(crate) fn replaced_systems() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2] {
        let chain = || {
            System::naive("replaced filter", vec![source(0, 3), filter(0, 1, 10, 4), sink(1, 4)])
                .wire(slot_count, by(0), by(1))
                .wire(slot_count, by(1), by(2))
                .expect_log(2, &log_of(11..=13))
        };
        systems.push(chain().replace(1, 2));
        systems.push(chain().kill_and_restart(1, 1).replace(1, 2).without_repeats());
        systems.push(managed_filter(slot_count).replace(1, 1));
        let mut late = chain().kill_and_restart(1, 1).replace(1, 1).without_repeats();
        late.name = "replaced while its restart is delayed";
        late.setup.instances[1].restart =
            Restart { on: RestartOn::Fault, max: 2, within_ns: 9, backoff_ns: 1 };
        systems.push(late);
        let mut failing = chain().replace(1, 1).without_repeats().ends(Ending::Either);
        failing.name = "replaced by nothing";
        failing.fails_to_restart = true;
        failing.expected_logs.clear();
        systems.push(failing);
    }
    systems
}

/// Who gives a Port up with messages left gets no other (`CTL-8`).
fn left_unread() -> System {
    let mut ops = load(consumer(0), 0, 0);
    ops.push(Op::Advance { end: consumer(0), count: 1 });
    ops.push(await_wired(0, consumer(1)));
    System::naive("left unread", vec![source(0, 2), Program::Ops(ops), source(1, 1)])
        .managed(&[1])
        .wire(2, by(0), by(1))
        .binds(1, 0, consumer(0))
        .begins_with(2)
        .act(Act::Mount(vec![false]))
        .act(wire(2, by(2), by(1), [None, Some(consumer(0))]))
        .ends(Ending::Deadlocks)
}

/// A Port is revoked at any point (`END-13`).
pub(crate) fn revoked_systems() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2] {
        let chain = || {
            System::naive("revoked chain", vec![source(0, 3), filter(0, 1, 10, 4), sink(1, 4)])
                .wire(slot_count, by(0), by(1))
                .wire(slot_count, by(1), by(2))
        };
        systems.extend((0..2).map(|port| chain().act(Act::Revoke(port))));
        systems.push(chain().kill_and_restart(1, 1).act(Act::Revoke(0)).without_repeats());
        systems.push(
            System::naive("revoked managed pair", vec![managed_source(0, 3), managed_sink(0, 3)])
                .managed(&[0, 1])
                .wire(slot_count, by(0), by(1))
                .act(Act::Revoke(0)),
        );
        systems.push(managed_filter(slot_count).act(Act::Revoke(0)).without_repeats());
        systems.push(managed_filter(slot_count).act(Act::Revoke(1)).without_repeats());
        for port in 0..2 {
            let mut system = System::naive("revoked built-in ends", vec![filter(0, 1, 10, 4)])
                .wire(slot_count, Owner::Kernel, by(0))
                .wire(slot_count, by(0), Owner::Kernel)
                .act(Act::Revoke(port));
            system.kernel_message_count = 3;
            systems.push(system);
        }
        let mut live = live_pair(slot_count, 3).act(Act::Revoke(0));
        live.name = "revoked asynchronous pair";
        systems.push(live);
    }
    systems
}

/// A consumer's end is given to another thread at any point (`END-14`): four messages to both.
pub(crate) fn transferred_consumers() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2] {
        for managed in [&[][..], &[1], &[2], &[1, 2]] {
            let receive = |thread| match managed.contains(&thread) {
                true => managed_sink(0, 4),
                false => sink(0, 5),
            };
            let second = after_wired(0, consumer(0), receive(2));
            systems.push(
                System::naive("a consumer's end moves", vec![source(0, 4), receive(1), second])
                    .managed(managed)
                    .wire(slot_count, by(0), by(1))
                    .act(Act::Transfer(consumer(0), 2, 0))
                    .ends(Ending::Either),
            );
        }
        let programs = vec![
            live_source(0, 3, 0),
            live_sink(0, 3),
            after_wired(0, consumer(0), live_sink(0, 3)),
        ];
        if slot_count == 1 {
            continue; // Nothing that the other does not show, in as many states.
        }
        systems.push(
            System::naive("an asynchronous consumer's end moves", programs)
                .managed(&[0, 1, 2])
                .wire(slot_count, by(0), by(1))
                .act(Act::Transfer(consumer(0), 2, 0))
                .upgrades(1, 0)
                .without_repeats()
                .ends(Ending::Either),
        );
    }
    systems
}

/// The same with a producer's end.
pub(crate) fn transferred_producers() -> Vec<System> {
    let mut systems = Vec::new();
    for slot_count in [1, 2] {
        for managed in [&[][..], &[0], &[1], &[0, 1]] {
            let send = |thread, count| match managed.contains(&thread) {
                true => managed_source(0, count),
                false => source(0, count),
            };
            let second = after_wired(0, producer(0), send(1, 2));
            systems.push(
                System::naive("a producer's end moves", vec![send(0, 3), second, sink(0, 6)])
                    .managed(managed)
                    .wire(slot_count, by(0), by(2))
                    .act(Act::Transfer(producer(0), 1, 0))
                    .ends(Ending::Either),
            );
        }
    }
    systems
}
