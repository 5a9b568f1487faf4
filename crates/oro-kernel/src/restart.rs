//! Restarts: an instance ends, and another one takes its place on the same Ports (`END-7`, `END-10` to
//! `END-12`).
//!
//! From the end on the instance is *restarting*: nothing of it runs, its peers are told nothing, and its
//! cursors are the kernel's. After the policy's delay the platform is asked for a replacement; once
//! that is there, every endpoint is wired to it and it runs.

use alloc::vec::Vec;

use crate::kernel::{Instance, Replacement};
use crate::{
    Effect, EndpointId, InstanceEnd, InstanceId, InstanceState, Kernel, RestartOn, Side, Timer,
};

/// How often the delay doubles in a row.
const BACKOFF_DOUBLINGS: u32 = 6;
/// The least delay after a replacement that could not be made: what it lacked is not there at once.
const FAILURE_BACKOFF_NS: u64 = 10_000_000;

impl Kernel {
    /// Whether its threads' ends close nothing until it has ended for good (`END-10`).
    pub(crate) fn restarts_always(&self, id: InstanceId) -> bool {
        self.setup.instances[id.0 as usize].restart.on == RestartOn::Always
    }

    /// Ends an instance none of whose threads runs any more: for good, or until its replacement has
    /// come. `is_whole`: none of them had ended by itself before.
    pub(crate) fn end_or_restart(
        &mut self,
        id: InstanceId,
        end: InstanceEnd,
        is_whole: bool,
        effects: &mut Vec<Effect>,
    ) {
        let policy = self.setup.instances[id.0 as usize].restart;
        let is_fault = !matches!(end, InstanceEnd::Exited { .. });
        let is_wanted = match policy.on {
            RestartOn::Never => false,
            RestartOn::Fault => is_fault && is_whole,
            RestartOn::Always => true,
        };
        if !is_wanted || self.instances[id.0 as usize].restarts_in_row >= policy.max {
            return self.conclude(id, end, effects);
        }
        self.begin_restart(id, end, effects);
        self.ask_for_replacement(id, policy.backoff_ns, effects);
    }

    /// Whether an instance can be replaced by order (`CTL-9`): it is to be replaced anyhow; or it runs, and
    /// no thread's end has closed anything.
    #[must_use]
    pub fn can_restart(&self, id: InstanceId) -> bool {
        let instance = &self.instances[id.0 as usize];
        let is_whole = instance.live_thread_count as usize == instance.threads.len();
        match instance.state {
            InstanceState::Mounted => false,
            InstanceState::Running => is_whole || self.restarts_always(id),
            InstanceState::Ended | InstanceState::Faulted => {
                instance.replacement != Replacement::None
            }
        }
    }

    /// By order, whatever the policy.
    pub(crate) fn restart_now(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        if !self.can_restart(id) {
            return;
        }
        match self.instances[id.0 as usize].replacement {
            Replacement::Asked => return,
            Replacement::Delayed => {
                effects.push(Effect::StopTimer { timer: Timer::Restart(id) });
            }
            Replacement::None => {
                self.keep_held(id, effects);
                self.stop_threads(id, effects);
                self.begin_restart(id, InstanceEnd::Replaced, effects);
            }
        }
        self.ask_now(id, effects);
    }

    /// An instance of which nothing runs any more waits for its replacement.
    fn begin_restart(&mut self, id: InstanceId, end: InstanceEnd, effects: &mut Vec<Effect>) {
        let is_fault = !matches!(end, InstanceEnd::Exited { .. });
        let instance = &mut self.instances[id.0 as usize];
        instance.state = if is_fault { InstanceState::Faulted } else { InstanceState::Ended };
        instance.replacement = Replacement::Asked;
        instance.status = if let InstanceEnd::Exited { status } = end { status } else { 0 };
        instance.end = Some(end);
        effects.push(Effect::EndInstance { instance: id, end, restart: true });
        effects.push(Effect::PublishInstance(id));
        self.stop_row(id, effects);
        // Their last cursors are the kernel's again, for whoever comes after them.
        for index in 0..self.instances[id.0 as usize].threads.len() {
            let thread = self.instances[id.0 as usize].threads[index];
            self.read_last_cursors(thread, effects);
        }
    }

    /// At once or later (`END-11`).
    fn ask_for_replacement(&mut self, id: InstanceId, backoff_ns: u64, effects: &mut Vec<Effect>) {
        let doublings = self.instances[id.0 as usize].restarts_in_row.min(BACKOFF_DOUBLINGS);
        match backoff_ns.saturating_mul(1 << doublings) {
            0 => self.ask_now(id, effects),
            after_ns => {
                self.instances[id.0 as usize].replacement = Replacement::Delayed;
                effects.push(Effect::StartTimer { timer: Timer::Restart(id), after_ns });
            }
        }
    }

