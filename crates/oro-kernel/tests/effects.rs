//! What exactly the core says, and in which order, where a platform relies on it (`KRN-9`); and what
//! it does not accept from a platform (`BLAME-4`).

use oro_kernel::{
    Effect, EndpointId, Event, FaultCause, InstanceEnd, InstanceId, InstanceSetup, InstanceState,
    Kernel, Owner, PeerState, PortId, PortSetup, Restart, Setup, Side, ThreadId, ThreadSetup,
    Tuning, Upgrade,
};

const OUT: EndpointId = EndpointId { port: PortId(0), side: Side::Producer };
const IN: EndpointId = EndpointId { port: PortId(0), side: Side::Consumer };
const SOURCE: ThreadId = ThreadId(0);
const SINK: ThreadId = ThreadId(1);

/// One Port, from thread 0 to thread 1, each an instance of its own.
fn start_pair(is_managed: bool, restart_count: u32) -> Kernel {
    let thread = |id| ThreadSetup { instance: InstanceId(id), is_managed };
    start(Setup {
        instances: vec![InstanceSetup { restart: Restart::after_faults(restart_count) }; 2],
        threads: vec![thread(0), thread(1)],
        ports: vec![wire(Owner::Thread(SOURCE), Owner::Thread(SINK))],
        tuning: Tuning::default(),
    })
}

/// One naive thread that consumes from a built-in instance.
fn start_reader() -> Kernel {
    start(Setup {
        instances: vec![InstanceSetup::default()],
        threads: vec![ThreadSetup { instance: InstanceId(0), is_managed: false }],
        ports: vec![wire(Owner::Kernel, Owner::Thread(ThreadId(0)))],
        tuning: Tuning::default(),
    })
}

fn wire(producer: Owner, consumer: Owner) -> PortSetup {
    PortSetup {
        slot_count: 2,
        producer,
        consumer,
        upgrade: Upgrade::Allowed,
        drops_at_restart: false,
    }
}

fn start(setup: Setup) -> Kernel {
    let mut kernel = Kernel::new(setup);
    step(&mut kernel, Event::Start);
    kernel
}

fn step(kernel: &mut Kernel, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    kernel.step(event, &mut effects);
    effects
}

/// PORT-6, NAIVE-1: protect, collect, publish; then the peer's; then the toucher's.
#[test]
fn port_6_a_commit_protects_collects_publishes() {
    let mut kernel = start_pair(false, 0);
    assert_eq!(step(&mut kernel, Event::CellTouched { end: IN, cell: 0 }), []);
    step(&mut kernel, Event::CellTouched { end: OUT, cell: 0 });
    assert_eq!(
        step(&mut kernel, Event::CellTouched { end: OUT, cell: 1 }),
        [
            Effect::ProtectCell { end: OUT, cell: 0 },
            Effect::CollectCell { end: OUT, cell: 0, number: 0 },
            Effect::PublishCursor { end: OUT, value: 1 },
            Effect::DeliverCell { end: IN, cell: 0, number: 0 },
            Effect::Resume(SINK),
            Effect::OpenCell { end: OUT, cell: 1 },
            Effect::Resume(SOURCE),
        ]
    );
}

/// END-6, END-9, KRN-5, ENTRY-6: the last message, the state, then the ends, one after the other.
#[test]
fn end_6_the_last_message_then_the_end() {
    let mut kernel = start_pair(false, 0);
    step(&mut kernel, Event::CellTouched { end: OUT, cell: 0 });
    assert_eq!(
        step(&mut kernel, Event::ThreadExited { thread: SOURCE, status: 3 }),
        [
            Effect::ProtectCell { end: OUT, cell: 0 },
            Effect::CollectCell { end: OUT, cell: 0, number: 0 },
            Effect::PublishCursor { end: OUT, value: 1 },
            // Nothing of it can store to anything any more when its peer is told (KRN-5).
            Effect::EndThread(SOURCE),
            Effect::PublishPort(PortId(0)),
            Effect::PublishPeer { end: IN, state: PeerState::Closed, epoch: 0 },
            Effect::EndInstance {
                instance: InstanceId(0),
                end: InstanceEnd::Exited { status: 3 },
                restart: false,
            },
            Effect::PublishInstance(InstanceId(0)),
        ]
    );
    step(&mut kernel, Event::CellTouched { end: IN, cell: 0 });
    let effects = step(&mut kernel, Event::CellTouched { end: IN, cell: 1 });
    assert_eq!(effects[0], Effect::WithdrawCell { end: IN, cell: 0 });
    assert_eq!(kernel.instance(InstanceId(1)).end, Some(InstanceEnd::Exited { status: 0 }));
    assert_eq!(effects.last(), Some(&Effect::Finish));
    assert!(kernel.is_finished());
}

