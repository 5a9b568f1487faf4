//! The asynchronous mode: upgrade, downgrade, what a cursor may say, and Ports that are over (`ASYNC`,
//! `MODE`).
//!
//! Key type: [`Live`], with the states A, D0 and D1 of the specification. An end in this mode has a
//! *live* cursor: its thread stores it, its peer loads it, and the core knows what the platform has last
//! read there, and believes that only once it has been held against what else is known. All that the
//! core can do meanwhile is to protect the page of that cursor, and it does so for two reasons: the end
//! is to become synchronous again, which is here, or somebody sleeps until the cursor moves, which is in
//! `doorbell.rs`, with the page's own states.

use alloc::vec::Vec;

use crate::doorbell::{Backoff, Page, Rung};
use crate::kernel::Hold;
use crate::revoke::Revocation;
use crate::{
    Effect, EndpointId, Kernel, Mode, Mutant, Owner, PeerState, PortId, Side, ThreadId, Timer,
    Upgrade, Violation,
};

/// An end in asynchronous mode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Live {
    pub(crate) page: Page,
    /// A downgrade is wanted (D0, D1).
    pub(crate) is_leaving: bool,
    /// The synchronous binding has been published (D1).
    pub(crate) has_left: bool,
    /// Times of grace that are over and found it here (`END-13`).
    pub(crate) grace_count: u32,
    /// The doorbell that is landing.
    pub(crate) rung: Rung,
    /// Doorbells in a row that rang for nothing.
    pub(crate) rings_for_nothing: u32,
    /// Doorbells in a row that rang for a cursor that moved, and woke nobody.
    pub(crate) rings_unmet: Backoff,
}

/// What is wrong with a live cursor.
enum Problem {
    /// Its owner has broken a rule.
    Violation(Violation),
    /// It and the peer's, which is live too, contradict each other (`ASYNC-6`).
    Contradiction,
}

impl Kernel {
    /// `MODE-2`: at a cursor store that has just been served.
    pub(crate) fn upgrade_if_earned(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        if !self.may_share(end.port) || !self.qualifies(end) {
            return;
        }
        if !self.qualifies(end.peer()) && !self.breaks(Mutant::UpgradeAlone) {
            let threshold = self.threshold(end.port);
            // Wanted once for each streak.
            let is_wanted = self.end(end).streak == threshold;
            return self.ports[end.port.0 as usize].refusal_count.add(is_wanted);
        }
        let port = &mut self.ports[end.port.0 as usize];
        if !port.is_shared {
            port.is_shared = true;
            port.upgrade_count.add(true);
        }
        // The page has been protected all along: who sleeps on this cursor already has its doorbell.
        // It may also still be being protected, by a doorbell of the time before.
        let forgets = self.breaks(Mutant::ForgetSleeperAtUpgrade);
        let page = if self.end(end).protecting_count > 0 {
            Page::Protecting { is_touched: false }
        } else if self.wants_doorbell(end) && !forgets {
            Page::Protected
        } else {
            effects.push(Effect::OpenCursor { end });
            Page::Open
        };
        let live = Live {
            page,
            is_leaving: false,
            has_left: false,
            grace_count: 0,
            rung: Rung::None,
            rings_for_nothing: 0,
            rings_unmet: Backoff::default(),
        };
        let state = self.end_mut(end);
        state.live = Some(live);
        state.was_live = true;
        effects.push(Effect::OpenQueue { end });
        effects.push(Effect::PublishMode { end, mode: Mode::Asynchronous });
        effects.push(Effect::PublishPort(end.port));
    }

    /// Whether nobody forbids the asynchronous mode to a Port.
    fn may_share(&self, id: PortId) -> bool {
        let port = &self.ports[id.0 as usize];
        let is_whole = self.ends[id.0 as usize]
            .iter()
            .all(|end| end.state == PeerState::Wired && end.closing.is_none());
        let is_forced = port.is_forced && !self.breaks(Mutant::UpgradeForced);
        self.setup.ports[id.0 as usize].upgrade == Upgrade::Allowed
            && is_whole
            && !is_forced
            && !port.is_broken
            && port.revocation == Revocation::None
            && self.ends[id.0 as usize].iter().all(|end| end.moving.is_none())
    }

