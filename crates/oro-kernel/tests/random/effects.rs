//! A step of the core, and what it says: each effect must be within its rights, and after all of them
//! the state must be sound.

use oro_kernel::{
    Effect, EndpointId, Event, InstanceEnd, InstanceId, InstanceState, Kernel, Mode, ModeReason,
    Owner, PeerState, PortId, Side, ThreadId, Timer, WaitPlace,
};

use super::world::{Checked, Op, Page, Phase, Run, instance_of, owner_in};

impl Run {
    pub(crate) fn step(&mut self, event: Event, actor: Option<ThreadId>) -> Checked {
        let before = self.kernel.clone();
        let mut twin = before.clone();
        let was_live = actor.is_none_or(|thread| self.kernel.is_live(thread));
        let (mut effects, mut twin_effects) = (Vec::new(), Vec::new());
        twin.step(event.clone(), &mut twin_effects);
        self.kernel.step(event, &mut effects);
        ensure_eq!(&effects, &twin_effects);
        ensure_eq!(&self.kernel, &twin);
        ensure!(was_live || effects.is_empty(), "a late event did something: {:?}", effects);
        // I15: one event costs at most a few effects for each thing that there is.
        let setup = self.kernel.setup();
        let size = self.ends.len() + setup.threads.len() + setup.instances.len();
        ensure!(effects.len() <= 8 * size + 8, "{} effects", effects.len());
        for (position, effect) in effects.iter().enumerate() {
            self.carry_out(&before, effect, &effects[position..], actor)?;
        }
        self.check_state()?;
        while let Some(end) = self.reads.pop_front() {
            self.settle(end)?;
        }
        ensure_eq!(self.kernel.is_finished(), self.is_finished);
        Ok(())
    }

    fn carry_out(
        &mut self,
        before: &Kernel,
        effect: &Effect,
        rest: &[Effect],
        actor: Option<ThreadId>,
    ) -> Checked {
        match effect {
            Effect::StartThread(thread) => {
                ensure!(self.kernel.is_live(*thread));
                self.phases[thread.0 as usize] = Phase::Running;
                for end in self.ends.clone() {
                    if self.owner(end) == Owner::Thread(*thread) {
                        self.memory_of(end).is_held = false;
                    }
                }
            }
            Effect::PublishCursor { end, value } => self.publish_cursor(before, *end, *value)?,
            Effect::SetWord { end, value } => self.memory_of(*end).word = *value,
            Effect::OpenCell { end, .. } | Effect::DeliverCell { end, .. } => {
                self.memory_of(*end).is_held = true;
            }
            Effect::DeliverZeros { end, .. } => self.memory_of(*end).is_held = true,
            Effect::Resume(thread) => self.resume(*thread, rest)?,
            Effect::EndThread(thread) => ensure!(!self.kernel.is_live(*thread)),
            Effect::EndInstance { instance, end, .. } => {
                self.check_blame(before, *instance, *end, actor)?
            }
            Effect::OpenCursor { end } => {
                // Nobody believes a cursor of a broken Port.
                let is_broken = self.broken[end.port.0 as usize];
                let is_live = self.kernel.has_live_cursor(*end);
                ensure!(is_live || is_broken, "{:?} is synchronous", end);
                self.memory_of(*end).page = Page::Open;
            }
            Effect::ProtectCursor { end } => {
                ensure!(self.kernel.has_live_cursor(*end), "{:?} is synchronous", end);
                self.memory_of(*end).page = Page::Protecting;
                self.protections.push_back(*end);
            }
            Effect::ReadCursor { end } => {
                let Owner::Thread(thread) = self.owner(*end) else { unreachable!("not live") };
                ensure!(!self.kernel.is_live(thread), "END-6: it may store yet");
                self.reads.push_back(*end);
            }
            Effect::PublishMode { end, mode } => self.publish_mode(before, *end, *mode)?,
            Effect::StartTimer { timer, .. } => drop(self.timers.insert(*timer)),
            Effect::StopTimer { timer } => {
                if self.timers.remove(timer) {
                    self.stopped_timers.push(*timer);
                }
            }
            Effect::ReportBrokenPort { port, .. } => self.break_port(*port)?,
            Effect::ReplaceInstance(instance) => {
                ensure!(self.replacing.insert(*instance), "{:?} is asked for twice", instance);
            }
            Effect::Finish => {
                ensure!(!self.is_finished);
                self.is_finished = true;
            }
            Effect::MoveEnd { end, from, to } => self.move_end(*end, *from, *to)?,
            Effect::OpenGate { .. }
            | Effect::OpenQueue { .. }
            | Effect::CloseQueue { .. }
            | Effect::ProtectCell { .. }
            | Effect::CollectCell { .. }
            | Effect::WithdrawCell { .. }
            | Effect::OpenWord { .. }
            | Effect::PublishPeer { .. }
            | Effect::PublishInstance(_)
            | Effect::PublishFirst { .. }
            | Effect::PublishPort(_)
            | Effect::WakeKernelEnd(_)
            | Effect::FinishRevocation(_)
            | Effect::RefuseMove { .. } => {}
        }
        Ok(())
    }

