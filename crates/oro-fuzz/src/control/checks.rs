//! What must hold of an action, and of a system after it.

use std::collections::BTreeSet;

use oro_image::{Direction, Port};
use oro_system::control::{Action, Asker, Refusal, Request, State, Usage, World, decide};
use oro_system::{BuiltIn, MAX_RING_DEPTH, Plan, PlanEnd, PlanPort, PlanRing};

use super::message::Message;
use super::sim::{Sim, at, list_elements};

/// A request, as it was decided.
pub(super) struct Case<'a> {
    /// Before anything of it was carried out.
    pub(super) sim: &'a Sim,
    pub(super) holder: u32,
    /// Its Ring.
    own: u32,
}

impl<'a> Case<'a> {
    pub(super) fn new(sim: &'a Sim, holder: u32) -> Self {
        Self { sim, holder, own: sim.ring_of(holder) }
    }

    fn is_within(&self, ring: u32) -> bool {
        self.sim.plan.is_within(ring, self.own)
    }

    fn is_below(&self, ring: u32) -> bool {
        ring != self.own && self.is_within(ring)
    }

    fn is_instance_below(&self, instance: u32) -> bool {
        self.is_below(self.sim.ring_of(instance))
    }

    fn is_port_below(&self, port: &PlanPort) -> bool {
        list_elements(port).any(|(instance, _)| self.is_instance_below(instance))
    }

    fn state(&self, instance: u32) -> State {
        *at(&self.sim.states, instance)
    }

    /// `RING-2`: whatever is called otherwise that the holder cannot see, the decision is the same, word for
    /// word. And none of those names is in it, unless the request has it.
    pub(super) fn check_silence(
        &self,
        request: &Request,
        message: &Message,
        decided: &Result<Action, Refusal>,
        distinctive: &[String],
    ) {
        let mut twin = self.sim.clone();
        let hidden = self.rename_hidden(&mut twin.plan);
        assert_eq!(
            decided,
            &decide(&twin.plan, &twin, Asker::Holder(self.holder), request),
            "RING-2"
        );
        let Err(refusal) = decided else { return };
        let message = String::from_utf8_lossy(message);
        for name in distinctive.iter().filter(|name| hidden.contains(*name)) {
            let is_told = refusal.text.contains(name) && !message.contains(name);
            assert!(!is_told, "RING-2: `{name}` in {refusal:?}");
        }
    }

