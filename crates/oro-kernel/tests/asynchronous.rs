//! What exactly the core says, and in which order, of the asynchronous mode, and of
//! doorbells (`ASYNC`, `MODE`, `BELL`), one small system each.

mod support;

use oro_kernel::{
    Effect, EndpointId, Event, FaultCause, GateRequest, InstanceEnd, InstanceId, Look, Mode,
    ModeReason, PeerState, ThreadId, Timer, Tuning, Upgrade, Violation,
};
use oro_sysabi::{CAUSE_CONDITION, CAUSE_DEADLINE, CAUSE_NONE};

use support::{EAGER, IN, OUT, PORT, Pair, SINK, SOURCE, open_gate, wait_for};

fn exited(instance: u32) -> Effect {
    let end = InstanceEnd::Exited { status: 0 };
    Effect::EndInstance { instance: InstanceId(instance), end, restart: false }
}

fn violated(thread: ThreadId, end: EndpointId, violation: Violation) -> Effect {
    let how = InstanceEnd::Violated { thread, end, violation };
    Effect::EndInstance { instance: InstanceId(thread.0), end: how, restart: false }
}

fn landing(end: EndpointId, after_ns: u64) -> Effect {
    Effect::StartTimer { timer: Timer::Landing(end), after_ns }
}

fn look(pair: &mut Pair, end: EndpointId, value: u64) -> Vec<Effect> {
    pair.step(Event::CursorLooked { end, value })
}

// MODE

/// MODE-2, MODE-7: each end changes at a store of its own, once both have the streak.
#[test]
fn mode_2_each_end_changes_at_its_own_store() {
    let mut pair = Pair::start(Tuning::default());
    for streak in 1..32 {
        pair.pass(OUT);
        pair.pass(IN);
        let view = pair.kernel.port(PORT);
        assert_eq!((view.producer.streak, view.consumer.streak), (streak, streak));
        assert_eq!(view.producer.reason, ModeReason::Streak);
        assert_eq!(view.consumer.reason, ModeReason::Streak);
        assert_eq!((view.threshold, view.refusal_count, view.upgrade_count), (32, 0, 0));
    }
    assert_eq!(
        pair.pass(OUT),
        [
            Effect::ProtectCell { end: OUT, cell: 1 },
            Effect::CollectCell { end: OUT, cell: 1, number: 31 },
            Effect::PublishCursor { end: OUT, value: 32 },
            Effect::OpenWord { end: OUT },
            Effect::Resume(SOURCE),
        ]
    );
    let view = pair.kernel.port(PORT);
    assert_eq!((view.producer.reason, view.refusal_count), (ModeReason::Peer, 1));
    assert_eq!(
        pair.pass(IN),
        [
            Effect::WithdrawCell { end: IN, cell: 1 },
            Effect::PublishCursor { end: IN, value: 32 },
            Effect::OpenCursor { end: IN },
            Effect::OpenQueue { end: IN },
            Effect::PublishMode { end: IN, mode: Mode::Asynchronous },
            Effect::PublishPort(PORT),
            Effect::OpenWord { end: IN },
            Effect::Resume(SINK),
        ]
    );
    let view = pair.kernel.port(PORT);
    assert_eq!((view.producer.mode, view.consumer.mode), (Mode::Synchronous, Mode::Asynchronous));
    assert_eq!(view.producer.reason, ModeReason::Qualified);
    assert_eq!(view.consumer.reason, ModeReason::Earned);
    let effects = pair.pass(OUT);
    assert_eq!(
        effects[3..],
        [
            Effect::OpenCursor { end: OUT },
            Effect::OpenQueue { end: OUT },
            Effect::PublishMode { end: OUT, mode: Mode::Asynchronous },
            Effect::PublishPort(PORT),
            Effect::OpenWord { end: OUT },
            Effect::Resume(SOURCE),
        ]
    );
    let view = pair.kernel.port(PORT);
    assert_eq!((view.upgrade_count, view.downgrade_count, view.refusal_count), (1, 0, 1));
    assert_eq!(view.producer.reason, ModeReason::Earned);
}

