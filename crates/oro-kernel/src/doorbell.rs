//! Doorbells: the page of a live cursor is protected so that its next store faults (`BELL`).
//!
//! Key type: [`Page`], the states of that page. Somebody who sleeps until a live cursor moves has the
//! page protected ([`Kernel::arm`]); an end that is to leave the asynchronous mode has it protected as
//! well (`live.rs`), so that the two share what is here: protecting, the store that rings and is let
//! through, its landing, and the time after which a page is protected again.
//!
//! The order in going to sleep is the decision (`BELL-1`): the sleeper is noted by its being blocked,
//! then [`Kernel::arm`] asks for the protection, and what the cursor said after the flush comes back
//! as [`Event::CursorProtected`](crate::Event::CursorProtected).

use alloc::vec::Vec;

use crate::kernel::Waiting;
use crate::live::Live;
use crate::revoke::Revocation;
use crate::{
    Condition, Effect, EndpointId, Kernel, Mode, Mutant, Owner, PeerState, ThreadId, Timer,
    Violation,
};

/// The first delay of a doorbell that is armed again, in nanoseconds (`BELL-5`).
const FIRST_DELAY_NS: u64 = 50_000;
/// How often the delay doubles for doorbells that rang for nothing: up to 51 ms.
const DELAY_DOUBLINGS: u32 = 10;
/// How often for those that rang for a cursor that moved and woke nobody: up to 0.8 ms. It delays a
/// sleeper that waits for several messages, so it is shorter.
const UNMET_DOUBLINGS: u32 = 4;

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

/// What is known of a doorbell that has rung and is landing: it counts as what it was when it rang, even
/// if its sleeper has gone on since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rung {
    /// None is landing.
    None,
    /// Nobody slept on it.
    Unwanted,
    /// Somebody slept on it.
    Wanted,
    /// Somebody has been woken by the cursor since.
    Met,
}

impl Rung {
    pub(crate) fn meet(self) -> Self {
        if self == Self::None { self } else { Self::Met }
    }
}

/// Rings in a row that woke nobody, though the cursor moved. Beyond the first they decide nothing but
/// how long a timer runs, so the hash of a kernel, by which the explorer knows a state, leaves that
/// out: there timers expire at any moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff(u32);

impl Backoff {
    fn add(&mut self) {
        self.0 = (self.0 + 1).min(UNMET_DOUBLINGS + 1);
    }

    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }

    fn is_some(self) -> bool {
        self.0 > 0
    }

    fn doublings(self) -> u32 {
        self.0.saturating_sub(1)
    }
}

impl core::hash::Hash for Backoff {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.is_some().hash(state);
    }
}

impl Kernel {
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

