//! What must hold whatever has happened: after each event ([`State::check_published`]), in each state
//! ([`check_state`]), and where nothing goes on by itself any more ([`check_ending`]).

use oro_kernel::{EndpointId, InstanceId, Owner, PeerState, PortId, Side, ThreadId};

use crate::choices::Choice;
use crate::model::{Failure, Phase, State, check, owner_of};
use crate::program::{Ending, Op, System};

impl State {
    /// What a thread has logged, if it is there.
    fn log_of(&self, thread: ThreadId) -> &[u8] {
        self.threads.get(thread.0 as usize).map_or(&[], |thread| &thread.log)
    }

    /// META-8, I5: what is shown is what is.
    pub(crate) fn check_published(&self, system: &System) -> Result<(), Failure> {
        for (end, memory) in &self.memory {
            let cursor = self.kernel.cursor(*end);
            let has_queue = self.kernel.has_queue(*end);
            let is_kernel = owner_of(&self.kernel, *end) == Owner::Kernel;
            let agrees = is_kernel || memory.is_queue_open == has_queue || self.is_down(*end);
            check!(agrees, "ASYNC-5 the queue is open to its mode", "{end:?} {has_queue}");
            let is_live = self.kernel.has_live_cursor(*end);
            let is_shared = is_live || self.kernel.has_live_cursor(end.peer());
            let view = self.kernel.port(end.port);
            let used = view.producer.cursor.wrapping_sub(view.consumer.cursor);
            let count = self.queues[end.port.0 as usize].len() as u64;
            let is_excused = is_shared || self.is_excused(system, *end);
            check!(is_excused || used <= count, "I5 KRN-3 cursors", "{end:?} {view:?}");
            if is_live {
                continue;
            }
            let is_excused = self.is_excused(system, *end);
            check!(
                is_excused || cursor == memory.published,
                "META-8 cursors are published",
                "{end:?} {cursor}"
            );
        }
        for (end, memory) in &self.memory {
            let Owner::Thread(thread) = owner_of(&self.kernel, *end) else { continue };
            let is_open = self.kernel.open_word(thread) == Some(*end);
            let is_live = self.kernel.is_live(thread);
            // The word of a broken Port is open for good.
            let is_excused = self.is_dead(system, *end) || self.is_excused(system, *end);
            let agrees = !is_live || is_excused || is_open == memory.is_word_open;
            check!(agrees, "MAN-5 the core knows the open word", "{end:?} {is_open}");
            let agrees = !is_live || self.kernel.peer_state(*end) == memory.peer;
            check!(agrees, "END-6 the binding's state", "{end:?}");
        }
        for (index, published) in self.ports_published.iter().enumerate() {
            let id = PortId(u32::try_from(index).expect("few"));
            let state = self.kernel.port(id).state;
            check!(state == *published, "META-8 Ports are published", "{id:?} {state:?}");
        }
        for (index, published) in self.instances_published.iter().enumerate() {
            let id = InstanceId(u32::try_from(index).expect("few"));
            let view = self.kernel.instance(id);
            check!(view == *published, "META-8 instances are published", "{id:?} {view:?}");
        }
        for (index, thread) in self.threads.iter().enumerate() {
            let id = ThreadId(u32::try_from(index).expect("few"));
            let is_live = self.kernel.is_live(id);
            let runs = thread.phase != Phase::Down;
            check!(runs == is_live, "END-1 ended threads do not run", "{id:?} {runs} {is_live}");
        }
        let is_finished = self.kernel.is_finished();
        check!(is_finished == self.is_finished, "END-4 finished", "{is_finished}");
        Ok(())
    }
}

pub(crate) fn check_state(
    system: &System,
    state: &State,
    choices: &[Choice],
) -> Result<(), Failure> {
    for (index, thread) in state.threads.iter().enumerate() {
        let Phase::Stopped(op) = thread.phase else { continue };
        if let Op::Await { end, .. } = op {
            let is_waiting = state.kernel.is_waiting(end);
            check!(is_waiting, "I10 a stopped thread waits", "thread {index} {op:?}");
            continue;
        }
        if let Op::AwaitWired { binding, .. } = op {
            let id = ThreadId(u32::try_from(index).expect("few"));
            let is_same = thread.seen == Some(state.binding_word(id, binding));
            check!(is_same, "GATE-5 CTL-8 a wake-up is lost", "thread {index} {op:?}");
            continue;
        }
        if let Op::StoreLive { end, .. } = op {
            let is_pending = state.memory[&end].live.protecting_count > 0;
            check!(is_pending, "BELL-1 stopped without a protection", "thread {index} {op:?}");
            continue;
        }
        let (Op::Store { end, .. } | Op::Load { end, .. } | Op::Touch { end, .. }) = op else {
            return Err(Failure {
                check: "GATE only slots block",
                detail: format!("thread {index} {op:?}"),
            });
        };
        let is_waiting = state.kernel.is_waiting(end);
        check!(is_waiting, "I10 a stopped thread waits", "thread {index} {op:?}");
        let available = state.kernel.available(end);
        check!(available == 0, "I10 a wake-up is lost", "thread {index} {op:?}: {available}");
        let is_alone = state.kernel.peer_state(end).0 != PeerState::Wired;
        check!(!is_alone, "I12 the end of a peer is not told", "thread {index} {op:?}");
    }
    // KRN-10
    let waits = state.kernel.deadlock();
    let can_go_on = choices
        .iter()
        .any(|choice| matches!(choice, Choice::Run(..) | Choice::Restart(_) | Choice::Land(_)));
    check!(waits.is_empty() || !can_go_on, "deadlock() though some thread can go on", "{waits:?}");
    for (thread, log) in &system.expected_logs {
        let found = state.log_of(*thread);
        check!(log.starts_with(found), "I9 lost, doubled or reordered", "{thread:?}: {found:?}");
    }
    for (port, log) in &system.expected_kernel_logs {
        let end = EndpointId { port: *port, side: Side::Consumer };
        let found = state.kernel_ends.get(&end).map_or(&[][..], |end| &end.log);
        check!(log.starts_with(found), "I9 lost, doubled or reordered", "{end:?}: {found:?}");
    }
    Ok(())
}

/// Nothing goes on by itself any more.
pub(crate) fn check_ending(system: &System, state: &State) -> Result<(), Failure> {
    let waits = state.kernel.deadlock();
    if !state.is_finished {
        let live = |phase| phase != Phase::Down;
        let live_count = state.threads.iter().filter(|thread| live(thread.phase)).count();
        check!(!waits.is_empty(), "deadlock() sees that nothing goes on", "{live_count} live");
        check!(waits.len() == live_count, "deadlock() names every thread", "{waits:?}");
    }
    let is_right = match system.ending {
        Ending::Finishes => state.is_finished,
        Ending::Deadlocks => !state.is_finished,
        Ending::Either => true,
    };
    check!(is_right, "the system ends as it must", "finished: {}", state.is_finished);
    if state.next_act < system.script.len() || !state.revoked.is_empty() {
        return Ok(()); // All was over before the last of it could be done, or was cut short.
    }
    for (thread, log) in &system.expected_logs {
        let found = state.log_of(*thread);
        check!(log == found, "I9 every message arrives", "{thread:?}: {found:?}");
    }
    for (port, log) in &system.expected_kernel_logs {
        let end = EndpointId { port: *port, side: Side::Consumer };
        let found = state.kernel_ends.get(&end).map_or(&[][..], |end| &end.log);
        check!(log == found, "I9 every message arrives", "{end:?}: {found:?}");
    }
    Ok(())
}
