//! [`Sim`]: a system that runs, as far as decisions go, and what its kernel says of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use oro_image::{Direction, Interface};
use oro_system::control::{Action, Asker, State, Usage, World};
use oro_system::{BuiltIn, PAGE_BYTES, Plan, PlanEnd, PlanPort};

/// An element of an instance: its index among the ports of the module.
pub(super) type Element = (u32, u32);

/// An image that a holder has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loaded {
    pub(super) holder: u32,
    pub(super) module: u32,
    pub(super) size_bytes: u64,
}

#[derive(Clone)]
pub(super) struct Sim {
    pub(super) plan: Plan,
    pub(super) modules: Vec<Arc<Interface>>,
    /// By instance, as are parameters.
    pub(super) states: Vec<State>,
    pub(super) given: Vec<Vec<(String, String)>>,
    /// Elements whose Port is over.
    free: BTreeSet<Element>,
    /// Elements whose end was given to another thread since the start.
    taken_away: BTreeSet<Element>,
    /// Ports whose elements cannot be wired again.
    revoked: BTreeSet<u32>,
    pub(super) images: Vec<Loaded>,
}

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ring = 1,
    Instance,
    Port,
    Image,
}

/// An id in the tables of a Ring; of an image, in a holder's list.
pub(super) fn id(reader: u32, kind: Kind, number: u32) -> u64 {
    (u64::from(reader) + 1) << 40 | (kind as u64) << 32 | u64::from(number)
}

/// The number of what has this id for a reader.
fn number(reader: u32, kind: Kind, wanted: u64) -> Option<u32> {
    let low = u32::try_from(wanted & u64::from(u32::MAX)).expect("it is cut off");
    (id(reader, kind, low) == wanted).then_some(low)
}

pub(super) fn at<T>(list: &[T], index: u32) -> &T {
    &list[index as usize]
}

impl Sim {
    pub(super) fn new(plan: Plan, modules: Vec<Arc<Interface>>) -> Self {
        Self {
            states: vec![State::Running; plan.instances.len()],
            given: vec![Vec::new(); plan.instances.len()],
            plan,
            modules,
            free: BTreeSet::new(),
            taken_away: BTreeSet::new(),
            revoked: BTreeSet::new(),
            images: Vec::new(),
        }
    }

    /// What has both ends of Ring control.
    pub(super) fn list_holders(&self) -> Vec<u32> {
        let mut sides = [BTreeSet::new(), BTreeSet::new()];
        for port in &self.plan.ports {
            match (&port.producer, &port.consumer) {
                (PlanEnd::Instance { instance, .. }, PlanEnd::BuiltIn(BuiltIn::RingRequests)) => {
                    sides[0].insert(*instance);
                }
                (PlanEnd::BuiltIn(BuiltIn::RingReplies), PlanEnd::Instance { instance, .. }) => {
                    sides[1].insert(*instance);
                }
                _ => {}
            }
        }
        sides[0].intersection(&sides[1]).copied().collect()
    }

    pub(super) fn ring_of(&self, instance: u32) -> u32 {
        at(&self.plan.instances, instance).ring
    }

    pub(super) fn interface_of(&self, instance: u32) -> &Interface {
        self.interface(at(&self.plan.instances, instance).module)
    }

    /// The Rings that a Ring's instances see.
    pub(super) fn list_rings(&self, reader: u32) -> Vec<u32> {
        let all = 0..=u32::try_from(self.plan.rings.len()).expect("few");
        let is_there = |ring: u32| ring == 0 || !at(&self.plan.rings, ring - 1).is_forgotten();
        all.filter(|ring| is_there(*ring) && self.plan.is_within(*ring, reader)).collect()
    }

    /// The instances that they see, remounted ones included (`RING-6`).
    pub(super) fn list_instances(&self, reader: u32) -> Vec<u32> {
        let rings = self.list_rings(reader);
        let rings_below_root = rings.iter().filter(|ring| **ring > 0);
        let grants: BTreeSet<u32> = rings_below_root
            .flat_map(|ring| &at(&self.plan.rings, *ring - 1).grants)
            .filter_map(|grant| grant.instance)
            .collect();
        let all = (0..).zip(&self.plan.instances).filter(|(_, own)| !own.is_forgotten());
        all.filter(|(index, own)| rings.contains(&own.ring) || grants.contains(index))
            .map(|(index, _)| index)
            .collect()
    }

