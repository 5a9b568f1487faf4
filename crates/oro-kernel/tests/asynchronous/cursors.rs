//! Live cursors: what they may say (`ASYNC-4`), Ports that are over (`ASYNC-6`), and the last one of a
//! thread that has ended (`END-6`).

use oro_kernel::{
    Effect, Event, FaultCause, InstanceEnd, InstanceId, PeerState, Restart, Timer, Violation,
};
use oro_sysabi::CAUSE_CONDITION;

use crate::support::{EAGER, IN, OUT, PORT, Pair, SINK, SOURCE, open_gate, wait_for};
use crate::{exited, look, violated};

/// ASYNC-4, PORT-8: an impossible cursor is its owner's end, and is never believed.
#[test]
fn async_4_an_impossible_cursor_ends_its_owner() {
    let mut writer = Pair::start_writer(EAGER);
    writer.pass(OUT);
    writer.settle_word(OUT);
    for stored in [0, 5, 1 + (1 << 63), (1 << 63) - 1, u64::MAX, u64::MAX - 3] {
        let violation = Violation::ImpossibleCursor { stored, least: 1, most: 4 };
        let mut pair = writer.clone();
        assert_eq!(
            look(&mut pair, OUT, stored),
            [
                violated(SOURCE, OUT, violation),
                Effect::PublishInstance(InstanceId(0)),
                Effect::ReadCursor { end: OUT },
            ]
        );
        assert_eq!(
            pair.step(Event::CursorSettled { end: OUT, value: stored, peer: None }),
            [
                Effect::SetWord { end: OUT, value: 1 },
                Effect::PublishCursor { end: OUT, value: 1 },
                Effect::PublishPort(PORT),
                Effect::WakeKernelEnd(IN),
                Effect::Finish,
            ]
        );
    }
    assert_eq!(look(&mut writer, OUT, 4), []);
    assert_eq!((writer.kernel.cursor(OUT), writer.kernel.available(IN)), (4, 4));
}

/// ASYNC-4: a consumer past a synchronous producer, when its page is protected.
#[test]
fn async_4_a_consumer_past_its_producer_ends() {
    let mut pair = Pair::start(EAGER);
    pair.pass(OUT);
    pair.pass(IN);
    pair.settle_word(IN);
    pair.step(Event::ForceSynchronous { port: PORT });
    let violation = Violation::ImpossibleCursor { stored: 2, least: 1, most: 1 };
    assert_eq!(pair.answer(IN, 2)[0], violated(SINK, IN, violation));
    assert!(pair.kernel.is_live(SOURCE));
}

/// ASYNC-4: of two live cursors only monotony can be known, and that is held against each.
#[test]
fn async_4_a_live_cursor_does_not_go_back() {
    let mut pair = Pair::start_shared(EAGER);
    assert_eq!(look(&mut pair, OUT, 900), [], "who knows what the consumer has stored");
    assert_eq!(pair.kernel.available(IN), 0);
    let most = 900 + (u64::MAX >> 1);
    let violation = Violation::ImpossibleCursor { stored: 899, least: 900, most };
    let mut restarted = Pair::start_shared_with(EAGER, |setup| {
        setup.instances[0].restart = Restart::after_faults(1)
    });
    look(&mut restarted, OUT, 900);
    assert_eq!(look(&mut pair, OUT, 899)[0], violated(SOURCE, OUT, violation));
    // What it had said before is not to be had either: nothing can pass here any more (ASYNC-6).
    look(&mut restarted, OUT, 899);
    let effects = restarted.step(Event::CursorSettled { end: OUT, value: 899, peer: Some(1) });
    let report = Effect::ReportBrokenPort { port: PORT, produced: 899, consumed: 1 };
    assert_eq!(effects.last(), Some(&report));
    assert_eq!(restarted.kernel.peer_state(IN), (PeerState::Faulted, 0));
}

