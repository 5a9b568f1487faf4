//! What memory counts for which quota (`SYS-3`, `RING-9`): known before any of it exists.

use std::borrow::Cow;

use oro_image::Image;
use oro_system::{Plan, PlanEnd, PlanPort};

use super::World;
use crate::StartError;
use crate::memory::round_to_pages;

/// Bytes that count for each instance: image, heap, stacks, what its threads have, cells, commit words and
/// queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Charges(Vec<u64>);

impl Charges {
    /// Of a whole plan.
    pub(super) fn count(plan: &Plan, images: &[Cow<'_, Image>]) -> Self {
        let mut charges = Self::default();
        for index in 0..plan.instances.len() {
            charges.add_instance(plan, images, index);
        }
        for port in &plan.ports {
            charges.add_port(plan, images, port);
        }
        charges
    }

    /// The next instance's.
    pub(crate) fn add_instance(&mut self, plan: &Plan, images: &[Cow<'_, Image>], index: usize) {
        let planned = &plan.instances[index];
        self.0.push(World::cost_of_instance(planned, &images[planned.module as usize]));
    }

    /// A Port's, for whoever pays.
    pub(crate) fn add_port(&mut self, plan: &Plan, images: &[Cow<'_, Image>], port: &PlanPort) {
        for (instance, size_bytes) in World::cost_of_port(plan, images, port) {
            self.0[instance as usize] += size_bytes;
        }
    }

    /// A Port is to be forgotten whose ends' places are another one's from now on (`CTL-8`). What has been
    /// forgotten is charged with nothing any more.
    pub(crate) fn remove_port(&mut self, plan: &Plan, images: &[Cow<'_, Image>], port: &PlanPort) {
        for (instance, size_bytes) in World::cost_of_port(plan, images, port) {
            if !plan.instances[instance as usize].is_forgotten() {
                self.0[instance as usize] -= size_bytes;
            }
        }
    }

    /// An end takes another place; what it had is charged for as long as nobody says that it has gone.
    pub(crate) fn add_end(
        &mut self,
        plan: &Plan,
        images: &[Cow<'_, Image>],
        end: &PlanEnd,
        slot_size_bytes: u32,
    ) {
        if let Some((instance, size_bytes)) = World::cost_of_end(plan, images, end, slot_size_bytes)
        {
            self.0[instance as usize] += size_bytes;
        }
    }

    /// The place of an end is free.
    pub(crate) fn remove_end(
        &mut self,
        plan: &Plan,
        images: &[Cow<'_, Image>],
        end: &PlanEnd,
        slot_size_bytes: u32,
    ) {
        if let Some((instance, size_bytes)) = World::cost_of_end(plan, images, end, slot_size_bytes)
            && !plan.instances[instance as usize].is_forgotten()
        {
            self.0[instance as usize] -= size_bytes;
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
        images: &[Cow<'_, Image>],
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
