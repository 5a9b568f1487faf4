//! How a system starts, and how it grows while it runs (`CTL`): instances are mounted, Ports wired, threads
//! started, and elements whose Port is over taken from their threads so that they can be wired again.
//!
//! What is mounted or wired later is the same as what a kernel was made from: every other rule holds of
//! it. Who may ask for it, and whether types and sizes fit, the platform has checked.

use alloc::vec::Vec;

use crate::doorbell::Page;
use crate::kernel::{
    End, FIRST_GENERATION, Hold, Instance, Port, Replacement, Thread, Waiting, Word,
};
use crate::live::both_ends;
use crate::revoke::Revocation;
use crate::{
    BindingSetup, Condition, Effect, EndpointId, InstanceId, InstanceSetup, InstanceState, Kernel,
    Mode, Mutant, Owner, PeerState, PortId, PortSetup, Restart, Side, ThreadId, ThreadSetup,
};

impl Kernel {
    /// Whether a new Port can have an end of this thread: it runs, has not started yet, or is to be
    /// replaced.
    #[must_use]
    pub fn can_wire(&self, thread: ThreadId) -> bool {
        let id = self.thread(thread).instance;
        let instance = &self.instances[id.0 as usize];
        match instance.state {
            InstanceState::Mounted => true,
            InstanceState::Running => self.thread(thread).is_live || self.restarts_always(id),
            InstanceState::Ended | InstanceState::Faulted => {
                instance.replacement != Replacement::None
            }
        }
    }

    /// Whether nobody misses the end of a thread if the element that it is wired to is wired again
    /// (`CTL-8`): its peer has ended, everything that was committed has been released, and its thread, if
    /// it runs, has said at a gate that it knows of the end: it has waited for another state of the binding
    /// than the one that says so. Without that it might be about to touch the next slot of the old Port, which
    /// is none of the new one's. What a producer has not committed is nobody's. That of a broken or revoked
    /// Port is never over.
    #[must_use]
    pub fn is_over(&self, end: EndpointId) -> bool {
        let state = self.end(end);
        let Owner::Thread(thread) = state.owner else { return false };
        let peer = self.end(end.peer());
        let is_settled = state.live.is_none()
            && state.protecting_count == 0
            && self.thread(thread).word.end() != Some(end);
        let is_unread = end.side == Side::Consumer
            && peer.cursor != state.cursor
            && !self.breaks(Mutant::DropUnread);
        let is_in_use =
            self.thread(thread).is_live && !state.is_given_up && !self.breaks(Mutant::DropUnseen);
        peer.state != PeerState::Wired
            && is_settled
            && !is_unread
            && !is_in_use
            && !self.is_dead(end)
    }

    pub(crate) fn start(&mut self, effects: &mut Vec<Effect>) {
        self.has_started = true;
        for index in 0..self.instances.len() {
            // One that was killed before the start stays ended.
            self.start_instance(InstanceId(id_of(index)), effects);
        }
        self.finish_if_over(effects);
    }

    pub(crate) fn start_instance(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        if self.instances[id.0 as usize].state == InstanceState::Mounted && !self.has_finished {
            self.open_instance_count += 1;
            self.revive_threads(id, effects);
            self.start_threads(id, effects);
        }
    }

    /// Makes every thread of an instance live; the caller lets them run.
    pub(crate) fn revive_threads(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        let instance = &mut self.instances[id.0 as usize];
        instance.state = InstanceState::Running;
        instance.end = None;
        instance.live_thread_count = id_of(instance.threads.len());
        for thread in &instance.threads {
            let state = &mut self.threads[thread.0 as usize];
            state.is_live = true;
            state.armed = 0;
            state.status = 0;
        }
        effects.push(Effect::PublishInstance(id));
    }

    /// Lets every thread of an instance run, together (`ENTRY-6`).
    pub(crate) fn start_threads(&self, id: InstanceId, effects: &mut Vec<Effect>) {
        let threads = &self.instances[id.0 as usize].threads;
        effects.extend(threads.iter().map(|thread| Effect::StartThread(*thread)));
    }

    pub(crate) fn mount_instance(
        &mut self,
        id: InstanceId,
        restart: Restart,
        threads: &[bool],
        effects: &mut Vec<Effect>,
    ) {
        assert!(!threads.is_empty(), "platform: an instance has no thread");
        let mut instance = Instance::new();
        let index = id.0 as usize;
        if index < self.instances.len() {
            let is_free = self.can_reuse_instance(id, threads.len());
            assert!(is_free, "platform: {id:?} is not free for {} threads", threads.len());
            instance.threads = core::mem::take(&mut self.instances[index].threads);
        } else {
            let next = self.threads.len();
            instance.threads =
                (next..next + threads.len()).map(|index| ThreadId(id_of(index))).collect();
        }
        for (thread, is_managed) in instance.threads.iter().zip(threads) {
            let (at, is_managed) = (thread.0 as usize, *is_managed);
            put(&mut self.threads, at, Thread::new(id, is_managed));
            put(&mut self.setup.threads, at, ThreadSetup { instance: id, is_managed });
        }
        put(&mut self.instances, index, instance);
        put(&mut self.setup.instances, index, InstanceSetup { restart });
        self.ending.reserve(self.threads.len());
        effects.push(Effect::PublishInstance(id));
    }

