//! What exactly the core says, and in which order, of the asynchronous mode, doorbells and gates
//! (`ASYNC`, `MODE`, `BELL`, `GATE`), one small system each.

mod support;

use oro_kernel::{
    BindingOwner, Condition, Effect, EndpointId, Event, FaultCause, GateRequest, InstanceEnd,
    InstanceId, Look, Mode, ModeReason, PeerState, RequestProblem, ThreadId, Timer, Tuning,
    Upgrade, Violation, Wait, WaitPlace, decode_request,
};
use oro_sysabi::{
    CAUSE_CONDITION, CAUSE_DEADLINE, CAUSE_NONE, CONDITION_COUNT, Condition as RawCondition,
    NO_DEADLINE, Request, STATE_CLOSED, STATE_UNWIRED, STATE_WIRED, WAIT_BINDING, WAIT_PEER,
    WAIT_RING, WAIT_WORD, WAKE_WORD,
};

use support::{IN, OUT, PORT, Pair, SINK, SOURCE};

const EAGER: Tuning = Tuning { threshold: 1, doubling_limit: 7, ring_limit: 16 };

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

fn wait_for(end: EndpointId, value: u64) -> GateRequest {
    GateRequest { conditions: vec![Condition::Peer { end, value }], deadline_ns: None }
}