    fn publish_cursor(&mut self, before: &Kernel, end: EndpointId, value: u64) -> Checked {
        // I5: monotonic; by one, unless a built-in or a live cursor took several at once.
        let last = before.cursor(end);
        if before.has_live_cursor(end) {
            let is_monotonic = value.wrapping_sub(last) <= u64::MAX >> 1;
            ensure!(is_monotonic || self.broken[end.port.0 as usize]);
        } else {
            ensure!(value > last);
            // END-12: what a consumer has left is dropped when it is replaced.
            let is_dropping = self.kernel.setup().ports[end.port.0 as usize].drops_at_restart;
            let is_many =
                self.owner(end) == Owner::Kernel || (is_dropping && end.side == Side::Consumer);
            ensure!(is_many || value == last + 1);
        }
        let memory = self.memory_of(end);
        memory.cursor = value;
        memory.is_held = false;
        Ok(())
    }

    /// END-3: the flush before the end may wake a sibling, which then ends too.
    fn resume(&mut self, thread: ThreadId, rest: &[Effect]) -> Checked {
        let own = instance_of(&self.kernel, thread);
        let ends_later = rest
            .iter()
            .any(|later| matches!(later, Effect::EndInstance { instance, .. } if *instance == own));
        ensure!(self.kernel.is_live(thread) || ends_later, "{:?}", thread);
        let is_hostile = self.is_hostile(thread);
        let phase = &mut self.phases[thread.0 as usize];
        *phase = match phase.clone() {
            Phase::Stopped(Some(op)) | Phase::Granted(op) => Phase::Granted(op),
            Phase::Stopped(None) => Phase::Running,
            // A hostile one has done something else while it was stopped.
            Phase::Running | Phase::Decided(_) => {
                ensure!(is_hostile, "{:?} was not stopped", thread);
                Phase::Running
            }
        };
        Ok(())
    }

    fn publish_mode(&mut self, before: &Kernel, end: EndpointId, mode: Mode) -> Checked {
        ensure_eq!(self.kernel.mode(end), mode);
        let port = self.kernel.port(end.port);
        ensure!(!port.is_forced || mode == Mode::Synchronous, "MODE-2: forced");
        // An end that moves is told before.
        let Owner::Thread(thread) = owner_in(before, end) else { unreachable!("no thread") };
        let is_stopped = matches!(self.phases[thread.0 as usize], Phase::Stopped(_));
        ensure!(is_stopped || self.is_hostile(thread), "{:?} is told while it runs", end);
        Ok(())
    }

    /// END-14
    fn move_end(&mut self, end: EndpointId, from: ThreadId, to: ThreadId) -> Checked {
        ensure_eq!(self.owner(end), Owner::Thread(to));
        ensure_eq!(instance_of(&self.kernel, from), instance_of(&self.kernel, to));
        self.foreign.insert((from, end));
        if self.phases[from.0 as usize].end() == Some(end) {
            self.surprised.insert(from);
        }
        let memory = self.memory_of(end);
        ensure_eq!(memory.page, Page::ReadOnly);
        memory.is_held = false;
        Ok(())
    }

    fn break_port(&mut self, port: PortId) -> Checked {
        ensure!(!self.broken[port.0 as usize], "reported twice");
        self.broken[port.0 as usize] = true;
        let is_hostile = self.ends.iter().any(|end| {
            end.port == port && matches!(self.owner(*end), Owner::Thread(id) if self.is_hostile(id))
        });
        ensure!(is_hostile, "ASYNC-6: {:?} is broken by nobody", port);
        Ok(())
    }

    /// BLAME-1, I1: who did it is who ends.
    fn check_blame(
        &self,
        before: &Kernel,
        instance: InstanceId,
        end: InstanceEnd,
        actor: Option<ThreadId>,
    ) -> Checked {
        if before.instance(instance).end == Some(end) {
            // END-11: no replacement could be had, and it stays with how the last one ended.
            return Ok(());
        }
        match end {
            InstanceEnd::Violated { thread, .. } | InstanceEnd::BadRequest { thread, .. } => {
                ensure_eq!(instance_of(&self.kernel, thread), instance);
                let is_guilty = self.is_hostile(thread) || self.surprised.contains(&thread);
                ensure!(is_guilty, "an honest one is blamed: {:?}", end);
            }
            InstanceEnd::Faulted { thread, .. } => {
                ensure_eq!(Some(thread), actor);
                ensure_eq!(instance_of(&self.kernel, thread), instance);
            }
            InstanceEnd::Exited { .. }
            | InstanceEnd::Killed
            | InstanceEnd::Replaced
            | InstanceEnd::Revoked { .. } => {}
        }
        Ok(())
    }

