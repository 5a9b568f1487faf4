//! What the core is told of a [`World`].

use oro_kernel::{
    InstanceSetup, Owner, PortSetup, Restart, RestartOn, Setup, ThreadSetup, Tuning, Upgrade,
};
use oro_system::{BuiltIn, Plan, PlanEnd, PlanInstance, PlanPort, PlanRestart};

use super::{Place, PortMemory, World};

impl World {
    /// All of it.
    pub(crate) fn describe(&self, plan: &Plan) -> Setup {
        let threads = self.threads.iter();
        let ports = plan.ports.iter().zip(&self.ports);
        Setup {
            tuning: Tuning::default(),
            instances: plan.instances.iter().map(describe_instance).collect(),
            threads: threads
                .map(|thread| ThreadSetup {
                    instance: thread.instance,
                    is_managed: thread.is_managed,
                })
                .collect(),
            ports: ports.map(|(planned, port)| describe_port(planned, port, false)).collect(),
        }
    }
}

/// An instance.
pub(crate) fn describe_instance(planned: &PlanInstance) -> InstanceSetup {
    InstanceSetup { restart: convert_restart(&planned.restart) }
}

/// A Port.
pub(crate) fn describe_port(planned: &PlanPort, port: &PortMemory, is_late: bool) -> PortSetup {
    let owner = |place: &Place| match place {
        Place::Thread(place) => Owner::Thread(place.thread),
        Place::Kernel(_) => Owner::Kernel,
    };
    PortSetup {
        slot_count: planned.slot_count,
        producer: owner(&port.producer),
        consumer: owner(&port.consumer),
        upgrade: choose_upgrade(planned, is_late),
        // What time it was is of no use to a replacement (BUILTIN-5).
        drops_at_restart: planned.drops_at_restart
            || planned.producer == PlanEnd::BuiltIn(BuiltIn::Clock),
    }
}

fn convert_restart(planned: &PlanRestart) -> Restart {
    let &PlanRestart { on, max, within_ns, backoff_ns } = planned;
    let on = match on {
        oro_system::RestartOn::Never => RestartOn::Never,
        oro_system::RestartOn::Fault => RestartOn::Fault,
        oro_system::RestartOn::Always => RestartOn::Always,
    };
    Restart { on, max, within_ns, backoff_ns }
}

/// What hinders a Port from ever becoming asynchronous, its threads apart (`PORT-10`, `BUILTIN-5`,
/// `CTL-8`).
pub(super) fn choose_upgrade(port: &PlanPort, is_late: bool) -> Upgrade {
    let fills_on_demand =
        |end: &PlanEnd| matches!(end, PlanEnd::BuiltIn(BuiltIn::Clock | BuiltIn::Params(_)));
    if port.is_forced_synchronous {
        Upgrade::Forced
    } else if is_late || fills_on_demand(&port.producer) || fills_on_demand(&port.consumer) {
        Upgrade::Unsupported
    } else {
        Upgrade::Allowed
    }
}
