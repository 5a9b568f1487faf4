//! Quotas of Rings (`RING-9`): what something new takes, against what there is room for.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use oro_sysabi::CONTROL_QUOTA;

use super::reply::Refusal;
use super::scope::{Scope, find};
use super::world::{Usage, World};
use crate::PlanRing;
use crate::rules::show_size;

/// Something that a quota bounds.
struct Kind {
    what: &'static str,
    most: fn(&PlanRing) -> u64,
    taken: fn(&Usage) -> u64,
    show: fn(u64) -> String,
}

const KINDS: [Kind; 3] = [
    Kind {
        what: "memory",
        most: |ring| ring.memory_bytes,
        taken: |usage| usage.memory_bytes,
        show: show_size,
    },
    Kind {
        what: "Ports",
        most: |ring| ring.port_count.into(),
        taken: |usage| usage.port_count.into(),
        show: |count| count.to_string(),
    },
    Kind {
        what: "threads",
        most: |ring| ring.thread_count.into(),
        taken: |usage| usage.thread_count.into(),
        show: |count| count.to_string(),
    },
];

/// Refuses a new Ring that may have more than one around it (`CTL-4`).
pub(super) fn check_quota<W: World>(scope: &Scope<'_, W>, new: &PlanRing) -> Result<(), Refusal> {
    for Kind { what, most, show, .. } in &KINDS {
        for number in scope.plan.ancestry(new.parent) {
            let around = number.checked_sub(1).and_then(|index| find(&scope.plan.rings, index));
            let bound = around.map_or(0, most);
            if bound == 0 || most(new) <= bound {
                continue;
            }
            let text = if scope.plan.is_within(number, scope.own_ring) {
                let ring = scope.show_ring(number);
                format!(
                    "`{}` may not have more {what} than {ring}, {} (RING-9)",
                    new.name,
                    show(bound)
                )
            } else {
                format!("`{}` may not have more {what} than a Ring around yours (RING-9)", new.name)
            };
            return Err(Refusal::new(CONTROL_QUOTA, text));
        }
    }
    Ok(())
}

/// What something new takes, and what is given back for it, by the Rings whose instances have it.
#[derive(Default)]
pub(super) struct Need {
    by_ring: BTreeMap<u32, Usage>,
    given_back: BTreeMap<u32, Usage>,
}

impl Need {
    pub(super) fn add(&mut self, ring: u32, more: Usage) {
        add(&mut self.by_ring, ring, more);
    }

    /// What a Ring has now, and will not have when it gets the rest.
    pub(super) fn give_back(&mut self, ring: u32, less: Usage) {
        add(&mut self.given_back, ring, less);
    }

    /// Refuses what a Ring, or one around it, has no room for.
    pub(super) fn check<W: World>(&self, scope: &Scope<'_, W>) -> Result<(), Refusal> {
        let sum_up = |by_ring: &BTreeMap<u32, Usage>| {
            let mut whole = BTreeMap::new();
            for (ring, usage) in by_ring {
                scope.plan.ancestry(*ring).for_each(|ring| add(&mut whole, ring, *usage));
            }
            whole
        };
        let given_back = sum_up(&self.given_back);
        for (number, more) in &sum_up(&self.by_ring) {
            let around = number.checked_sub(1).and_then(|index| find(&scope.plan.rings, index));
            let Some(around) = around else { continue };
            let (now, less) = (scope.world.taken(*number), given_back.get(number));
            for Kind { what, most, taken, show } in &KINDS {
                let now = taken(&now).saturating_sub(less.map_or(0, taken));
                let (bound, more) = (most(around), taken(more));
                if bound == 0 || more == 0 || now.saturating_add(more) <= bound {
                    continue;
                }
                let text = if scope.plan.is_within(*number, scope.own_ring) {
                    let ring = scope.show_ring(*number);
                    let (bound, now, more) = (show(bound), show(now), show(more));
                    format!("{ring} has {now} of {bound} {what}, and needs {more} more (RING-9)")
                } else {
                    format!(
                        "a Ring around yours has no room for {} more {what} (RING-9)",
                        show(more)
                    )
                };
                return Err(Refusal::new(CONTROL_QUOTA, text));
            }
        }
        Ok(())
    }
}

fn add(by_ring: &mut BTreeMap<u32, Usage>, ring: u32, more: Usage) {
    let usage = by_ring.entry(ring).or_default();
    usage.memory_bytes = usage.memory_bytes.saturating_add(more.memory_bytes);
    usage.port_count = usage.port_count.saturating_add(more.port_count);
    usage.thread_count = usage.thread_count.saturating_add(more.thread_count);
}
