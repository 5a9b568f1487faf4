//! What naive and managed threads have in common: granting, committing and releasing slots, and
//! telling the other side of the Port. Also the built-in instances' ends (`BUILTIN-1`).
//!
//! Cursors of synchronous ends move here and nowhere else, by one, and only where there is room or a message, so that
//! `0 <= producer - consumer <= slot_count` always holds (`PORT-8`, `KRN-3`).

use alloc::vec::Vec;

use crate::kernel::{Hold, Waiting};
use crate::{
    Effect, EndpointId, InstanceEnd, Kernel, Mode, Mutant, Owner, PeerState, Side, ThreadId,
    Violation,
};

impl Kernel {
    /// A thread touched a cell that is not open to it.
    pub(crate) fn touch_cell(&mut self, end: EndpointId, cell: u32, effects: &mut Vec<Effect>) {
        assert!(cell < 2, "platform: a touch of cell {cell} of {end:?}, which has two");
        let thread = self.owner_thread(end);
        if !self.thread(thread).is_live || !self.is_word_landed(thread, effects) {
            return;
        }
        self.end_landings(thread, None, effects);
        if self.is_blocked_at(thread, end) && cell == self.end(end).cell() {
            return; // NAIVE-8: reported again, still blocked.
        }
        // A thread that is blocked elsewhere cannot touch anything; if its platform says that it
        // has, then it is not blocked there any more.
        self.stop_waiting(thread, effects);
        if self.is_dead(end) {
            return self.touch_dead(thread, end, cell, effects);
        }
        if self.end(end).live.is_some() {
            let violation = Violation::WrongMode { mode: Mode::Asynchronous };
            return self.violate(thread, end, violation, effects);
        }
        if self.end(end).hold != Hold::None && cell == self.end(end).cell() {
            return self.grant_again(thread, end, effects);
        }
        if self.thread(thread).is_managed {
            self.touch_managed(thread, end, cell, effects);
        } else {
            self.touch_naive(thread, end, cell, effects);
        }
    }

    /// Gives a thread the slot at its cursor; or shows it that the peer has gone; or ends it; or
    /// leaves it blocked.
    pub(crate) fn serve(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        is_woken: bool,
        effects: &mut Vec<Effect>,
    ) {
        let has_peer_ended = self.end(end.peer()).state != PeerState::Wired;
        let is_managed = self.thread(thread).is_managed;
        // A naive producer does not go on for nobody (NAIVE-3); a consumer drains the queue first
        // (NAIVE-6), and a managed thread looks for itself (MAN-3).
        let stops = match end.side {
            Side::Producer => !self.breaks(Mutant::FillForNobody),
            Side::Consumer => self.breaks(Mutant::CloseBeforeDrained),
        };
        let ends_now = stops && has_peer_ended && !is_managed;
        if self.available(end) > 0 && !ends_now {
            self.grant(thread, end, Hold::Slot, is_woken, effects);
        } else if has_peer_ended && is_managed && !self.breaks(Mutant::EndManagedWithPeer) {
            self.end_mut(end).streak = 0;
            self.grant(thread, end, Hold::Nothing, is_woken, effects); // MAN-3
        } else if has_peer_ended {
            self.thread_mut(thread).waiting = Waiting::No;
            self.ending.push(thread); // END-9
        } else {
            self.thread_mut(thread).waiting = Waiting::Touch(end);
            self.end_mut(end).streak = 0; // MODE-1
            // A clock fills its slot when somebody waits for it (BUILTIN-5).
            self.wake_kernel_end(end.peer(), effects);
            self.arm(end.peer(), effects);
        }
    }

    fn grant(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        hold: Hold,
        is_woken: bool,
        effects: &mut Vec<Effect>,
    ) {
        let cell = self.end(end).cell();
        let number = self.end(end).cursor;
        self.end_mut(end).hold = hold;
        self.thread_mut(thread).waiting = Waiting::No;
        match (end.side, hold) {
            (Side::Producer, Hold::Slot | Hold::Nothing) => {
                if hold == Hold::Slot && !self.thread(thread).is_managed {
                    self.thread_mut(thread).output = Some(end);
                }
                effects.push(Effect::OpenCell { end, cell });
            }
            (Side::Consumer, Hold::Slot) if is_woken && self.breaks(Mutant::WakeWithoutMessage) => {
            }
            (Side::Consumer, Hold::Slot) => effects.push(Effect::DeliverCell { end, cell, number }),
            (Side::Consumer, Hold::Nothing) => effects.push(Effect::DeliverZeros { end, cell }),
            (Side::Producer | Side::Consumer, Hold::None) => unreachable!("nothing is no grant"),
        }
        effects.push(Effect::Resume(thread));
    }

