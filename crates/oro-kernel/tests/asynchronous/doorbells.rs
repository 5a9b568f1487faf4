//! Doorbells (`BELL`).

use oro_kernel::{Effect, Event, GateRequest, InstanceId, Look, Mode, ModeReason, Timer};
use oro_sysabi::{CAUSE_CONDITION, CAUSE_DEADLINE, CAUSE_NONE};

use crate::support::{EAGER, IN, OUT, PORT, Pair, SINK, SOURCE, open_gate, wait_for};
use crate::{landing, look};

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

/// BELL-5: a sleeper that waits for what does not come costs its peer ever fewer faults.
#[test]
fn bell_5_a_doorbell_that_wakes_nobody_is_armed_later_and_later() {
    let mut pair = Pair::start_shared(EAGER);
    let timer = Timer::Landing(OUT);
    pair.touch_gate(SINK, 0, wait_for(IN, 100));
    pair.answer(OUT, 2);
    let mut cursor = 2;
    for doublings in [0, 1, 2, 3, 4, 4, 4] {
        pair.step(Event::CursorTouched { end: OUT });
        cursor += 1;
        assert_eq!(look(&mut pair, OUT, cursor)[1], landing(OUT, 50_000 << doublings));
        assert_eq!(pair.step(Event::TimerExpired { timer }), [Effect::ProtectCursor { end: OUT }]);
        pair.answer(OUT, cursor);
    }
    // One that wakes somebody makes up for all of them.
    pair.step(Event::CursorTouched { end: OUT });
    assert_eq!(look(&mut pair, OUT, 101)[..2], open_gate(SINK, 0, CAUSE_CONDITION, 1));
    assert_eq!(
        pair.touch_gate(SINK, 1, wait_for(IN, 101)),
        [Effect::ProtectCursor { end: OUT }],
        "at once"
    );
}

/// BELL-5, BELL-4: nor can it be had by sleeping for a moment, again and again.
#[test]
fn bell_5_a_doorbell_whose_sleeper_has_gone_on_rests_as_well() {
    let mut pair = Pair::start_shared(EAGER);
    let timer = Timer::Gate(SINK);
    let request = |value| GateRequest { deadline_ns: Some(1), ..wait_for(IN, value) };
    pair.touch_gate(SINK, 0, request(2));
    pair.answer(OUT, 2);
    pair.step(Event::TimerExpired { timer });
    pair.step(Event::CursorTouched { end: OUT });
    // As a platform does before it tells of a gate.
    assert_eq!(
        look(&mut pair, OUT, 3),
        [Effect::StopTimer { timer: Timer::Landing(OUT) }, landing(OUT, 50_000)]
    );
    assert_eq!(
        pair.touch_gate(SINK, 1, request(3)),
        [Effect::StartTimer { timer, after_ns: 1 }],
        "it is not armed before that time"
    );
    let expiry = Event::TimerExpired { timer: Timer::Landing(OUT) };
    assert_eq!(pair.step(expiry), [Effect::ProtectCursor { end: OUT }]);
}

/// BELL-5: a doorbell counts as what it was when it rang, also if its sleeper has gone on before it has
/// landed.
#[test]
fn bell_5_a_sleeper_that_leaves_before_the_landing_changes_nothing() {
    let timer = Timer::Gate(SINK);
    let request = || GateRequest { deadline_ns: Some(1), ..wait_for(IN, u64::MAX) };
    let mut pair = Pair::start_shared(EAGER);
    let (mut cursor, mut at_once) = (2, 0);
    for turn in 0..20 {
        let effects = pair.touch_gate(SINK, turn % 2, request());
        at_once += u32::from(effects.contains(&Effect::ProtectCursor { end: OUT }));
        if pair.kernel.landings().is_empty() && effects.len() > 1 {
            pair.answer(OUT, cursor);
            pair.step(Event::CursorTouched { end: OUT });
        }
        pair.step(Event::TimerExpired { timer });
        cursor += 1;
        look(&mut pair, OUT, cursor);
    }
    assert_eq!(at_once, 1, "the others wait for the timer");
    // And rings for nothing cost the mode.
    let mut pair = Pair::start_shared(EAGER);
    let (mut gate, mut source_gate) = (0, 0);
    for _ in 0..16 {
        pair.touch_gate(SINK, gate, request());
        gate = 1 - gate;
        pair.answer_if_asked(OUT, 2);
        pair.step(Event::CursorTouched { end: OUT });
        pair.step(Event::TimerExpired { timer });
        pair.touch_gate(SOURCE, source_gate, GateRequest::default());
        source_gate = 1 - source_gate;
        pair.step(Event::TimerExpired { timer: Timer::Landing(OUT) });
    }
    assert_eq!(pair.kernel.port(PORT).threshold, 2, "MODE-6");
}

/// BELL-6, BELL-5: a doorbell that rests without a sleeper is not armed again.
#[test]
fn bell_6_a_resting_doorbell_without_a_sleeper_opens() {
    let mut pair = Pair::start_shared(EAGER);
    let request = GateRequest { deadline_ns: Some(1), ..wait_for(IN, 9) };
    pair.touch_gate(SINK, 0, request);
    pair.answer(OUT, 2);
    pair.step(Event::CursorTouched { end: OUT });
    look(&mut pair, OUT, 3);
    pair.step(Event::TimerExpired { timer: Timer::Gate(SINK) });
    assert_eq!(pair.step(Event::TimerExpired { timer: Timer::Landing(OUT) }), []);
    assert!(pair.kernel.landings().is_empty() && pair.kernel.deadlock().is_empty());
}

/// MODE-3, MODE-6: a page that rests is protected for a downgrade at once, and its timer is forgotten; a
/// flip that takes the downgrade back forgives the rings before it.
#[test]
fn mode_3_a_downgrade_does_not_wait_for_a_resting_page() {
    let mut pair = Pair::start_shared(EAGER);
    pair.touch_gate(SINK, 0, wait_for(IN, 9));
    pair.answer(OUT, 2);
    pair.step(Event::CursorTouched { end: OUT });
    look(&mut pair, OUT, 3);
    assert_eq!(
        pair.step(Event::ForceSynchronous { port: PORT }),
        [
            Effect::StopTimer { timer: Timer::Landing(OUT) },
            Effect::ProtectCursor { end: OUT },
            Effect::ProtectCursor { end: IN },
            Effect::PublishPort(PORT),
        ]
    );
    let mut pair = Pair::start_shared(EAGER);
    pair.touch_gate(SINK, 0, wait_for(IN, 2));
    pair.answer(OUT, 2);
    for _ in 0..16 {
        pair.step(Event::CursorTouched { end: OUT });
        pair.step(Event::TimerExpired { timer: Timer::Landing(OUT) });
        pair.answer(OUT, 2);
    }
    pair.answer(IN, 1);
    assert_eq!(pair.kernel.port(PORT).threshold, 2);
    for _ in 0..3 {
        pair.step(Event::ForceSynchronous { port: PORT });
        pair.answer_if_asked(IN, 1);
        pair.step(Event::AllowAsynchronous { port: PORT });
        pair.step(Event::CursorTouched { end: OUT });
        pair.step(Event::TimerExpired { timer: Timer::Landing(OUT) });
        pair.answer_if_asked(OUT, 2);
    }
    assert_eq!(pair.kernel.port(PORT).threshold, 2, "one ring is not sixteen");
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
