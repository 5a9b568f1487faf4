//! What memory counts for which quota (`SYS-3`, `RING-9`): known before any of it exists.

use oro_system::{Plan, PlanEnd, PlanPort};

use super::{World, put};
use crate::StartError;
use crate::images::Images;
use crate::memory::round_to_pages;

/// Bytes that count for each instance: image, heap, stacks, what its threads have, cells, commit words and
/// queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Charges(Vec<u64>);

impl Charges {
    /// Of a whole plan.
    pub(super) fn count(plan: &Plan, images: &Images<'_>) -> Self {
        let mut charges = Self::default();
        for index in 0..plan.instances.len() {
            charges.add_instance(plan, images, index);
        }
        for port in &plan.ports {
            charges.add_port(plan, images, port);
        }
        charges
    }

    /// A new instance's.
    pub(crate) fn add_instance(&mut self, plan: &Plan, images: &Images<'_>, index: usize) {
        let planned = &plan.instances[index];
        let cost = World::cost_of_instance(planned, &images[planned.module as usize]);
        put(&mut self.0, index, cost);
    }

    /// A Port's, for whoever pays.
    pub(crate) fn add_port(&mut self, plan: &Plan, images: &Images<'_>, port: &PlanPort) {
        self.add(World::cost_of_port(plan, images, port));
    }

    /// A Port is to be forgotten whose ends' places are another one's from now on (`CTL-8`).
    pub(crate) fn remove_port(&mut self, plan: &Plan, images: &Images<'_>, port: &PlanPort) {
        self.remove(plan, World::cost_of_port(plan, images, port));
    }

    /// A place for an end of this Port, beside what the Port has (`END-14`).
    pub(crate) fn add_end(
        &mut self,
        plan: &Plan,
        images: &Images<'_>,
        port: &PlanPort,
        end: &PlanEnd,
    ) {
        self.add(World::cost_of_end(plan, images, end, port.slot_size_bytes));
    }

    /// One of the two places that an end has had meanwhile.
    pub(crate) fn remove_end(
        &mut self,
        plan: &Plan,
        images: &Images<'_>,
        port: &PlanPort,
        end: &PlanEnd,
    ) {
        self.remove(plan, World::cost_of_end(plan, images, end, port.slot_size_bytes));
    }

    fn add(&mut self, costs: impl IntoIterator<Item = (u32, u64)>) {
        for (instance, size_bytes) in costs {
            self.0[instance as usize] += size_bytes;
        }
    }

    /// What has been forgotten is charged with nothing any more.
    fn remove(&mut self, plan: &Plan, costs: impl IntoIterator<Item = (u32, u64)>) {
        for (instance, size_bytes) in costs {
            if !plan.instances[instance as usize].is_forgotten() {
                self.0[instance as usize] -= size_bytes;
            }
        }
    }

    /// An instance has loaded an image (`CTL-5`).
    pub(crate) fn add_image(&mut self, holder: usize, size_bytes: u64) {
        self.0[holder] += round_to_pages(size_bytes);
    }

    /// An instance gets another image (`CTL-9`): that of `plan` in place of that of `old`.
    pub(crate) fn replace_image(
        &mut self,
        old: &Plan,
        plan: &Plan,
        images: &Images<'_>,
        index: usize,
    ) {
        let cost = |plan: &Plan| {
            let planned = &plan.instances[index];
            World::cost_of_instance(planned, &images[planned.module as usize])
        };
        self.0[index] = self.0[index] - cost(old) + cost(plan);
    }

    /// An instance has been forgotten.
    pub(super) fn clear(&mut self, instance: usize) {
        self.0[instance] = 0;
    }

    /// Bytes of a Ring and its descendants.
    pub(crate) fn sum_ring(&self, plan: &Plan, ring: u32) -> u64 {
        let instances = plan.instances.iter().zip(&self.0);
        let is_in = |of: u32| plan.ancestry(of).any(|ancestor| ancestor == ring);
        instances.filter(|(planned, _)| is_in(planned.ring)).map(|(_, bytes)| bytes).sum()
    }

    /// Holds them against the quotas of instances and of Rings.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), StartError> {
        let mut rings = vec![0; plan.rings.len() + 1];
        for (index, (planned, needed)) in plan.instances.iter().zip(&self.0).enumerate() {
            if planned.memory_bytes != 0 && *needed > planned.memory_bytes {
                let whose = format!("instance `{}` needs", plan.path(index));
                return Err(StartError::quota(whose, *needed, planned.memory_bytes));
            }
            for ring in plan.ancestry(planned.ring) {
                rings[ring as usize] += needed;
            }
        }
        for (ring, needed) in plan.rings.iter().zip(&rings[1..]) {
            if ring.memory_bytes != 0 && *needed > ring.memory_bytes {
                let whose = format!("the instances of Ring `{}` need", ring.name);
                return Err(StartError::quota(whose, *needed, ring.memory_bytes));
            }
        }
        Ok(())
    }
}