/// MAN-5: the word opens for one store; a repeated fault opens it again and commits nothing.
#[test]
fn man_5_a_store_that_has_not_landed_commits_once() {
    let mut kernel = start_pair(true, 0);
    let commit = [
        Effect::ProtectCell { end: OUT, cell: 0 },
        Effect::CollectCell { end: OUT, cell: 0, number: 0 },
        Effect::PublishCursor { end: OUT, value: 1 },
        Effect::OpenWord { end: OUT },
        Effect::Resume(SOURCE),
    ];
    assert_eq!(step(&mut kernel, Event::WordTouched { end: OUT }), commit);
    assert_eq!(kernel.open_word(SOURCE), Some(OUT));
    assert_eq!(step(&mut kernel, Event::WordSettled { end: OUT, value: 0 }), []);
    assert_eq!(kernel.open_word(SOURCE), None);
    assert_eq!(step(&mut kernel, Event::WordTouched { end: OUT }), commit[3..]);
    assert_eq!(step(&mut kernel, Event::WordSettled { end: OUT, value: 1 }), []);
    assert_eq!(step(&mut kernel, Event::WordTouched { end: OUT }).len(), 5);
    assert_eq!(kernel.cursor(OUT), 2);
}

/// END-7: nothing is told while a replacement is awaited; then bindings, then first instructions.
#[test]
fn end_7_a_restart_is_told_before_the_threads_run() {
    let mut kernel = start_pair(false, 1);
    step(&mut kernel, Event::CellTouched { end: IN, cell: 0 });
    step(&mut kernel, Event::CellTouched { end: OUT, cell: 0 });
    let end = InstanceEnd::Faulted { thread: SOURCE, cause: FaultCause::Trap };
    assert_eq!(
        step(&mut kernel, Event::ThreadFaulted { thread: SOURCE, cause: FaultCause::Trap }),
        [
            Effect::EndInstance { instance: InstanceId(0), end, restart: true },
            Effect::PublishInstance(InstanceId(0)),
            Effect::ReplaceInstance(InstanceId(0)),
        ]
    );
    assert!(kernel.deadlock().is_empty() && kernel.is_waiting(IN));
    assert_eq!(
        step(&mut kernel, Event::InstanceRestarted { instance: InstanceId(0) }),
        [
            Effect::PublishInstance(InstanceId(0)),
            Effect::PublishFirst { end: OUT, value: 0 },
            Effect::PublishPort(OUT.port),
            Effect::PublishPeer { end: IN, state: PeerState::Wired, epoch: 1 },
            Effect::PublishPeer { end: OUT, state: PeerState::Wired, epoch: 0 },
            Effect::StartThread(SOURCE),
        ]
    );
    // Not a second time; and a kill is for good.
    step(&mut kernel, Event::ThreadFaulted { thread: SOURCE, cause: FaultCause::Killed });
    assert_eq!(kernel.instance(InstanceId(0)).state, InstanceState::Faulted);
    assert!(kernel.is_finished(), "the blocked consumer ends with its producer");
}

/// BUILTIN-5, BUILTIN-1: a built-in learns that somebody waits, is not a naive thread's peer that can
/// deadlock, and commits several messages at once.
#[test]
fn builtin_5_a_waiting_consumer_wakes_the_built_in() {
    let mut kernel = start_reader();
    let touch = Event::CellTouched { end: IN, cell: 0 };
    assert_eq!(step(&mut kernel, touch.clone()), [Effect::WakeKernelEnd(OUT)]);
    assert_eq!(step(&mut kernel, touch), [], "NAIVE-8: reported again");
    assert!(kernel.is_waiting(IN) && kernel.deadlock().is_empty());
    assert_eq!(
        step(&mut kernel, Event::KernelCommitted { end: OUT, count: 2 }),
        [
            Effect::PublishCursor { end: OUT, value: 2 },
            Effect::DeliverCell { end: IN, cell: 0, number: 0 },
            Effect::Resume(ThreadId(0)),
        ]
    );
}

/// KRN-1: events of threads that have ended are late, and do nothing.
#[test]
fn krn_1_late_events_do_nothing() {
    let mut kernel = start_pair(false, 0);
    step(&mut kernel, Event::KillInstance { instance: InstanceId(0) });
    let before = kernel.clone();
    for event in [
        Event::CellTouched { end: OUT, cell: 1 },
        Event::WordTouched { end: OUT },
        Event::WordSettled { end: OUT, value: 9 },
        Event::ThreadExited { thread: SOURCE, status: 1 },
        Event::InstanceExited { thread: SOURCE, status: 1 },
        Event::ThreadFaulted { thread: SOURCE, cause: FaultCause::SystemCall },
        Event::KillInstance { instance: InstanceId(0) },
    ] {
        assert_eq!(step(&mut kernel, event), []);
    }
    assert_eq!(kernel, before);
}

/// BLAME-4: a platform's mistake is an assertion.
#[test]
#[should_panic(expected = "platform: 3 messages for room of 2")]
fn blame_4_a_built_in_beyond_its_queue_is_a_bug() {
    step(&mut start_reader(), Event::KernelCommitted { end: OUT, count: 3 });
}

/// BLAME-4: a platform that forgets to settle a word is not taken for a module that cheats.
#[test]
#[should_panic(expected = "before its open word was settled")]
fn blame_4_an_unsettled_word_is_a_bug() {
    let mut kernel = start_pair(true, 0);
    step(&mut kernel, Event::WordTouched { end: OUT });
    step(&mut kernel, Event::CellTouched { end: OUT, cell: 1 });
}
