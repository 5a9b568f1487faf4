//! What is mounted, wired and started while a system runs: [`Act`]s, one after the other, each at any point
//! from when it can be.

use oro_kernel::{
    BindingSetup, EndpointId, Event, InstanceId, InstanceState, Owner, PeerState, PortId,
    PortSetup, Restart, Side, ThreadId, Timer, Upgrade,
};
use oro_sysabi::{STATE_CLOSED, STATE_FAULTED, STATE_REVOKED, STATE_UNWIRED, STATE_WIRED};

use crate::model::{
    Access, Cell, EndMemory, Failure, KernelEnd, Phase, State, ThreadState, check, owner_of,
};
use crate::program::{Act, Op, PART_COUNT, System};

impl State {
    pub(crate) fn can_act(&self, system: &System) -> bool {
        match system.script.get(self.next_act) {
            None => false,
            Some(_) if self.is_finished => false,
            Some(Act::Mount(_)) => true,
            Some(Act::Forget(instance)) => self.kernel.can_forget(InstanceId(*instance)),
            Some(Act::MountAgain(instance)) => {
                let id = InstanceId(*instance);
                self.kernel.can_reuse_instance(id, self.list_kinds(id).len())
            }
            Some(Act::Wire { number, port, after, .. }) => {
                let can_wire = |owner| match owner {
                    Owner::Thread(thread) => self.kernel.can_wire(thread),
                    Owner::Kernel => true,
                };
                number.is_none_or(|number| self.kernel.can_reuse_port(PortId(number)))
                    && can_wire(port.producer)
                    && can_wire(port.consumer)
                    && after.iter().flatten().all(|end| self.kernel.is_over(*end))
            }
            Some(Act::Revoke(_)) => true,
            Some(Act::Transfer(end, to, _)) => self.kernel.can_transfer(*end, ThreadId(*to)),
            Some(Act::Start(instance)) => {
                self.kernel.instance(InstanceId(*instance)).state == InstanceState::Mounted
            }
        }
    }

    pub(crate) fn act(&mut self, system: &System) -> Result<(), Failure> {
        let act = &system.script[self.next_act];
        self.next_act += 1;
        match act {
            Act::Mount(threads) => {
                self.killed.push(false);
                self.threads.extend(threads.iter().map(|_| ThreadState::down()));
                let instance = InstanceId(u32::try_from(self.killed.len()).expect("few") - 1);
                let restart = Restart::default();
                let threads = threads.clone();
                self.step(system, Event::MountInstance { instance, restart, threads })
            }
            Act::Forget(instance) => self.forget(system, InstanceId(*instance)),
            Act::MountAgain(instance) => self.mount_again(system, InstanceId(*instance)),
            Act::Wire { number, port, bindings, after } => {
                for end in after.iter().flatten() {
                    self.drop_end(system, *end)?;
                }
                let next = u32::try_from(self.queues.len()).expect("few");
                let id = PortId(number.unwrap_or(next));
                self.wire(system, id, port, *bindings, *after)
            }
            Act::Revoke(port) => self.step(system, Event::RevokePort { port: PortId(*port) }),
            Act::Transfer(end, to, index) => {
                let binding = BindingSetup { index: *index, epoch: 0 };
                let upgrade = Upgrade::Allowed;
                let to = ThreadId(*to);
                self.step(system, Event::TransferEnd { end: *end, to, binding, upgrade })
            }
            Act::Start(instance) => {
                self.step(system, Event::StartInstance { instance: InstanceId(*instance) })
            }
        }
    }

    /// Of each thread of an instance, whether it is managed.
    fn list_kinds(&self, id: InstanceId) -> Vec<bool> {
        let threads = self.kernel.setup().threads.iter();
        threads.filter(|thread| thread.instance == id).map(|thread| thread.is_managed).collect()
    }

    fn is_its(&self, id: InstanceId, thread: ThreadId) -> bool {
        self.kernel.setup().threads[thread.0 as usize].instance == id
    }

