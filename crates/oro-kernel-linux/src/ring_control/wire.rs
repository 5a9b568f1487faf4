//! Ports that Ring control makes (`CTL-6`, `CTL-8`).

use oro_kernel::{BindingSetup, EndpointId, Event, PortId, Side, ThreadId};
use oro_sysabi as abi;
use oro_system::control::{Refusal, World as _};
use oro_system::{Plan, PlanEnd, PlanPort};

use super::seen::Seen;
use super::{broken, list_ends, over_quota};
use crate::built_in::BuiltInEnd;
use crate::supervisor::Supervisor;
use crate::tables::Kind;
use crate::world::{describe_port, planned_end, put};
use crate::{metadata, seal};

impl Supervisor<'_> {
    /// Makes a Port, whose elements those of `over` have had.
    pub(super) fn wire(&mut self, planned: &PlanPort, over: &[u32]) -> Result<PortId, Refusal> {
        let mut plan = self.plan.clone().into_owned();
        let seen = Seen { supervisor: self };
        let number = PortId(plan.add_port(planned.clone(), |port| seen.can_reuse_port(port)));
        let index = number.0 as usize;
        for end in list_ends(number) {
            if let Some(ring) = self.ring_of(planned, end.side) {
                self.check_room(ring, Kind::Ports)?;
            }
            self.check_place(planned, end.side)?;
        }
        let mut charges = self.world.charges.clone();
        for old in over {
            charges.remove_port(&plan, &self.images, &plan.ports[*old as usize]);
        }
        charges.add_port(&plan, &self.images, planned);
        charges.check(&plan).map_err(|error| over_quota(&error))?;
        let built_in = self.open_end(&plan, number)?;
        let is_late = self.world.is_late(planned);
        // What is taken from the threads that have it is nobody's any more.
        let mut bindings = [BindingSetup::default(); 2];
        for end in list_ends(number) {
            if let Some((thread, index)) = self.thread_of(planned, end.side) {
                let epoch = self.drop_old_end(thread, index, over);
                bindings[end.side as usize] = BindingSetup { index, epoch };
            }
        }
        self.forget_over(&mut plan, over);
        let port = match self.world.wire(&plan, &self.images, number) {
            Ok(port) => port,
            Err(error) => {
                // The element is free, and what it had is gone.
                match self.world.ports.get(index) {
                    Some(_) => plan.ports[index].forget(),
                    None => drop(plan.ports.pop()),
                }
                self.adopt(plan);
                return Err(broken(&error));
            }
        };
        self.world.charges = charges;
        put(&mut self.opened_queues, index, [false; 2]);
        self.adopt(plan);
        for end in list_ends(port) {
            self.show_end(end);
        }
        let port_setup = describe_port(planned, &self.world.ports[port.0 as usize], is_late);
        self.step(Event::WirePort { id: port, port: port_setup, bindings });
        if let Some(built_in) = built_in {
            self.add_built_in(built_in);
        }
        Ok(port)
    }

    /// Takes the end that an element has had from its thread. The epoch of the next one.
    pub(super) fn drop_old_end(&mut self, thread: ThreadId, binding: u32, over: &[u32]) -> u32 {
        let Some(old) = self.world.threads[thread.0 as usize].find_end(binding) else { return 0 };
        if !over.contains(&old.port.0) {
            return 0;
        }
        let epoch = self.kernel.peer_state(old).1;
        self.step(Event::DropEnd { end: old });
        epoch.wrapping_add(1)
    }

    /// Ports whose elements another one takes.
    pub(super) fn forget_over(&mut self, plan: &mut Plan, over: &[u32]) {
        for old in over {
            self.world.tables.forget_port(&self.plan, *old);
            self.release_port(PortId(*old));
            plan.ports[*old as usize].forget();
        }
    }

    /// The binding of an end, and if its thread runs what that can touch.
    pub(super) fn show_end(&mut self, end: EndpointId) {
        let Some(place) = self.world.thread_place(end) else { return };
        let thread = place.thread;
        let memory = &self.world.threads[thread.0 as usize];
        // Wired is said last, by the core.
        metadata::write_binding(&self.world, &self.plan, end, place, memory.is_sealed);
        if let Some(process) = &self.processes[thread.0 as usize] {
            let result = seal::show_end(&process.faults, place, end.side);
            self.check("UFFDIO_CONTINUE", result);
        }
    }

    /// Whether an end can be had by a thread whose process exists.
    pub(super) fn check_place(&self, planned: &PlanPort, side: Side) -> Result<(), Refusal> {
        let Some((thread, binding)) = self.thread_of(planned, side) else { return Ok(()) };
        if !self.kernel.can_wire(thread) {
            let name = self.thread_name(thread);
            return Err(Refusal::new(
                abi::CONTROL_STATE,
                format!("thread `{name}` has ended: it can have no Port any more"),
            ));
        }
        let memory = &self.world.threads[thread.0 as usize];
        if !memory.is_sealed || self.world.has_place(thread, binding, planned.slot_size_bytes) {
            return Ok(());
        }
        if !self.world.has_reserved(thread, binding) {
            let name = self.thread_name(thread);
            let text = format!(
                "thread `{name}` runs, and was not started such that it could get Ports: nobody holds Ring \
                 control there, so start the system with `oro run --growable`, or a new instance (CTL-8)"
            );
            return Err(Refusal::new(abi::CONTROL_STATE, text));
        }
        Err(Refusal::new(
            abi::CONTROL_TYPE,
            format!(
                "its thread runs, and its element has no room for slots of {} bytes: use those of the \
                 port's note (CTL-8)",
                planned.slot_size_bytes
            ),
        ))
    }

    /// Thread and binding of a planned end, if it is an instance's.
    pub(super) fn thread_of(&self, planned: &PlanPort, side: Side) -> Option<(ThreadId, u32)> {
        match planned_end(planned, side) {
            &PlanEnd::Instance { instance, port, entry, .. } => {
                let first = self.world.instances[instance as usize].first_thread;
                Some((ThreadId(first + entry), port))
            }
            PlanEnd::BuiltIn(_) => None,
        }
    }

    pub(super) fn ring_of(&self, planned: &PlanPort, side: Side) -> Option<u32> {
        match planned_end(planned, side) {
            PlanEnd::Instance { instance, .. } => {
                Some(self.plan.instances[*instance as usize].ring)
            }
            PlanEnd::BuiltIn(_) => None,
        }
    }

    /// Opens the end of a Port that is the kernel's own, if one is.
    pub(super) fn open_end(
        &self,
        plan: &Plan,
        port: PortId,
    ) -> Result<Option<BuiltInEnd>, Refusal> {
        let planned = &plan.ports[port.0 as usize];
        for end in list_ends(port) {
            if let PlanEnd::BuiltIn(built_in) = planned_end(planned, end.side) {
                let opened =
                    crate::work::open_built_in(plan, end, built_in, self.options, self.start);
                return match opened {
                    Ok(opened) => Ok(Some(opened)),
                    Err(error) if error.is_bad_input() => {
                        Err(Refusal::new(abi::CONTROL_PORT, error.to_string()))
                    }
                    Err(error) => Err(broken(&error)),
                };
            }
        }
        Ok(None)
    }
}
