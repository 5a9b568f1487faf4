//! Revocation: a Port is taken from both of its ends, and nothing passes there any more (`END-13`).
//!
//! A synchronous Port is revoked at once. An end in asynchronous mode becomes synchronous first: at its next
//! cursor store, as in any downgrade; or, since nothing of what it would still commit is wanted, where its
//! thread waits at its gate. One that has done neither within the time of grace is brought there
//! when it is blocked, and ends with its instance when it is not. Until the last end is there, messages
//! pass as before.
//!
//! A revoked Port is to its managed threads what a broken one is (`live.rs`): any of their touches is
//! answered, and has no effect.

use alloc::vec::Vec;

use oro_sysabi::REVOCATION_GRACE_NS;

use crate::doorbell::Page;
use crate::kernel::{Hold, Waiting};
use crate::live::both_ends;
use crate::{
    Effect, EndpointId, InstanceEnd, Kernel, Mutant, Owner, PeerState, PortId, ThreadId, Timer,
};

/// How far a Port's revocation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Revocation {
    /// Nobody wants it.
    #[default]
    None,
    /// An end is still in asynchronous mode.
    Wanted,
    /// Nothing passes.
    Done,
}

impl Kernel {
    /// Whether a Port has been revoked ([`Effect::FinishRevocation`]).
    #[must_use]
    pub fn is_revoked(&self, port: PortId) -> bool {
        self.ports[port.0 as usize].revocation == Revocation::Done
    }

    /// Whether nothing passes at a Port any more, whatever is touched there.
    pub(crate) fn is_dead(&self, end: EndpointId) -> bool {
        let port = self.port_of(end);
        port.is_broken || port.revocation == Revocation::Done
    }

    pub(crate) fn revoke_port(&mut self, id: PortId, effects: &mut Vec<Effect>) {
        if self.ports[id.0 as usize].revocation != Revocation::None {
            return;
        }
        self.ports[id.0 as usize].revocation = Revocation::Wanted;
        for end in both_ends(id) {
            self.abandon_move(end, effects);
            self.leave_ended(end, effects);
            self.downgrade_end(end, effects);
        }
        let is_shared = both_ends(id).iter().any(|end| self.end(*end).live.is_some());
        if is_shared {
            let timer = Timer::Revocation(id);
            effects.push(Effect::StartTimer { timer, after_ns: REVOCATION_GRACE_NS });
            effects.push(Effect::PublishPort(id));
        }
        for end in both_ends(id) {
            if let Owner::Thread(thread) = self.end(end).owner
                && matches!(self.thread(thread).waiting, Waiting::Gate { .. })
            {
                self.settle_stopped(end, effects);
            }
        }
        self.finish_revocation(id, effects);
    }

    /// Where a thread goes to sleep at its gate: its ends that are to leave the asynchronous mode for somebody
    /// else's sake need not wait for another cursor store.
    pub(crate) fn settle_at_gate(&mut self, id: ThreadId, effects: &mut Vec<Effect>) {
        for index in 0..self.thread(id).ends.len() {
            // It may have been taken from the thread, or have woken it.
            let Some(end) = self.thread(id).ends.get(index).copied() else { return };
            if self.is_taken(end) && self.thread(id).waiting != Waiting::No {
                self.settle_stopped(end, effects);
            }
        }
    }

    /// Whether an end is to be synchronous, whatever its thread has begun in the queue.
    fn is_taken(&self, end: EndpointId) -> bool {
        self.port_of(end).revocation == Revocation::Wanted || self.end(end).moving.is_some()
    }

    /// Whether an end whose cursor page has just been protected is to become synchronous at once.
    pub(crate) fn leaves_now(&self, end: EndpointId) -> bool {
        let state = self.end(end);
        let is_stopped = match state.owner {
            Owner::Thread(thread) => self.thread(thread).waiting != Waiting::No,
            Owner::Kernel => false,
        };
        let is_late =
            state.live.as_ref().is_some_and(|live| live.has_left && live.grace_count == 2);
        state.is_given_up || ((is_stopped || is_late) && self.is_taken(end))
    }

