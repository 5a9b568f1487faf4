//! Numbers that are used again (`CTL-10`, `CTL-13`): who mounts, wires and forgets for ever has a kernel of
//! one size.
//!
//! The number of an instance, and those of its threads, are free once it is forgotten and no Port is left that
//! has had an end of it; a Port's number once neither end is anybody's. Until then what is said of the old one
//! could reach the new one: a late answer, or the end of a peer.

use crate::kernel::{Hold, Replacement, Thread, Waiting};
use crate::live::both_ends;
use crate::revoke::Revocation;
use crate::{
    Condition, EndpointId, InstanceId, InstanceState, Kernel, Mutant, Owner, PeerState, PortId,
    ThreadId,
};

impl Kernel {
    /// Whether an instance can be forgotten (`CTL-10`): it has ended for good, and its last cursors are known.
    #[must_use]
    pub fn can_forget(&self, id: InstanceId) -> bool {
        let instance = &self.instances[id.0 as usize];
        let has_ended = match instance.state {
            InstanceState::Mounted | InstanceState::Running => false,
            InstanceState::Ended | InstanceState::Faulted => {
                instance.replacement == Replacement::None
            }
        };
        let mut ends = instance.threads.iter().flat_map(|thread| &self.thread(*thread).ends);
        has_ended && !instance.is_forgotten && ends.all(|end| self.end(*end).closing.is_none())
    }

    pub(crate) fn forget_instance(&mut self, id: InstanceId) {
        assert!(self.can_forget(id), "platform: {id:?} has not ended, or is forgotten");
        self.instances[id.0 as usize].is_forgotten = true;
        for index in 0..self.instances[id.0 as usize].threads.len() {
            let thread = self.instances[id.0 as usize].threads[index];
            for end in core::mem::take(&mut self.thread_mut(thread).ends) {
                // Nobody reads its last cursor at a broken Port, and nobody will: nothing of it is to be touched,
                // whatever becomes of the Port.
                self.end_mut(end).live = None;
            }
        }
    }

    /// Whether a new instance of so many threads can have the number of one that was forgotten, and the numbers
    /// of its threads: nothing of that is left at any Port.
    #[must_use]
    pub fn can_reuse_instance(&self, id: InstanceId, thread_count: usize) -> bool {
        let instance = &self.instances[id.0 as usize];
        let is_its = |thread: ThreadId| self.thread(thread).instance == id;
        let is_named = (0..).zip(&self.ends).any(|(index, ends)| {
            let has_end =
                ends.iter().any(|end| matches!(end.owner, Owner::Thread(owner) if is_its(owner)));
            let gets_end = ends.iter().filter_map(|end| end.moving).any(|moving| is_its(moving.to));
            gets_end || (has_end && !self.can_reuse_port(PortId(index)))
        });
        instance.is_forgotten
            && instance.threads.len() == thread_count
            && (!is_named || self.breaks(Mutant::ReuseNamed))
    }

    /// Whether a new Port can have this one's number: each end is a built-in's that has ended, or was its
    /// thread's until that was forgotten or wired again there; nothing that was asked for is unanswered, and
    /// nobody waits for a change of it.
    #[must_use]
    pub fn can_reuse_port(&self, id: PortId) -> bool {
        let is_left = |end: &EndpointId| {
            let state = self.end(*end);
            let is_nobodys = match state.owner {
                Owner::Thread(thread) => !self.thread(thread).ends.contains(end),
                Owner::Kernel => state.state != PeerState::Wired,
            };
            (is_nobodys || self.breaks(Mutant::ReuseOwned))
                && state.closing.is_none()
                && state.moving.is_none()
                && state.protecting_count == 0
        };
        both_ends(id).iter().all(is_left)
            && self.ports[id.0 as usize].revocation != Revocation::Wanted
            && !self.threads.iter().any(|thread| waits_at(thread, id))
    }

    /// What the mutant `ReuseCursors` does: the ends of a Port's new owners go on where the old ones were.
    pub(crate) fn keep_cursors(&mut self, id: PortId, cursors: [u64; 2]) {
        if self.breaks(Mutant::ReuseCursors) {
            for (end, cursor) in both_ends(id).into_iter().zip(cursors) {
                let state = self.end_mut(end);
                (state.cursor, state.hold) = (cursor, Hold::None);
            }
        }
    }
}

/// Whether a thread waits at its gate for a change of a Port.
fn waits_at(thread: &Thread, port: PortId) -> bool {
    let Waiting::Gate { conditions, .. } = &thread.waiting else { return false };
    conditions.iter().any(|condition| match condition {
        Condition::Peer { end, .. } | Condition::Binding { end: Some(end), .. } => end.port == port,
        Condition::Binding { end: None, .. }
        | Condition::Ring { .. }
        | Condition::Word { .. }
        | Condition::Wake { .. } => false,
    })
}
