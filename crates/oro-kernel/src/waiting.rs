//! Gates: blocking until something that was asked for holds (`GATE-1` to `GATE-8`).

use alloc::vec::Vec;

use oro_sysabi::{
    CAUSE_CONDITION, CAUSE_DEADLINE, CAUSE_NONE, STATE_CLOSED, STATE_FAULTED, STATE_REVOKED,
    STATE_UNWIRED, STATE_WIRED,
};

use crate::kernel::Waiting;
use crate::{
    Condition, Effect, EndpointId, GateRequest, InstanceEnd, Kernel, Mutant, Owner, PeerState,
    RequestProblem, ThreadId, Timer,
};

impl Kernel {
    /// A store to a gate page.
    pub(crate) fn touch_gate(
        &mut self,
        id: ThreadId,
        gate: u32,
        request: Result<GateRequest, RequestProblem>,
        effects: &mut Vec<Effect>,
    ) {
        if !self.thread(id).is_live || !self.is_word_landed(id, effects) {
            return;
        }
        self.end_landings(id, None, effects);
        if self.thread(id).armed != gate {
            return effects.push(Effect::Resume(id)); // GATE-1
        }
        if matches!(self.thread(id).waiting, Waiting::Gate { .. }) {
            return; // NAIVE-8: reported again, still blocked.
        }
        self.thread_mut(id).waiting = Waiting::No;
        let request = match request {
            Ok(request) => request,
            Err(problem) => return self.refuse_request(id, problem, effects),
        };
        self.flush(id, effects); // GATE-8
        self.wake_words(id, &request.conditions, effects);
        self.note_given_up(&request.conditions, effects);
        let ready = self.find_ready(id, &request.conditions);
        if ready != 0 {
            return self.open_gate(id, CAUSE_CONDITION, ready, effects);
        }
        match (request.conditions.is_empty(), request.deadline_ns) {
            (true, None) => self.open_gate(id, CAUSE_NONE, 0, effects),
            (_, Some(0)) => self.open_gate(id, CAUSE_DEADLINE, 0, effects),
            (_, deadline_ns) => self.sleep(id, request.conditions, deadline_ns, effects),
        }
    }

    /// Ends the instance of a thread whose request at a gate is none.
    fn refuse_request(
        &mut self,
        thread: ThreadId,
        problem: RequestProblem,
        effects: &mut Vec<Effect>,
    ) {
        let instance = self.thread(thread).instance;
        self.fault_instance(instance, InstanceEnd::BadRequest { thread, problem }, effects);
    }