/// MODE-1: an untouched slot and a touch that finds nothing begin the streak anew.
#[test]
fn mode_1_a_streak_is_of_touched_slots_in_a_row() {
    let mut pair = Pair::start(Tuning::default());
    pair.pass(OUT);
    pair.pass(OUT);
    assert_eq!(pair.kernel.port(PORT).producer.streak, 2);
    pair.settle_word(OUT);
    pair.step(Event::WordTouched { end: OUT });
    assert_eq!(pair.kernel.port(PORT).producer.streak, 0);
    for _ in 0..3 {
        pair.pass(IN);
    }
    assert_eq!(pair.kernel.port(PORT).consumer.streak, 3);
    pair.settle_word(IN);
    assert_eq!(pair.step(Event::CellTouched { end: IN, cell: 1 }), []);
    assert_eq!(pair.kernel.port(PORT).consumer.streak, 0);
}

/// MODE-1, MODE-2, MAN-8: a naive peer never qualifies; that the other did is counted once a streak.
#[test]
fn mode_2_a_naive_peer_never_qualifies() {
    let mut pair = Pair::start_with(EAGER, |setup| setup.threads[1].is_managed = false);
    for cell in [0, 1, 0, 1, 0, 1] {
        pair.pass(OUT);
        pair.step(Event::CellTouched { end: IN, cell });
    }
    assert!(!pair.kernel.has_live_cursor(OUT) && !pair.kernel.has_live_cursor(IN));
    let view = pair.kernel.port(PORT);
    assert_eq!(view.producer.reason, ModeReason::Peer);
    assert_eq!(view.consumer.reason, ModeReason::Naive);
    assert_eq!((view.refusal_count, view.upgrade_count), (1, 0));
}

/// PORT-10, MODE-2, MODE-7: what the manifest forces, or a built-in cannot do, is never asynchronous.
#[test]
fn port_10_a_forced_port_is_never_asynchronous() {
    for (upgrade, reason) in
        [(Upgrade::Forced, ModeReason::Forced), (Upgrade::Unsupported, ModeReason::Unsupported)]
    {
        let mut pair = Pair::start_with(EAGER, |setup| setup.ports[0].upgrade = upgrade);
        for _ in 0..8 {
            pair.pass(OUT);
            pair.pass(IN);
        }
        let view = pair.kernel.port(PORT);
        assert_eq!((view.producer.reason, view.consumer.reason), (reason, reason));
        assert_eq!(
            (view.producer.mode, view.consumer.mode),
            (Mode::Synchronous, Mode::Synchronous)
        );
        assert_eq!((view.upgrade_count, view.refusal_count, view.threshold), (0, 0, 0));
        assert_eq!(view.is_forced, upgrade == Upgrade::Forced);
    }
}

/// MODE-6, MODE-2: nor is what an operator forces, until it is taken back.
#[test]
fn mode_6_an_operator_forces_a_synchronous_port() {
    let mut pair = Pair::start(EAGER);
    assert_eq!(pair.step(Event::ForceSynchronous { port: PORT }), [Effect::PublishPort(PORT)]);
    assert_eq!(pair.step(Event::ForceSynchronous { port: PORT }), [], "it is already");
    for _ in 0..4 {
        pair.pass(OUT);
        pair.pass(IN);
    }
    let view = pair.kernel.port(PORT);
    assert_eq!(
        (view.producer.reason, view.consumer.reason),
        (ModeReason::Forced, ModeReason::Forced)
    );
    assert_eq!((view.is_forced, view.threshold, view.upgrade_count), (true, 1, 0));
    assert_eq!(pair.step(Event::AllowAsynchronous { port: PORT }), [Effect::PublishPort(PORT)]);
    assert_eq!(pair.step(Event::AllowAsynchronous { port: PORT }), []);
    assert_eq!(pair.kernel.port(PORT).producer.reason, ModeReason::Qualified);
    pair.pass(OUT);
    assert!(pair.kernel.has_queue(OUT));
}

