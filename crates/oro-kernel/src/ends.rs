//! How threads, endpoints and instances end (`END-3` to `END-9`). Restarts are in `restart.rs`.
//!
//! Ends spread along the Ports: a naive thread that is blocked where its peer has gone ends too.
//! That is a list of work (`Kernel::ending`), not a recursion.

use alloc::vec::Vec;

use crate::kernel::{Hold, Replacement, Waiting, Word};
use crate::{
    Effect, EndpointId, InstanceEnd, InstanceId, InstanceState, Kernel, Mutant, Owner, PeerState,
    Side, ThreadId, Timer,
};

impl Kernel {
    /// A thread returned, or touched its exit gate (`END-1`, `END-2`).
    pub(crate) fn exit_thread(&mut self, id: ThreadId, status: u64, effects: &mut Vec<Effect>) {
        if !self.thread(id).is_live || !self.is_word_landed(id, effects) {
            return;
        }
        self.end_landings(id, None, effects);
        self.thread_mut(id).status = status;
        if self.breaks(Mutant::PublishPeerBeforeCursor) {
            self.end_thread(id, effects);
            return self.flush(id, effects);
        }
        if self.breaks(Mutant::CommitManagedAtReturn) {
            self.commit_held(id, effects);
        }
        if !self.breaks(Mutant::NoFlushAtReturn) {
            self.flush(id, effects); // NAIVE-10; a managed thread's slot is dropped (MAN-7).
        }
        self.end_thread(id, effects);
    }

    /// A thread touched its instance's exit gate (`END-3`).
    pub(crate) fn exit_instance(&mut self, id: ThreadId, status: u64, effects: &mut Vec<Effect>) {
        if !self.thread(id).is_live || !self.is_word_landed(id, effects) {
            return;
        }
        self.end_landings(id, None, effects);
        self.flush(id, effects);
        let instance = self.thread(id).instance;
        self.stop_threads(instance, effects);
        self.end_or_restart(instance, InstanceEnd::Exited { status }, true, effects);
    }

    /// Ends the naive threads whose blocked touch has found its peer gone (`END-9`), and those that
    /// this leaves without a peer, and so on.
    pub(crate) fn end_waiting_threads(&mut self, effects: &mut Vec<Effect>) {
        while let Some(thread) = self.ending.pop() {
            // Its instance may have ended meanwhile, by another of its threads.
            if self.thread(thread).is_live {
                self.end_thread(thread, effects);
            }
        }
    }

    /// Ends a live thread that has done nothing wrong; with the last one, its instance (`END-4`).
    fn end_thread(&mut self, id: ThreadId, effects: &mut Vec<Effect>) {
        let instance = self.thread(id).instance;
        self.stop_thread(id, effects);
        let state = &mut self.instances[instance.0 as usize];
        state.live_thread_count -= 1;
        let is_last = state.live_thread_count == 0;
        if is_last {
            let status = self.collect_status(instance);
            self.conclude_thread(id, effects);
            self.end_or_restart(instance, InstanceEnd::Exited { status }, true, effects);
        } else {
            effects.push(Effect::PublishInstance(instance));
            self.conclude_thread(id, effects);
        }
    }

    fn conclude_thread(&mut self, id: ThreadId, effects: &mut Vec<Effect>) {
        if self.breaks(Mutant::ReadBeforeStop) {
            self.close_ends(id, PeerState::Closed, effects);
            return effects.push(Effect::EndThread(id));
        }
        effects.push(Effect::EndThread(id));
        if self.restarts_always(self.thread(id).instance) {
            return self.read_last_cursors(id, effects); // END-10
        }
        self.close_ends(id, PeerState::Closed, effects);
    }

    /// The live cursors of a thread that has gone are the kernel's, though nothing is closed.
    pub(crate) fn read_last_cursors(&self, id: ThreadId, effects: &mut Vec<Effect>) {
        for end in &self.thread(id).ends {
            if self.end(*end).live.is_some() {
                effects.push(Effect::ReadCursor { end: *end });
            }
        }
    }