    fn check_state(&self) -> Checked {
        for end in &self.ends {
            self.check_end(*end)?;
        }
        for end in self.kernel.landings() {
            ensure!(self.kernel.has_live_cursor(end));
        }
        for (index, phase) in self.phases.iter().enumerate() {
            self.check_thread(ThreadId(u32::try_from(index).expect("few")), phase)?;
        }
        for wait in self.kernel.deadlock() {
            match wait.place {
                WaitPlace::Touch(end) => ensure!(self.kernel.is_waiting(end)),
                WaitPlace::Gate(_) => {
                    ensure_eq!(self.kernel.armed_gate(wait.thread), None);
                }
            }
        }
        for index in 0..self.kernel.setup().instances.len() {
            let id = InstanceId(u32::try_from(index).expect("few"));
            let view = self.kernel.instance(id);
            ensure_eq!(view.state == InstanceState::Running, view.live_thread_count > 0);
        }
        Ok(())
    }

    fn check_end(&self, end: EndpointId) -> Checked {
        let peer = end.peer();
        let memory = &self.memory[&end];
        let port = self.kernel.port(end.port);
        let is_revoked = self.kernel.is_revoked(end.port);
        if self.broken[end.port.0 as usize] || is_revoked {
            // A built-in end has been woken, and is over.
            let is_built_in = is_revoked && self.owner(end) == Owner::Kernel;
            let waits = self.kernel.is_waiting(end) && !is_built_in;
            ensure!(!waits, "ASYNC-6, END-13: {:?} still waits", end);
            return Ok(());
        }
        let is_live = self.kernel.has_live_cursor(end);
        if !is_live {
            ensure_eq!(memory.page, Page::ReadOnly);
            ensure_eq!(self.kernel.cursor(end), memory.cursor);
        }
        if !is_live && !self.kernel.has_live_cursor(peer) {
            // I5
            let slot_count = self.kernel.setup().ports[end.port.0 as usize].slot_count;
            let [producer, consumer] = [Side::Producer, Side::Consumer]
                .map(|side| self.kernel.cursor(EndpointId { port: end.port, side }));
            ensure!(producer.wrapping_sub(consumer) <= u64::from(slot_count), "{:?}", end);
        }
        let is_cared_for = |end: EndpointId| {
            self.protections.contains(&end)
                || self.kernel.landings().contains(&end)
                || self.timers.contains(&Timer::Landing(end))
        };
        if self.kernel.is_waiting(end) {
            let is_at_gate = match self.owner(end) {
                Owner::Thread(thread) => self.kernel.armed_gate(thread).is_none(),
                Owner::Kernel => false,
            };
            // I10, I12: nobody is left blocked with something to be had.
            ensure_eq!(self.kernel.peer_state(end).0, PeerState::Wired);
            ensure!(is_at_gate || self.kernel.available(end) == 0, "{:?} waits", end);
            // BELL-1: who sleeps on a live cursor has a doorbell, or will have one.
            if self.kernel.has_live_cursor(peer) && !self.reads.contains(&peer) {
                let peer_memory = &self.memory[&peer];
                let is_known = peer_memory.cursor == self.kernel.cursor(peer);
                let is_armed = peer_memory.page == Page::ReadOnly && is_known;
                ensure!(is_armed || is_cared_for(peer), "{:?} has no doorbell", end);
            }
        }
        let view = if end.side == Side::Producer { port.producer } else { port.consumer };
        if view.reason == ModeReason::Leaving && !self.reads.contains(&end) && is_live {
            // MODE-3
            let is_caught = memory.page == Page::ReadOnly || is_cared_for(end);
            ensure!(is_caught, "{:?} is to leave", end);
        }
        Ok(())
    }

    /// A thread that is stopped and does nothing wrong is blocked where it has faulted.
    fn check_thread(&self, thread: ThreadId, phase: &Phase) -> Checked {
        let Phase::Stopped(Some(op)) = phase else { return Ok(()) };
        if !self.kernel.is_live(thread) {
            return Ok(());
        }
        let is_stopped = match op {
            Op::Cell { end, .. } => self.kernel.is_waiting(*end),
            Op::Cursor { end, .. } => self.protections.contains(end),
            Op::Gate { .. } => self.kernel.armed_gate(thread).is_none(),
            Op::Word(_) => false,
        };
        // Before its own event there are looks.
        ensure!(is_stopped || self.is_reporting, "{:?} is left at {:?}", thread, op);
        Ok(())
    }
}
