//! [`Action`]: what a request comes to, and what it makes of the plan.

use alloc::string::String;
use alloc::vec::Vec;

use oro_image::Direction;

use super::world::World;
use crate::{Plan, PlanEnd, PlanGrant, PlanInstance, PlanPort, PlanRing};

/// What a kernel is to do. Numbers are those of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Add this Ring.
    CreateRing(PlanRing),
    /// Remount this onto a Ring; it is there in the order of names.
    Grant {
        /// The Ring.
        ring: u32,
        /// What is remounted.
        grant: PlanGrant,
    },
    /// Take an image from the holder's memory, check it, and add it to the modules under a
    /// [free name](Plan::free_module_name).
    Load {
        /// Address in the holder's memory.
        address: u64,
        /// Size in bytes, at most `MAX_LOADED_IMAGE_BYTES`.
        size_bytes: u64,
    },
    /// Add this instance; it is mounted.
    Mount(PlanInstance),
    /// Keep a parameter for the start; an earlier value of it is gone.
    SetParam {
        /// The instance.
        instance: u32,
        /// The parameter's name.
        key: String,
        /// Its value.
        value: String,
    },
    /// Add this Port.
    Wire {
        /// The Port.
        port: PlanPort,
        /// Ports that are over and whose elements it takes: forget them (`CTL-8`).
        over: Vec<u32>,
    },
    /// Add the Ports for parameters, then start these instances together.
    Start {
        /// The instances, in ascending order; they are mounted.
        instances: Vec<u32>,
        /// The Ports for their parameters (`TYPE-11`).
        ports: Vec<PlanPort>,
    },
    /// End these instances as killed; those that have ended already are not among them.
    End(Vec<u32>),
    /// Replace this instance by itself.
    Restart(u32),
    /// Replace this instance by one of another module.
    Replace {
        /// The instance.
        instance: u32,
        /// The module.
        module: u32,
    },
    /// Forget this instance.
    ForgetInstance(u32),
    /// Forget this Ring and all that is in it.
    ForgetRing(u32),
    /// Force this Port synchronous.
    Force(u32),
    /// Allow this Port the asynchronous mode again.
    Allow(u32),
    /// Take this Port from both ends.
    Revoke(u32),
    /// Give an end of a Port to another thread.
    Transfer {
        /// The Port.
        port: u32,
        /// Which of its ends.
        side: Direction,
        /// Whose it is then.
        to: PlanEnd,
        /// Ports that are over and whose element it takes: forget them (`CTL-8`).
        over: Vec<u32>,
    },
    /// Say what this Ring has and may have.
    Describe(u32),
}

impl Action {
    /// Writes what has been carried out to the plan; the numbers of what is new in it, which may be those of what
    /// was forgotten. `LOAD` is left to who has the image.
    pub fn apply(&self, plan: &mut Plan, world: &impl World) -> Vec<u32> {
        match self {
            Self::CreateRing(ring) => return Vec::from([plan.add_ring(ring.clone())]),
            Self::Grant { ring, grant } => {
                let Some(ring) = find_ring(plan, *ring) else { return Vec::new() };
                let position = ring.grants.partition_point(|own| own.name < grant.name);
                ring.grants.insert(position, grant.clone());
            }
            Self::Mount(instance) => {
                let threads = world.interface(instance.module).entries.len();
                let is_free = |number| world.can_reuse_instance(number, threads);
                return Vec::from([plan.add_instance(instance.clone(), is_free)]);
            }
            Self::Wire { port, over } => {
                forget_ports(plan, over);
                return Vec::from([plan.add_port(port.clone(), |port| world.can_reuse_port(port))]);
            }
            Self::Start { ports, .. } => {
                let is_free = |port| world.can_reuse_port(port);
                return ports.iter().map(|port| plan.add_port(port.clone(), is_free)).collect();
            }
            Self::Replace { instance, module } => {
                if let Some(instance) = find(&mut plan.instances, *instance) {
                    instance.module = *module;
                }
            }
            Self::ForgetInstance(instance) => plan.forget(|_, index| index == *instance, None),
            Self::ForgetRing(ring) => {
                let rings: Vec<bool> = (0..=plan.rings.len())
                    .map(|own| u32::try_from(own).is_ok_and(|own| plan.is_within(own, *ring)))
                    .collect();
                let is_in = |ring: u32| usize::try_from(ring).is_ok_and(|ring| rings[ring]);
                plan.forget(|own, _| is_in(own.ring), Some(&is_in));
            }
            Self::Transfer { port, side, to, over } => {
                forget_ports(plan, over);
                if let Some(port) = find(&mut plan.ports, *port) {
                    let end = match side {
                        Direction::Producer => &mut port.producer,
                        Direction::Consumer => &mut port.consumer,
                    };
                    *end = to.clone();
                }
            }
            Self::Load { .. }
            | Self::SetParam { .. }
            | Self::End(_)
            | Self::Restart(_)
            | Self::Force(_)
            | Self::Allow(_)
            | Self::Revoke(_)
            | Self::Describe(_) => {}
        }
        Vec::new()
    }
}