/// MODE-3, MODE-4, MODE-5: protected, then told at the next store, then read at the next fault.
#[test]
fn mode_5_a_downgrade_is_settled_at_the_next_fault() {
    let mut pair = Pair::start_shared(EAGER);
    assert_eq!(
        pair.step(Event::ForceSynchronous { port: PORT }),
        [
            Effect::ProtectCursor { end: OUT },
            Effect::ProtectCursor { end: IN },
            Effect::PublishPort(PORT),
        ]
    );
    let view = pair.kernel.port(PORT);
    assert_eq!(
        (view.producer.mode, view.producer.reason),
        (Mode::Asynchronous, ModeReason::Leaving)
    );
    assert_eq!(pair.answer(OUT, 3), []);
    assert_eq!(pair.answer(IN, 1), []);
    assert_eq!(pair.kernel.cursor(OUT), 3);
    assert_eq!(
        pair.step(Event::CursorTouched { end: OUT }),
        [
            Effect::CloseQueue { end: OUT },
            Effect::PublishMode { end: OUT, mode: Mode::Synchronous },
            Effect::PublishPort(PORT),
            Effect::OpenCursor { end: OUT },
            Effect::Resume(SOURCE),
        ]
    );
    assert!(pair.kernel.has_live_cursor(OUT) && !pair.kernel.has_queue(OUT));
    // The same store again does not count.
    assert_eq!(pair.kernel.looks_before(SOURCE, Some(OUT)), []);
    assert_eq!(
        pair.step(Event::CursorTouched { end: OUT }),
        [Effect::OpenCursor { end: OUT }, Effect::Resume(SOURCE)]
    );
    assert_eq!(pair.kernel.looks_before(SOURCE, None), [Look::Settle(OUT)]);
    assert_eq!(
        pair.step(Event::CursorSettled { end: OUT, value: 4, peer: Some(1) }),
        [
            Effect::StopTimer { timer: Timer::Landing(OUT) },
            Effect::SetWord { end: OUT, value: 4 },
            Effect::PublishCursor { end: OUT, value: 4 },
            Effect::PublishPort(PORT),
        ]
    );
    assert_eq!(
        pair.step(Event::CellTouched { end: OUT, cell: 0 }),
        [Effect::OpenCell { end: OUT, cell: 0 }, Effect::Resume(SOURCE)]
    );
    let view = pair.kernel.port(PORT);
    assert_eq!((view.downgrade_count, view.producer.streak), (1, 0));
    assert_eq!(
        (view.producer.reason, view.consumer.reason),
        (ModeReason::Forced, ModeReason::Leaving)
    );
    // PORT-3: its peer goes on in the other mode.
    assert!(pair.kernel.has_queue(IN));
    pair.step(Event::CursorTouched { end: IN });
    pair.step(Event::CursorSettled { end: IN, value: 4, peer: None });
    assert!(!pair.kernel.has_live_cursor(IN));
    assert_eq!(pair.kernel.port(PORT).downgrade_count, 1, "the Port's, once");
}

/// MODE-3: what is taken back before the store returns to A; what was told does not.
#[test]
fn mode_3_an_end_returns_unless_it_was_told() {
    let mut pair = Pair::start_shared(EAGER);
    pair.step(Event::ForceSynchronous { port: PORT });
    pair.answer(OUT, 2);
    let mut early = pair.clone();
    assert_eq!(
        early.step(Event::AllowAsynchronous { port: PORT }),
        [Effect::OpenCursor { end: OUT }, Effect::PublishPort(PORT)]
    );
    assert_eq!(early.answer(IN, 1), [Effect::OpenCursor { end: IN }], "it was on its way");
    assert_eq!(early.kernel.port(PORT).producer.reason, ModeReason::Earned);
    assert_eq!(early.kernel.port(PORT).consumer.reason, ModeReason::Earned);
    pair.answer(IN, 1);
    pair.step(Event::CursorTouched { end: OUT });
    assert_eq!(
        pair.step(Event::AllowAsynchronous { port: PORT }),
        [Effect::OpenCursor { end: IN }, Effect::PublishPort(PORT)]
    );
    assert!(!pair.kernel.has_queue(OUT) && pair.kernel.has_queue(IN));
    pair.step(Event::CursorSettled { end: OUT, value: 3, peer: Some(1) });
    assert!(!pair.kernel.has_live_cursor(OUT));
}

/// MODE-6: every setback doubles the threshold, which is published, to a limit.
#[test]
fn mode_6_a_setback_doubles_the_threshold() {
    let mut pair = Pair::start_shared(Tuning::default());
    for doublings in [1, 2, 3, 4, 5, 6, 7, 7, 7] {
        pair.step(Event::ForceSynchronous { port: PORT });
        pair.answer(OUT, 33);
        pair.answer(IN, 32);
        assert_eq!(pair.kernel.port(PORT).threshold, 32 << doublings);
        pair.step(Event::AllowAsynchronous { port: PORT });
        assert_eq!(pair.kernel.port(PORT).threshold, 32 << doublings);
    }
    assert_eq!(pair.kernel.port(PORT).threshold, 4096);
}

