//! What the decision asks of this kernel ([`Seen`]).

use oro_kernel::{InstanceId, PortId};
use oro_system::PlanPort;
use oro_system::control::{Asker, State, Usage, World as Known};

use super::image_id;
use crate::supervisor::Supervisor;

/// What the decision asks of this kernel.
pub(super) struct Seen<'a, 'b> {
    pub(super) supervisor: &'a Supervisor<'b>,
}

impl Known for Seen<'_, '_> {
    fn ring(&self, asker: Asker, id: u64) -> Option<u32> {
        self.supervisor.world.tables.find_ring(self.supervisor.reader(asker), id)
    }

    fn instance(&self, asker: Asker, id: u64) -> Option<u32> {
        self.supervisor.world.tables.find_instance(self.supervisor.reader(asker), id)
    }

    fn port(&self, asker: Asker, id: u64) -> Option<u32> {
        self.supervisor.world.tables.find_port(self.supervisor.reader(asker), id)
    }

    fn image(&self, asker: Asker, id: u64) -> Option<u32> {
        let images = self.supervisor.holders.images.iter();
        let own = images.filter(|(owner, _)| *owner == asker);
        (0..).zip(own).find(|(index, _)| image_id(*index) == id).map(|(_, (_, module))| *module)
    }

    fn interface(&self, module: u32) -> &oro_image::Interface {
        &self.supervisor.images[module as usize].interface
    }

    fn state(&self, instance: u32) -> State {
        if self.supervisor.plan.instances[instance as usize].is_forgotten() {
            return State::Forgotten;
        }
        let view = self.supervisor.kernel.instance(InstanceId(instance));
        match view.state {
            oro_kernel::InstanceState::Mounted => State::Mounted,
            oro_kernel::InstanceState::Running => State::Running,
            _ if view.is_restarting => State::Restarting,
            oro_kernel::InstanceState::Ended => State::Ended,
            oro_kernel::InstanceState::Faulted => State::Faulted,
        }
    }

    fn can_reuse_instance(&self, instance: u32, thread_count: usize) -> bool {
        let supervisor = self.supervisor;
        let mut built_ins = supervisor.built_ins.iter().flatten();
        !built_ins.any(|own| own.instance == instance as usize)
            && !supervisor.names_instance(instance)
            && supervisor.kernel.can_reuse_instance(InstanceId(instance), thread_count)
    }

    fn can_reuse_port(&self, port: u32) -> bool {
        let (supervisor, port) = (self.supervisor, PortId(port));
        let mut built_ins = supervisor.built_ins.iter().flatten();
        !built_ins.any(|own| own.end.port == port)
            && !supervisor.names_port(port)
            && supervisor.world.can_reuse_port(port)
            && supervisor.kernel.can_reuse_port(port)
    }

    fn is_free(&self, instance: u32, port: u32) -> bool {
        let threads = self.supervisor.world.list_threads(InstanceId(instance));
        let threads = &self.supervisor.world.threads[threads];
        if threads.iter().any(|thread| thread.is_taken_away(port))
            || self.supervisor.is_to_get(instance, port)
        {
            return false;
        }
        let mut found = threads.iter().filter_map(|thread| thread.find_end(port));
        found.next().is_none_or(|end| self.supervisor.kernel.is_over(end))
    }

    fn taken(&self, ring: u32) -> Usage {
        let plan = &self.supervisor.plan;
        let is_in = |instance: u32| {
            let planned = &plan.instances[instance as usize];
            !planned.is_forgotten() && plan.is_within(planned.ring, ring)
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let threads = self.supervisor.world.threads.iter();
        let ports = plan.ports.iter().filter_map(PlanPort::payer);
        Usage {
            memory_bytes: self.supervisor.world.charges.sum_ring(plan, ring),
            port_count: count(ports.filter(|payer| is_in(*payer)).count()),
            thread_count: count(threads.filter(|thread| is_in(thread.instance.0)).count()),
        }
    }

    fn given(&self, instance: u32) -> &[(String, String)] {
        let given = self.supervisor.holders.given.get(instance as usize);
        given.map(Vec::as_slice).unwrap_or_default()
    }
}