/// ASYNC-6: two live cursors that contradict each other end the Port, and nobody.
#[test]
fn async_6_a_contradiction_breaks_the_port_alone() {
    let mut pair = Pair::start_shared(EAGER);
    pair.step(Event::ForceSynchronous { port: PORT });
    pair.answer(OUT, 2);
    pair.answer(IN, 1);
    pair.touch_gate(SINK, 0, wait_for(IN, 2));
    pair.step(Event::CursorTouched { end: OUT });
    let effects = pair.step(Event::CursorSettled { end: OUT, value: 9, peer: Some(1) });
    let [opened, resumed] = open_gate(SINK, 0, CAUSE_CONDITION, 1);
    assert_eq!(
        effects,
        [
            Effect::StopTimer { timer: Timer::Landing(OUT) },
            Effect::SetWord { end: OUT, value: 2 },
            Effect::PublishCursor { end: OUT, value: 2 },
            Effect::PublishPort(PORT),
            Effect::PublishPort(PORT),
            Effect::PublishPeer { end: OUT, state: PeerState::Faulted, epoch: 0 },
            Effect::PublishPeer { end: IN, state: PeerState::Faulted, epoch: 0 },
            opened,
            resumed,
            Effect::ReportBrokenPort { port: PORT, produced: 9, consumed: 1 },
        ]
    );
    assert!(pair.kernel.is_live(SOURCE) && pair.kernel.is_live(SINK));
    assert_eq!((pair.kernel.available(OUT), pair.kernel.available(IN)), (0, 0));
    // What they touch there does nothing, and stops nobody.
    for (event, effects) in [
        (
            Event::CellTouched { end: OUT, cell: 0 },
            [Effect::OpenCell { end: OUT, cell: 0 }, Effect::Resume(SOURCE)],
        ),
        (Event::WordTouched { end: OUT }, [Effect::OpenWord { end: OUT }, Effect::Resume(SOURCE)]),
        (Event::CursorTouched { end: IN }, [Effect::OpenCursor { end: IN }, Effect::Resume(SINK)]),
    ] {
        assert_eq!(pair.step(event), effects);
    }
    assert_eq!(look(&mut pair, IN, 77), []);
    assert_eq!(pair.touch_gate(SINK, 1, wait_for(IN, 2)), open_gate(SINK, 1, CAUSE_CONDITION, 1));
}

/// BLAME-1, ASYNC-6: a producer that has seen room is not blamed for what the consumer has taken back
/// and then left the mode with.
#[test]
fn blame_1_a_cursor_taken_back_before_a_settle_blames_nobody_else() {
    let mut pair = Pair::start_shared(EAGER);
    // Four slots, OUT 2, IN 1. The consumer stores 2, the producer sees room up to 6, the consumer
    // takes it back to 1 and leaves. Nothing of that has been looked at.
    pair.step(Event::ForceSynchronous { port: PORT });
    pair.answer(OUT, 2);
    pair.answer(IN, 1);
    pair.step(Event::CursorTouched { end: IN });
    pair.step(Event::CursorSettled { end: IN, value: 1, peer: Some(2) });
    pair.step(Event::CursorTouched { end: OUT });
    // Now its store of 6 lands, which it had decided on long ago.
    let effects = pair.step(Event::CursorSettled { end: OUT, value: 6, peer: None });
    assert!(pair.kernel.is_live(SOURCE), "{effects:?}");
}

/// BLAME-1, ASYNC-6: nor is a synchronous consumer that has seen a message which a live producer takes
/// back (MAN-6: a slot need not have been touched).
#[test]
fn blame_1_a_message_taken_back_blames_nobody_else() {
    let mut pair = Pair::start(EAGER);
    pair.pass(OUT);
    pair.pass(IN);
    pair.pass(OUT);
    pair.settle_word(OUT);
    assert!(pair.kernel.has_live_cursor(IN) && pair.kernel.has_live_cursor(OUT));
    // The consumer is brought back to S; the producer stays (it was allowed again).
    pair.settle_word(IN);
    pair.step(Event::ForceSynchronous { port: PORT });
    pair.answer(OUT, 2);
    pair.answer(IN, 1);
    pair.step(Event::CursorTouched { end: IN });
    pair.step(Event::AllowAsynchronous { port: PORT });
    pair.step(Event::CursorSettled { end: IN, value: 2, peer: Some(2) });
    assert!(!pair.kernel.has_live_cursor(IN) && pair.kernel.has_queue(OUT));
    // The producer stores 3, the consumer sees it, the producer takes it back to 2.
    look(&mut pair, OUT, 2);
    let effects = pair.step(Event::WordTouched { end: IN });
    assert!(pair.kernel.is_live(SINK), "{effects:?}");
}