    pub(crate) fn wire_port(
        &mut self,
        id: PortId,
        port: PortSetup,
        bindings: [BindingSetup; 2],
        effects: &mut Vec<Effect>,
    ) {
        assert!(port.slot_count.is_power_of_two(), "platform: slot count is no power of two");
        let index = id.0 as usize;
        let is_free = index >= self.ports.len() || self.can_reuse_port(id);
        assert!(is_free, "platform: {id:?} is somebody's");
        let owners = [port.producer, port.consumer];
        for owner in owners {
            if let Owner::Thread(thread) = owner {
                assert!(self.can_wire(thread), "platform: wired to {thread:?}, which has ended");
            }
        }
        let old =
            self.ends.get(index).map(|[producer, consumer]| [producer.cursor, consumer.cursor]);
        put(&mut self.ports, index, Port::default());
        put(&mut self.setup.ports, index, port);
        let ends = [0, 1].map(|side| End::new(owners[side], bindings[side].epoch));
        put(&mut self.ends, index, ends);
        self.keep_cursors(id, old.unwrap_or_default());
        effects.push(Effect::PublishPort(id));
        for (end, binding) in both_ends(id).into_iter().zip(bindings) {
            if let Owner::Thread(thread) = self.end(end).owner {
                self.wire_end(thread, end, binding.index, effects);
            }
        }
    }

    /// Gives a thread an endpoint; where it starts first, then that it is wired (`CTL-8`). One that is to be
    /// replaced is told when its replacement is there.
    fn wire_end(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        index: u32,
        effects: &mut Vec<Effect>,
    ) {
        self.give_to(thread, end, index);
        if !self.is_told(thread) {
            return;
        }
        if self.thread(thread).is_managed {
            effects.push(Effect::SetWord { end, value: 0 });
        }
        effects.push(Effect::PublishFirst { end, value: 0 });
        self.publish_peer(end, effects);
    }

    /// A thread has an endpoint more, also where it waits for a change of that binding.
    pub(crate) fn give_to(&mut self, thread: ThreadId, end: EndpointId, index: u32) {
        let wakes_nobody = self.breaks(Mutant::WireWithoutWake);
        let state = self.thread_mut(thread);
        state.ends.push(end);
        if let Waiting::Gate { conditions, .. } = &mut state.waiting {
            for condition in conditions {
                if let Condition::Binding { binding, end: of, .. } = condition
                    && *binding == index
                    && !wakes_nobody
                {
                    *of = Some(end);
                }
            }
        }
    }

    /// Whether a thread sees what becomes of its endpoints, or will when it starts.
    pub(crate) fn is_told(&self, thread: ThreadId) -> bool {
        let state = self.thread(thread);
        let is_mounted = self.instances[state.instance.0 as usize].state == InstanceState::Mounted;
        state.is_live || (is_mounted && !self.breaks(Mutant::ForgetMounted))
    }

    /// An end that its thread has given up, or that is taken from a thread that is stopped, leaves the
    /// asynchronous mode without the cursor store that others leave it with: none may come.
    pub(crate) fn settle_stopped(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        if self.port_of(end).is_broken && self.port_of(end).revocation == Revocation::None {
            return;
        }
        let Some(live) = &mut self.end_mut(end).live else { return };
        live.is_leaving = true;
        match live.page {
            Page::Open | Page::Resting => self.protect(end, effects),
            Page::Protected => self.leave_at_once(end, effects),
            Page::Protecting { .. } | Page::Landing => {}
        }
    }

    /// Its page is protected, so that the core knows its last cursor.
    pub(crate) fn leave_at_once(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let port = &mut self.ports[end.port.0 as usize];
        port.downgrade_count.add(port.is_shared);
        if self.has_queue(end) {
            effects.push(Effect::CloseQueue { end });
            effects.push(Effect::PublishMode { end, mode: Mode::Synchronous });
        }
        self.become_synchronous(end, self.end(end).cursor, effects);
    }

    pub(crate) fn drop_end(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        assert!(self.is_over(end), "platform: {end:?} is not over");
        let thread = self.owner_thread(end);
        let cell = self.end(end).cell();
        if self.end(end).hold != Hold::None && !self.breaks(Mutant::KeepCellAtDrop) {
            effects.push(match end.side {
                Side::Producer => Effect::ProtectCell { end, cell },
                Side::Consumer => Effect::WithdrawCell { end, cell },
            });
        }
        self.end_mut(end).hold = Hold::None;
        let state = self.thread_mut(thread);
        state.ends.retain(|other| *other != end);
        if state.output == Some(end) {
            state.output = None;
        }
        self.close_end(end, PeerState::Closed, effects);
    }

    pub(crate) fn change_ring(
        &mut self,
        id: InstanceId,
        generation: u64,
        effects: &mut Vec<Effect>,
    ) {
        self.instances[id.0 as usize].ring_generation = generation;
        for index in 0..self.instances[id.0 as usize].threads.len() {
            self.wake_gate(self.instances[id.0 as usize].threads[index], effects);
        }
    }

    /// What the generation of a Ring's tables is before anything in them has changed; later ones come
    /// from the platform ([`Event::RingChanged`](crate::Event::RingChanged)).
    #[must_use]
    pub fn ring_generation(&self) -> u64 {
        FIRST_GENERATION
    }
}

impl Word {
    /// The endpoint whose commit word is not known to hold its cursor.
    fn end(self) -> Option<EndpointId> {
        match self {
            Self::Protected => None,
            Self::Open { end, .. } | Self::NotLanded { end, .. } => Some(end),
        }
    }
}

/// Puts something new where something is that nobody has any more, or at the end.
fn put<T>(list: &mut Vec<T>, index: usize, new: T) {
    match list.get_mut(index) {
        Some(old) => *old = new,
        None => {
            assert!(index == list.len(), "platform: {index} is not the next number");
            list.push(new);
        }
    }
}

fn id_of(index: usize) -> u32 {
    u32::try_from(index).expect("platform: more than 2^32 of a kind")
}