    /// CTL-10: nothing is told to it, or to who has its number, for the sake of what it had.
    fn forget(&mut self, system: &System, id: InstanceId) -> Result<(), Failure> {
        let ends: Vec<EndpointId> = self.memory.keys().copied().collect();
        for end in ends {
            if let Owner::Thread(thread) = owner_of(&self.kernel, end)
                && self.is_its(id, thread)
                && !self.dropped.contains(&end)
            {
                self.forgotten.insert(end);
            }
        }
        let bindings = std::mem::take(&mut self.bindings);
        let is_others = |(thread, _): &(ThreadId, u32)| !self.is_its(id, *thread);
        let left = bindings.into_iter().filter(|(binding, _)| is_others(binding)).collect();
        self.bindings = left;
        self.step(system, Event::ForgetInstance { instance: id })
    }

    /// CTL-10: another instance has the number of one that is forgotten; no timer of that one runs.
    fn mount_again(&mut self, system: &System, id: InstanceId) -> Result<(), Failure> {
        let is_late = |timer: &Timer| match *timer {
            Timer::Gate(thread) => self.is_its(id, thread),
            Timer::Restart(instance) | Timer::Row(instance) => instance == id,
            Timer::Landing(_) | Timer::Revocation(_) | Timer::Transfer(_) => false,
        };
        check!(!self.timers.iter().any(is_late), "CTL-10 a timer is left", "{:?}", self.timers);
        self.killed[id.0 as usize] = false;
        for index in 0..self.threads.len() {
            if self.is_its(id, ThreadId(u32::try_from(index).expect("few"))) {
                self.threads[index] = ThreadState::down();
            }
        }
        let (restart, threads) = (Restart::default(), self.list_kinds(id));
        self.step(system, Event::MountInstance { instance: id, restart, threads })
    }

    /// CTL-10: a Port has the number of another, of which no timer runs and no page is being protected.
    fn clear_port(&mut self, id: PortId) -> Result<(), Failure> {
        let is_late = |timer: &Timer| match *timer {
            Timer::Landing(end) | Timer::Transfer(end) => end.port == id,
            Timer::Revocation(port) => port == id,
            Timer::Gate(_) | Timer::Restart(_) | Timer::Row(_) => false,
        };
        check!(!self.timers.iter().any(is_late), "CTL-10 a timer is left", "{:?}", self.timers);
        for side in [Side::Producer, Side::Consumer] {
            let end = EndpointId { port: id, side };
            let is_answered = self.memory[&end].live.protecting_count == 0;
            check!(is_answered, "CTL-10 an answer is to come", "{end:?}");
            let is_nobodys = match owner_of(&self.kernel, end) {
                Owner::Thread(_) => self.dropped.remove(&end) | self.forgotten.remove(&end),
                Owner::Kernel => self.kernel_ends.remove(&end).is_some_and(|end| end.is_closed),
            };
            check!(is_nobodys, "CTL-10 an end is somebody's", "{end:?}");
        }
        self.revoked.remove(&id);
        self.graced.remove(&id);
        Ok(())
    }

    /// CTL-8: nobody misses what is taken away, and nothing of it is left.
    fn drop_end(&mut self, system: &System, end: EndpointId) -> Result<(), Failure> {
        let has_ended = self.memory[&end].peer.0 != PeerState::Wired;
        check!(has_ended, "CTL-8 the peer lives", "{end:?}");
        let [peers, own] = [end.peer(), end].map(|end| self.memory[&end].published);
        let is_drained = end.side == Side::Producer || peers == own;
        check!(is_drained, "CTL-8 messages are left", "{end:?}: {own} of {peers}");
        self.step(system, Event::DropEnd { end })?;
        let memory = &self.memory[&end];
        let closed = match end.side {
            Side::Producer => Access::ReadOnly,
            Side::Consumer => Access::Absent,
        };
        let is_closed = memory.cells.iter().all(|cell| cell.access == closed);
        check!(is_closed && !memory.is_word_open, "CTL-8 memory that is open", "{end:?}");
        self.dropped.insert(end);
        Ok(())
    }

