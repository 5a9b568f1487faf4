//! [`decide`]: what a request comes to.
//!
//! Who may do what is in `scope`, what there is room for in `room`; Ports are in `wire`, instances in
//! `mount`, starts in `start`. Every refusal is worded for its holder: names and numbers of what lies
//! outside of the holder's own Ring and its descendants are in none of them (`RING-2`).

use alloc::format;
use alloc::vec::Vec;

use oro_sysabi::{
    CONTROL_BAD_REQUEST, CONTROL_DENIED, CONTROL_NAME, CONTROL_QUOTA, CONTROL_STATE,
    MAX_LOADED_IMAGE_BYTES,
};

use super::action::Action;
use super::reply::Refusal;
use super::request::{Operation, Remounted, Request, Target};
use super::room::check_quota;
use super::scope::{Scope, find};
use super::world::{Asker, State, World};
use crate::names::BUILT_IN_NAMES;
use crate::rules::{list_names, nearest_names, shorten, show_size};
use crate::{MAX_MODULES, MAX_RING_DEPTH, MAX_RINGS, Plan, PlanGrant, PlanRing};

/// What a request comes to.
///
/// It is decided from the plan, and from what the kernel says of the world; nothing changes. A kernel
/// may still find that it cannot do it: memory and files are its own.
///
/// # Errors
///
/// Why nothing is to be done.
pub fn decide(
    plan: &Plan,
    world: &impl World,
    asker: Asker,
    request: &Request,
) -> Result<Action, Refusal> {
    let scope = Scope::new(plan, world, asker)?;
    match &request.operation {
        Operation::Create { ring, name, memory_bytes, port_count, thread_count } => {
            let (memory_bytes, port_count, thread_count) =
                (*memory_bytes, *port_count, *thread_count);
            let parent = scope.find_ring(*ring)?;
            let name = name.clone();
            let grants = Vec::new();
            let new = PlanRing { name, parent, memory_bytes, port_count, thread_count, grants };
            create(&scope, new)
        }
        Operation::Remount { ring, what } => remount(&scope, *ring, what),
        Operation::Load { address, size_bytes } => load(&scope, *address, *size_bytes),
        Operation::Mount { ring, module, name, heap_bytes, memory_bytes, restart } => {
            scope.mount(*ring, module, name, (*heap_bytes, *memory_bytes), *restart)
        }
        Operation::Param { instance, name, value } => scope.set_param(*instance, name, value),
        Operation::Wire(wire) => scope.wire(wire),
        Operation::Start(target) => scope.start(*target),
        Operation::End(target) => end(&scope, *target),
        Operation::Restart(instance) => {
            let instance = scope.find_instance(*instance)?;
            scope.check_restartable(instance)?;
            Ok(Action::Restart(instance))
        }
        Operation::Replace { instance, module } => scope.replace(*instance, module),
        Operation::Forget(target) => forget(&scope, *target),
        Operation::Force(port) => scope.find_port(*port).map(Action::Force),
        Operation::Allow(port) => {
            let port = scope.find_port(*port)?;
            if find(&plan.ports, port).is_some_and(|port| port.is_forced_synchronous) {
                let text =
                    "the manifest forces the Port synchronous: nobody allows it otherwise (MODE-6)";
                return Err(Refusal::new(CONTROL_STATE, text));
            }
            Ok(Action::Allow(port))
        }
        Operation::Revoke(port) => scope.find_port(*port).map(Action::Revoke),
        Operation::Transfer { port, instance, to } => scope.transfer(*port, *instance, to),
        // No power is needed to be told of what the holder sees anyhow (RING-2).
        Operation::Describe(ring) => scope.find_ring(*ring).map(Action::Describe),
    }
}

/// A child of the holder's own Ring or of a descendant (`CTL-4`).
fn create(scope: &Scope<'_, impl World>, new: PlanRing) -> Result<Action, Refusal> {
    let plan = scope.plan;
    scope.check_name(new.parent, &new.name, "a Ring")?;
    if plan.ancestry(new.parent).count() > MAX_RING_DEPTH {
        let text = format!(
            "a Ring in {} would lie too deep: at most {MAX_RING_DEPTH} (RING-1)",
            scope.show_ring(new.parent)
        );
        return Err(Refusal::new(CONTROL_QUOTA, text));
    }
    let count = plan.rings.iter().filter(|ring| !ring.is_forgotten()).count();
    if u32::try_from(count).map_or(true, |count| count + 1 >= MAX_RINGS) {
        let text = format!("a system has at most {MAX_RINGS} Rings, the root included: FORGET one");
        return Err(Refusal::new(CONTROL_QUOTA, text));
    }
    check_quota(scope, &new)?;
    Ok(Action::CreateRing(new))
}

