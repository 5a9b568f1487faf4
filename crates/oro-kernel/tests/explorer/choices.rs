//! What can happen next in a state, and that it happens: accesses, kills, built-in ends that do their
//! work, processors and timers that do theirs.
//!
//! Key type: [`Choice`]. A timer may expire at any time, as nothing is known of how fast a thread is; a
//! protection is complete, and a store lands, at any time as well.

use oro_kernel::{
    EndpointId, Event, FaultCause, InstanceId, InstanceState, Mode, Owner, PeerState, PortId, Side,
    ThreadId, Timer,
};

use crate::model::{Failure, Phase, State, owner_of};
use crate::program::{Op, Place, Program, System, Value};

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    Run(ThreadId, Op),
    /// The same fault is reported once more.
    Repeat(ThreadId, Op),
    Kill(InstanceId),
    Restart(InstanceId),
    FailToRestart(InstanceId),
    /// A built-in end does its work: a producer commits so many.
    Serve(EndpointId, u32),
    /// A store that has been executed reaches the memory.
    Land(EndpointId),
    /// A protection is complete.
    Protected(EndpointId),
    /// A cursor whose store is awaited is looked at.
    Look(EndpointId),
    Expire(Timer),
    /// An operator forces a Port, or allows it again.
    Flip(PortId),
    /// An instance is replaced by order.
    Replace(InstanceId),
    /// What of the script comes next.
    Act,
}

/// Whether something goes on by itself; kills and repetitions need not happen.
pub(crate) fn is_progress(choice: &Choice) -> bool {
    match choice {
        Choice::Run(..)
        | Choice::Restart(_)
        | Choice::Serve(..)
        | Choice::Land(_)
        | Choice::Protected(_)
        | Choice::Look(_)
        | Choice::Expire(_)
        | Choice::Act => true,
        Choice::Repeat(..)
        | Choice::Kill(_)
        | Choice::FailToRestart(_)
        | Choice::Flip(_)
        | Choice::Replace(_) => false,
    }
}

pub(crate) fn list_choices(system: &System, state: &State) -> Vec<Choice> {
    let mut choices = Vec::new();
    for (index, thread) in state.threads.iter().enumerate() {
        let id = ThreadId(u32::try_from(index).expect("few"));
        match thread.phase {
            Phase::Down => {}
            Phase::Running => match &system.programs[index] {
                Program::Ops(ops) => {
                    let op = ops.get(thread.next_op).copied().unwrap_or(Op::Return(0));
                    choices.push(Choice::Run(id, op));
                }
                Program::Turncoat(ops, _) if thread.next_op < ops.len() => {
                    choices.push(Choice::Run(id, ops[thread.next_op]));
                }
                Program::Chaos(_) | Program::Turncoat(..) => list_chaos(state, id, &mut choices),
            },
            Phase::Granted(op) => {
                choices.push(Choice::Run(id, op));
                if system.repeats {
                    choices.push(Choice::Repeat(id, op));
                }
            }
            Phase::Stopped(op) => {
                if system.repeats {
                    choices.push(Choice::Repeat(id, op));
                }
            }
        }
    }
    list_live(state, &mut choices);
    if state.can_act(system) {
        choices.push(Choice::Act);
    }
    if state.flip_count < system.flip_budget {
        for index in 0..state.forced.len() {
            choices.push(Choice::Flip(PortId(u32::try_from(index).expect("few"))));
        }
    }
    list_kernel_ends(system, state, &mut choices);
    list_instances(system, state, &mut choices);
    choices
}

/// What processors and time do by themselves.
fn list_live(state: &State, choices: &mut Vec<Choice>) {
    for (end, memory) in &state.memory {
        if memory.live.buffered.is_some() {
            choices.push(Choice::Land(*end));
        }
        let is_flushed = memory.live.buffered.is_none() || skips_flush(state);
        if memory.live.protecting_count > 0 && is_flushed {
            choices.push(Choice::Protected(*end));
        }
    }
    for end in state.kernel.landings() {
        if state.memory[&end].published != state.kernel.cursor(end) {
            choices.push(Choice::Look(end));
        }
    }
    choices.extend(state.timers.iter().map(|timer| Choice::Expire(*timer)));
}

fn list_kernel_ends(system: &System, state: &State, choices: &mut Vec<Choice>) {
    for (end, kernel_end) in &state.kernel_ends {
        if kernel_end.is_woken && !kernel_end.is_closed {
            choices.push(Choice::Serve(*end, 1));
            let left = usize::from(system.kernel_message_count)
                .saturating_sub(state.history[end.port.0 as usize].len());
            let is_batch = end.side == Side::Producer && left > 1;
            if is_batch && state.kernel.available(*end) > 1 {
                choices.push(Choice::Serve(*end, 2));
            }
        }
    }
}