    fn wire(
        &mut self,
        system: &System,
        id: PortId,
        port: &PortSetup,
        bindings: [u32; 2],
        after: [Option<EndpointId>; 2],
    ) -> Result<(), Failure> {
        let index = id.0 as usize;
        if index < self.queues.len() {
            self.clear_port(id)?;
        } else {
            self.queues.push(Vec::new());
            self.history.push(Vec::new());
            self.forced.push(false);
        }
        self.queues[index] = vec![[0; PART_COUNT]; port.slot_count as usize];
        self.history[index].clear();
        self.forced[index] = false;
        let mut setups = [BindingSetup::default(); 2];
        for (owner, side) in [(port.producer, Side::Producer), (port.consumer, Side::Consumer)] {
            let end = EndpointId { port: id, side };
            let mut memory = EndMemory::new();
            let index = bindings[side as usize];
            if let Owner::Thread(thread) = owner {
                // Until the core says otherwise: neither is what a binding has to say.
                memory.peer = (PeerState::Closed, u32::MAX);
                memory.word = u64::MAX;
                let access = match side {
                    Side::Producer => Access::ReadOnly,
                    Side::Consumer => Access::Absent,
                };
                memory.cells.iter_mut().for_each(|cell| cell.access = access);
                let old = after[side as usize];
                let epoch = old.map_or(0, |old| self.kernel.peer_state(old).1 + 1);
                setups[side as usize] = BindingSetup { index, epoch };
                self.bindings.insert((thread, index), end);
            } else {
                let kernel_end = KernelEnd { is_woken: true, is_closed: false, log: Vec::new() };
                self.kernel_ends.insert(end, kernel_end);
            }
            self.memory.insert(end, memory);
        }
        self.step(system, Event::WirePort { id, port: port.clone(), bindings: setups })
    }

    /// END-14: nothing of the old owner is left, and the new one has fresh memory at the cursor.
    pub(crate) fn move_end(
        &mut self,
        system: &System,
        end: EndpointId,
        from: ThreadId,
        to: ThreadId,
    ) -> Result<(), Failure> {
        let Some(Act::Transfer(moved, _, index)) = system.script.get(self.next_act - 1) else {
            return Err(Failure { check: "END-14 moved unasked", detail: format!("{end:?}") });
        };
        check!(*moved == end, "END-14 another end is moved", "{end:?}");
        let closed = match end.side {
            Side::Producer => Access::ReadOnly,
            Side::Consumer => Access::Absent,
        };
        self.has_moved = true;
        let memory = self.memory_of(end);
        let is_closed = memory.cells.iter().all(|cell| cell.access == closed);
        let is_alone = !memory.is_queue_open && memory.live.protecting_count == 0;
        check!(is_closed && is_alone, "END-14 memory that is open", "{end:?}");
        let closed = Cell { access: closed, bytes: [0; PART_COUNT] };
        let published = memory.published;
        *memory = EndMemory {
            cells: [closed; 2],
            published,
            word: u64::MAX,
            peer: (PeerState::Closed, u32::MAX),
            ..EndMemory::new()
        };
        self.bindings.retain(|(thread, _), of| *thread != from || *of != end);
        self.bindings.insert((to, *index), end);
        Ok(())
    }

    /// What a binding says of its state, as a gate's request compares it.
    pub(crate) fn binding_word(&self, thread: ThreadId, binding: u32) -> u64 {
        let Some(end) = self.bindings.get(&(thread, binding)) else {
            return u64::from(STATE_UNWIRED);
        };
        let (state, epoch) = self.memory[end].peer;
        let state = match state {
            PeerState::Wired => STATE_WIRED,
            PeerState::Closed => STATE_CLOSED,
            PeerState::Faulted => STATE_FAULTED,
            PeerState::Revoked => STATE_REVOKED,
        };
        u64::from(state) | u64::from(epoch) << 32
    }

    /// One step of waiting until a binding is wired: a look, the touch of the gate, or the return from it.
    pub(crate) fn await_wired(
        &mut self,
        system: &System,
        thread: ThreadId,
        binding: u32,
        end: EndpointId,
    ) -> Result<(), Failure> {
        let op = Op::AwaitWired { binding, end };
        let word = self.binding_word(thread, binding);
        let is_there = self.bindings.get(&(thread, binding)) == Some(&end);
        let state = &mut self.threads[thread.0 as usize];
        match state.phase {
            Phase::Granted(_) => {
                state.phase = Phase::Running;
                state.seen = None;
                Ok(())
            }
            _ if state.seen.is_some() => {
                state.phase = Phase::Stopped(op);
                self.drain(thread)?;
                let event = self.fault_event(thread, op);
                self.report(system, thread, op, event)
            }
            _ if is_there => {
                state.next_op += 1;
                Ok(())
            }
            _ => {
                state.seen = Some(word);
                Ok(())
            }
        }
    }
}