/// A grant of what the parent has (`RING-6`).
fn remount(scope: &Scope<'_, impl World>, ring: u64, what: &Remounted) -> Result<Action, Refusal> {
    let ring = scope.find_descendant(ring)?;
    let Some(parent) = scope.plan.parent(ring) else {
        let text = "the root Ring has every built-in instance, and nothing around it that it could be granted";
        return Err(Refusal::new(CONTROL_DENIED, text));
    };
    let grant = match what {
        Remounted::Instance(id) => {
            let (instance, own) = scope.see_instance(*id)?;
            PlanGrant { name: own.name.clone(), instance: Some(instance) }
        }
        Remounted::BuiltIn(name) if BUILT_IN_NAMES.contains(&name.as_str()) => {
            PlanGrant { name: name.clone(), instance: None }
        }
        Remounted::BuiltIn(name) => {
            let help = match nearest_names(name, BUILT_IN_NAMES).first() {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("there are {}", list_names(BUILT_IN_NAMES)),
            };
            let text = format!("`{}` is no built-in instance: {help}", shorten(name));
            return Err(Refusal::new(CONTROL_NAME, text));
        }
    };
    let name = &grant.name;
    if !scope.plan.has(parent, &grant) {
        let text = format!(
            "`{name}` is not in {}, nor granted to it, so it cannot be granted on (RING-6)",
            scope.show_ring(parent)
        );
        return Err(Refusal::new(CONTROL_DENIED, text));
    }
    scope.check_free(ring, name)?;
    Ok(Action::Grant { ring, grant })
}

/// An image in the holder's memory (`CTL-5`).
fn load(scope: &Scope<'_, impl World>, address: u64, size_bytes: u64) -> Result<Action, Refusal> {
    if scope.asker == Asker::Operator {
        let text =
            "an operator has no memory to LOAD from: it brings an image along with MOUNT (CTL-14)";
        return Err(Refusal::new(CONTROL_DENIED, text));
    }
    if size_bytes == 0 {
        return Err(Refusal::new(CONTROL_BAD_REQUEST, "`size_bytes` is 0: an image has bytes"));
    }
    if size_bytes > u64::from(MAX_LOADED_IMAGE_BYTES) {
        let most = show_size(MAX_LOADED_IMAGE_BYTES.into());
        let text = format!("`size_bytes` is {size_bytes}: an image has at most {most} (CTL-5)");
        return Err(Refusal::new(CONTROL_QUOTA, text));
    }
    if address.checked_add(size_bytes).is_none() {
        let text = "`address` and `size_bytes` go past the end of memory";
        return Err(Refusal::new(CONTROL_BAD_REQUEST, text));
    }
    scope.plan.check_more_modules()?;
    Ok(Action::Load { address, size_bytes })
}

impl Plan {
    /// Whether there may be one module more (`CTL-5`).
    ///
    /// # Errors
    ///
    /// `CONTROL_QUOTA`: there are as many as there may be.
    pub fn check_more_modules(&self) -> Result<(), Refusal> {
        let count = self.modules.iter().filter(|name| !name.is_empty()).count();
        if u32::try_from(count).is_ok_and(|count| count < MAX_MODULES) {
            return Ok(());
        }
        let text = format!("a system has at most {MAX_MODULES} modules, loaded ones included");
        Err(Refusal::new(CONTROL_QUOTA, text))
    }
}

/// Whether an instance has ended, and nothing is to come of it by itself.
fn is_over(state: State) -> bool {
    match state {
        State::Ended | State::Faulted | State::Forgotten => true,
        State::Mounted | State::Running | State::Restarting => false,
    }
}

fn end(scope: &Scope<'_, impl World>, target: Target) -> Result<Action, Refusal> {
    let instances = match target {
        Target::Instance(id) => {
            let instance = scope.find_instance(id)?;
            scope.check_alive(instance)?;
            Vec::from([instance])
        }
        Target::Ring(id) => {
            let ring = scope.find_descendant(id)?;
            let all = scope.list_instances(ring);
            all.filter(|instance| !is_over(scope.world.state(*instance))).collect()
        }
    };
    if instances.is_empty() {
        return Err(Refusal::new(CONTROL_STATE, "there is nothing in the Ring that has not ended"));
    }
    Ok(Action::End(instances))
}

/// What has ended (`CTL-10`).
fn forget(scope: &Scope<'_, impl World>, target: Target) -> Result<Action, Refusal> {
    let refuse = |instance: u32| {
        let text = format!("`{}` has not ended: END it first (CTL-10)", scope.name(instance));
        Err(Refusal::new(CONTROL_STATE, text))
    };
    match target {
        Target::Instance(id) => {
            let instance = scope.find_instance(id)?;
            if is_over(scope.world.state(instance)) {
                Ok(Action::ForgetInstance(instance))
            } else {
                refuse(instance)
            }
        }
        Target::Ring(id) => {
            let ring = scope.find_descendant(id)?;
            if ring == 0 {
                let text = "the root Ring goes when its system does: END it (CTL-10)";
                return Err(Refusal::new(CONTROL_DENIED, text));
            }
            let mut all = scope.list_instances(ring);
            match all.find(|instance| !is_over(scope.world.state(*instance))) {
                Some(instance) => refuse(instance),
                None => Ok(Action::ForgetRing(ring)),
            }
        }
    }
}