/// ASYNC-5: each mode has its own window and cursor.
#[test]
fn async_5_the_other_modes_window_is_a_violation() {
    let pair = Pair::start_shared(EAGER);
    for event in [Event::CellTouched { end: OUT, cell: 0 }, Event::WordTouched { end: OUT }] {
        let violation = Violation::WrongMode { mode: Mode::Asynchronous };
        assert_eq!(pair.clone().step(event)[0], violated(SOURCE, OUT, violation));
    }
    let pair = Pair::start(EAGER);
    for event in [Event::QueueTouched { end: OUT }, Event::CursorTouched { end: OUT }] {
        let violation = Violation::WrongMode { mode: Mode::Synchronous };
        assert_eq!(pair.clone().step(event)[0], violated(SOURCE, OUT, violation));
    }
}

// BELL

/// BELL-1: noted, protected, read again; what has moved meanwhile wakes at once.
#[test]
fn bell_1_what_moved_before_the_protection_wakes_at_once() {
    let mut pair = Pair::start_shared(EAGER);
    assert_eq!(pair.touch_gate(SINK, 0, wait_for(IN, 2)), [Effect::ProtectCursor { end: OUT }]);
    assert!(pair.kernel.is_waiting(IN));
    let mut expected = open_gate(SINK, 0, CAUSE_CONDITION, 1).to_vec();
    expected.push(Effect::OpenCursor { end: OUT });
    assert_eq!(pair.answer(OUT, 3), expected);
    assert_eq!(pair.kernel.port(PORT).doorbell_count, 0);
}

/// BELL-2: a store rings, goes through, and wakes once it is seen.
#[test]
fn bell_2_a_sleeper_wakes_when_the_cursor_has_moved() {
    let mut pair = Pair::start_shared(EAGER);
    pair.touch_gate(SINK, 0, wait_for(IN, 2));
    assert_eq!(pair.answer(OUT, 2), []);
    assert_eq!((pair.kernel.armed_gate(SINK), pair.kernel.landings()), (None, vec![]));
    assert_eq!(
        pair.step(Event::CursorTouched { end: OUT }),
        [landing(OUT, 50_000), Effect::OpenCursor { end: OUT }, Effect::Resume(SOURCE)]
    );
    assert_eq!(pair.kernel.landings(), [OUT]);
    assert_eq!(pair.kernel.looks_before(SOURCE, None), [Look::Cursor(OUT)]);
    assert_eq!(look(&mut pair, OUT, 2), [], "not yet");
    let mut expected = open_gate(SINK, 0, CAUSE_CONDITION, 1).to_vec();
    expected.push(Effect::StopTimer { timer: Timer::Landing(OUT) });
    assert_eq!(look(&mut pair, OUT, 3), expected);
    assert_eq!((pair.kernel.armed_gate(SINK), pair.kernel.landings()), (Some(1), vec![]));
    assert_eq!(pair.kernel.port(PORT).doorbell_count, 1);
    assert_eq!(look(&mut pair, OUT, 4), [], "BELL-6: nobody sleeps");
}

/// BELL-1, BELL-2: a store that faults while the page is being protected waits for the answer.
#[test]
fn bell_1_a_store_waits_for_the_protection() {
    let mut pair = Pair::start_shared(EAGER);
    pair.touch_gate(SINK, 0, wait_for(IN, 2));
    assert_eq!(pair.step(Event::CursorTouched { end: OUT }), []);
    assert_eq!(pair.step(Event::CursorTouched { end: OUT }), [], "NAIVE-8");
    let mut moved = pair.clone();
    let goes_on = [Effect::OpenCursor { end: OUT }, Effect::Resume(SOURCE)];
    let mut expected = vec![landing(OUT, 50_000)];
    expected.extend(goes_on.clone());
    assert_eq!(pair.answer(OUT, 2), expected);
    let mut expected = open_gate(SINK, 0, CAUSE_CONDITION, 1).to_vec();
    expected.extend(goes_on);
    assert_eq!(moved.answer(OUT, 3), expected);
}

/// BELL-3, BELL-5: the owner's next fault ends a landing; after a time the doorbell is armed again.
#[test]
fn bell_3_a_landing_ends_at_the_owners_next_fault() {
    let mut pair = Pair::start_shared(EAGER);
    pair.touch_gate(SINK, 0, wait_for(IN, 2));
    pair.answer(OUT, 2);
    pair.step(Event::CursorTouched { end: OUT });
    look(&mut pair, OUT, 2);
    let mut expected =
        vec![Effect::StopTimer { timer: Timer::Landing(OUT) }, landing(OUT, 100_000)];
    expected.extend(open_gate(SOURCE, 0, CAUSE_NONE, 0));
    assert_eq!(pair.touch_gate(SOURCE, 0, GateRequest::default()), expected);
    let expiry = Event::TimerExpired { timer: Timer::Landing(OUT) };
    assert_eq!(pair.step(expiry.clone()), [Effect::ProtectCursor { end: OUT }]);
    assert_eq!(pair.step(expiry), [], "a late one");
    assert_eq!(pair.answer(OUT, 2), []);
}

