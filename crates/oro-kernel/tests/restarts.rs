//! Restarts by policy (`END-7`, `END-10` to `END-12`), clause by clause. That nothing is lost or doubled
//! meanwhile is the explorer's.

mod support;

use oro_kernel::{
    Effect, Event, FaultCause, InstanceEnd, InstanceId, InstanceState, PeerState, Restart,
    RestartOn, ThreadSetup, Timer,
};

use support::{EAGER, IN, OUT, Pair, SINK, SOURCE};

const FIRST: InstanceId = InstanceId(0);
const RESTART: Timer = Timer::Restart(FIRST);
const ROW: Timer = Timer::Row(FIRST);
const FAULT: Event = Event::ThreadFaulted { thread: SOURCE, cause: FaultCause::Trap };
const RESTARTED: Event = Event::InstanceRestarted { instance: FIRST };

/// The producer has this policy.
fn start(on: RestartOn, max: u32, within_ns: u64, backoff_ns: u64) -> Pair {
    Pair::start_with(EAGER, |setup| {
        setup.instances[0].restart = Restart { on, max, within_ns, backoff_ns };
    })
}

fn is_running(pair: &Pair) -> bool {
    pair.kernel.instance(FIRST).state == InstanceState::Running
}

/// END-11: the first of a row after the delay, each one after it after twice that, up to 64 times; then
/// it ends for good.
#[test]
fn end_11_restarts_in_a_row_come_later_and_later() {
    let mut pair = start(RestartOn::Fault, 9, 0, 5);
    for doublings in [0, 1, 2, 3, 4, 5, 6, 6, 6] {
        let effects = pair.step(FAULT);
        let after_ns = 5 << doublings;
        assert_eq!(effects.last(), Some(&Effect::StartTimer { timer: RESTART, after_ns }));
        assert!(pair.kernel.instance(FIRST).is_restarting && pair.kernel.deadlock().is_empty());
        assert_eq!(
            pair.step(Event::TimerExpired { timer: RESTART }),
            [Effect::ReplaceInstance(FIRST)]
        );
        pair.step(RESTARTED);
        assert!(is_running(&pair));
    }
    let effects = pair.step(FAULT);
    assert!(matches!(effects[0], Effect::EndInstance { restart: false, .. }));
    assert_eq!(pair.kernel.peer_state(IN), (PeerState::Faulted, 9));
    assert_eq!(pair.kernel.instance(FIRST).restart_count, 9);
}

/// END-11: a row ends when the instance has run for long enough.
#[test]
fn end_11_a_row_ends_with_time() {
    let mut pair = start(RestartOn::Fault, 1, 70, 0);
    let ask = Effect::ReplaceInstance(FIRST);
    for _ in 0..3 {
        assert_eq!(pair.step(FAULT).last(), Some(&ask), "at once, without a delay");
        let effects = pair.step(RESTARTED);
        let start_row = Effect::StartTimer { timer: ROW, after_ns: 70 };
        assert_eq!(effects[effects.len() - 2..], [start_row, Effect::StartThread(SOURCE)]);
        pair.step(Event::TimerExpired { timer: ROW });
    }
    pair.step(FAULT);
    pair.step(RESTARTED);
    let effects = pair.step(FAULT);
    assert!(matches!(effects[0], Effect::StopTimer { timer: ROW }), "{effects:?}");
    assert!(effects.iter().any(|one| matches!(one, Effect::EndInstance { restart: false, .. })));
}

/// END-11, END-7: a replacement that cannot be made counts; at the end of the row the instance has ended
/// as it had, and its peer hears of it.
#[test]
fn end_11_a_replacement_that_cannot_be_made_is_the_end() {
    let mut pair = start(RestartOn::Fault, 3, 0, 0);
    assert_eq!(pair.step(FAULT).last(), Some(&Effect::ReplaceInstance(FIRST)));
    for after_ns in [20_000_000, 40_000_000] {
        let effects = pair.step(Event::RestartFailed { instance: FIRST });
        assert_eq!(effects, [Effect::StartTimer { timer: RESTART, after_ns }], "never at once");
        pair.step(Event::TimerExpired { timer: RESTART });
    }
    assert_eq!(pair.kernel.peer_state(IN), (PeerState::Wired, 0), "END-7: told nothing");
    let effects = pair.step(Event::RestartFailed { instance: FIRST });
    let end = InstanceEnd::Faulted { thread: SOURCE, cause: FaultCause::Trap };
    assert_eq!(effects[1], Effect::EndInstance { instance: FIRST, end, restart: false });
    assert_eq!(pair.kernel.peer_state(IN), (PeerState::Faulted, 0));
    assert_eq!(pair.step(Event::RestartFailed { instance: FIRST }), [], "late");
}

