//! The asynchronous mode: upgrade, downgrade, doorbells (`ASYNC`, `MODE`, `BELL`).
//!
//! An end in this mode has a *live* cursor: its thread stores it, its peer loads it, and the core
//! knows what the platform has last read there. All that the core can do meanwhile is to protect the
//! page of that cursor, and it does so for two reasons: somebody sleeps until the cursor moves, or the
//! end is to become synchronous again. States of the page are [`Page`]; the states A, D0 and D1 of the
//! specification are in [`Live`].
//!
//! The order in going to sleep is the decision (`BELL-1`): the sleeper is noted by its being blocked,
//! then [`Kernel::arm`] asks for the protection, and what the cursor said after the flush comes back
//! as [`Event::CursorProtected`](crate::Event::CursorProtected).

use alloc::vec::Vec;

use crate::kernel::{Hold, Waiting};
use crate::{
    Condition, Effect, EndpointId, InstanceEnd, Kernel, Mode, Mutant, Owner, PeerState, PortId,
    Side, ThreadId, Timer, Upgrade, Violation,
};

/// The first delay of a doorbell that is armed again, in nanoseconds (`BELL-5`).
const FIRST_DELAY_NS: u64 = 50_000;
/// How often the delay doubles: up to 51 ms.
const DELAY_DOUBLINGS: u32 = 10;

/// An end in asynchronous mode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Live {
    pub(crate) page: Page,
    /// A downgrade is wanted (D0, D1).
    pub(crate) is_leaving: bool,
    /// The synchronous binding has been published (D1).
    pub(crate) has_left: bool,
    /// Doorbells in a row that rang for nothing.
    rings_for_nothing: u32,
}