    /// Renames what the holder does not see; the names that it had.
    fn rename_hidden(&self, plan: &mut Plan) -> BTreeSet<String> {
        let (mut hidden, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut rename = |name: &mut String, is_seen: bool, number: usize| {
            if is_seen {
                seen.insert(name.clone());
            } else if !name.is_empty() {
                hidden.insert(std::mem::replace(name, format!("hidden-{number}")));
            }
        };
        let instances = self.sim.list_instances(self.own);
        let images = self.sim.images.iter().filter(|image| image.holder == self.holder);
        let mut modules: BTreeSet<u32> = images.map(|image| image.module).collect();
        modules.extend(&at(&plan.instances, self.holder).modules);
        for (index, instance) in (0..).zip(&mut plan.instances) {
            if self.is_within(instance.ring) {
                modules.insert(instance.module);
            }
            rename(&mut instance.name, instances.contains(&index), index as usize);
        }
        for (number, ring) in (1..).zip(&mut plan.rings) {
            rename(&mut ring.name, self.is_within(number), number as usize);
            for grant in &mut ring.grants {
                if let Some(instance) = grant.instance {
                    grant.name.clone_from(&at(&plan.instances, instance).name);
                }
            }
            ring.grants.sort();
        }
        for (index, module) in (0..).zip(&mut plan.modules) {
            rename(module, modules.contains(&index), index as usize);
        }
        hidden.difference(&seen).cloned().collect()
    }

    /// `CTL-3`, and each operation's own rule: it is within the holder's power.
    pub(super) fn check_power(&self, action: &Action) {
        let plan = &self.sim.plan;
        match action {
            Action::CreateRing(ring) => self.check_new_ring(ring),
            Action::Grant { ring, grant } => {
                assert!(self.is_below(*ring), "CTL-3: {action:?}");
                let parent = plan.parent(*ring).expect("it is below another");
                let has_been_granted = || at(&plan.rings, parent - 1).grants.contains(grant);
                let is_own = match grant.instance {
                    None => parent == 0,
                    Some(instance) => self.sim.ring_of(instance) == parent,
                };
                assert!(is_own || has_been_granted(), "RING-6: {action:?}");
            }
            Action::Mount(new) => {
                assert!(self.is_below(new.ring), "CTL-3: {action:?}");
                let mut images = self.sim.images.iter();
                let has_loaded =
                    images.any(|image| (image.holder, image.module) == (self.holder, new.module));
                let granted = &at(&plan.instances, self.holder).modules;
                assert!(has_loaded || granted.contains(&new.module), "CTL-5: {action:?}");
            }
            Action::SetParam { instance, key, value } => {
                assert!(self.is_instance_below(*instance), "CTL-3: {action:?}");
                assert_eq!(self.state(*instance), State::Mounted);
                let mut params = self.sim.interface_of(*instance).params.iter();
                assert!(params.any(|param| param.name == *key) && key.len() + value.len() <= 248);
            }
            Action::Wire { port, over } => self.check_wire(port, over),
            Action::Start { instances, .. } => {
                self.check_all(instances, &[State::Mounted]);
            }
            Action::End(instances) => {
                self.check_all(instances, &[State::Mounted, State::Running, State::Restarting]);
            }
            Action::Restart(instance) | Action::Replace { instance, .. } => {
                self.check_all(&[*instance], &[State::Running, State::Restarting]);
            }
            Action::ForgetInstance(instance) => {
                self.check_all(&[*instance], &[State::Ended, State::Faulted]);
            }
            Action::ForgetRing(ring) => {
                assert!(self.is_below(*ring), "CTL-3: {action:?}");
                let all = (0..)
                    .zip(&plan.instances)
                    .filter(|(_, own)| !own.is_forgotten() && plan.is_within(own.ring, *ring));
                let all: Vec<u32> = all.map(|(index, _)| index).collect();
                assert!(
                    all.iter().all(|own| matches!(self.state(*own), State::Ended | State::Faulted)),
                    "CTL-10: {action:?}"
                );
            }
            Action::Force(port) | Action::Allow(port) | Action::Revoke(port) => {
                assert!(self.is_port_below(at(&plan.ports, *port)), "CTL-3: {action:?}");
            }
            Action::Transfer { port, side, to, over } => {
                self.check_transfer(at(&plan.ports, *port), *side, to, over);
            }
            Action::Load { .. } => {}
            Action::Describe(ring) => assert!(self.is_within(*ring), "RING-2: {action:?}"),
        }
    }

    fn check_all(&self, instances: &[u32], states: &[State]) {
        assert!(!instances.is_empty() && instances.is_sorted_by(|a, b| a < b), "{instances:?}");
        for instance in instances {
            assert!(self.is_instance_below(*instance), "CTL-3: {instance}");
            assert!(states.contains(&self.state(*instance)), "{instance} was not {states:?}");
        }
    }

    /// `CTL-4`, `RING-1`
    fn check_new_ring(&self, new: &PlanRing) {
        let plan = &self.sim.plan;
        assert!(self.is_within(new.parent), "CTL-3: {new:?}");
        assert!(plan.ancestry(new.parent).count() <= MAX_RING_DEPTH, "RING-1: {new:?}");
        for around in plan.ancestry(new.parent).filter(|number| *number > 0) {
            let around = at(&plan.rings, around - 1);
            for (most, wanted) in list_bounds(around).into_iter().zip(list_bounds(new)) {
                assert!(most == 0 || wanted <= most, "CTL-4: {new:?} in {around:?}");
            }
        }
    }

    /// `CTL-3` and its exception, `CTL-6`, `SYS-5`
    fn check_wire(&self, port: &PlanPort, over: &[u32]) {
        let mut some_below = false;
        let mut is_holders = false;
        for (instance, element) in list_elements(port) {
            assert!(self.is_within(self.sim.ring_of(instance)), "CTL-3: {port:?}");
            some_below |= self.is_instance_below(instance);
            is_holders |= instance == self.holder;
            let is_over =
                matches!(self.state(instance), State::Ended | State::Faulted | State::Forgotten);
            assert!(!is_over && self.sim.is_free(instance, element), "CTL-8: {port:?}");
        }
        let built_ins: Vec<&BuiltIn> = [&port.producer, &port.consumer]
            .into_iter()
            .filter_map(|end| match end {
                PlanEnd::BuiltIn(built_in) => Some(built_in),
                PlanEnd::Instance { .. } => None,
            })
            .collect();
        assert!(some_below || is_holders && built_ins.is_empty(), "CTL-3: {port:?}");
        for built_in in built_ins {
            let (ring, name) = (list_elements(port).next(), built_in.name());
            let ring = self.sim.ring_of(ring.expect("one end is an instance's").0);
            let granted = ring.checked_sub(1).map(|index| &at(&self.sim.plan.rings, index).grants);
            let granted = granted.into_iter().flatten();
            let mut granted = granted.filter(|grant| grant.instance.is_none());
            let is_granted =
                granted.any(|grant| name.split_once('.').is_some_and(|(own, _)| own == grant.name));
            assert!(is_granted, "CTL-6: {port:?}");
        }
        self.check_ends(port);
        self.check_over(over, &list_elements(port).collect::<Vec<_>>());
    }

    /// Both ends are what the modules declare, and carry the Port's type.
    fn check_ends(&self, port: &PlanPort) {
        for (end, direction) in
            [(&port.producer, Direction::Producer), (&port.consumer, Direction::Consumer)]
        {
            let PlanEnd::Instance { instance, port: index, entry, element } = end else { continue };
            let covers = |own: &&Port| (own.index..own.index + own.max.max(1)).contains(index);
            let declared = self.sim.interface_of(*instance).ports.iter().find(covers);
            let declared = declared.unwrap_or_else(|| panic!("no module has {end:?}"));
            assert_eq!(
                (declared.direction, &declared.layout, declared.entry, index - declared.index),
                (direction, &port.layout, *entry, *element),
                "SYS-5: {port:?}"
            );
            let fits = declared.slot_size_bytes == port.slot_size_bytes
                || declared.is_flexible && declared.slot_size_bytes <= port.slot_size_bytes;
            assert!(fits, "SYS-5: {port:?}");
        }
    }

    /// Ports that give way are those that had the elements which are taken, and these are free.
    fn check_over(&self, over: &[u32], taken: &[(u32, u32)]) {
        assert!(over.is_sorted_by(|a, b| a < b), "{over:?}");
        for port in over {
            let mut elements = list_elements(at(&self.sim.plan.ports, *port));
            let had = elements.any(|(instance, element)| {
                taken.contains(&(instance, element)) && self.sim.is_free(instance, element)
            });
            assert!(had, "CTL-8: Port {port} is forgotten for nothing");
        }
    }

    /// `END-14`
    fn check_transfer(&self, port: &PlanPort, side: Direction, to: &PlanEnd, over: &[u32]) {
        let end = match side {
            Direction::Producer => &port.producer,
            Direction::Consumer => &port.consumer,
        };
        let (
            PlanEnd::Instance { instance, entry, .. },
            PlanEnd::Instance { instance: new_owner, port: element, entry: new_entry, .. },
        ) = (end, to)
        else {
            panic!("END-14: {end:?} to {to:?}");
        };
        assert!(self.is_instance_below(*instance), "CTL-3: {port:?}");
        assert!(instance == new_owner && entry != new_entry, "END-14: {end:?} to {to:?}");
        assert_ne!(self.state(*instance), State::Mounted);
        assert!(self.sim.is_free(*instance, *element), "END-14: {to:?}");
        let mut moved = port.clone();
        match side {
            Direction::Producer => moved.producer = to.clone(),
            Direction::Consumer => moved.consumer = to.clone(),
        }
        self.check_ends(&moved);
        self.check_over(over, &[(*instance, *element)]);
    }

    /// `CTL-3`: all the rest is as it was.
    pub(super) fn check_others(&self, after: &Plan, action: &Action) {
        let before = &self.sim.plan;
        let over: &[u32] = if let Action::Wire { over, .. } = action { over } else { &[] };
        let rings = (1..).zip(&before.rings).filter(|(_, ring)| !ring.is_forgotten());
        for (number, ring) in rings.filter(|(number, _)| !self.is_below(*number)) {
            assert_eq!(ring, at(&after.rings, number - 1), "CTL-3: {action:?}");
        }
        for (index, instance) in (0..).zip(&before.instances) {
            if !self.is_below(instance.ring) {
                assert_eq!(instance, at(&after.instances, index), "CTL-3: {action:?}");
            }
        }
        for (index, port) in (0..).zip(&before.ports) {
            if !self.is_port_below(port) && !over.contains(&index) {
                assert_eq!(port, at(&after.ports, index), "CTL-3: {action:?}");
            }
        }
        let is_new_ring = matches!(action, Action::CreateRing(_));
        let is_new_instance = matches!(action, Action::Mount(_));
        // One that is forgotten makes room for another (CTL-13).
        let living = |plan: &Plan| plan.rings.iter().filter(|ring| !ring.is_forgotten()).count();
        if is_new_ring {
            assert_eq!(living(after), living(before) + 1);
        }
        assert!(after.rings.len() <= before.rings.len() + usize::from(is_new_ring));
        assert_eq!(after.instances.len(), before.instances.len() + usize::from(is_new_instance));
        let ports = match action {
            Action::Wire { .. } => 1,
            Action::Start { ports, .. } => ports.len(),
            _ => 0,
        };
        assert_eq!(after.ports.len(), before.ports.len() + ports);
    }
}

/// What holds of a system whatever was asked.
pub(super) fn check_sim(sim: &Sim, action: &Action) {
    let plan = &sim.plan;
    assert_eq!(plan.check_running(), Ok(()), "after {action:?}");
    check_names(plan);
    if let Some((ring, usage)) = find_excess(sim) {
        panic!("RING-9: Ring {ring} has {usage:?} after {action:?}");
    }
    // What is forgotten, or has one end of `ring` yet, is not in a plan that is packed.
    let checked = plan.check();
    match plan.encode() {
        Ok(bytes) => {
            assert_eq!(checked, Ok(()));
            assert_eq!(Plan::decode(&bytes).as_ref(), Ok(plan), "SYS-9: after {action:?}");
        }
        Err(error) => assert_eq!(checked, Err(error)),
    }
    if let Action::Start { instances, ports } = action {
        instances.iter().for_each(|instance| check_started(sim, *instance));
        let is_theirs = |port: &PlanPort| {
            list_elements(port).all(|(instance, _)| instances.contains(&instance))
                && matches!(port.producer, PlanEnd::BuiltIn(BuiltIn::Params(_)))
        };
        assert!(ports.iter().all(is_theirs), "TYPE-11: {ports:?}");
    }
}

/// `CTL-7`: who starts has all that it must have.
fn check_started(sim: &Sim, instance: u32) {
    let wired: BTreeSet<(u32, u32)> = sim.plan.ports.iter().flat_map(list_elements).collect();
    for port in &sim.interface_of(instance).ports {
        let mut elements = port.index..port.index + port.max.max(1);
        let is_wired = elements.any(|element| wired.contains(&(instance, element)));
        assert!(is_wired || port.is_optional, "CTL-7: {} of {instance}", port.name);
    }
    let sides = sim.plan.ports.iter().filter(|port| {
        list_elements(port).any(|(own, _)| own == instance)
            && matches!(
                (&port.producer, &port.consumer),
                (_, PlanEnd::BuiltIn(BuiltIn::RingRequests))
                    | (PlanEnd::BuiltIn(BuiltIn::RingReplies), _)
            )
    });
    assert_ne!(sides.count(), 1, "CTL-1: {instance} holds half of Ring control");
}

/// A Ring that has more than it may have.
pub(super) fn find_excess(sim: &Sim) -> Option<(u32, Usage)> {
    (1..).zip(&sim.plan.rings).find_map(|(number, ring)| {
        if list_bounds(ring) == [0; 3] {
            return None;
        }
        let usage = sim.count_usage(number);
        let Usage { memory_bytes, port_count, thread_count } = usage;
        let has = [memory_bytes, port_count.into(), thread_count.into()];
        let mut pairs = list_bounds(ring).into_iter().zip(has);
        pairs.any(|(most, has)| most > 0 && has > most).then_some((number, usage))
    })
}

fn list_bounds(ring: &PlanRing) -> [u64; 3] {
    [ring.memory_bytes, ring.port_count.into(), ring.thread_count.into()]
}

/// `SYS-3`: no two things of a Ring have one name.
fn check_names(plan: &Plan) {
    let instances = plan.instances.iter().map(|own| (own.ring, own.name.as_str()));
    let rings = plan.rings.iter().map(|own| (own.parent, own.name.as_str()));
    let grants = (1..).zip(&plan.rings).flat_map(|(number, own)| {
        own.grants.iter().map(move |grant| (number, grant.name.as_str()))
    });
    let mut names = BTreeSet::new();
    for (ring, name) in instances.chain(rings).chain(grants).filter(|(_, name)| !name.is_empty()) {
        assert!(names.insert((ring, name)), "SYS-3: `{name}` is twice in Ring {ring}");
    }
}