    /// `END-4`: the first status that is not zero, in entry order.
    fn collect_status(&self, instance: InstanceId) -> u64 {
        let threads = &self.instances[instance.0 as usize].threads;
        threads.iter().map(|id| self.thread(*id).status).find(|status| *status != 0).unwrap_or(0)
    }

    /// Ends an instance that broke a rule or was struck by a trap; unless it is to be restarted,
    /// its peers are told.
    pub(crate) fn fault_instance(
        &mut self,
        id: InstanceId,
        end: InstanceEnd,
        effects: &mut Vec<Effect>,
    ) {
        if self.instances[id.0 as usize].state != InstanceState::Running {
            return;
        }
        // A thread that ended by itself has closed its Ports, and its peers may have acted on it: the
        // instance that started with it cannot be had again (END-10).
        let instance = &self.instances[id.0 as usize];
        let is_whole = instance.live_thread_count as usize == instance.threads.len();
        self.keep_held(id, effects);
        self.stop_threads(id, effects);
        self.end_or_restart(id, end, is_whole, effects);
    }

    /// Nothing; but two mutants keep what a crash must discard (`NAIVE-9`).
    pub(crate) fn keep_held(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        let commits = self.breaks(Mutant::CommitAtKill);
        let releases = self.breaks(Mutant::ReleaseAtKill);
        if !commits && !releases {
            return;
        }
        for index in 0..self.instances[id.0 as usize].threads.len() {
            let thread = self.instances[id.0 as usize].threads[index];
            for end_index in 0..self.thread(thread).ends.len() {
                let end = self.thread(thread).ends[end_index];
                let is_held = self.end(end).hold == Hold::Slot;
                match end.side {
                    Side::Producer if is_held && commits => self.commit(end, effects),
                    Side::Consumer if is_held && releases => self.release(end, effects),
                    Side::Producer | Side::Consumer => {}
                }
            }
        }
    }

    /// What the mutant `CommitManagedAtReturn` does.
    fn commit_held(&mut self, id: ThreadId, effects: &mut Vec<Effect>) {
        for index in 0..self.thread(id).ends.len() {
            let end = self.thread(id).ends[index];
            if end.side == Side::Producer && self.end(end).hold == Hold::Slot {
                self.thread_mut(id).output = None;
                self.commit(end, effects);
            }
        }
    }

    /// Ends an instance from outside, for good: also one that has not started, and one whose
    /// replacement has not come.
    pub(crate) fn kill_instance(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        let instance = &self.instances[id.0 as usize];
        let is_open = match instance.state {
            InstanceState::Mounted | InstanceState::Running => true,
            InstanceState::Faulted | InstanceState::Ended => {
                instance.replacement != Replacement::None
            }
        };
        if is_open {
            self.stop_threads(id, effects);
            self.conclude(id, InstanceEnd::Killed, effects);
        }
    }

    /// Ends an instance for good. Its table entry first, then what its peers see, then the rest.
    pub(crate) fn conclude(&mut self, id: InstanceId, end: InstanceEnd, effects: &mut Vec<Effect>) {
        let (state, status, peer_state) = match end {
            InstanceEnd::Exited { status } => (InstanceState::Ended, status, PeerState::Closed),
            InstanceEnd::Violated { .. }
            | InstanceEnd::BadRequest { .. }
            | InstanceEnd::Faulted { .. }
            | InstanceEnd::Killed
            | InstanceEnd::Replaced
            | InstanceEnd::Revoked { .. } => (InstanceState::Faulted, 0, PeerState::Faulted),
        };
        self.stop_row(id, effects);
        let replacement = self.instances[id.0 as usize].replacement;
        let was_open = self.instances[id.0 as usize].state == InstanceState::Running
            || replacement != Replacement::None;
        if replacement != Replacement::None {
            effects.push(Effect::StopTimer { timer: Timer::Restart(id) });
        }
        let instance = &mut self.instances[id.0 as usize];
        instance.state = state;
        instance.replacement = Replacement::None;
        instance.status = status;
        instance.end = Some(end);
        self.open_instance_count -= usize::from(was_open);
        let reads_first = self.breaks(Mutant::ReadBeforeStop);
        let ended = Effect::EndInstance { instance: id, end, restart: false };
        // First of all nothing of it can store to anything any more: a live cursor is then its last.
        if !reads_first {
            effects.push(ended.clone());
        }
        effects.push(Effect::PublishInstance(id));
        for index in 0..self.instances[id.0 as usize].threads.len() {
            let thread = self.instances[id.0 as usize].threads[index];
            self.close_ends(thread, peer_state, effects);
        }
        if reads_first {
            effects.push(ended);
        }
        self.finish_if_over(effects);
    }