    /// `MODE-1`
    pub(crate) fn qualifies(&self, end: EndpointId) -> bool {
        let state = self.end(end);
        match (state.owner, &state.live) {
            (Owner::Kernel, _) => true,
            (Owner::Thread(_), Some(live)) => !live.is_leaving,
            (Owner::Thread(thread), None) => {
                self.thread(thread).is_managed && state.streak >= self.threshold(end.port)
            }
        }
    }

    /// `MODE-6`
    pub(crate) fn threshold(&self, port: PortId) -> u32 {
        let tuning = &self.setup.tuning;
        tuning.threshold << self.ports[port.0 as usize].setback_count
    }

    pub(crate) fn force_synchronous(&mut self, id: PortId, effects: &mut Vec<Effect>) {
        if !self.ports[id.0 as usize].is_forced {
            self.ports[id.0 as usize].is_forced = true;
            self.downgrade(id, effects);
            effects.push(Effect::PublishPort(id));
        }
    }

    pub(crate) fn allow_asynchronous(&mut self, id: PortId, effects: &mut Vec<Effect>) {
        if !self.ports[id.0 as usize].is_forced {
            return;
        }
        self.ports[id.0 as usize].is_forced = false;
        let is_taken = self.ports[id.0 as usize].revocation != Revocation::None
            || self.ends[id.0 as usize].iter().any(|end| end.moving.is_some());
        let can_upgrade = self.setup.ports[id.0 as usize].upgrade == Upgrade::Allowed;
        for end in both_ends(id) {
            let returns_late = self.breaks(Mutant::ReturnAfterPublished);
            let state = self.end_mut(end);
            let Some(live) = &mut state.live else { continue };
            if state.is_given_up || is_taken || !can_upgrade {
                continue;
            }
            if live.has_left && !returns_late {
                continue; // MODE-3: its thread has been told.
            }
            live.is_leaving = false;
            live.has_left = false;
            // What they were punished with is taken back.
            live.rings_for_nothing = 0;
            self.open_if_unwanted(end, effects);
        }
        effects.push(Effect::PublishPort(id));
    }

    /// `MODE-3`: from now on both ends are to leave.
    pub(crate) fn downgrade(&mut self, id: PortId, effects: &mut Vec<Effect>) {
        if self.ports[id.0 as usize].is_broken {
            return; // Nothing passes that could be served in another way.
        }
        for end in both_ends(id) {
            self.downgrade_end(end, effects);
        }
    }

    pub(crate) fn downgrade_end(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        // The pages of a broken Port have all been opened.
        let is_broken = self.port_of(end).is_broken;
        let Some(live) = &mut self.end_mut(end).live else { return };
        if live.is_leaving && !is_broken {
            return;
        }
        live.is_leaving = true;
        match live.page {
            Page::Open | Page::Resting => self.protect(end, effects),
            // After it has landed (BELL-3).
            Page::Landing => {
                let (timer, after_ns) = (Timer::Landing(end), self.delay_ns(end));
                effects.push(Effect::StartTimer { timer, after_ns });
            }
            Page::Protecting { .. } | Page::Protected => {}
        }
    }

    /// Touches of the queue's window by a thread that has no right to it (`ASYNC-5`).
    pub(crate) fn touch_queue(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let thread = self.owner_thread(end);
        if self.thread(thread).is_live && self.is_word_landed(thread, effects) {
            if self.port_of(end).revocation != Revocation::None {
                return self.end_revoked(thread, end.port, effects);
            }
            let violation = Violation::WrongMode { mode: Mode::Synchronous };
            self.violate(thread, end, violation, effects);
        }
    }

    /// The platform has read a live cursor.
    pub(crate) fn look_at_cursor(
        &mut self,
        end: EndpointId,
        value: u64,
        effects: &mut Vec<Effect>,
    ) {
        if self.end(end).live.is_none() || self.port_of(end).is_broken {
            return;
        }
        let has_moved = value != self.end(end).cursor;
        if self.adopt(end, value, effects) && has_moved {
            self.land(end, true, effects);
        }
    }

