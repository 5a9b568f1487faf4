//! The effects of the asynchronous mode, and of gates: a protection is asked for here and is complete as
//! an event of its own, later.

use oro_kernel::{Effect, EndpointId, Event, Mode, Owner, PeerState, Side, ThreadId};

use crate::model::{Failure, Phase, State, check, owner_of};
use crate::program::{Op, System};

impl State {
    pub(crate) fn carry_out_live(
        &mut self,
        system: &System,
        effect: Effect,
    ) -> Result<(), Failure> {
        match effect {
            Effect::OpenCursor { end } => {
                // Of a broken Port nobody awaits anything any more.
                let is_excused =
                    self.is_hostile(system, end) || self.is_hostile(system, end.peer());
                let live = &mut self.memory_of(end).live;
                let is_complete = is_excused || live.protecting_count == 0;
                check!(is_complete, "BELL-1 opened while it is being protected", "{end:?}");
                live.is_open = true;
            }
            Effect::ProtectCursor { end } => self.protect_cursor(end)?,
            Effect::ReadCursor { end } => self.read_cursor(end)?,
            Effect::OpenQueue { end } => {
                let is_forced = self.forced[end.port.0 as usize];
                check!(!is_forced, "PORT-10 MODE-2 forced and asynchronous", "{end:?}");
                self.memory_of(end).is_queue_open = true;
            }
            Effect::CloseQueue { end } => self.memory_of(end).is_queue_open = false,
            Effect::PublishMode { end, mode } => self.publish_mode(system, end, mode)?,
            _ => unreachable!("not of the asynchronous mode: {effect:?}"),
        }
        Ok(())
    }

    /// The page table's entry changes now; the processor's translation, and what it has executed by it,
    /// when the flush is complete.
    fn protect_cursor(&mut self, end: EndpointId) -> Result<(), Failure> {
        let Owner::Thread(thread) = owner_of(&self.kernel, end) else {
            return Err(Failure { check: "BELL-1 a thread's cursor", detail: format!("{end:?}") });
        };
        let phase = self.threads[thread.0 as usize].phase;
        let is_pending =
            matches!(phase, Phase::Granted(Op::StoreLive { end: pending, .. }) if pending == end);
        let may = !is_pending || self.memory[&end].live.is_overdue;
        check!(may, "BELL-3 protected before the store has landed", "{end:?}");
        let live = &mut self.memory_of(end).live;
        live.is_open = false;
        live.protecting_count += 1;
        Ok(())
    }

    fn read_cursor(&mut self, end: EndpointId) -> Result<(), Failure> {
        if let Owner::Thread(thread) = owner_of(&self.kernel, end) {
            let is_down = self.threads[thread.0 as usize].phase == Phase::Down;
            check!(is_down, "END-6 read before it was stopped", "{end:?}");
        }
        self.asked.push(end);
        Ok(())
    }

    fn publish_mode(
        &mut self,
        system: &System,
        end: EndpointId,
        mode: Mode,
    ) -> Result<(), Failure> {
        // The core may have moved it later in the same step.
        let is_first = end.port.0 as usize >= system.setup.ports.len() || self.has_moved;
        let setup = if is_first { self.kernel.setup() } else { &system.setup };
        let port = &setup.ports[end.port.0 as usize];
        let owner = if end.side == Side::Producer { port.producer } else { port.consumer };
        let Owner::Thread(thread) = owner else {
            return Err(Failure { check: "MODE-2 a thread's end", detail: format!("{end:?}") });
        };
        let phase = self.threads[thread.0 as usize].phase;
        let is_stopped = matches!(phase, Phase::Stopped(_) | Phase::Granted(_));
        // CTL-8: one that waits for another Port does not look there.
        let has_ended = self.memory[&end].peer.0 != PeerState::Wired;
        let is_given_up = has_ended && self.threads[thread.0 as usize].seen.is_some();
        let is_stopped = is_stopped || is_given_up;
        check!(is_stopped, "BIND-3 changed while its thread runs", "{end:?} {phase:?}");
        if mode == Mode::Asynchronous {
            let view = self.kernel.port(end.port);
            let peer = match end.side {
                Side::Producer => view.consumer,
                Side::Consumer => view.producer,
            };
            let is_built_in = owner_of(&self.kernel, end.peer()) == Owner::Kernel;
            let has_earned =
                is_built_in || peer.mode == Mode::Asynchronous || peer.streak >= view.threshold;
            check!(has_earned, "MODE-2 one end alone", "{end:?} {peer:?}");
        }
        self.memory_of(end).mode = mode;
        Ok(())
    }

    /// GATE-5, BELL-2: what a sleeper is told holds.
    pub(crate) fn open_gate(
        &mut self,
        thread: ThreadId,
        gate: u32,
        ready: u128,
    ) -> Result<(), Failure> {
        let state = &self.threads[thread.0 as usize];
        check!(state.armed == gate, "GATE-1 another gate opens", "{thread:?} {gate}");
        let (Phase::Stopped(op) | Phase::Granted(op)) = state.phase else {
            return Err(Failure { check: "GATE-1 opened unasked", detail: format!("{thread:?}") });
        };
        let is_told = ready != 0 && !self.is_foreign(thread, op);
        if let (Op::Await { end, .. }, true) = (op, is_told) {
            let Event::GateTouched { request: Ok(request), .. } = self.fault_event(thread, op)
            else {
                unreachable!("a gate's touch")
            };
            let [oro_kernel::Condition::Peer { value, .. }] = request.conditions[..] else {
                unreachable!("one condition")
            };
            let peer = self.memory[&end.peer()].published;
            let has_ended = self.kernel.peer_state(end).0 != PeerState::Wired;
            let holds = peer > value || has_ended;
            check!(holds, "BELL-2 woken before the cursor has moved", "{thread:?} {peer}");
        }
        if let (Op::AwaitWired { binding, .. }, true) = (op, ready != 0) {
            let holds = state.seen != Some(self.binding_word(thread, binding));
            check!(holds, "GATE-5 woken though the binding is as it was", "{thread:?} {binding}");
        }
        self.threads[thread.0 as usize].armed = 1 - gate;
        Ok(())
    }
}