    fn ask_now(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        self.instances[id.0 as usize].replacement = Replacement::Asked;
        effects.push(Effect::ReplaceInstance(id));
    }

    /// The delay is over.
    pub(crate) fn replace_instance(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        if self.instances[id.0 as usize].replacement == Replacement::Delayed {
            self.ask_now(id, effects);
        }
    }

    /// It has run for long enough.
    pub(crate) fn end_row(&mut self, id: InstanceId) {
        self.instances[id.0 as usize].restarts_in_row = 0;
    }

    /// Forgets what it still waits for, when it has ended.
    pub(crate) fn stop_row(&self, id: InstanceId, effects: &mut Vec<Effect>) {
        let has_timer = self.setup.instances[id.0 as usize].restart.within_ns > 0;
        if has_timer && self.instances[id.0 as usize].restarts_in_row > 0 {
            effects.push(Effect::StopTimer { timer: Timer::Row(id) });
        }
    }

    /// A replacement has been mounted on the Ports of an instance that had ended.
    pub(crate) fn restart_instance(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        let policy = self.setup.instances[id.0 as usize].restart;
        let instance = &mut self.instances[id.0 as usize];
        if instance.replacement == Replacement::None {
            // It was killed while it was being replaced.
            let is_running = instance.state == InstanceState::Running;
            assert!(!is_running, "platform: replaced while it lives");
            return;
        }
        instance.replacement = Replacement::None;
        instance.status = 0;
        instance.restart_count = instance.restart_count.saturating_add(1);
        // One by order is none of a row.
        let is_in_row = instance.end != Some(InstanceEnd::Replaced);
        instance.restarts_in_row = instance.restarts_in_row.saturating_add(is_in_row.into());
        let is_in_row = instance.restarts_in_row > 0;
        self.revive_threads(id, effects);
        for index in 0..self.instances[id.0 as usize].threads.len() {
            let thread = self.instances[id.0 as usize].threads[index];
            for end_index in 0..self.thread(thread).ends.len() {
                let end = self.thread(thread).ends[end_index];
                self.rewire(end, self.thread(thread).is_managed, effects);
            }
        }
        if policy.within_ns > 0 && is_in_row {
            let timer = Timer::Row(id);
            effects.push(Effect::StartTimer { timer, after_ns: policy.within_ns });
        }
        // Last: what a thread sees at its first instruction is all there.
        self.start_threads(id, effects);
    }

    /// No replacement could be had: as if one had ended at once, but the next one is never tried at once.
    pub(crate) fn retry_restart(&mut self, id: InstanceId, effects: &mut Vec<Effect>) {
        let policy = self.setup.instances[id.0 as usize].restart;
        let instance = &mut self.instances[id.0 as usize];
        let Instance { replacement: Replacement::Asked, end: Some(end), .. } = *instance else {
            return;
        };
        instance.restarts_in_row = instance.restarts_in_row.saturating_add(1);
        if instance.restarts_in_row < policy.max {
            let backoff_ns = policy.backoff_ns.max(FAILURE_BACKOFF_NS);
            self.ask_for_replacement(id, backoff_ns, effects);
        } else {
            self.conclude(id, end, effects);
        }
    }

    /// Gives an endpoint a new owner: its cursor goes on, its peer has had one peer more.
    fn rewire(&mut self, end: EndpointId, is_managed: bool, effects: &mut Vec<Effect>) {
        assert!(self.end(end).live.is_none(), "platform: replaced before {end:?} was read");
        let left = self.available(end);
        let is_dropped = self.port_setup(end).drops_at_restart && end.side == Side::Consumer;
        let state = self.end_mut(end);
        state.streak = 0;
        state.is_given_up = false;
        if is_dropped && left > 0 {
            state.cursor = state.cursor.wrapping_add(left);
            effects.push(Effect::PublishCursor { end, value: state.cursor });
        }
        state.first = state.cursor;
        let value = state.cursor;
        if is_managed {
            effects.push(Effect::SetWord { end, value });
        }
        effects.push(Effect::PublishFirst { end, value });
        if !self.is_revoked(end.port) {
            let peer = self.end_mut(end.peer());
            peer.epoch = peer.epoch.wrapping_add(1);
        }
        effects.push(Effect::PublishPort(end.port)); // MODE-7: its streak
        self.publish_peer(end.peer(), effects);
        self.publish_peer(end, effects);
        if is_dropped && left > 0 {
            self.wake_peer(end, effects);
        }
    }
}
