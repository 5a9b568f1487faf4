//! What exactly the core says, and in which order, of the asynchronous mode, one small system each:
//! `modes.rs` (`MODE`), `doorbells.rs` (`BELL`), `cursors.rs` (`ASYNC`, and ends in this mode).

mod cursors;
mod doorbells;
mod modes;
#[path = "../support/mod.rs"]
mod support;

use oro_kernel::{Effect, EndpointId, Event, InstanceEnd, InstanceId, ThreadId, Timer, Violation};

use support::Pair;

pub(crate) fn exited(instance: u32) -> Effect {
    let end = InstanceEnd::Exited { status: 0 };
    Effect::EndInstance { instance: InstanceId(instance), end, restart: false }
}

pub(crate) fn violated(thread: ThreadId, end: EndpointId, violation: Violation) -> Effect {
    let how = InstanceEnd::Violated { thread, end, violation };
    Effect::EndInstance { instance: InstanceId(thread.0), end: how, restart: false }
}

pub(crate) fn landing(end: EndpointId, after_ns: u64) -> Effect {
    Effect::StartTimer { timer: Timer::Landing(end), after_ns }
}

pub(crate) fn look(pair: &mut Pair, end: EndpointId, value: u64) -> Vec<Effect> {
    pair.step(Event::CursorLooked { end, value })
}