    /// `BELL-1`: the sleeper is noted, then its doorbells are armed.
    fn sleep(
        &mut self,
        id: ThreadId,
        conditions: Vec<Condition>,
        deadline_ns: Option<u64>,
        effects: &mut Vec<Effect>,
    ) {
        let peers: Vec<EndpointId> = conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Peer { end, .. } => Some(end.peer()),
                _ => None,
            })
            .collect();
        let has_deadline = deadline_ns.is_some();
        self.thread_mut(id).waiting = Waiting::Gate { conditions, has_deadline };
        if let Some(after_ns) = deadline_ns {
            effects.push(Effect::StartTimer { timer: Timer::Gate(id), after_ns });
        }
        if self.breaks(Mutant::NoDoorbell) {
            return;
        }
        for peer in peers {
            // A clock fills its slot when somebody waits for it (BUILTIN-5).
            self.wake_kernel_end(peer, effects);
            self.arm(peer, effects);
        }
        self.settle_at_gate(id, effects);
    }

    /// Bits of the conditions that hold now, by what the core knows.
    fn find_ready(&self, id: ThreadId, conditions: &[Condition]) -> u128 {
        let instance = &self.instances[self.thread(id).instance.0 as usize];
        let holds = |condition: &Condition| match *condition {
            // It was given to another thread (END-14).
            Condition::Peer { end, .. } | Condition::Binding { end: Some(end), .. }
                if self.end(end).owner != Owner::Thread(id) =>
            {
                true
            }
            Condition::Peer { end, value } => {
                let peer = self.end(end.peer());
                peer.cursor > value || peer.state != PeerState::Wired
            }
            Condition::Ring { generation } => generation != instance.ring_generation,
            Condition::Binding { end, seen, .. } => seen != self.binding_state(end),
            Condition::Word { has_changed, .. } => has_changed,
            Condition::Wake { .. } => true,
        };
        let mut ready = 0;
        for (index, condition) in conditions.iter().enumerate() {
            ready |= u128::from(holds(condition)) << index;
        }
        ready
    }

    /// Who waits until a binding's state is another than that its peer has ended knows of it (`CTL-8`).
    fn note_given_up(&mut self, conditions: &[Condition], effects: &mut Vec<Effect>) {
        for condition in conditions {
            if let Condition::Binding { end: Some(end), seen, .. } = *condition
                && seen == self.binding_state(Some(end))
                && self.peer_state(end).0 != PeerState::Wired
            {
                self.end_mut(end).is_given_up = true;
                self.settle_stopped(end, effects);
            }
        }
    }

    fn binding_state(&self, end: Option<EndpointId>) -> u64 {
        let Some(end) = end else { return u64::from(STATE_UNWIRED) };
        let (state, epoch) = self.peer_state(end);
        let state = match state {
            PeerState::Wired => STATE_WIRED,
            PeerState::Closed => STATE_CLOSED,
            PeerState::Faulted => STATE_FAULTED,
            PeerState::Revoked => STATE_REVOKED,
        };
        u64::from(state) | u64::from(epoch) << 32
    }

    /// Something has changed that a thread may be waiting for at its gate.
    pub(crate) fn wake_gate(&mut self, id: ThreadId, effects: &mut Vec<Effect>) {
        let Waiting::Gate { conditions, .. } = &self.thread(id).waiting else { return };
        let ready = self.find_ready(id, conditions);
        if ready != 0 && !self.breaks(Mutant::DropGateWake) {
            self.open_gate(id, CAUSE_CONDITION, ready, effects);
        }
    }

    /// What the mutant `WakeAtFault` does: whoever waits at a gate for this end's peer returns.
    pub(crate) fn wake_for_nothing(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        if let Owner::Thread(id) = self.end(end).owner
            && let Waiting::Gate { .. } = self.thread(id).waiting
        {
            self.open_gate(id, CAUSE_CONDITION, 1, effects);
        }
    }

    /// `GATE-7`. One pass over what siblings wait for, whatever the number of words: 128 of either kind
    /// a thread must not cost their product.
    fn wake_words(&mut self, id: ThreadId, conditions: &[Condition], effects: &mut Vec<Effect>) {
        let mut words: Vec<u64> = conditions
            .iter()
            .filter_map(|condition| match *condition {
                Condition::Wake { address } => Some(address),
                _ => None,
            })
            .collect();
        if words.is_empty() {
            return;
        }
        words.sort_unstable();
        let instance = self.thread(id).instance;
        for index in 0..self.instances[instance.0 as usize].threads.len() {
            let id = self.instances[instance.0 as usize].threads[index];
            let Waiting::Gate { conditions, .. } = &self.thread(id).waiting else { continue };
            let mut ready = 0;
            for (index, condition) in conditions.iter().enumerate() {
                let is_it = matches!(condition, Condition::Word { address, .. }
                    if words.binary_search(address).is_ok());
                ready |= u128::from(is_it) << index;
            }
            if ready != 0 {
                self.open_gate(id, CAUSE_CONDITION, ready, effects);
            }
        }
    }

    pub(crate) fn expire_gate(&mut self, id: ThreadId, effects: &mut Vec<Effect>) {
        if let Waiting::Gate { has_deadline: true, .. } = self.thread(id).waiting {
            self.open_gate(id, CAUSE_DEADLINE, 0, effects);
        }
    }

    fn open_gate(&mut self, id: ThreadId, cause: u32, ready: u128, effects: &mut Vec<Effect>) {
        self.stop_waiting(id, effects);
        let thread = self.thread_mut(id);
        let gate = thread.armed;
        thread.armed = 1 - gate;
        effects.push(Effect::OpenGate { thread: id, gate, cause, ready });
        effects.push(Effect::Resume(id));
    }

    /// A thread is blocked nowhere any more.
    pub(crate) fn stop_waiting(&mut self, id: ThreadId, effects: &mut Vec<Effect>) {
        let waiting = core::mem::replace(&mut self.thread_mut(id).waiting, Waiting::No);
        if let Waiting::Gate { has_deadline: true, .. } = waiting {
            effects.push(Effect::StopTimer { timer: Timer::Gate(id) });
        }
    }

    pub(crate) fn is_blocked_at(&self, id: ThreadId, end: EndpointId) -> bool {
        self.thread(id).waiting == Waiting::Touch(end)
    }
}
