//! [`Scope`]: what an asker sees and has power over (`CTL-3`, `CTL-14`).
//!
//! Every id of a request goes through here; what `find_*` gives is in the asker's power.

use alloc::format;
use alloc::string::String;

use oro_sysabi::{CONTROL_DENIED, CONTROL_NAME, CONTROL_STATE, CONTROL_UNKNOWN};

use super::reply::Refusal;
use super::world::{Asker, State, World};
use crate::names::{RESERVED_NAMES, is_valid_name};
use crate::rules::shorten;
use crate::{Plan, PlanEnd, PlanInstance};

/// A request's surroundings.
pub(super) struct Scope<'a, W> {
    pub(super) plan: &'a Plan,
    pub(super) world: &'a W,
    pub(super) asker: Asker,
    /// The holder's Ring; the root, of which an operator is outside.
    pub(super) own_ring: u32,
}

impl<'a, W: World> Scope<'a, W> {
    pub(super) fn new(plan: &'a Plan, world: &'a W, asker: Asker) -> Result<Self, Refusal> {
        let own_ring = match asker {
            Asker::Operator => 0,
            Asker::Holder(holder) => {
                let own = find(&plan.instances, holder).filter(|own| !own.is_forgotten());
                own.ok_or_else(|| Refusal::new(CONTROL_STATE, "the holder is no more"))?.ring
            }
        };
        Ok(Self { plan, world, asker, own_ring })
    }

    /// Whether a Ring is in the asker's power: a descendant of a holder's Ring, not that itself.
    pub(super) fn is_below(&self, ring: u32) -> bool {
        match self.asker {
            Asker::Holder(_) => ring != self.own_ring && self.plan.is_within(ring, self.own_ring),
            Asker::Operator => true,
        }
    }

    /// A holder's own Ring or a descendant.
    pub(super) fn find_ring(&self, id: u64) -> Result<u32, Refusal> {
        let ring = self.world.ring(self.asker, id).filter(|ring| self.exists(*ring));
        match ring {
            None => Err(Refusal::new(
                CONTROL_UNKNOWN,
                format!("there is no Ring {id:#x} in your tables"),
            )),
            Some(ring) if self.plan.is_within(ring, self.own_ring) => Ok(ring),
            Some(_) => {
                Err(Refusal::new(CONTROL_DENIED, "the Ring is not yours, nor below yours (CTL-3)"))
            }
        }
    }

    /// A Ring in the asker's power.
    pub(super) fn find_descendant(&self, id: u64) -> Result<u32, Refusal> {
        let ring = self.find_ring(id)?;
        if self.is_below(ring) {
            return Ok(ring);
        }
        let text = "that is your own Ring: a holder has power over what is below it (CTL-3)";
        Err(Refusal::new(CONTROL_DENIED, text))
    }

    fn exists(&self, ring: u32) -> bool {
        ring.checked_sub(1).is_none_or(|index| {
            find(&self.plan.rings, index).is_some_and(|ring| !ring.is_forgotten())
        })
    }

    /// An instance that the asker sees.
    pub(super) fn see_instance(&self, id: u64) -> Result<(u32, &'a PlanInstance), Refusal> {
        let seen = self.world.instance(self.asker, id).and_then(|instance| {
            let own = find(&self.plan.instances, instance)?;
            (!own.is_forgotten()).then_some((instance, own))
        });
        seen.ok_or_else(|| {
            Refusal::new(CONTROL_UNKNOWN, format!("there is no instance {id:#x} in your tables"))
        })
    }

    /// An instance of a descendant.
    pub(super) fn find_instance(&self, id: u64) -> Result<u32, Refusal> {
        let (instance, own) = self.see_instance(id)?;
        if self.is_below(own.ring) {
            return Ok(instance);
        }
        let text =
            format!("`{}` is in no Ring below yours, so not in your power (CTL-3)", own.name);
        Err(Refusal::new(CONTROL_DENIED, text))
    }

    /// A Port of which an end is a descendant's: who has power over its thread can end it anyhow.
    pub(super) fn find_port(&self, id: u64) -> Result<u32, Refusal> {
        let seen = self.world.port(self.asker, id).and_then(|port| {
            let own = find(&self.plan.ports, port)?;
            (!own.is_forgotten()).then_some((port, own))
        });
        let Some((port, own)) = seen else {
            return Err(Refusal::new(
                CONTROL_UNKNOWN,
                format!("there is no Port {id:#x} in your tables"),
            ));
        };
        let is_below = |end: &PlanEnd| match end {
            PlanEnd::Instance { instance, .. } => {
                let owner = find(&self.plan.instances, *instance);
                owner.is_some_and(|owner| self.is_below(owner.ring))
            }
            PlanEnd::BuiltIn(_) => false,
        };
        if is_below(&own.producer) || is_below(&own.consumer) {
            return Ok(port);
        }
        let text = "neither end of the Port is in a Ring below yours (CTL-3)";
        Err(Refusal::new(CONTROL_DENIED, text))
    }