    /// The Ports that they see.
    pub(super) fn list_ports(&self, reader: u32) -> Vec<u32> {
        let is_seen = |end: &PlanEnd| match end {
            PlanEnd::Instance { instance, .. } => {
                self.plan.is_within(self.ring_of(*instance), reader)
            }
            PlanEnd::BuiltIn(_) => false,
        };
        let all = (0..).zip(&self.plan.ports).filter(|(_, port)| !port.is_forgotten());
        all.filter(|(_, port)| is_seen(&port.producer) || is_seen(&port.consumer))
            .map(|(index, _)| index)
            .collect()
    }

    /// Takes what has been decided for carried out.
    pub(super) fn carry_out(&mut self, holder: u32, action: &Action) {
        if let Action::Transfer { port, side, .. } = action {
            // What the element is that has lost its end (END-14).
            let port = at(&self.plan.ports, *port);
            let end = match side {
                Direction::Producer => &port.producer,
                Direction::Consumer => &port.consumer,
            };
            if let PlanEnd::Instance { instance, port, .. } = end {
                self.taken_away.insert((*instance, *port));
            }
        }
        let mut plan = self.plan.clone();
        action.apply(&mut plan, self);
        self.plan = plan;
        self.states.resize(self.plan.instances.len(), State::Mounted);
        self.given.resize(self.plan.instances.len(), Vec::new());
        match action {
            Action::SetParam { instance, key, value } => {
                self.given[*instance as usize].push((key.clone(), value.clone()));
            }
            Action::Load { address, size_bytes } => self.load(holder, *address, *size_bytes),
            Action::Wire { port, .. } => {
                for element in list_elements(port) {
                    self.free.remove(&element);
                }
            }
            Action::Start { instances, .. } => self.set_all(instances, State::Running),
            Action::End(instances) => self.set_all(instances, State::Ended),
            Action::Restart(instance) | Action::Replace { instance, .. } => {
                self.begin_anew(*instance);
            }
            Action::Revoke(port) => {
                self.revoked.insert(*port);
            }
            Action::ForgetInstance(_) | Action::ForgetRing(_) => {
                for (state, own) in self.states.iter_mut().zip(&self.plan.instances) {
                    *state = if own.is_forgotten() { State::Forgotten } else { *state };
                }
            }
            Action::Transfer { to, .. } => {
                if let PlanEnd::Instance { instance, port, .. } = to {
                    self.free.remove(&(*instance, *port));
                }
            }
            Action::CreateRing(_)
            | Action::Grant { .. }
            | Action::Mount(_)
            | Action::Force(_)
            | Action::Allow(_)
            | Action::Describe(_) => {}
        }
    }

    fn set_all(&mut self, instances: &[u32], state: State) {
        instances.iter().for_each(|instance| self.states[*instance as usize] = state);
    }

    fn begin_anew(&mut self, instance: u32) {
        self.states[instance as usize] = State::Running;
        self.taken_away.retain(|(own, _)| *own != instance);
    }

    /// Any of the modules, as if the image were a copy of it.
    fn load(&mut self, holder: u32, address: u64, size_bytes: u64) {
        let count = u64::try_from(self.modules.len()).expect("few");
        let model = usize::try_from(address / PAGE_BYTES % count).expect("few");
        let interface = Arc::clone(&self.modules[model]);
        let own = self.images.iter().filter(|image| image.holder == holder);
        let mut known = at(&self.plan.instances, holder).modules.clone();
        known.extend(own.map(|image| image.module));
        let name = self.plan.free_module_name(&interface.name, &known);
        let is_known = |module: &u32| *at(&self.plan.modules, *module) == name;
        assert!(!known.iter().any(is_known), "`{name}` is no free name");
        let module = u32::try_from(self.plan.modules.len()).expect("few");
        let size_bytes = size_bytes.next_multiple_of(PAGE_BYTES);
        self.plan.modules.push(name);
        self.modules.push(interface);
        self.images.push(Loaded { holder, module, size_bytes });
    }

    /// Something that an instance does by itself.
    pub(super) fn end_by_itself(&mut self, instance: u32, how: u8) {
        let state = at(&self.states, instance);
        match (state, how % 4) {
            (State::Running, 0) => self.states[instance as usize] = State::Ended,
            (State::Running, 1) => self.states[instance as usize] = State::Faulted,
            (State::Running, 2) => self.states[instance as usize] = State::Restarting,
            (State::Restarting, 3) => self.begin_anew(instance),
            _ => {}
        }
    }