/// BELL-4: a doorbell that has not rung stays armed, and costs nothing when it is wanted again.
#[test]
fn bell_4_an_armed_doorbell_stays() {
    let mut pair = Pair::start_shared(EAGER);
    let timer = Timer::Gate(SINK);
    let request = GateRequest { deadline_ns: Some(70), ..wait_for(IN, 2) };
    assert_eq!(
        pair.touch_gate(SINK, 0, request),
        [Effect::StartTimer { timer, after_ns: 70 }, Effect::ProtectCursor { end: OUT }]
    );
    pair.answer(OUT, 2);
    let mut expected = vec![Effect::StopTimer { timer }];
    expected.extend(open_gate(SINK, 0, CAUSE_DEADLINE, 0));
    assert_eq!(pair.step(Event::TimerExpired { timer }), expected);
    assert_eq!(pair.touch_gate(SINK, 1, wait_for(IN, 2)), []);
    assert_eq!(pair.step(Event::TimerExpired { timer }), [], "late: this wait has no deadline");
    assert_eq!(
        pair.step(Event::CursorTouched { end: OUT }),
        [landing(OUT, 50_000), Effect::OpenCursor { end: OUT }, Effect::Resume(SOURCE)]
    );
}

/// BELL-5, MODE-6: rings for nothing come later and later, and then the Port loses the mode.
#[test]
fn bell_5_rings_for_nothing_cost_the_mode() {
    let mut pair = Pair::start_shared(EAGER);
    let timer = Timer::Landing(OUT);
    pair.touch_gate(SINK, 0, wait_for(IN, 2));
    pair.answer(OUT, 2);
    for rings in 0..16 {
        assert_eq!(
            pair.step(Event::CursorTouched { end: OUT })[0],
            landing(OUT, 50_000 << rings.min(10))
        );
        let mut expected = vec![Effect::StopTimer { timer }, Effect::ProtectCursor { end: OUT }];
        if rings == 15 {
            expected.extend([Effect::ProtectCursor { end: IN }, Effect::PublishPort(PORT)]);
        }
        assert_eq!(pair.step(Event::TimerExpired { timer }), expected);
        assert_eq!(pair.answer(OUT, 2), []);
    }
    let view = pair.kernel.port(PORT);
    assert_eq!(
        (view.producer.reason, view.consumer.reason),
        (ModeReason::Leaving, ModeReason::Leaving)
    );
    assert_eq!((view.threshold, view.doorbell_count, view.is_forced), (2, 16, false));
    // The next one is the last: then every store is served.
    let effects = pair.step(Event::CursorTouched { end: OUT });
    assert_eq!(effects[0], Effect::CloseQueue { end: OUT });
    let effects = pair.step(Event::CursorSettled { end: OUT, value: 2, peer: Some(1) });
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::OpenGate { .. })));
    assert!(!pair.kernel.has_live_cursor(OUT) && pair.kernel.is_waiting(IN));
}

/// BELL-5: a cursor that moves forgives the rings before it.
#[test]
fn bell_5_a_cursor_that_moves_forgives() {
    let mut pair = Pair::start_shared(EAGER);
    pair.touch_gate(SINK, 0, wait_for(IN, 9));
    pair.answer(OUT, 2);
    for _ in 0..3 {
        pair.step(Event::CursorTouched { end: OUT });
        pair.step(Event::TimerExpired { timer: Timer::Landing(OUT) });
        pair.answer(OUT, 2);
    }
    pair.step(Event::CursorTouched { end: OUT });
    assert_eq!(
        look(&mut pair, OUT, 3),
        [Effect::StopTimer { timer: Timer::Landing(OUT) }, landing(OUT, 50_000)],
        "somebody sleeps for more than that: it is armed again later"
    );
}

/// BELL-1, MODE-2: an end that becomes asynchronous while its peer sleeps has its doorbell already.
#[test]
fn bell_1_an_upgrade_keeps_the_sleepers_doorbell() {
    let mut pair = Pair::start(EAGER);
    pair.pass(OUT);
    pair.pass(IN);
    pair.settle_word(IN);
    assert_eq!(pair.touch_gate(SINK, 0, wait_for(IN, 9)), []);
    assert_eq!(
        pair.pass(OUT)[3..],
        [
            Effect::OpenQueue { end: OUT },
            Effect::PublishMode { end: OUT, mode: Mode::Asynchronous },
            Effect::PublishPort(PORT),
            Effect::OpenWord { end: OUT },
            Effect::Resume(SOURCE),
        ]
    );
    pair.settle_word(OUT);
    assert_eq!(pair.step(Event::CursorTouched { end: OUT })[0], landing(OUT, 50_000));
}