fn open_gate(thread: ThreadId, gate: u32, cause: u32, ready: u128) -> [Effect; 2] {
    [Effect::OpenGate { thread, gate, cause, ready }, Effect::Resume(thread)]
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
    assert_eq!(pair.look(OUT, 2), [], "not yet");
    let mut expected = open_gate(SINK, 0, CAUSE_CONDITION, 1).to_vec();
    expected.push(Effect::StopTimer { timer: Timer::Landing(OUT) });
    assert_eq!(pair.look(OUT, 3), expected);
    assert_eq!((pair.kernel.armed_gate(SINK), pair.kernel.landings()), (Some(1), vec![]));
    assert_eq!(pair.kernel.port(PORT).doorbell_count, 1);
    assert_eq!(pair.look(OUT, 4), [], "BELL-6: nobody sleeps");
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
    pair.look(OUT, 2);
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
        pair.look(OUT, 3),
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
    assert_eq!(rung.look(IN, 5)[..2], granted);
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
        pair.look(OUT, 3),
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
            pair.look(OUT, stored),
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
    assert_eq!(writer.look(OUT, 4), []);
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
    assert_eq!(pair.look(OUT, 900), [], "who knows what the consumer has stored");
    assert_eq!(pair.kernel.available(IN), 0);
    let most = 900 + (u64::MAX >> 1);
    let violation = Violation::ImpossibleCursor { stored: 899, least: 900, most };
    let mut restarted =
        Pair::start_shared_with(EAGER, |setup| setup.instances[0].restart_count = 1);
    restarted.look(OUT, 900);
    assert_eq!(pair.look(OUT, 899)[0], violated(SOURCE, OUT, violation));
    // What it had said before is not to be had either: nothing can pass here any more (ASYNC-6).
    restarted.look(OUT, 899);
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
    assert_eq!(pair.look(IN, 77), []);
    assert_eq!(pair.touch_gate(SINK, 1, wait_for(IN, 2)), open_gate(SINK, 1, CAUSE_CONDITION, 1));
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

// GATE

/// GATE-3, GATE-4: what each kind of condition says when it is looked at.
#[test]
fn gate_3_each_condition_holds_when_it_should() {
    let mut pair = Pair::start(Tuning::default());
    pair.pass(OUT);
    let wired = Some(IN);
    for (condition, holds) in [
        (Condition::Peer { end: IN, value: 0 }, true),
        (Condition::Peer { end: IN, value: 1 }, false),
        (Condition::Peer { end: IN, value: u64::MAX }, false),
        (Condition::Ring { generation: 2 }, false),
        (Condition::Ring { generation: 0 }, true),
        (Condition::Binding { end: wired, seen: u64::from(STATE_WIRED) }, false),
        (Condition::Binding { end: wired, seen: u64::from(STATE_WIRED) | 1 << 32 }, true),
        (Condition::Binding { end: wired, seen: u64::from(STATE_CLOSED) }, true),
        (Condition::Binding { end: None, seen: u64::from(STATE_UNWIRED) }, false),
        (Condition::Binding { end: None, seen: u64::from(STATE_WIRED) }, true),
        (Condition::Word { address: 4, has_changed: false }, false),
        (Condition::Word { address: 4, has_changed: true }, true),
        (Condition::Wake { address: 4 }, true),
    ] {
        let mut conditions = vec![Condition::Ring { generation: 2 }; CONDITION_COUNT as usize];
        conditions[127] = condition;
        let request = GateRequest { conditions, deadline_ns: None };
        let effects = pair.clone().touch_gate(SINK, 0, request);
        if holds {
            assert_eq!(effects, open_gate(SINK, 0, CAUSE_CONDITION, 1 << 127), "{condition:?}");
        } else {
            assert_eq!(effects, [], "{condition:?}");
        }
    }
}

/// GATE-5: what comes to hold later wakes: a message, an end, each with all the bits that hold then.
#[test]
fn gate_5_what_comes_to_hold_wakes() {
    let seen = u64::from(STATE_WIRED);
    let request = GateRequest {
        conditions: vec![
            Condition::Peer { end: IN, value: 1 },
            Condition::Binding { end: Some(IN), seen },
            Condition::Peer { end: IN, value: 0 },
        ],
        deadline_ns: None,
    };
    let mut pair = Pair::start(Tuning::default());
    assert_eq!(pair.touch_gate(SINK, 0, request), []);
    let mut ended = pair.clone();
    let effects = pair.pass(OUT);
    assert_eq!(effects[3..5], open_gate(SINK, 0, CAUSE_CONDITION, 0b100));
    let effects = ended.step(Event::KillInstance { instance: InstanceId(0) });
    let told = Effect::PublishPeer { end: IN, state: PeerState::Faulted, epoch: 0 };
    assert_eq!(effects[3], told, "the binding says it before the thread looks");
    assert_eq!(effects[4..], open_gate(SINK, 0, CAUSE_CONDITION, 0b111));
}

/// GATE-4, GATE-6: nothing to wait for, only a look, a time, for ever.
#[test]
fn gate_6_deadlines() {
    let pair = Pair::start(EAGER);
    let touch = |request| pair.clone().touch_gate(SINK, 0, request);
    let idle = vec![Condition::Ring { generation: 2 }];
    let with = |conditions: &[Condition], deadline_ns| GateRequest {
        conditions: conditions.to_vec(),
        deadline_ns,
    };
    let timer = Timer::Gate(SINK);
    assert_eq!(touch(with(&[], None)), open_gate(SINK, 0, CAUSE_NONE, 0));
    assert_eq!(touch(with(&[], Some(0))), open_gate(SINK, 0, CAUSE_DEADLINE, 0));
    assert_eq!(touch(with(&idle, Some(0))), open_gate(SINK, 0, CAUSE_DEADLINE, 0));
    assert_eq!(touch(with(&idle, None)), []);
    for after_ns in [1, u64::MAX - 1] {
        let sleep = [Effect::StartTimer { timer, after_ns }];
        assert_eq!(touch(with(&[], Some(after_ns))), sleep);
        assert_eq!(touch(with(&idle, Some(after_ns))), sleep);
    }
    // What holds first ends the deadline.
    let mut pair = pair;
    pair.touch_gate(SINK, 0, GateRequest { deadline_ns: Some(9), ..wait_for(IN, 0) });
    let mut expected = vec![Effect::StopTimer { timer }];
    expected.extend(open_gate(SINK, 0, CAUSE_CONDITION, 1));
    assert_eq!(pair.pass(OUT)[3..6], expected);
    assert_eq!(pair.step(Event::TimerExpired { timer }), [], "a late one");
}

/// GATE-1, NAIVE-8: the page that is not armed does nothing; a repeated fault changes nothing.
#[test]
fn gate_1_only_the_armed_page_is_a_gate() {
    let mut pair = Pair::start(EAGER);
    let nonsense = Err(RequestProblem::ReservedNotZero);
    let other = Event::GateTouched { thread: SINK, gate: 1, request: nonsense };
    assert_eq!(pair.step(other.clone()), [Effect::Resume(SINK)], "GATE-2: not even read");
    assert_eq!(pair.touch_gate(SINK, 0, wait_for(IN, 0)), []);
    let before = pair.kernel.clone();
    assert_eq!(pair.touch_gate(SINK, 0, GateRequest::default()), []);
    assert_eq!(pair.kernel, before);
    pair.pass(OUT);
    assert_eq!(pair.kernel.armed_gate(SINK), Some(1));
    assert_eq!(pair.touch_gate(SINK, 0, wait_for(IN, 0)), [Effect::Resume(SINK)]);
    let problem = RequestProblem::ReservedNotZero;
    let end = InstanceEnd::BadRequest { thread: SINK, problem };
    let ended = Effect::EndInstance { instance: InstanceId(1), end, restart: false };
    assert_eq!(pair.step(other)[0], ended);
}

/// GATE-8, NAIVE-1: a naive thread's gate flushes before anything is looked at.
#[test]
fn gate_8_a_gate_is_a_fresh_touch() {
    let mut pair = Pair::start_with(EAGER, |setup| setup.threads[0].is_managed = false);
    pair.step(Event::CellTouched { end: OUT, cell: 0 });
    let mut expected = vec![
        Effect::ProtectCell { end: OUT, cell: 0 },
        Effect::CollectCell { end: OUT, cell: 0, number: 0 },
        Effect::PublishCursor { end: OUT, value: 1 },
    ];
    expected.extend(open_gate(SOURCE, 0, CAUSE_NONE, 0));
    assert_eq!(pair.touch_gate(SOURCE, 0, GateRequest::default()), expected);
}

/// GATE-7: who changes a word wakes the threads of its own instance that wait for it.
#[test]
fn gate_7_a_word_wakes_within_its_instance() {
    let wake =
        |address| GateRequest { conditions: vec![Condition::Wake { address }], deadline_ns: None };
    let wait = GateRequest {
        conditions: vec![
            Condition::Word { address: 60, has_changed: false },
            Condition::Word { address: 64, has_changed: false },
        ],
        deadline_ns: None,
    };
    let mut two = Pair::start(EAGER);
    assert_eq!(two.touch_gate(SINK, 0, wait.clone()), []);
    assert_eq!(two.touch_gate(SOURCE, 0, wake(64)), open_gate(SOURCE, 0, CAUSE_CONDITION, 1));
    let mut one = Pair::start_with(EAGER, |setup| {
        setup.instances.pop();
        setup.threads[1].instance = InstanceId(0);
    });
    assert_eq!(one.touch_gate(SINK, 0, wait), []);
    assert_eq!(one.touch_gate(SOURCE, 0, wake(68)), open_gate(SOURCE, 0, CAUSE_CONDITION, 1));
    let mut expected = open_gate(SINK, 0, CAUSE_CONDITION, 0b10).to_vec();
    expected.extend(open_gate(SOURCE, 1, CAUSE_CONDITION, 1));
    assert_eq!(one.touch_gate(SOURCE, 1, wake(64)), expected);
}

fn new_request(conditions: &[RawCondition]) -> Request {
    let mut all = [RawCondition::default(); CONDITION_COUNT as usize];
    all[..conditions.len()].copy_from_slice(conditions);
    Request {
        reserved0: 0,
        flags: 0,
        count: u32::try_from(conditions.len()).expect("few"),
        deadline_ns: NO_DEADLINE,
        exit_status: 0,
        reserved1: [0; 4],
        conditions: all,
        reserved2: [0; 120],
        last_words_length: 0,
        last_words_kind: 0,
        last_words: [0; 1016],
    }
}

fn decode(request: &Request) -> Result<GateRequest, RequestProblem> {
    let find_binding = |index| match index {
        0 => BindingOwner::Own(IN),
        1 => BindingOwner::Unwired,
        _ => BindingOwner::Nobody,
    };
    // One word, at 64, with the value 7.
    decode_request(request, find_binding, |address| (address == 64).then_some(7))
}

/// GATE-2, GATE-3: a request that can be understood.
#[test]
fn gate_3_requests_are_decoded() {
    let raw = |kind, index, value| RawCondition { kind, index, value };
    let mut request = new_request(&[
        raw(WAIT_PEER, 0, u64::MAX),
        raw(WAIT_RING, 0, 5),
        raw(WAIT_BINDING, 0, 6),
        raw(WAIT_BINDING, 1, 7),
        raw(WAIT_WORD, 7, 64),
        raw(WAIT_WORD, 8, 64),
        raw(WAKE_WORD, 0, 64),
    ]);
    let conditions = vec![
        Condition::Peer { end: IN, value: u64::MAX },
        Condition::Ring { generation: 5 },
        Condition::Binding { end: Some(IN), seen: 6 },
        Condition::Binding { end: None, seen: 7 },
        Condition::Word { address: 64, has_changed: false },
        Condition::Word { address: 64, has_changed: true },
        Condition::Wake { address: 64 },
    ];
    let decoded = GateRequest { conditions, deadline_ns: None };
    assert_eq!(decode(&request), Ok(decoded.clone()));
    request.deadline_ns = 0;
    // Conditions beyond the count are not read, and last words are for whom they concern.
    request.conditions[7] = raw(99, 99, 99);
    request.last_words_length = u32::MAX;
    assert_eq!(decode(&request), Ok(GateRequest { deadline_ns: Some(0), ..decoded }));
    assert_eq!(decode(&new_request(&[])), Ok(GateRequest::default()));
    let full = new_request(&[raw(WAIT_RING, 0, 1); CONDITION_COUNT as usize]);
    assert_eq!(decode(&full).map(|request| request.conditions.len()), Ok(128));
}

/// GATE-3: one that cannot be: which condition, and why.
#[test]
fn gate_3_rubbish_is_refused_by_name() {
    let ring = RawCondition { kind: WAIT_RING, index: 0, value: 1 };
    let refuse = |kind, index, value| {
        decode(&new_request(&[ring, RawCondition { kind, index, value }])).expect_err("rubbish")
    };
    let condition = 1;
    for kind in [0, 6, u32::MAX] {
        assert_eq!(refuse(kind, 0, 0), RequestProblem::UnknownKind { condition, kind });
    }
    for (kind, binding) in [(WAIT_PEER, 2), (WAIT_PEER, u32::MAX), (WAIT_BINDING, 2)] {
        assert_eq!(refuse(kind, binding, 0), RequestProblem::NoSuchBinding { condition, binding });
    }
    assert_eq!(refuse(WAIT_PEER, 1, 0), RequestProblem::NotWired { condition, binding: 1 });
    for (kind, address) in [(WAIT_WORD, 65), (WAKE_WORD, 0), (WAIT_WORD, u64::MAX)] {
        assert_eq!(refuse(kind, 0, address), RequestProblem::BadAddress { condition, address });
    }
    let mut request = new_request(&[]);
    for count in [CONDITION_COUNT + 1, u32::MAX] {
        request.count = count;
        assert_eq!(decode(&request), Err(RequestProblem::TooManyConditions { count }));
    }
    let dirty: [fn(&mut Request); 4] = [
        |request| request.reserved0 = 1,
        |request| request.flags = 1 << 31,
        |request| request.reserved1[3] = 1,
        |request| request.reserved2[119] = 1,
    ];
    for soil in dirty {
        let mut request = new_request(&[ring]);
        soil(&mut request);
        assert_eq!(decode(&request), Err(RequestProblem::ReservedNotZero));
    }
}

/// I10, GATE: threads that wait for each other at gates, where nothing can come true by itself.
#[test]
fn gate_a_deadlock_names_what_is_waited_for() {
    let mut pair = Pair::start_shared(EAGER);
    pair.touch_gate(SOURCE, 0, wait_for(OUT, 1));
    pair.touch_gate(SINK, 0, wait_for(IN, 2));
    assert_eq!(pair.kernel.deadlock(), [], "two protections have not been answered");
    pair.answer(IN, 1);
    pair.answer(OUT, 2);
    let place = |request: GateRequest| WaitPlace::Gate(request.conditions);
    assert_eq!(
        pair.kernel.deadlock(),
        [
            Wait { thread: SOURCE, place: place(wait_for(OUT, 1)) },
            Wait { thread: SINK, place: place(wait_for(IN, 2)) },
        ]
    );
    let mut timed = Pair::start(EAGER);
    timed.touch_gate(SOURCE, 0, wait_for(OUT, 1));
    timed.touch_gate(SINK, 0, GateRequest { deadline_ns: Some(9), ..wait_for(IN, 2) });
    assert_eq!(timed.kernel.deadlock(), []);
    let mut writer = Pair::start_writer(EAGER);
    writer.touch_gate(SOURCE, 0, wait_for(OUT, 1));
    assert_eq!(writer.kernel.deadlock(), [], "a built-in may yet do something");
    writer.step(Event::KernelClosed { end: IN, has_failed: false });
    assert_eq!(writer.kernel.armed_gate(SOURCE), Some(1));
}