    /// The instances of a Ring and of its descendants.
    pub(super) fn list_instances(&self, ring: u32) -> impl Iterator<Item = u32> + '_ {
        let all = (0_u32..).zip(&self.plan.instances);
        all.filter(move |(_, own)| !own.is_forgotten() && self.plan.is_within(own.ring, ring))
            .map(|(instance, _)| instance)
    }

    /// What the plan says of an instance; the numbers come from it.
    pub(super) fn planned(&self, instance: u32) -> Option<&'a PlanInstance> {
        find(&self.plan.instances, instance)
    }

    /// An instance's name in its Ring: paths from the root are not the holder's to know.
    pub(super) fn name(&self, instance: u32) -> &'a str {
        self.planned(instance).map_or("", |own| own.name.as_str())
    }

    /// A Ring in a refusal.
    pub(super) fn show_ring(&self, ring: u32) -> String {
        let index = ring.checked_sub(1);
        let name = index.and_then(|index| find(&self.plan.rings, index)).map(|ring| &ring.name);
        match name {
            Some(name) if self.is_below(ring) => format!("Ring `{name}`"),
            None if self.asker == Asker::Operator => String::from("the root Ring"),
            Some(_) | None => String::from("your Ring"),
        }
    }

    /// Checks a name for something new in a Ring (`NOTE-6`, `SYS-3`).
    pub(super) fn check_name(&self, ring: u32, name: &str, what: &str) -> Result<(), Refusal> {
        let text = if !is_valid_name(name) {
            format!(
                "`{}` cannot be the name of {what}: 1 to 31 of a-z A-Z 0-9 _ - (NOTE-6)",
                shorten(name)
            )
        } else if RESERVED_NAMES.contains(&name) {
            format!("`{name}` is the name of a built-in instance: give {what} another one")
        } else {
            return self.check_free(ring, name);
        };
        Err(Refusal::new(CONTROL_NAME, text))
    }

    /// Checks that nothing in a Ring has this name.
    pub(super) fn check_free(&self, ring: u32, name: &str) -> Result<(), Refusal> {
        let plan = self.plan;
        let index = ring.checked_sub(1);
        let grants = index.and_then(|index| find(&plan.rings, index)).map(|ring| &ring.grants);
        let what = if plan.rings.iter().any(|own| own.parent == ring && own.name == name) {
            "a Ring"
        } else if plan.instances.iter().any(|own| own.ring == ring && own.name == name) {
            "an instance"
        } else if grants.is_some_and(|grants| grants.iter().any(|grant| grant.name == name)) {
            "a grant"
        } else {
            return Ok(());
        };
        let text =
            format!("{what} of {} has the name `{name}` already (SYS-3)", self.show_ring(ring));
        Err(Refusal::new(CONTROL_NAME, text))
    }

    /// Refuses an instance that has ended.
    pub(super) fn check_alive(&self, instance: u32) -> Result<(), Refusal> {
        match self.world.state(instance) {
            State::Mounted | State::Running | State::Restarting => Ok(()),
            state @ (State::Ended | State::Faulted | State::Forgotten) => {
                Err(self.refuse_state(instance, state, "it is over"))
            }
        }
    }

    /// Refuses an instance that cannot be replaced by a new one (`CTL-9`).
    pub(super) fn check_restartable(&self, instance: u32) -> Result<(), Refusal> {
        let help = match self.world.state(instance) {
            State::Running | State::Restarting => return Ok(()),
            State::Mounted => "START it",
            // What their ends have closed cannot be opened again.
            State::Ended | State::Faulted | State::Forgotten => "FORGET it, and MOUNT a new one",
        };
        Err(self.refuse_state(instance, self.world.state(instance), help))
    }

    pub(super) fn refuse_state(&self, instance: u32, state: State, help: &str) -> Refusal {
        let state = match state {
            State::Mounted => "has not been started",
            State::Running => "runs",
            State::Restarting => "is being restarted",
            State::Ended | State::Forgotten => "has ended",
            State::Faulted => "has faulted",
        };
        Refusal::new(CONTROL_STATE, format!("`{}` {state}: {help}", self.name(instance)))
    }
}

/// Something of a list by its number.
pub(super) fn find<T>(list: &[T], index: u32) -> Option<&T> {
    list.get(usize::try_from(index).ok()?)
}