    /// Takes a live cursor's value over, after holding it against what is known; wakes who waits for it.
    /// False: it is impossible, and its owner has ended.
    pub(crate) fn adopt(&mut self, end: EndpointId, value: u64, effects: &mut Vec<Effect>) -> bool {
        match self.validate(end, value, false) {
            Ok(()) => {}
            Err(Problem::Contradiction) => {
                self.break_port(end, value, effects);
                return false;
            }
            Err(Problem::Violation(violation)) => {
                if let Owner::Thread(thread) = self.end(end).owner
                    && self.thread(thread).is_live
                {
                    self.violate(thread, end, violation, effects);
                }
                return false;
            }
        }
        let has_moved = value != self.end(end).cursor;
        self.end_mut(end).cursor = value;
        if has_moved {
            let was_wanted = self.wants_doorbell(end);
            self.wake_sleeper(end, effects);
            let is_met = was_wanted && !self.wants_doorbell(end);
            if let Some(live) = &mut self.end_mut(end).live {
                live.rings_for_nothing = 0;
                if is_met {
                    live.rings_unmet.reset();
                    live.rung = live.rung.meet();
                }
            }
        }
        true
    }

    /// `ASYNC-4`. With `is_pair`, both cursors have been read, this one first.
    fn validate(&self, end: EndpointId, value: u64, is_pair: bool) -> Result<(), Problem> {
        if self.breaks(Mutant::BelieveCursors) {
            return Ok(());
        }
        let count = u64::from(self.port_setup(end).slot_count);
        let (own, peer) = (self.end(end).cursor, self.end(end.peer()).cursor);
        let peer_end = self.end(end.peer());
        let is_trusted = !peer_end.was_live;
        let is_exact = is_pair || peer_end.live.is_none();
        // The distance that is allowed on the other side of the peer's cursor.
        let (least, most) = match (is_trusted, end.side) {
            (true, Side::Producer) => (own, peer.wrapping_add(count)),
            (true, Side::Consumer) => (own, peer),
            (false, _) => (own, own.wrapping_add(u64::MAX >> 1)),
        };
        if value.wrapping_sub(least) > most.wrapping_sub(least) {
            let violation = Violation::ImpossibleCursor { stored: value, least, most };
            return Err(Problem::Violation(violation));
        }
        let distance = match end.side {
            Side::Producer => value.wrapping_sub(peer),
            Side::Consumer => peer.wrapping_sub(value),
        };
        if is_exact && distance > count { Err(Problem::Contradiction) } else { Ok(()) }
    }

    /// A cursor whose thread is stopped or gone: it is the kernel's from now on (`MODE-5`).
    pub(crate) fn settle_cursor(
        &mut self,
        end: EndpointId,
        value: u64,
        peer: Option<u64>,
        effects: &mut Vec<Effect>,
    ) {
        if self.end(end).live.is_none() {
            return;
        }
        let is_broken = self.port_of(end).is_broken;
        // The peer's cursor first: this one is held against it.
        if let Some(peer_value) = peer
            && !is_broken
        {
            self.look_at_cursor(end.peer(), peer_value, effects);
        }
        let problem = if is_broken { Ok(()) } else { self.validate(end, value, true) };
        match problem {
            Ok(()) => self.become_synchronous(end, value, effects),
            Err(Problem::Contradiction) => {
                let state = self.end_mut(end);
                state.closing = state.closing.map(|_| PeerState::Faulted);
                self.become_synchronous(end, self.end(end).cursor, effects);
                self.break_port(end, value, effects);
            }
            Err(Problem::Violation(violation)) => {
                let cursor = self.end(end).cursor;
                // It is not adopted. Of a thread that has ended already nothing more can be ended.
                let state = self.end_mut(end);
                state.closing = state.closing.map(|_| PeerState::Faulted);
                let was_peer_live = self.end(end.peer()).was_live;
                self.become_synchronous(end, cursor, effects);
                // The peer may have believed what was taken back: it is not held against the cursor
                // that takes its place (ASYNC-6).
                if was_peer_live {
                    self.break_port(end, value, effects);
                }
                if let Owner::Thread(thread) = self.end(end).owner
                    && self.thread(thread).is_live
                {
                    self.violate(thread, end, violation, effects);
                }
            }
        }
    }