/// END-6, KRN-5: in whatever state of the switch a thread dies, it is stopped, its last cursor is read,
/// and then its peer is told.
#[test]
fn end_6_a_death_in_each_state_of_the_switch() {
    let shared = Pair::start_shared(EAGER);
    let sleeps = |pair: &mut Pair| drop(pair.touch_gate(SINK, 0, wait_for(IN, 2)));
    let forces = |pair: &mut Pair| {
        pair.step(Event::ForceSynchronous { port: PORT });
        pair.answer(OUT, 2);
        pair.answer(IN, 1);
    };
    let states: [&dyn Fn(&mut Pair); 6] = [
        &|_| {},
        &|pair| sleeps(pair),
        &|pair| {
            sleeps(pair);
            pair.step(Event::CursorTouched { end: OUT });
        },
        &|pair| {
            sleeps(pair);
            pair.answer(OUT, 2);
            pair.step(Event::CursorTouched { end: OUT });
        },
        &forces,
        &|pair| {
            forces(pair);
            pair.step(Event::CursorTouched { end: OUT });
        },
    ];
    for reach in states {
        let mut pair = shared.clone();
        reach(&mut pair);
        let sleeps = pair.kernel.armed_gate(SINK).is_none();
        let effects = pair.step(Event::ThreadFaulted { thread: SOURCE, cause: FaultCause::Trap });
        let end = InstanceEnd::Faulted { thread: SOURCE, cause: FaultCause::Trap };
        assert_eq!(
            effects,
            [
                Effect::EndInstance { instance: InstanceId(0), end, restart: false },
                Effect::PublishInstance(InstanceId(0)),
                Effect::ReadCursor { end: OUT },
            ]
        );
        assert_eq!(pair.kernel.peer_state(IN), (PeerState::Wired, 0));
        let peer = pair.kernel.has_live_cursor(IN).then_some(1);
        let effects = pair.step(Event::CursorSettled { end: OUT, value: 3, peer });
        let is_told = |effect: &Effect| matches!(effect, Effect::PublishPeer { end: IN, .. });
        let told = effects.iter().position(is_told).expect("told");
        let shown = Effect::PublishCursor { end: OUT, value: 3 };
        let shown = effects.iter().position(|effect| *effect == shown).expect("shown");
        assert!(shown < told);
        assert_eq!(pair.kernel.peer_state(IN), (PeerState::Faulted, 0));
        let woken = effects.iter().position(|effect| *effect == Effect::Resume(SINK));
        assert_eq!(woken.is_some(), sleeps);
        assert!(woken.is_none_or(|woken| told < woken));
        assert_eq!(pair.kernel.available(IN), 2, "committed messages stay");
    }
}

/// END-6, END-1: a thread that returns in asynchronous mode; nobody finishes before the last cursor.
#[test]
fn end_6_a_return_is_told_after_the_last_cursor() {
    let mut pair = Pair::start_shared(EAGER);
    pair.step(Event::KillInstance { instance: InstanceId(1) });
    pair.step(Event::CursorSettled { end: IN, value: 1, peer: Some(2) });
    assert_eq!(
        pair.step(Event::ThreadExited { thread: SOURCE, status: 0 }),
        [
            Effect::EndThread(SOURCE),
            Effect::ReadCursor { end: OUT },
            exited(0),
            Effect::PublishInstance(InstanceId(0)),
        ]
    );
    let effects = pair.step(Event::CursorSettled { end: OUT, value: 5, peer: None });
    assert_eq!(effects.last(), Some(&Effect::Finish));
    assert_eq!(pair.kernel.cursor(OUT), 5);
}

/// END-7: a replacement starts in synchronous mode where the last cursor was.
#[test]
fn end_7_a_restart_starts_at_the_last_live_cursor() {
    let mut pair = Pair::start_shared_with(EAGER, |setup| {
        setup.instances[0].restart = Restart::after_faults(1)
    });
    let effects = pair.step(Event::ThreadFaulted { thread: SOURCE, cause: FaultCause::Trap });
    assert_eq!(
        effects[1..],
        [
            Effect::PublishInstance(InstanceId(0)),
            Effect::ReadCursor { end: OUT },
            Effect::ReplaceInstance(InstanceId(0)),
        ]
    );
    assert_eq!(
        pair.step(Event::CursorSettled { end: OUT, value: 4, peer: Some(1) }),
        [
            Effect::SetWord { end: OUT, value: 4 },
            Effect::PublishCursor { end: OUT, value: 4 },
            Effect::PublishPort(PORT),
        ]
    );
    pair.step(Event::InstanceRestarted { instance: InstanceId(0) });
    assert_eq!(
        pair.step(Event::CellTouched { end: OUT, cell: 0 }),
        [Effect::OpenCell { end: OUT, cell: 0 }, Effect::Resume(SOURCE)]
    );
}