/// The page of a live cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Page {
    /// Writable.
    Open,
    /// Writable until a timer has it protected again, since somebody sleeps for more than the cursor
    /// has moved.
    Resting,
    /// Being protected; its thread may have faulted there already, and is then stopped.
    Protecting { is_touched: bool },
    /// Read-only: the core knows what the cursor says.
    Protected,
    /// Writable for a store that has faulted and may not have landed yet.
    Landing,
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
        let live = Live { page, is_leaving: false, has_left: false, rings_for_nothing: 0 };
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
        for end in both_ends(id) {
            let returns_late = self.breaks(Mutant::ReturnAfterPublished);
            let Some(live) = &mut self.end_mut(end).live else { continue };
            if live.has_left && !returns_late {
                continue; // MODE-3: its thread has been told.
            }
            live.is_leaving = false;
            live.has_left = false;
            self.open_if_unwanted(end, effects);
        }
        effects.push(Effect::PublishPort(id));
    }

    /// `MODE-3`: from now on both ends are to leave.
    fn downgrade(&mut self, id: PortId, effects: &mut Vec<Effect>) {
        let limit = self.setup.tuning.doubling_limit;
        let mut is_setback = false;
        if self.ports[id.0 as usize].is_broken {
            return; // Nothing passes that could be served in another way.
        }
        for end in both_ends(id) {
            let Some(live) = &mut self.end_mut(end).live else { continue };
            if live.is_leaving {
                continue;
            }
            is_setback = true;
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
        if is_setback {
            let port = &mut self.ports[id.0 as usize];
            port.setback_count = limit.min(port.setback_count + 1);
        }
    }

    /// Somebody has begun to wait for this end's cursor: if it is live, its doorbell is armed
    /// (`BELL-1`).
    pub(crate) fn arm(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let delay_ns = self.delay_ns(end);
        let Some(live) = &self.end(end).live else { return };
        if self.end(end).state != PeerState::Wired || self.end(end).closing.is_some() {
            return;
        }
        match live.page {
            Page::Landing if self.breaks(Mutant::RearmWhileLanding) => self.protect(end, effects),
            Page::Open => self.protect(end, effects),
            Page::Landing => {
                let timer = Timer::Landing(end);
                effects.push(Effect::StartTimer { timer, after_ns: delay_ns });
            }
            Page::Resting | Page::Protecting { .. } | Page::Protected => {}
        }
    }

    fn protect(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        self.leave_landing(end, effects);
        let state = self.end_mut(end);
        state.protecting_count += 1;
        if let Some(live) = &mut state.live {
            live.page = Page::Protecting { is_touched: false };
        }
        effects.push(Effect::ProtectCursor { end });
    }

    /// The page is protected, and this is what the cursor said then.
    pub(crate) fn finish_protection(
        &mut self,
        end: EndpointId,
        value: u64,
        effects: &mut Vec<Effect>,
    ) {
        let state = self.end_mut(end);
        state.protecting_count =
            state.protecting_count.checked_sub(1).expect("platform: a protection nobody asked for");
        if state.protecting_count > 0 {
            return; // A later one is on its way and says more.
        }
        let Some(Live { page: Page::Protecting { is_touched }, .. }) = state.live else { return };
        if !self.breaks(Mutant::NoRecheck) && !self.adopt(end, value, effects) {
            return;
        }
        if let Some(live) = &mut self.end_mut(end).live {
            live.page = Page::Protected;
        }
        if is_touched {
            return self.ring(end, effects);
        }
        self.open_if_unwanted(end, effects);
    }

    /// Opens a protected page that nobody needs protected any more.
    fn open_if_unwanted(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let is_wanted = self.wants_doorbell(end);
        let Some(live) = &mut self.end_mut(end).live else { return };
        if live.page == Page::Protected && !live.is_leaving && !is_wanted {
            live.page = Page::Open;
            effects.push(Effect::OpenCursor { end });
        }
    }

    /// A thread stored to its live cursor, and the page was protected.
    pub(crate) fn touch_cursor(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let thread = self.owner_thread(end);
        if !self.thread(thread).is_live || !self.is_word_landed(thread, effects) {
            return;
        }
        self.end_landings(thread, Some(end), effects);
        self.stop_waiting(thread, effects);
        if self.port_of(end).is_broken {
            effects.extend([Effect::OpenCursor { end }, Effect::Resume(thread)]);
            return;
        }
        let opens_early = self.breaks(Mutant::OpenWhileProtecting);
        let Some(live) = &mut self.end_mut(end).live else {
            let violation = Violation::WrongMode { mode: Mode::Synchronous };
            return self.violate(thread, end, violation, effects);
        };
        match live.page {
            Page::Protecting { .. } if !opens_early => {
                live.page = Page::Protecting { is_touched: true };
            }
            Page::Protected | Page::Protecting { .. } => self.ring(end, effects),
            // NAIVE-8: reported again, or opened meanwhile.
            Page::Open | Page::Resting | Page::Landing => {
                effects.extend([Effect::OpenCursor { end }, Effect::Resume(thread)]);
            }
        }
    }

    /// The store goes through (`BELL-2`), under the synchronous binding if a downgrade is wanted
    /// (`MODE-4`).
    fn ring(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let thread = self.owner_thread(end);
        let is_wanted = self.wants_doorbell(end);
        let delay_ns = self.delay_ns(end);
        self.end_mut(end).fault_count.add(true);
        let Some(live) = &mut self.end_mut(end).live else { return };
        live.page = Page::Landing;
        let leaves = live.is_leaving && !live.has_left;
        live.has_left |= leaves;
        self.landing.push(end);
        let port = &mut self.ports[end.port.0 as usize];
        port.doorbell_count.add(is_wanted);
        if leaves {
            port.downgrade_count.add(port.is_shared);
            port.is_shared = false;
            self.end_mut(end).streak = 0;
            if !self.breaks(Mutant::KeepQueue) {
                effects.push(Effect::CloseQueue { end });
            }
            effects.push(Effect::PublishMode { end, mode: Mode::Synchronous });
            effects.push(Effect::PublishPort(end.port));
        }
        if leaves && self.breaks(Mutant::AdoptAtFault) {
            self.leave_landing(end, effects);
            self.become_synchronous(end, self.end(end).cursor, effects);
        }
        if is_wanted {
            let timer = Timer::Landing(end);
            effects.push(Effect::StartTimer { timer, after_ns: delay_ns });
        }
        if is_wanted && self.breaks(Mutant::WakeAtFault) {
            self.wake_for_nothing(end.peer(), effects);
        }
        effects.extend([Effect::OpenCursor { end }, Effect::Resume(thread)]);
    }

    /// Touches of the queue's window by a thread that has no right to it (`ASYNC-5`).
    pub(crate) fn touch_queue(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let thread = self.owner_thread(end);
        if self.thread(thread).is_live && self.is_word_landed(thread, effects) {
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

    /// The store of a landing doorbell is known to be over: it has moved the cursor, or done nothing.
    fn land(&mut self, end: EndpointId, has_moved: bool, effects: &mut Vec<Effect>) {
        let limit = self.setup.tuning.ring_limit;
        let is_wanted = self.wants_doorbell(end);
        let Some(live) = &mut self.end_mut(end).live else { return };
        if live.page != Page::Landing {
            return;
        }
        let leaves = live.is_leaving && !live.has_left;
        if has_moved {
            live.rings_for_nothing = 0;
        } else if is_wanted {
            live.rings_for_nothing = limit.min(live.rings_for_nothing + 1);
        }
        if leaves {
            return self.protect(end, effects);
        }
        live.page = if is_wanted { Page::Resting } else { Page::Open };
        self.leave_landing(end, effects);
        if is_wanted {
            let timer = Timer::Landing(end);
            effects.push(Effect::StartTimer { timer, after_ns: self.delay_ns(end) });
        }
        self.punish_rings(end, effects);
    }

    /// `BELL-3`: a thread that faults anywhere else has made the stores that it had been resumed for.
    pub(crate) fn end_landings(
        &mut self,
        thread: ThreadId,
        at: Option<EndpointId>,
        effects: &mut Vec<Effect>,
    ) {
        if self.landing.is_empty() {
            return;
        }
        let landing = self.landing.clone();
        for end in landing {
            let has_left = self.end(end).live.as_ref().is_some_and(|live| live.has_left);
            if self.end(end).owner == Owner::Thread(thread) && Some(end) != at && !has_left {
                self.land(end, false, effects);
            }
        }
    }

    /// `BELL-5`
    fn punish_rings(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let limit = self.setup.tuning.ring_limit;
        let Some(live) = &self.end(end).live else { return };
        if live.rings_for_nothing >= limit && !live.is_leaving {
            self.downgrade(end.port, effects);
            effects.push(Effect::PublishPort(end.port)); // MODE-7
        }
    }

    pub(crate) fn expire_timer(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        let end = match timer {
            Timer::Gate(thread) => return self.expire_gate(thread, effects),
            Timer::Landing(end) => end,
        };
        let is_wanted = self.wants_doorbell(end);
        let is_awaited = self.is_landing_awaited(end);
        let limit = self.setup.tuning.ring_limit;
        let Some(live) = &mut self.end_mut(end).live else { return };
        match live.page {
            Page::Resting if !is_wanted => live.page = Page::Open,
            Page::Resting => self.protect(end, effects),
            Page::Landing if is_awaited => {
                live.rings_for_nothing = limit.min(live.rings_for_nothing + u32::from(is_wanted));
                self.protect(end, effects);
                self.punish_rings(end, effects);
            }
            Page::Landing | Page::Open | Page::Protecting { .. } | Page::Protected => {}
        }
    }

    fn leave_landing(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        if let Some(index) = self.landing.iter().position(|other| *other == end) {
            self.landing.remove(index);
            effects.push(Effect::StopTimer { timer: Timer::Landing(end) });
        }
    }

    fn delay_ns(&self, end: EndpointId) -> u64 {
        let rings = self.end(end).live.as_ref().map_or(0, |live| live.rings_for_nothing);
        FIRST_DELAY_NS << rings.min(DELAY_DOUBLINGS)
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
                self.break_port(end.port, effects);
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
                    self.break_port(end.port, effects);
                }
                if let Owner::Thread(thread) = self.end(end).owner
                    && self.thread(thread).is_live
                {
                    self.violate(thread, end, violation, effects);
                }
            }
        }
    }

    fn become_synchronous(&mut self, end: EndpointId, cursor: u64, effects: &mut Vec<Effect>) {
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
        if let Some(closing) = closing {
            self.closing_count -= 1;
            self.close_end(end, closing, effects);
            self.finish_if_over(effects);
        } else {
            effects.push(Effect::PublishPort(end.port));
            self.wake_peer(end, effects);
        }
    }

    /// Takes a live cursor's value over, after holding it against what is known; wakes who waits for it.
    /// False: it is impossible, and its owner has ended.
    fn adopt(&mut self, end: EndpointId, value: u64, effects: &mut Vec<Effect>) -> bool {
        match self.validate(end, value, false) {
            Ok(()) => {}
            Err(Problem::Contradiction) => {
                self.break_port(end.port, effects);
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
            self.wake_sleeper(end, effects);
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

    /// `ASYNC-6`: nothing passes here any more, and nobody is to blame.
    pub(crate) fn break_port(&mut self, id: PortId, effects: &mut Vec<Effect>) {
        self.ports[id.0 as usize].is_broken = true;
        for end in both_ends(id) {
            if self.end(end).closing.is_none() {
                self.end_mut(end).state = PeerState::Faulted;
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
        effects.push(Effect::ReportBrokenPort(id));
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

    /// Whether somebody sleeps until this end's cursor moves.
    pub(crate) fn wants_doorbell(&self, end: EndpointId) -> bool {
        let peer = end.peer();
        let state = self.end(peer);
        match state.owner {
            Owner::Kernel => state.is_kernel_asleep,
            Owner::Thread(thread) => match &self.thread(thread).waiting {
                Waiting::No => false,
                Waiting::Touch(touched) => *touched == peer,
                Waiting::Gate { conditions, .. } => conditions.iter().any(
                    |condition| matches!(condition, Condition::Peer { end, .. } if *end == peer),
                ),
            },
        }
    }

    /// Whether somebody has to know when the store that rang has landed: a sleeper, or the core, which
    /// is to protect the page again.
    pub(crate) fn is_landing_awaited(&self, end: EndpointId) -> bool {
        let leaves =
            self.end(end).live.as_ref().is_some_and(|live| live.is_leaving && !live.has_left);
        leaves || self.wants_doorbell(end)
    }

    /// A live cursor has moved: who sleeps on it may have what it waits for.
    fn wake_sleeper(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let peer = end.peer();
        match self.end(peer).owner {
            Owner::Kernel if !self.end(peer).is_kernel_asleep => {}
            Owner::Kernel | Owner::Thread(_) => self.wake_peer(end, effects),
        }
    }

    /// A built-in end has found nothing to do.
    pub(crate) fn put_kernel_end_to_sleep(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        self.check_kernel_end(end, end.side);
        let has_peer_ended = self.end(end.peer()).state != PeerState::Wired;
        if self.available(end) > 0 || has_peer_ended {
            return effects.push(Effect::WakeKernelEnd(end));
        }
        self.end_mut(end).is_kernel_asleep = true;
        self.arm(end.peer(), effects);
    }

    pub(crate) fn port_of(&self, end: EndpointId) -> &crate::kernel::Port {
        &self.ports[end.port.0 as usize]
    }

    /// Ends the instance of a thread whose request at a gate is none.
    pub(crate) fn refuse_request(
        &mut self,
        thread: ThreadId,
        problem: crate::RequestProblem,
        effects: &mut Vec<Effect>,
    ) {
        let instance = self.thread(thread).instance;
        self.fault_instance(instance, InstanceEnd::BadRequest { thread, problem }, effects);
    }
}

fn both_ends(port: PortId) -> [EndpointId; 2] {
    [Side::Producer, Side::Consumer].map(|side| EndpointId { port, side })
}