    pub(crate) fn finish_if_over(&mut self, effects: &mut Vec<Effect>) {
        if self.is_finished() && self.closing_count == 0 && !self.has_finished {
            self.has_finished = true;
            effects.push(Effect::Finish);
        }
    }

    /// Takes every thread of an instance from the running, and what they hold from them.
    pub(crate) fn stop_threads(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        for index in 0..self.instances[id.0 as usize].threads.len() {
            self.stop_thread(self.instances[id.0 as usize].threads[index], effects);
        }
        self.instances[id.0 as usize].live_thread_count = 0;
    }

    fn stop_thread(&mut self, id: ThreadId, effects: &mut Vec<Effect>) {
        self.stop_waiting(id, effects);
        let keeps_output = self.breaks(Mutant::PublishPeerBeforeCursor);
        let thread = &mut self.threads[id.0 as usize];
        thread.is_live = false;
        thread.waiting = Waiting::No;
        thread.word = Word::Protected;
        if !keeps_output {
            thread.output = None;
        }
        for end in &thread.ends {
            self.ends[end.port.0 as usize][end.side as usize].hold = Hold::None;
        }
    }

    fn close_ends(&mut self, id: ThreadId, state: PeerState, effects: &mut Vec<Effect>) {
        for index in 0..self.thread(id).ends.len() {
            self.close_end(self.thread(id).ends[index], state, effects);
        }
    }

    /// Closes an endpoint and tells its peer (`END-6`, `KRN-5`); one in asynchronous mode once its last
    /// cursor has been read.
    pub(crate) fn close_end(
        &mut self,
        end: EndpointId,
        state: PeerState,
        effects: &mut Vec<Effect>,
    ) {
        if self.end(end).state != PeerState::Wired || self.end(end).closing.is_some() {
            return;
        }
        if self.end(end).live.is_some() {
            self.end_mut(end).closing = Some(state);
            self.closing_count += 1;
            effects.push(Effect::ReadCursor { end });
            return;
        }
        self.end_mut(end).state = state;
        self.abandon_move(end, effects);
        effects.push(Effect::PublishPort(end.port));
        self.publish_peer(end.peer(), effects);
        self.wake_peer(end, effects);
    }

    /// Tells the thread of an endpoint, if it runs or has yet to start, of its peer's state.
    pub(crate) fn publish_peer(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let Owner::Thread(thread) = self.end(end).owner else { return };
        if self.is_told(thread) {
            let (state, epoch) = self.peer_state(end);
            effects.push(Effect::PublishPeer { end, state, epoch });
            self.wake_gate(thread, effects);
        }
    }

    /// A built-in endpoint ends.
    pub(crate) fn close_kernel(
        &mut self,
        end: EndpointId,
        has_failed: bool,
        effects: &mut Vec<Effect>,
    ) {
        if self.is_revoked(end.port) {
            return; // It closed before it heard of it.
        }
        self.check_kernel_end(end, end.side);
        let state = if has_failed { PeerState::Faulted } else { PeerState::Closed };
        self.close_end(end, state, effects);
    }
}