/// Kills and restarts.
fn list_instances(system: &System, state: &State, choices: &mut Vec<Choice>) {
    for index in 0..state.killed.len() {
        let id = InstanceId(u32::try_from(index).expect("few"));
        let view = state.kernel.instance(id);
        if state.replacing.contains(&id) {
            choices.push(Choice::Restart(id));
            if system.fails_to_restart {
                choices.push(Choice::FailToRestart(id));
            }
        }
        let is_replaceable =
            system.replaceable.contains(&id) && state.replace_count < system.replace_budget;
        if is_replaceable && state.kernel.can_restart(id) {
            choices.push(Choice::Replace(id));
        }
        let is_killable = system.killable.contains(&id) && state.kill_count < system.kill_budget;
        let is_there =
            view.state == InstanceState::Running || (view.is_restarting && system.kills_for_good);
        if is_killable && is_there {
            choices.push(Choice::Kill(id));
        }
    }
}

/// The one wrong rule that is a platform's: a protection is complete before its flush is.
#[cfg(feature = "mutants")]
fn skips_flush(state: &State) -> bool {
    state.kernel.mutant() == Some(oro_kernel::Mutant::NoFlush)
}

#[cfg(not(feature = "mutants"))]
fn skips_flush(_: &State) -> bool {
    false
}

/// Whatever a hostile thread can do.
fn list_chaos(state: &State, thread: ThreadId, choices: &mut Vec<Choice>) {
    if state.threads[thread.0 as usize].chaos_left == Some(0) {
        choices.push(Choice::Run(thread, Op::Return(0)));
        return;
    }
    for (end, memory) in &state.memory {
        let end = *end;
        if owner_of(&state.kernel, end) != Owner::Thread(thread) {
            continue;
        }
        for place in [Place::Cell(0), Place::Cell(1)] {
            let value = Value::Constant(7);
            choices.push(Choice::Run(thread, Op::Store { end, place, part: 0, value }));
            choices.push(Choice::Run(thread, Op::Load { end, place, part: 0, register: 0 }));
        }
        // The values around the cursor, and those from where arithmetic breaks.
        let cursor = memory.published;
        let near = [u64::MAX, 0, 1, 2].map(|by| cursor.wrapping_add(by));
        for value in near.into_iter().chain([u64::MAX, 1 << 63]) {
            choices.push(Choice::Run(thread, Op::StoreWord { end, value }));
            if memory.mode == Mode::Asynchronous || memory.live.is_open {
                choices.push(Choice::Run(thread, Op::StoreLive { end, value }));
            }
        }
        if memory.is_queue_open && end.side == Side::Producer {
            choices.push(Choice::Run(thread, Op::StoreQueue { end, slot: 0, value: 9 }));
        }
    }
    for op in [Op::Return(5), Op::ExitInstance(6), Op::Trap] {
        choices.push(Choice::Run(thread, op));
    }
}

/// It happens.
pub(crate) fn apply(system: &System, state: &mut State, choice: Choice) -> Result<(), Failure> {
    match choice {
        Choice::Run(thread, op) => run(system, state, thread, op),
        Choice::Repeat(thread, op) => state.repeat(system, thread, op),
        Choice::Kill(instance) => kill(system, state, instance),
        Choice::Restart(instance) => {
            state.replacing.remove(&instance);
            state.mount(instance);
            state.step(system, Event::InstanceRestarted { instance })
        }
        Choice::FailToRestart(instance) => {
            state.replacing.remove(&instance);
            state.step(system, Event::RestartFailed { instance })
        }
        Choice::Serve(end, count) => serve_kernel_end(system, state, end, count),
        Choice::Land(end) => state.drain_end(end),
        Choice::Protected(end) => state.finish_protection(system, end),
        Choice::Look(end) => state.look_at_live(system, end),
        Choice::Expire(timer) => {
            state.timers.remove(&timer);
            if let Timer::Revocation(port) = timer {
                let is_first = state.graced.insert(port);
                for side in [Side::Producer, Side::Consumer] {
                    state.memory_of(EndpointId { port, side }).live.is_overdue |= !is_first;
                }
            }
            if let Timer::Landing(end) = timer {
                state.memory_of(end).live.is_overdue = true;
            }
            state.step(system, Event::TimerExpired { timer })
        }
        Choice::Replace(instance) => {
            state.replace_count += 1;
            state.step(system, Event::RestartInstance { instance })
        }
        Choice::Act => state.act(system),
        Choice::Flip(port) => {
            state.flip_count += 1;
            let is_forced = &mut state.forced[port.0 as usize];
            *is_forced = !*is_forced;
            let event = match *is_forced {
                true => Event::ForceSynchronous { port },
                false => Event::AllowAsynchronous { port },
            };
            state.step(system, event)
        }
    }
}