    /// The time of grace is over.
    pub(crate) fn expire_grace(&mut self, id: PortId, effects: &mut Vec<Effect>) {
        if self.ports[id.0 as usize].revocation != Revocation::Wanted {
            return;
        }
        for end in both_ends(id) {
            let Owner::Thread(thread) = self.end(end).owner else { continue };
            if !self.thread(thread).is_live {
                self.leave_ended(end, effects);
                continue;
            }
            let Some(live) = &mut self.end_mut(end).live else { continue };
            live.grace_count = 2.min(live.grace_count + 1);
            let is_late = live.grace_count == 2;
            let (page, has_left) = (live.page, live.has_left);
            let is_stopped = self.thread(thread).waiting != Waiting::No;
            if matches!(page, Page::Protecting { .. }) || (has_left && !is_late) {
                // What becomes of it is known soon; a store that was let through has its time to land.
            } else if has_left {
                self.protect(end, effects); // Its binding is the synchronous one.
            } else if !is_stopped {
                let instance = self.thread(thread).instance;
                self.fault_instance(instance, InstanceEnd::Revoked { port: id }, effects);
            } else {
                self.settle_stopped(end, effects);
            }
        }
        if self.ports[id.0 as usize].revocation == Revocation::Wanted {
            let timer = Timer::Revocation(id);
            effects.push(Effect::StartTimer { timer, after_ns: REVOCATION_GRACE_NS });
        }
    }

    /// An end in asynchronous mode whose thread has ended is synchronous once its last cursor has been read; but
    /// nobody reads that of a broken Port, nor would believe it.
    fn leave_ended(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let Owner::Thread(thread) = self.end(end).owner else { return };
        if self.port_of(end).is_broken && !self.thread(thread).is_live {
            self.become_synchronous(end, self.end(end).cursor, effects);
        }
    }

    /// Both ends are synchronous: both are told, and nothing passes from now on.
    pub(crate) fn finish_revocation(&mut self, id: PortId, effects: &mut Vec<Effect>) {
        let is_shared = both_ends(id).iter().any(|end| self.end(*end).live.is_some());
        let waits = is_shared && !self.breaks(Mutant::RevokeAtOnce);
        if self.ports[id.0 as usize].revocation != Revocation::Wanted || waits {
            return;
        }
        self.ports[id.0 as usize].revocation = Revocation::Done;
        effects.push(Effect::StopTimer { timer: Timer::Revocation(id) });
        for end in both_ends(id) {
            let commits = self.breaks(Mutant::CommitRevoked);
            let state = self.end_mut(end);
            state.state = PeerState::Revoked;
            if !commits {
                state.hold = Hold::None;
            }
            if let Owner::Thread(thread) = state.owner
                && self.thread(thread).output == Some(end)
                && !commits
            {
                self.thread_mut(thread).output = None;
            }
        }
        effects.push(Effect::PublishPort(id));
        // Both bindings first: whoever is woken finds there why (KRN-5).
        for end in both_ends(id) {
            self.publish_peer(end, effects);
        }
        for end in both_ends(id) {
            match self.end(end).owner {
                Owner::Kernel => effects.push(Effect::WakeKernelEnd(end)),
                Owner::Thread(_) => self.wake_peer(end.peer(), effects),
            }
        }
        effects.push(Effect::FinishRevocation(id));
    }

    /// Any touch of a cell of a Port where nothing passes: a managed thread sees zeros, or stores what nobody
    /// will read; a naive one ends (`END-9`).
    pub(crate) fn touch_dead(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        cell: u32,
        effects: &mut Vec<Effect>,
    ) {
        if self.thread(thread).is_managed {
            return self.show_broken(thread, end, cell, effects);
        }
        self.flush(thread, effects);
        self.ending.push(thread);
    }

    /// Ends the instance of a thread that goes on in a queue that was taken from it: that is no violation.
    pub(crate) fn end_revoked(
        &mut self,
        thread: ThreadId,
        port: PortId,
        effects: &mut Vec<Effect>,
    ) {
        let instance = self.thread(thread).instance;
        self.fault_instance(instance, InstanceEnd::Revoked { port }, effects);
    }
}