fn find<T>(list: &mut [T], index: u32) -> Option<&mut T> {
    list.get_mut(usize::try_from(index).ok()?)
}

fn find_in<T>(list: &[T], index: u32) -> Option<&T> {
    list.get(usize::try_from(index).ok()?)
}

fn find_ring(plan: &mut Plan, number: u32) -> Option<&mut PlanRing> {
    find(&mut plan.rings, number.checked_sub(1)?)
}

fn forget_ports(plan: &mut Plan, over: &[u32]) {
    for port in over {
        if let Some(port) = find(&mut plan.ports, *port) {
            port.forget();
        }
    }
}

impl Plan {
    /// Whether a Ring is another one or a descendant of it.
    #[must_use]
    pub fn is_within(&self, ring: u32, outer: u32) -> bool {
        self.ancestry(ring).any(|own| own == outer)
    }

    /// A name for a module that an instance loads: the wanted one, or that with a number if one of `known`
    /// has it, the modules that the instance may mount or has loaded before. What other instances load makes no
    /// difference to it, for it shows in tables (`CTL-13`), so two modules may have one name.
    #[must_use]
    pub fn free_module_name(&self, wanted: &str, known: &[u32]) -> String {
        let wanted = if crate::is_valid_name(wanted) { wanted } else { "image" };
        let names = known.iter().filter_map(|module| find_in(&self.modules, *module));
        let is_taken = |name: &str| names.clone().any(|known| known == name);
        if !is_taken(wanted) {
            return String::from(wanted);
        }
        let most = u32::try_from(known.len()).unwrap_or(u32::MAX).saturating_add(2);
        // A number has at most 10 digits; of names that differ in it one is free.
        let stem = wanted.get(..wanted.len().min(20)).unwrap_or(wanted);
        let mut names = (2..=most).map(|number| alloc::format!("{stem}-{number}"));
        names.find(|name| !is_taken(name)).unwrap_or_default()
    }

    /// Forgets instances and Rings, the grants of them, and the Ports that nobody has any more.
    fn forget(
        &mut self,
        is_instance: impl Fn(&PlanInstance, u32) -> bool,
        is_ring: Option<&dyn Fn(u32) -> bool>,
    ) {
        for (index, instance) in (0..).zip(&mut self.instances) {
            if is_instance(instance, index) {
                instance.forget();
            }
        }
        let instances = &self.instances;
        let is_gone = |instance: u32| {
            let index = usize::try_from(instance).unwrap_or(usize::MAX);
            instances.get(index).is_none_or(PlanInstance::is_forgotten)
        };
        for (number, ring) in (1..).zip(&mut self.rings) {
            if is_ring.is_some_and(|is_ring| is_ring(number)) {
                ring.forget();
            }
            ring.grants.retain(|grant| grant.instance.is_none_or(|instance| !is_gone(instance)));
        }
        for port in &mut self.ports {
            let is_unowned = |end: &PlanEnd| match end {
                PlanEnd::Instance { instance, .. } => is_gone(*instance),
                PlanEnd::BuiltIn(_) => true,
            };
            if is_unowned(&port.producer) && is_unowned(&port.consumer) {
                port.forget();
            }
        }
    }
}