/// BELL-1, PORT-3: a touch of a synchronous end waits for a live cursor as well.
#[test]
fn bell_1_a_touch_waits_for_a_live_cursor() {
    let mut pair = Pair::start(EAGER);
    pair.pass(OUT);
    pair.pass(IN);
    // Untouched slots keep the producer from the mode.
    for _ in 0..4 {
        pair.settle_word(OUT);
        pair.step(Event::WordTouched { end: OUT });
    }
    pair.settle_word(OUT);
    assert!(pair.kernel.has_queue(IN) && !pair.kernel.has_queue(OUT));
    assert_eq!(
        pair.step(Event::CellTouched { end: OUT, cell: 1 }),
        [Effect::ProtectCursor { end: IN }]
    );
    let mut rung = pair.clone();
    let granted = [Effect::OpenCell { end: OUT, cell: 1 }, Effect::Resume(SOURCE)];
    let mut expected = granted.to_vec();
    expected.push(Effect::OpenCursor { end: IN });
    assert_eq!(pair.answer(IN, 2), expected);
    assert_eq!(rung.answer(IN, 1), []);
    rung.settle_word(IN);
    rung.step(Event::CursorTouched { end: IN });
    assert_eq!(look(&mut rung, IN, 5)[..2], granted);
}

/// BELL-1, MODE-1: a built-in end sleeps on a doorbell too, and learns that its peer has gone.
#[test]
fn bell_1_a_built_in_sleeps_and_is_woken() {
    let mut pair = Pair::start_writer(EAGER);
    let effects = pair.pass(OUT);
    assert!(effects.contains(&Effect::WakeKernelEnd(IN)));
    assert!(effects.contains(&Effect::PublishMode { end: OUT, mode: Mode::Asynchronous }));
    pair.settle_word(OUT);
    let view = pair.kernel.port(PORT);
    assert_eq!(
        (view.consumer.mode, view.consumer.reason),
        (Mode::Asynchronous, ModeReason::Earned)
    );
    let waits = Event::KernelWaits { end: IN };
    assert_eq!(pair.step(waits.clone()), [Effect::WakeKernelEnd(IN)], "there is a message");
    pair.step(Event::KernelReleased { end: IN, count: 1 });
    assert_eq!(pair.step(waits), [Effect::ProtectCursor { end: OUT }]);
    assert_eq!(pair.answer(OUT, 1), []);
    assert!(pair.kernel.is_waiting(IN));
    let mut killed = pair.clone();
    pair.step(Event::CursorTouched { end: OUT });
    assert_eq!(
        look(&mut pair, OUT, 3),
        [Effect::WakeKernelEnd(IN), Effect::StopTimer { timer: Timer::Landing(OUT) }]
    );
    killed.step(Event::KillInstance { instance: InstanceId(0) });
    let effects = killed.step(Event::CursorSettled { end: OUT, value: 1, peer: None });
    assert_eq!(effects[3..], [Effect::WakeKernelEnd(IN), Effect::Finish]);
}

// ASYNC-4, ASYNC-6, END-6

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
    let mut restarted =
        Pair::start_shared_with(EAGER, |setup| setup.instances[0].restart_count = 1);
    look(&mut restarted, OUT, 900);
    assert_eq!(look(&mut pair, OUT, 899)[0], violated(SOURCE, OUT, violation));
    // What it had said before is not to be had either: nothing can pass here any more (ASYNC-6).
    look(&mut restarted, OUT, 899);
    let effects = restarted.step(Event::CursorSettled { end: OUT, value: 899, peer: Some(1) });
    assert_eq!(effects.last(), Some(&Effect::ReportBrokenPort(PORT)));
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
            Effect::ReportBrokenPort(PORT),
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
    let mut pair = Pair::start_shared_with(EAGER, |setup| setup.instances[0].restart_count = 1);
    let effects = pair.step(Event::ThreadFaulted { thread: SOURCE, cause: FaultCause::Trap });
    assert_eq!(
        effects[1..],
        [Effect::PublishInstance(InstanceId(0)), Effect::ReadCursor { end: OUT },]
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
