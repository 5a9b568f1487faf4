//! Transfer: an endpoint gets another owner, and its Port lives on (`END-14`).
//!
//! Key method: [`Kernel::can_transfer`]. An end in asynchronous mode becomes synchronous first, as in a
//! revocation; but nothing is taken from a thread that goes on to use it, and if it has not left within the time
//! of grace, the end stays where it is.

use alloc::vec::Vec;

use oro_sysabi::REVOCATION_GRACE_NS;

use crate::kernel::{Hold, Waiting, Word};
use crate::revoke::Revocation;
use crate::{
    BindingSetup, Effect, EndpointId, Kernel, Mutant, Owner, PeerState, Side, ThreadId, Timer,
    Upgrade,
};

/// Where an endpoint is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Move {
    pub(crate) to: ThreadId,
    pub(crate) binding: BindingSetup,
    /// Of the Port, from then on.
    pub(crate) upgrade: Upgrade,
}

impl Kernel {
    /// Whether an endpoint can be given to this thread: it is another thread's, has not ended, its Port is
    /// neither broken nor revoked, and the new owner can have one.
    #[must_use]
    pub fn can_transfer(&self, end: EndpointId, to: ThreadId) -> bool {
        let state = self.end(end);
        let is_anothers = match state.owner {
            Owner::Thread(thread) => thread != to,
            Owner::Kernel => false,
        };
        is_anothers
            && state.state == PeerState::Wired
            && state.closing.is_none()
            && state.moving.is_none()
            && self.port_of(end).revocation == Revocation::None
            && !self.port_of(end).is_broken
            && self.can_wire(to)
    }

    pub(crate) fn transfer_end(
        &mut self,
        end: EndpointId,
        target: Move,
        effects: &mut Vec<Effect>,
    ) {
        let to = target.to;
        assert!(self.can_transfer(end, to), "platform: {end:?} cannot be given to {to:?}");
        self.end_mut(end).moving = Some(target);
        // The peer as well: the new owner has yet to earn the mode, or never will.
        self.downgrade(end.port, effects);
        if let Owner::Thread(thread) = self.end(end).owner
            && matches!(self.thread(thread).waiting, Waiting::Gate { .. })
        {
            self.settle_stopped(end, effects);
        }
        self.try_move(end, effects);
        if self.end(end).moving.is_some() {
            let (timer, after_ns) = (Timer::Transfer(end), REVOCATION_GRACE_NS);
            effects.push(Effect::StartTimer { timer, after_ns });
        }
    }

    /// Moves an endpoint that is to be moved, once it can be.
    pub(crate) fn try_move(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let state = self.end(end);
        let Some(Move { to, binding, upgrade }) = state.moving else { return };
        if state.live.is_some() || state.protecting_count > 0 {
            return;
        }
        self.end_mut(end).moving = None;
        effects.push(Effect::StopTimer { timer: Timer::Transfer(end) });
        if !self.can_transfer(end, to) {
            return effects.push(Effect::RefuseMove { end });
        }
        self.setup.ports[end.port.0 as usize].upgrade = upgrade;
        self.take_from_owner(end, to, effects);
        if self.is_told(to) {
            if self.thread(to).is_managed {
                effects.push(Effect::SetWord { end, value: self.end(end).cursor });
            }
            effects.push(Effect::PublishFirst { end, value: self.end(end).cursor });
        }
        self.end_mut(end).epoch = binding.epoch;
        self.give_to(to, end, binding.index);
        self.publish_peer(end, effects);
        self.end_mut(end.peer()).epoch += 1;
        self.publish_peer(end.peer(), effects);
    }

    /// An end that is to be moved has become synchronous. If that was looked at before a fault of its thread is
    /// reported, it still has it in that fault.
    pub(crate) fn move_settled(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        if self.end(end).moving.is_none() {
            return;
        }
        let is_in_fault = match self.end(end).owner {
            Owner::Thread(thread) => {
                self.thread(thread).is_live && self.thread(thread).waiting == Waiting::No
            }
            Owner::Kernel => false,
        };
        if is_in_fault {
            self.late_moves.push(end);
        } else {
            self.try_move(end, effects);
        }
    }

    /// It does not move any more.
    pub(crate) fn abandon_move(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        if self.end_mut(end).moving.take().is_some() {
            effects.push(Effect::StopTimer { timer: Timer::Transfer(end) });
            effects.push(Effect::RefuseMove { end });
        }
    }

    /// What the owner holds is taken back, and whoever is blocked there goes on.
    fn take_from_owner(&mut self, end: EndpointId, to: ThreadId, effects: &mut Vec<Effect>) {
        let from = self.owner_thread(end);
        let cell = self.end(end).cell();
        let keeps = self.breaks(Mutant::MoveHeld);
        if self.end(end).hold != Hold::None && !keeps {
            effects.push(match end.side {
                Side::Producer => Effect::ProtectCell { end, cell },
                Side::Consumer => Effect::WithdrawCell { end, cell },
            });
        }
        let state = self.end_mut(end);
        if !keeps {
            state.hold = Hold::None;
        }
        state.owner = Owner::Thread(to);
        state.first = state.cursor;
        state.streak = 0;
        state.is_given_up = false;
        let port = &mut self.setup.ports[end.port.0 as usize];
        match end.side {
            Side::Producer => port.producer = Owner::Thread(to),
            Side::Consumer => port.consumer = Owner::Thread(to),
        }
        let state = self.thread_mut(from);
        state.ends.retain(|other| *other != end);
        if state.output == Some(end) {
            state.output = None;
        }
        match state.word {
            Word::Open { end: open, .. } | Word::NotLanded { end: open, .. } if open == end => {
                state.word = Word::Protected;
            }
            Word::Open { .. } | Word::NotLanded { .. } | Word::Protected => {}
        }
        effects.push(Effect::MoveEnd { end, from, to });
        effects.push(Effect::PublishPort(end.port));
        self.release_owner(from, end, effects);
    }

    /// Who waits for what it does not have any more: in a touch it repeats that; at its gate it is told.
    fn release_owner(&mut self, from: ThreadId, end: EndpointId, effects: &mut Vec<Effect>) {
        if self.is_blocked_at(from, end) {
            self.stop_waiting(from, effects);
            return effects.push(Effect::Resume(from));
        }
        self.wake_gate(from, effects);
    }
}
