//! Upgrade and downgrade (`MODE`), and the window of each mode (`ASYNC-5`).

use oro_kernel::{Effect, Event, Look, Mode, ModeReason, Timer, Tuning, Upgrade, Violation};

use crate::support::{EAGER, IN, OUT, PORT, Pair, SINK, SOURCE, wait_for};
use crate::violated;

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

/// MODE-6: an operator may change his mind as often as he likes: the threshold stays.
#[test]
fn mode_6_a_flip_leaves_the_threshold() {
    let mut pair = Pair::start_shared(Tuning::default());
    for _ in 0..3 {
        pair.step(Event::ForceSynchronous { port: PORT });
        pair.answer(OUT, 33);
        pair.answer(IN, 32);
        pair.step(Event::AllowAsynchronous { port: PORT });
        assert_eq!(pair.kernel.port(PORT).threshold, 32);
    }
}

/// MODE-6, BELL-5: each downgrade for doorbells doubles the threshold, which is published, to a limit;
/// the mode can be earned again by it.
#[test]
fn mode_6_a_downgrade_for_doorbells_doubles_the_threshold() {
    let mut pair = Pair::start_shared(EAGER);
    for doublings in [1, 2, 3, 4, 5, 6, 7, 7, 7] {
        let (produced, consumed) = (pair.kernel.cursor(OUT), pair.kernel.cursor(IN));
        let gate = pair.kernel.armed_gate(SINK).expect("it runs");
        pair.touch_gate(SINK, gate, wait_for(IN, produced));
        pair.answer(OUT, produced);
        for _ in 0..16 {
            pair.step(Event::CursorTouched { end: OUT });
            pair.step(Event::TimerExpired { timer: Timer::Landing(OUT) });
            pair.answer(OUT, produced);
        }
        pair.answer(IN, consumed);
        assert_eq!(pair.kernel.port(PORT).threshold, 1 << doublings);
        for (end, value) in [(OUT, produced + 1), (IN, consumed + 2)] {
            pair.step(Event::CursorTouched { end });
            let peer = pair.kernel.has_live_cursor(end.peer()).then_some(consumed);
            pair.step(Event::CursorSettled { end, value, peer });
            assert!(!pair.kernel.has_queue(end));
        }
        for _ in 0..1 << doublings {
            pair.pass(OUT);
            pair.pass(IN);
        }
        pair.pass(OUT);
        pair.settle_word(OUT);
        pair.settle_word(IN);
        assert!(pair.kernel.has_live_cursor(OUT) && pair.kernel.has_live_cursor(IN));
    }
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