    /// `NAIVE-8`: the fault of a granted cell, reported again.
    fn grant_again(&mut self, thread: ThreadId, end: EndpointId, effects: &mut Vec<Effect>) {
        if self.breaks(Mutant::RepeatIsNextTouch) && !self.thread(thread).is_managed {
            self.flush(thread, effects);
            return self.serve(thread, end, false, effects);
        }
        match end.side {
            Side::Producer => effects.push(Effect::OpenCell { end, cell: self.end(end).cell() }),
            Side::Consumer => {} // The snapshot is there and stays as it is (PORT-5).
        }
        effects.push(Effect::Resume(thread));
    }

    /// Commits the slot at a producer's cursor: protect, copy, publish (`PORT-6`).
    pub(crate) fn commit(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let number = self.end(end).cursor;
        let cell = self.end(end).cell();
        let protect = Effect::ProtectCell { end, cell };
        let collect = Effect::CollectCell { end, cell, number };
        if self.breaks(Mutant::CollectBeforeProtect) {
            effects.extend([collect, protect]);
        } else if self.breaks(Mutant::CollectWithoutProtect) {
            effects.push(collect);
        } else {
            effects.extend([protect, collect]);
        }
        self.end_mut(end).hold = Hold::None;
        self.advance(end, 1, effects);
    }

    /// Releases the message at a consumer's cursor.
    pub(crate) fn release(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        if self.end(end).hold != Hold::None && !self.breaks(Mutant::ReleaseWithoutWithdraw) {
            effects.push(Effect::WithdrawCell { end, cell: self.end(end).cell() });
        }
        self.end_mut(end).hold = Hold::None;
        self.advance(end, 1, effects);
    }

    fn advance(&mut self, end: EndpointId, count: u32, effects: &mut Vec<Effect>) {
        let state = self.end_mut(end);
        // A live cursor may have been anything: it may come around (KRN-1).
        state.cursor = state.cursor.wrapping_add(u64::from(count));
        let value = state.cursor;
        if self.breaks(Mutant::PublishAfterWake) {
            self.wake_peer(end, effects);
            effects.push(Effect::PublishCursor { end, value });
        } else {
            effects.push(Effect::PublishCursor { end, value });
            self.wake_peer(end, effects);
        }
    }

    /// Lets the other side have what this one has just given it.
    pub(crate) fn wake_peer(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let peer = end.peer();
        match self.end(peer).owner {
            Owner::Kernel => self.wake_kernel_end(peer, effects),
            Owner::Thread(_) if self.breaks(Mutant::DropWake) => {}
            Owner::Thread(thread) => {
                if self.is_blocked_at(thread, peer) {
                    self.serve(thread, peer, true, effects);
                } else {
                    self.wake_gate(thread, effects);
                }
            }
        }
    }

    pub(crate) fn wake_kernel_end(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let state = self.end_mut(end);
        state.is_kernel_asleep = false;
        if state.owner == Owner::Kernel && state.state == PeerState::Wired {
            effects.push(Effect::WakeKernelEnd(end));
        }
    }

    /// Ends the instance of a thread that broke a rule (`BLAME-1`).
    pub(crate) fn violate(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        violation: Violation,
        effects: &mut Vec<Effect>,
    ) {
        let mut blamed = thread;
        if self.breaks(Mutant::BlamePeer)
            && let Owner::Thread(peer) = self.end(end.peer()).owner
        {
            blamed = peer;
        }
        let instance = self.thread(blamed).instance;
        let how = InstanceEnd::Violated { thread: blamed, end, violation };
        self.fault_instance(instance, how, effects);
    }

    pub(crate) fn commit_kernel(&mut self, end: EndpointId, count: u32, effects: &mut Vec<Effect>) {
        self.check_kernel_end(end, Side::Producer);
        let room = self.available(end);
        assert!(u64::from(count) <= room, "platform: {count} messages for room of {room}: {end:?}");
        if count > 0 {
            self.advance(end, count, effects);
        }
    }

    pub(crate) fn release_kernel(
        &mut self,
        end: EndpointId,
        count: u32,
        effects: &mut Vec<Effect>,
    ) {
        self.check_kernel_end(end, Side::Consumer);
        let ready = self.available(end);
        assert!(u64::from(count) <= ready, "platform: {count} released of {ready}: {end:?}");
        if count > 0 {
            self.advance(end, count, effects);
        }
    }

    pub(crate) fn check_kernel_end(&self, end: EndpointId, side: Side) {
        let state = self.end(end);
        assert_eq!(end.side, side, "platform: the wrong side of a Port: {end:?}");
        assert_eq!(state.owner, Owner::Kernel, "platform: not an end of the kernel: {end:?}");
        assert_eq!(state.state, PeerState::Wired, "platform: this end has ended: {end:?}");
    }
}
