//! What a holder of Ring control has asked for, and was not refused (`CTL`).

use oro_kernel::{BindingSetup, EndpointId, Event, InstanceId, Owner, ThreadId, Upgrade};

use super::actions::Control;
use super::world::{Checked, Run, instance_of};

impl Run {
    pub(crate) fn control(&mut self, request: Control) -> Checked {
        let end_of = |number: u32| self.ends[number as usize % self.ends.len()];
        match request {
            Control::Replace(number) => {
                let count = u32::try_from(self.kernel.setup().instances.len()).expect("few");
                let instance = InstanceId(number % count);
                if !self.kernel.can_restart(instance) {
                    return Ok(());
                }
                self.step(Event::RestartInstance { instance }, None)
            }
            Control::Revoke(number) => {
                self.step(Event::RevokePort { port: end_of(number).port }, None)
            }
            Control::Transfer(number, to) => self.transfer(end_of(number), to),
            Control::Drop(number) => self.drop_end(end_of(number)),
        }
    }

    /// To a binding of its own; whose number chooses among the threads of the instance.
    fn transfer(&mut self, end: EndpointId, number: u32) -> Checked {
        let Owner::Thread(from) = self.owner(end) else { return Ok(()) };
        if self.dropped.contains(&end) {
            return Ok(());
        }
        let instance = instance_of(&self.kernel, from);
        let threads = (0..).map(ThreadId).zip(&self.kernel.setup().threads);
        let threads = threads.filter(|(_, thread)| thread.instance == instance);
        let threads: Vec<ThreadId> = threads.map(|(id, _)| id).collect();
        let to = threads[number as usize % threads.len()];
        if !self.kernel.can_transfer(end, to) {
            return Ok(());
        }
        let index = self.new_binding();
        self.bindings.insert(end, index);
        let upgrade = if number & 64 == 0 { Upgrade::Allowed } else { Upgrade::Unsupported };
        let binding = BindingSetup { index, epoch: 0 };
        self.step(Event::TransferEnd { end, to, binding, upgrade }, None)
    }

    /// One that nobody has had.
    fn new_binding(&self) -> u32 {
        let known = self.bindings.values().max().copied().unwrap_or(0);
        known.max(u32::try_from(self.ends.len()).expect("few")) + 1
    }

    pub(crate) fn binding(&self, end: EndpointId) -> u32 {
        self.bindings.get(&end).copied().unwrap_or(end.port.0)
    }

    /// CTL-8
    fn drop_end(&mut self, end: EndpointId) -> Checked {
        if self.dropped.contains(&end) || !self.kernel.is_over(end) {
            return Ok(());
        }
        let Owner::Thread(thread) = self.owner(end) else { unreachable!("of a thread") };
        let is_at_it = self.kernel.is_live(thread)
            && !self.is_hostile(thread)
            && self.phases[thread.0 as usize].end() == Some(end);
        ensure!(!is_at_it, "{:?} is taken from {:?} while it touches it", end, thread);
        self.dropped.insert(end);
        self.step(Event::DropEnd { end }, None)
    }
}