/// END-10: who is killed on purpose is not restarted, also while a restart is delayed.
#[test]
fn end_10_a_kill_on_purpose_is_the_end() {
    let mut pair = start(RestartOn::Always, 3, 0, 5);
    let kill = Event::KillInstance { instance: FIRST };
    let mut running = pair.clone();
    running.step(kill.clone());
    assert!(!running.kernel.instance(FIRST).is_restarting);
    pair.step(FAULT);
    let effects = pair.step(kill);
    assert_eq!(effects[0], Effect::StopTimer { timer: RESTART });
    assert_eq!(pair.step(Event::TimerExpired { timer: RESTART }), [], "late");
    assert_eq!(pair.step(RESTARTED), [], "late");
    assert_eq!(pair.kernel.instance(FIRST).state, InstanceState::Faulted);
}

/// END-10: with `fault` an end of its own is the end, with `always` it is not, and closes nothing.
#[test]
fn end_10_an_end_of_its_own_is_restarted_only_if_always() {
    for (on, is_restarted) in [(RestartOn::Fault, false), (RestartOn::Always, true)] {
        for event in [
            Event::ThreadExited { thread: SOURCE, status: 7 },
            Event::InstanceExited { thread: SOURCE, status: 7 },
        ] {
            let mut pair = start(on, 3, 0, 0);
            pair.pass(OUT);
            pair.settle_word(OUT);
            pair.step(event);
            let view = pair.kernel.instance(FIRST);
            assert_eq!((view.is_restarting, view.state), (is_restarted, InstanceState::Ended));
            let state = if is_restarted { PeerState::Wired } else { PeerState::Closed };
            assert_eq!(pair.kernel.peer_state(IN).0, state);
            assert_eq!(view.status, 7, "also while its replacement is awaited");
            if is_restarted {
                // It goes on where its predecessor had stopped.
                let effects = pair.step(RESTARTED);
                let first = Effect::PublishFirst { end: OUT, value: 1 };
                assert!(effects.contains(&first) && is_running(&pair), "{effects:?}");
                // MODE-7: its streak has begun anew.
                assert!(effects.contains(&Effect::PublishPort(OUT.port)), "{effects:?}");
            }
        }
    }
}

/// END-10: of several threads with `always` the one that ends first closes nothing; with `fault` it
/// rules a restart out.
#[test]
fn end_10_a_thread_that_has_ended_by_itself() {
    for (on, is_restarted) in [(RestartOn::Fault, false), (RestartOn::Always, true)] {
        let mut pair = Pair::start_with(EAGER, |setup| {
            setup.instances[0].restart = Restart { on, max: 3, within_ns: 0, backoff_ns: 0 };
            setup.threads.push(ThreadSetup { instance: FIRST, is_managed: true });
        });
        pair.step(Event::ThreadExited { thread: SOURCE, status: 0 });
        let state = if is_restarted { PeerState::Wired } else { PeerState::Closed };
        assert_eq!(pair.kernel.peer_state(IN).0, state);
        let thread = oro_kernel::ThreadId(2);
        pair.step(Event::ThreadFaulted { thread, cause: FaultCause::Trap });
        assert_eq!(pair.kernel.instance(FIRST).is_restarting, is_restarted);
    }
}

/// END-12: a consumer's replacement starts behind what was committed before, and its producer has room.
#[test]
fn end_12_what_was_committed_is_dropped() {
    for drops in [false, true] {
        let mut pair = Pair::start_with(EAGER, |setup| {
            setup.instances[1].restart = Restart::after_faults(1);
            setup.ports[0].drops_at_restart = drops;
        });
        for _ in 0..4 {
            pair.pass(OUT);
        }
        pair.settle_word(OUT);
        assert_eq!(pair.step(Event::CellTouched { end: OUT, cell: 0 }), [], "the queue is full");
        pair.step(Event::ThreadFaulted { thread: SINK, cause: FaultCause::Trap });
        let effects = pair.step(Event::InstanceRestarted { instance: InstanceId(1) });
        let first = if drops { 4 } else { 0 };
        assert!(effects.contains(&Effect::PublishFirst { end: IN, value: first }), "{effects:?}");
        assert_eq!(pair.kernel.cursor(IN), first);
        assert_eq!(effects.contains(&Effect::Resume(SOURCE)), drops);
        assert_eq!(effects.last(), Some(&Effect::StartThread(SINK)), "{effects:?}");
    }
}