    pub(crate) fn become_synchronous(
        &mut self,
        end: EndpointId,
        cursor: u64,
        effects: &mut Vec<Effect>,
    ) {
        self.leave_landing(end, effects);
        let Some(live) = &self.end(end).live else { return };
        if live.page == Page::Resting {
            effects.push(Effect::StopTimer { timer: Timer::Landing(end) });
        }
        let was_shared = !live.has_left;
        let closing = self.end_mut(end).closing.take();
        let state = self.end_mut(end);
        state.live = None;
        state.hold = Hold::None;
        state.streak = 0;
        state.cursor = cursor;
        if was_shared {
            self.ports[end.port.0 as usize].is_shared = false;
        }
        effects.push(Effect::SetWord { end, value: cursor });
        effects.push(Effect::PublishCursor { end, value: cursor });
        // Before it closes: its peer is told one thing.
        self.finish_revocation(end.port, effects);
        if let Some(closing) = closing {
            self.closing_count -= 1;
            self.close_end(end, closing, effects);
            self.finish_if_over(effects);
        } else {
            effects.push(Effect::PublishPort(end.port));
            self.wake_peer(end, effects);
            self.move_settled(end, effects);
        }
    }

    /// `ASYNC-6`: nothing passes here any more, and nobody is to blame. `value` is what this end's cursor
    /// said, or was to say.
    pub(crate) fn break_port(&mut self, end: EndpointId, value: u64, effects: &mut Vec<Effect>) {
        let id = end.port;
        let peer_value = self.end(end.peer()).cursor;
        self.ports[id.0 as usize].is_broken = true;
        for end in both_ends(id) {
            let state = self.end_mut(end);
            // Whatever is touched there from now on is answered alike.
            state.hold = Hold::None;
            if state.closing.is_none() {
                state.state = PeerState::Faulted;
            }
        }
        effects.push(Effect::PublishPort(id));
        // Both bindings first: whoever is woken finds there why (KRN-5).
        for end in both_ends(id) {
            self.publish_peer(end, effects);
        }
        for end in both_ends(id) {
            self.wake_peer(end, effects);
            self.abandon_cursor(end, effects);
        }
        let (produced, consumed) = match end.side {
            Side::Producer => (value, peer_value),
            Side::Consumer => (peer_value, value),
        };
        effects.push(Effect::ReportBrokenPort { port: id, produced, consumed });
    }

    /// Nobody looks at a live cursor of a broken Port any more: nothing is awaited there, a protection
    /// that is on its way says nothing, and a later store is let through ([`Kernel::touch_cursor`]).
    fn abandon_cursor(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        self.leave_landing(end, effects);
        let Some(live) = &mut self.end_mut(end).live else { return };
        let page = core::mem::replace(&mut live.page, Page::Open);
        if page == Page::Resting {
            effects.push(Effect::StopTimer { timer: Timer::Landing(end) });
        }
        // Whoever is stopped at its cursor goes on, unless it has ended meanwhile.
        if page == (Page::Protecting { is_touched: true })
            && let Owner::Thread(thread) = self.end(end).owner
            && self.thread(thread).is_live
        {
            effects.extend([Effect::OpenCursor { end }, Effect::Resume(thread)]);
        }
    }

    /// Any cell of a broken Port shows zeros or takes what nobody will read.
    pub(crate) fn show_broken(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        cell: u32,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(match end.side {
            Side::Producer => Effect::OpenCell { end, cell },
            Side::Consumer => Effect::DeliverZeros { end, cell },
        });
        effects.push(Effect::Resume(thread));
    }
}

pub(crate) fn both_ends(port: PortId) -> [EndpointId; 2] {
    [Side::Producer, Side::Consumer].map(|side| EndpointId { port, side })
}