    /// A Port is over for its producer, its consumer, or both.
    pub(super) fn end_port(&mut self, port: u32, how: u8) {
        if self.revoked.contains(&port) {
            return;
        }
        let own = at(&self.plan.ports, port);
        for (side, end) in [&own.producer, &own.consumer].into_iter().enumerate() {
            if let PlanEnd::Instance { instance, port, .. } = end
                && how >> side & 1 != 0
            {
                self.free.insert((*instance, *port));
            }
        }
    }

    /// What the instances of a Ring and of its descendants have, counted from the plan (`RING-9`, `SYS-3`).
    pub(super) fn count_usage(&self, ring: u32) -> Usage {
        let is_in = |instance: u32| {
            let own = at(&self.plan.instances, instance);
            !own.is_forgotten() && self.plan.is_within(own.ring, ring)
        };
        let mut usage = Usage::default();
        for (_, own) in (0..).zip(&self.plan.instances).filter(|(index, _)| is_in(*index)) {
            let entries = &at(&self.modules, own.module).entries;
            let stacks = entries.iter().map(|entry| entry.stack_size_bytes);
            usage.memory_bytes += own.heap_bytes + stacks.sum::<u64>();
            usage.thread_count += u32::try_from(entries.len()).expect("few");
        }
        for image in self.images.iter().filter(|image| is_in(image.holder)) {
            usage.memory_bytes += image.size_bytes;
        }
        for port in self.plan.ports.iter().filter(|port| !port.is_forgotten()) {
            let cells = 2 * u64::from(port.slot_size_bytes).next_multiple_of(PAGE_BYTES);
            let ends = list_elements(port).filter(|(instance, _)| is_in(*instance)).count();
            usage.memory_bytes += cells * u64::try_from(ends).expect("at most two");
            if port.payer().is_some_and(is_in) {
                usage.memory_bytes += port.queue_bytes().next_multiple_of(PAGE_BYTES);
                usage.port_count += 1;
            }
        }
        usage
    }
}

/// The ends of a Port that are instances'.
pub(super) fn list_elements(port: &PlanPort) -> impl Iterator<Item = Element> + '_ {
    [&port.producer, &port.consumer].into_iter().filter_map(|end| match end {
        PlanEnd::Instance { instance, port, .. } => Some((*instance, *port)),
        PlanEnd::BuiltIn(_) => None,
    })
}

/// Operators ask for nothing here.
fn holder_of(asker: Asker) -> u32 {
    match asker {
        Asker::Holder(holder) => holder,
        Asker::Operator => unreachable!("no operator asks"),
    }
}

impl World for Sim {
    fn ring(&self, asker: Asker, id: u64) -> Option<u32> {
        let reader = self.ring_of(holder_of(asker));
        number(reader, Kind::Ring, id).filter(|ring| self.list_rings(reader).contains(ring))
    }

    fn instance(&self, asker: Asker, id: u64) -> Option<u32> {
        let reader = self.ring_of(holder_of(asker));
        let found = number(reader, Kind::Instance, id);
        found.filter(|instance| self.list_instances(reader).contains(instance))
    }

    fn port(&self, asker: Asker, id: u64) -> Option<u32> {
        let reader = self.ring_of(holder_of(asker));
        number(reader, Kind::Port, id).filter(|port| self.list_ports(reader).contains(port))
    }

    fn image(&self, asker: Asker, id: u64) -> Option<u32> {
        let holder = holder_of(asker);
        let module = number(holder, Kind::Image, id)?;
        let mut images = self.images.iter();
        images.any(|image| (image.holder, image.module) == (holder, module)).then_some(module)
    }

    fn interface(&self, module: u32) -> &Interface {
        &self.modules[module as usize]
    }

    fn state(&self, instance: u32) -> State {
        *at(&self.states, instance)
    }

    fn can_reuse_instance(&self, _: u32, _: usize) -> bool {
        false // Places that are taken again are for the tests of the plan.
    }

    fn can_reuse_port(&self, _: u32) -> bool {
        false
    }

    fn is_free(&self, instance: u32, port: u32) -> bool {
        let element = (instance, port);
        let mut had = self.plan.ports.iter().flat_map(list_elements);
        !self.taken_away.contains(&element)
            && (self.free.contains(&element) || !had.any(|own| own == element))
    }

    fn taken(&self, ring: u32) -> Usage {
        self.count_usage(ring)
    }

    fn given(&self, instance: u32) -> &[(String, String)] {
        &self.given[instance as usize]
    }
}