fn run(system: &System, state: &mut State, thread: ThreadId, op: Op) -> Result<(), Failure> {
    let running = &mut state.threads[thread.0 as usize];
    if let Program::Turncoat(ops, budget) = &system.programs[thread.0 as usize]
        && running.phase == Phase::Running
        && running.next_op >= ops.len()
    {
        running.chaos_left.get_or_insert(*budget);
    }
    if running.phase == Phase::Running
        && let Some(left) = &mut running.chaos_left
    {
        *left = left.saturating_sub(1);
    }
    state.access(system, thread, op)?;
    if system.runs_ahead {
        run_ahead(system, state, thread)?;
    }
    Ok(())
}

fn kill(system: &System, state: &mut State, instance: InstanceId) -> Result<(), Failure> {
    state.kill_count += 1;
    state.killed[instance.0 as usize] = true;
    let threads = &state.kernel.setup().threads;
    let thread = threads.iter().position(|thread| thread.instance == instance);
    let thread = thread.expect("every instance has a thread");
    let event = if system.kills_for_good {
        Event::KillInstance { instance }
    } else {
        // The platform names a thread that lives; any will do.
        let ids = (thread..threads.len()).map(|id| ThreadId(u32::try_from(id).expect("few")));
        let mut live = ids
            .filter(|id| threads[id.0 as usize].instance == instance && state.kernel.is_live(*id));
        let thread = live.next().expect("a running instance has a live thread");
        Event::ThreadFaulted { thread, cause: FaultCause::Killed }
    };
    state.step(system, event)
}

/// Goes on with accesses that nobody else can see: those that hit cells which are the thread's. They
/// commute with everything, so nothing is lost by trying one order only.
fn run_ahead(system: &System, state: &mut State, thread: ThreadId) -> Result<(), Failure> {
    let Program::Ops(ops) = &system.programs[thread.0 as usize] else { return Ok(()) };
    loop {
        let running = &state.threads[thread.0 as usize];
        let (Phase::Running, Some(op)) = (running.phase, ops.get(running.next_op).copied()) else {
            return Ok(());
        };
        let is_private = match op {
            Op::Store { end, .. } | Op::Load { end, .. } => {
                state.memory[&end].mode == Mode::Synchronous
                    && !state.memory.values().any(|memory| memory.live.buffered.is_some())
            }
            _ => false,
        };
        if !is_private || !state.is_granted(thread, op) {
            return Ok(());
        }
        state.access(system, thread, op)?;
    }
}

/// A built-in end that has been woken does one thing; with nothing to do, it sleeps until it is
/// woken again: a wake-up that was lost shows as a system that stops.
fn serve_kernel_end(
    system: &System,
    state: &mut State,
    end: EndpointId,
    count: u32,
) -> Result<(), Failure> {
    let port = end.port.0 as usize;
    state.look_at_live(system, end.peer())?;
    let available = state.kernel.available(end);
    let has_peer_ended = state.kernel.peer_state(end).0 != PeerState::Wired;
    let kernel_end = state.kernel_ends.get_mut(&end).expect("a built-in's");
    let mut has_failed = false;
    let is_over = match end.side {
        Side::Producer => {
            has_peer_ended || state.history[port].len() == usize::from(system.kernel_message_count)
        }
        Side::Consumer => {
            has_failed = system.kernel_fails_after == Some(kernel_end.log.len());
            has_failed || (has_peer_ended && available == 0)
        }
    };
    if state.kernel.is_revoked(end.port) {
        kernel_end.is_closed = true;
        return Ok(());
    }
    if is_over {
        kernel_end.is_closed = true;
        return state.step(system, Event::KernelClosed { end, has_failed });
    }
    if available == 0 {
        kernel_end.is_woken = false;
        if state.kernel.has_live_cursor(end.peer()) {
            return state.step(system, Event::KernelWaits { end });
        }
        return Ok(());
    }
    let slots = state.queues[port].len() as u64;
    match end.side {
        Side::Producer => {
            for _ in 0..count {
                let number = state.history[port].len();
                let value = u8::try_from(number).expect("few") + 1;
                let message = [value, value.wrapping_add(100)];
                let slot = usize::try_from(number as u64 % slots).expect("few");
                state.queues[port][slot] = message;
                state.history[port].push(message);
            }
            state.step(system, Event::KernelCommitted { end, count })
        }
        Side::Consumer => {
            let slot = usize::try_from(state.kernel.cursor(end) % slots).expect("few");
            kernel_end.log.push(state.queues[port][slot][0]);
            state.step(system, Event::KernelReleased { end, count })
        }
    }
}
