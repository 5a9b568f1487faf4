//! What a holder of Ring control has asked for, and was not refused (`CTL`).

use oro_kernel::{
    BindingSetup, EndpointId, Event, InstanceId, Owner, PortId, PortSetup, Restart, RestartOn,
    Side, ThreadId, Upgrade,
};

use super::actions::Control;
use super::world::{Checked, EndMemory, Phase, Run, instance_of};

/// So that a system stays small.
const MOST_INSTANCES: usize = 6;
const MOST_PORTS: usize = 10;

impl Run {
    pub(crate) fn control(&mut self, request: Control) -> Checked {
        let end_of = |number: u32| self.ends[number as usize % self.ends.len()];
        let instance_of = |number: u32| {
            InstanceId(number % u32::try_from(self.kernel.setup().instances.len()).expect("few"))
        };
        match request {
            Control::Mount(how) => self.mount(how),
            Control::Wire(from, to, how) => self.wire(from, to, how),
            Control::Start(number) => {
                self.step(Event::StartInstance { instance: instance_of(number) }, None)
            }
            Control::Replace(number) => {
                let instance = instance_of(number);
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

    /// A few more than a system begins with.
    fn mount(&mut self, how: u32) -> Checked {
        if self.kernel.setup().instances.len() >= MOST_INSTANCES || self.is_finished {
            return Ok(());
        }
        let restart = Restart {
            on: match how >> 1 & 3 {
                0 => RestartOn::Never,
                1 => RestartOn::Always,
                _ => RestartOn::Fault,
            },
            max: how >> 3 & 3,
            within_ns: u64::from(how >> 5 & 1),
            backoff_ns: u64::from(how >> 6 & 1),
        };
        let threads = (0..=how >> 7 & 1).map(|thread| how >> (8 + thread) & 1 != 0).collect();
        let instance = InstanceId(u32::try_from(self.kernel.setup().instances.len()).expect("few"));
        self.hostile.push(how & 1 != 0);
        self.phases.extend(std::iter::repeat_n(Phase::Running, (1 + (how >> 7 & 1)) as usize));
        self.step(Event::MountInstance { instance, restart, threads }, None)
    }

    /// To elements that have been dropped, if there are any, or else to new ones (`CTL-8`).
    fn wire(&mut self, from: u32, to: u32, how: u32) -> Checked {
        let setup = self.kernel.setup();
        let thread_count = u32::try_from(setup.threads.len()).expect("few");
        let owners = [from, to].map(|number| match number % (thread_count + 1) {
            0 => Owner::Kernel,
            thread => Owner::Thread(ThreadId(thread - 1)),
        });
        let can_wire = |owner: &Owner| match owner {
            Owner::Kernel => true,
            Owner::Thread(thread) => self.kernel.can_wire(*thread),
        };
        let is_one_sided = owners == [Owner::Kernel; 2];
        let has_room = setup.ports.len() < MOST_PORTS && !self.is_finished;
        if !has_room || is_one_sided || !owners.iter().all(can_wire) {
            return Ok(());
        }
        let id = PortId(u32::try_from(setup.ports.len()).expect("few"));
        let upgrade = if how & 4 == 0 { Upgrade::Allowed } else { Upgrade::Unsupported };
        let port = PortSetup {
            slot_count: 1 << (how % 3),
            producer: owners[0],
            consumer: owners[1],
            upgrade,
            drops_at_restart: how & 8 != 0,
        };
        let mut bindings = [BindingSetup::default(); 2];
        for (side, owner) in [Side::Producer, Side::Consumer].into_iter().zip(owners) {
            let end = EndpointId { port: id, side };
            let mut dropped = self.dropped.iter().copied();
            let old = dropped.find(|old| {
                let is_taken = self.rewired.contains(old);
                old.side == side && self.owner(*old) == owner && !is_taken
            });
            let binding = match old {
                Some(old) => {
                    self.rewired.insert(old);
                    let epoch = self.kernel.peer_state(old).1 + 1;
                    BindingSetup { index: self.binding(old), epoch }
                }
                None => BindingSetup { index: self.new_binding(), epoch: 0 },
            };
            self.bindings.insert(end, binding.index);
            bindings[side as usize] = binding;
            self.ends.push(end);
            self.memory.insert(end, EndMemory::new());
        }
        self.broken.push(false);
        self.step(Event::WirePort { id, port, bindings }, None)
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
