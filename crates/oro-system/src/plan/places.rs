//! Where something new goes in the plan of a system that runs: to the place of something that is forgotten, if one
//! is free, so that a system that mounts and forgets for ever has a plan of one size (`CTL-13`).

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Plan, PlanEnd, PlanInstance, PlanPort, PlanRing};

impl Plan {
    /// Adds a Ring; its number. A Ring always comes after its parent, so a free place before that is none for
    /// it.
    ///
    /// ```
    /// # use oro_system::{Plan, PlanRing};
    /// let ring = |parent| PlanRing { name: "r".into(), parent, ..PlanRing::default() };
    /// let mut plan = Plan::default();
    /// assert_eq!([plan.add_ring(ring(0)), plan.add_ring(ring(1))], [1, 2]);
    /// plan.rings[0].forget();
    /// assert_eq!([plan.add_ring(ring(2)), plan.add_ring(ring(0))], [3, 1]);
    /// ```
    pub fn add_ring(&mut self, ring: PlanRing) -> u32 {
        let first = usize::try_from(ring.parent).unwrap_or(usize::MAX);
        put(&mut self.rings, ring, |index, old| index >= first && old.is_forgotten()) + 1
    }

    /// Adds an instance; its number. `is_free`: whether the kernel has nothing any more of the forgotten one that
    /// has had this number. One that a Port still names is left where it is.
    pub fn add_instance(&mut self, instance: PlanInstance, is_free: impl Fn(u32) -> bool) -> u32 {
        let mut named = BTreeSet::new();
        for port in self.ports.iter().filter(|port| !port.is_forgotten()) {
            for end in [&port.producer, &port.consumer] {
                if let PlanEnd::Instance { instance, .. } = end {
                    named.insert(*instance);
                }
            }
        }
        put(&mut self.instances, instance, |index, old| {
            let number = number_of(index);
            old.is_forgotten() && !named.contains(&number) && is_free(number)
        })
    }

    /// Adds a Port; its number. `is_free`: whether the kernel has nothing any more of the forgotten one that has
    /// had this number.
    pub fn add_port(&mut self, port: PlanPort, is_free: impl Fn(u32) -> bool) -> u32 {
        put(&mut self.ports, port, |index, old| old.is_forgotten() && is_free(number_of(index)))
    }

    /// Adds a module that has been loaded; its number.
    pub fn add_module(&mut self, name: String) -> u32 {
        put(&mut self.modules, name, |_, old| old.is_empty())
    }

    /// Forgets modules that no instance has or may mount, but for those that somebody else can name: `is_kept` says
    /// so of the manifest's, and of what who is there has loaded. Their names are empty from then on.
    pub fn forget_modules(&mut self, is_kept: impl Fn(u32) -> bool) {
        let instances = self.instances.iter().filter(|own| !own.is_forgotten());
        let used: BTreeSet<u32> =
            instances.flat_map(|own| own.modules.iter().chain([&own.module])).copied().collect();
        for (module, name) in (0..).zip(&mut self.modules) {
            if !used.contains(&module) && !is_kept(module) {
                *name = String::new();
            }
        }
    }
}

/// Puts something new where it may be; where that is.
fn put<T>(list: &mut Vec<T>, new: T, is_free: impl Fn(usize, &T) -> bool) -> u32 {
    let place = list.iter().enumerate().position(|(index, old)| is_free(index, old));
    match place.and_then(|place| list.get_mut(place)) {
        Some(old) => *old = new,
        None => list.push(new),
    }
    number_of(place.unwrap_or(list.len().saturating_sub(1)))
}

/// Lists are far shorter than 2^32 (`LIM-*`).
fn number_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