    /// Asks for the protection; what the cursor says then comes back as an event.
    pub(crate) fn protect(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        self.leave_landing(end, effects);
        let state = self.end_mut(end);
        state.protecting_count += 1;
        if let Some(live) = &mut state.live {
            let page = core::mem::replace(&mut live.page, Page::Protecting { is_touched: false });
            if page == Page::Resting {
                effects.push(Effect::StopTimer { timer: Timer::Landing(end) });
            }
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
        let Some(Live { page: Page::Protecting { is_touched }, .. }) = state.live else {
            return self.try_move(end, effects);
        };
        let is_broken = self.port_of(end).is_broken;
        if !is_broken && !self.breaks(Mutant::NoRecheck) && !self.adopt(end, value, effects) {
            return;
        }
        if let Some(live) = &mut self.end_mut(end).live {
            live.page = Page::Protected;
        }
        if is_touched {
            return self.ring(end, effects);
        }
        if self.leaves_now(end) {
            return self.leave_at_once(end, effects);
        }
        self.open_if_unwanted(end, effects);
    }

    /// Opens a protected page that nobody needs protected any more.
    pub(crate) fn open_if_unwanted(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
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
        let (is_broken, revocation) = (self.port_of(end).is_broken, self.port_of(end).revocation);
        if is_broken && revocation == Revocation::None {
            effects.extend([Effect::OpenCursor { end }, Effect::Resume(thread)]);
            return;
        }
        let opens_early = self.breaks(Mutant::OpenWhileProtecting);
        let Some(live) = &mut self.end_mut(end).live else {
            if revocation != Revocation::None {
                return self.end_revoked(thread, end.port, effects);
            }
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
        live.rung = if is_wanted { Rung::Wanted } else { Rung::Unwanted };
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

    /// The store of a landing doorbell is known to be over: it has moved the cursor, or done nothing.
    pub(crate) fn land(&mut self, end: EndpointId, has_moved: bool, effects: &mut Vec<Effect>) {
        let limit = self.setup.tuning.ring_limit;
        let is_wanted = self.wants_doorbell(end);
        let Some(live) = &mut self.end_mut(end).live else { return };
        if live.page != Page::Landing {
            return;
        }
        let leaves = live.is_leaving && !live.has_left;
        let rung = core::mem::replace(&mut live.rung, Rung::None);
        if has_moved {
            live.rings_for_nothing = 0;
        } else if rung == Rung::Wanted {
            live.rings_for_nothing = limit.min(live.rings_for_nothing + 1);
        }
        if has_moved && matches!(rung, Rung::Wanted | Rung::Unwanted) {
            live.rings_unmet.add();
        }
        if leaves {
            return self.protect(end, effects);
        }
        // After one that woke nobody the next sleeper, too, has to wait for its doorbell (BELL-5).
        let rests = is_wanted || live.rings_unmet.is_some();
        live.page = if rests { Page::Resting } else { Page::Open };
        self.leave_landing(end, effects);
        if rests {
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
            let doubling_limit = self.setup.tuning.doubling_limit;
            let port = &mut self.ports[end.port.0 as usize];
            port.setback_count = doubling_limit.min(port.setback_count + 1); // MODE-6
            effects.push(Effect::PublishPort(end.port)); // MODE-7
        }
    }

    pub(crate) fn expire_timer(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        let end = match timer {
            Timer::Gate(thread) => return self.expire_gate(thread, effects),
            Timer::Restart(instance) => return self.replace_instance(instance, effects),
            Timer::Row(instance) => return self.end_row(instance),
            Timer::Revocation(port) => return self.expire_grace(port, effects),
            Timer::Transfer(end) => return self.abandon_move(end, effects),
            Timer::Landing(end) => end,
        };
        let is_wanted = self.wants_doorbell(end);
        let is_awaited = self.is_landing_awaited(end);
        let limit = self.setup.tuning.ring_limit;
        let Some(live) = &mut self.end_mut(end).live else { return };
        match live.page {
            Page::Resting if !is_wanted => live.page = Page::Open,
            Page::Resting => {
                live.page = Page::Open; // Its timer is over.
                self.protect(end, effects);
            }
            Page::Landing if is_awaited => {
                let was_wanted = core::mem::replace(&mut live.rung, Rung::None) == Rung::Wanted;
                live.rings_for_nothing = limit.min(live.rings_for_nothing + u32::from(was_wanted));
                self.protect(end, effects);
                self.punish_rings(end, effects);
            }
            Page::Landing | Page::Open | Page::Protecting { .. } | Page::Protected => {}
        }
    }

    pub(crate) fn leave_landing(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        if let Some(index) = self.landing.iter().position(|other| *other == end) {
            self.landing.remove(index);
            effects.push(Effect::StopTimer { timer: Timer::Landing(end) });
        }
    }

    pub(crate) fn delay_ns(&self, end: EndpointId) -> u64 {
        let Some(live) = &self.end(end).live else { return FIRST_DELAY_NS };
        let doublings = live.rings_for_nothing.min(DELAY_DOUBLINGS);
        FIRST_DELAY_NS << doublings.max(live.rings_unmet.doublings())
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
    pub(crate) fn wake_sleeper(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
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
}
