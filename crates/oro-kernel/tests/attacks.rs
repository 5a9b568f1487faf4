//! Attacks that a review of the asynchronous mode found, each against one innocent or the kernel: none
//! may come of it what came of it then.

mod support;

use oro_kernel::{Event, FaultCause, GateRequest, InstanceId, InstanceState, Restart, Timer};

use support::{EAGER, IN, OUT, PORT, Pair, SINK, SOURCE, wait_for};

/// A Port whose producer is leaving the asynchronous mode and whose consumer is about to.
fn start_mixed() -> Pair {
    // Both async, then operator forces; consumer leaves first; producer still D0/A.
    let mut p = Pair::start_shared(EAGER);
    // producer commits 3 more live (cursor 2 or 3?)
    let base_in = p.kernel.cursor(IN);
    let base_out = p.kernel.cursor(OUT);
    p.step(Event::ForceSynchronous { port: PORT });
    p.answer(OUT, base_out + 1);
    p.answer(IN, base_in);
    // consumer releases one
    p.step(Event::CursorTouched { end: IN });
    // producer stores: D1, page open
    p.step(Event::CursorTouched { end: OUT });
    p
}

/// BLAME-1, ASYNC-6: its Port breaks while the consumer holds a slot, and it takes what it knows of.
#[test]
fn blame_1_a_broken_port_ends_nobody_who_holds_a_slot() {
    let mut p = start_mixed();
    let c = p.kernel.cursor(IN) + 1;
    let out = p.kernel.cursor(OUT) + 2; // landed honest: 2 more messages
    // C touches its next cell: settle first
    p.step(Event::CursorSettled { end: IN, value: c, peer: Some(out) });
    let cell = (c % 2) as u32;
    p.step(Event::CellTouched { end: IN, cell });
    // Hostile P: in D1, page open, stores a huge value and spins.
    // C releases what it holds: platform looks at peer first.
    p.step(Event::CursorLooked { end: OUT, value: c + 100 });
    p.step(Event::WordTouched { end: IN });
    // C has cached that there was one more: touches next cell
    p.step(Event::CellTouched { end: IN, cell: 1 - cell });
    assert_eq!(p.kernel.instance(InstanceId(1)).state, InstanceState::Running);
}

/// KRN-10, BELL-5: the message is there, and a timer will show it.
#[test]
fn krn_10_a_sleeper_whose_doorbell_rests_is_no_deadlock() {
    let mut p = Pair::start_shared(EAGER);
    let out = p.kernel.cursor(OUT);
    // C sleeps on P
    p.touch_gate(SINK, 0, wait_for(IN, out));
    p.answer(OUT, out);
    // P rings for nothing 10 times
    for ring in 0..10 {
        p.step(Event::CursorTouched { end: OUT });
        // faults elsewhere (unarmed gate)
        p.step(Event::CursorLooked { end: OUT, value: out });
        p.touch_gate(SOURCE, 1, GateRequest::default());
        if ring < 9 {
            p.step(Event::TimerExpired { timer: Timer::Landing(OUT) });
            p.answer(OUT, out);
        }
    }
    // Now Resting: stores a real message without fault, then sleeps on C's answer for ever.
    let inn = p.kernel.cursor(IN);
    p.touch_gate(SOURCE, 0, wait_for(OUT, inn));
    p.answer(IN, inn);
    assert!(p.kernel.deadlock().is_empty());
}

/// KRN-1, ASYNC-4: cursors of two threads that lie together.
#[test]
fn krn_1_cursors_that_come_around_are_no_panic() {
    let mut p = Pair::start_shared(EAGER);
    let big = (u64::MAX >> 1) - 10;
    for v in [big, u64::MAX - 20, u64::MAX] {
        p.step(Event::CursorLooked { end: OUT, value: v });
        p.step(Event::CursorLooked { end: IN, value: v });
    }
    p.step(Event::ForceSynchronous { port: PORT });
    p.answer(OUT, u64::MAX);
    p.answer(IN, u64::MAX);
    p.step(Event::CursorTouched { end: OUT });
    p.step(Event::CursorSettled { end: OUT, value: u64::MAX, peer: Some(u64::MAX) });
    let cell = 1;
    p.step(Event::CellTouched { end: OUT, cell });
    p.step(Event::WordTouched { end: OUT });
    p.step(Event::WordSettled { end: OUT, value: 0 });
    assert_eq!(p.kernel.cursor(OUT), 0);
}

/// BLAME-1, END-7, ASYNC-6
#[test]
fn blame_1_what_was_taken_back_before_a_restart_blames_nobody() {
    let mut p =
        Pair::start_shared_with(EAGER, |s| s.instances[0].restart = Restart::after_faults(1));
    let out = p.kernel.cursor(OUT);
    let inn = p.kernel.cursor(IN);
    // P shows out+3 to C, takes it back to out, traps.
    p.step(Event::ThreadFaulted { thread: SOURCE, cause: FaultCause::Trap });
    p.step(Event::CursorSettled { end: OUT, value: out, peer: Some(inn) });
    p.step(Event::InstanceRestarted { instance: InstanceId(0) });
    // C releases what it had seen.
    p.step(Event::CursorLooked { end: IN, value: out + 3 });
    assert_eq!(p.kernel.instance(InstanceId(1)).state, InstanceState::Running);
}
