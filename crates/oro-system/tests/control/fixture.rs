//! A system that runs, as far as decisions go, and requests of its holder of Ring control.

use std::collections::{BTreeMap, BTreeSet};

use oro_image::Interface;
use oro_sysabi::{self as abi, ControlRequest};
use oro_system::control::{Action, Asker, Refusal, Request, State, Usage, World, decide};
use oro_system::{Plan, PlanEnd};

use crate::common::{check, interfaces};

/// The holder `sh` is in `mine`: `below` and `deeper` are in its power. `beside` and the root are not.
const SYSTEM: &str = r#"oro = 1
[modules]
boss = "b"
server = "s"
relay = "r"
source = "o"
tuned = "t"
two = "w"
sink = "k"
wide = "i"
[instance.main]
module = "server"
[ring.beside.instance.other]
module = "source"
[ring.mine]
grant = ["clock", "console", "main", "null", "ring"]
quota = { memory = "8M", ports = 12, threads = 20 }
[ring.mine.instance.sh]
module = "boss"
modules = ["relay", "server", "sink", "source", "tuned", "two", "wide"]
[ring.mine.instance.mate]
module = "server"
[ring.mine.instance.pal]
module = "two"
[ring.mine.ring.below]
grant = ["console"]
[ring.mine.ring.below.instance.x]
module = "relay"
[ring.mine.ring.below.ring.deeper.instance.y]
module = "two"
[[wire]]
from = "beside/other.out"
to = "main.request[0]"
[[wire]]
from = "mine/sh.asks"
to = "mine/ring.requests"
[[wire]]
from = "mine/ring.replies"
to = "mine/sh.hears"
[[wire]]
from = "mine/pal.a"
to = "mine/mate.request[0]"
[[wire]]
from = "mine/below/deeper/y.a"
to = "mine/below/x.in"
[[wire]]
from = "mine/below/x.out"
to = "main.request[1]"
"#;

pub(crate) const MINE: &str = "mine";

pub(crate) struct Sim {
    pub(crate) plan: Plan,
    pub(crate) modules: Vec<Interface>,
    pub(crate) states: Vec<State>,
    /// Elements whose Port is over.
    pub(crate) free: BTreeSet<(u32, u32)>,
    /// Elements whose end was given to another thread.
    pub(crate) taken_away: BTreeSet<(u32, u32)>,
    pub(crate) given: BTreeMap<u32, Vec<(String, String)>>,
    /// Images that the holder has loaded: ids and modules.
    pub(crate) images: BTreeMap<u64, u32>,
    /// Bytes that each Ring has, where a test says so.
    pub(crate) memory: BTreeMap<u32, u64>,
    pub(crate) holder: u32,
    /// An operator asks, not the holder.
    pub(crate) is_operator: bool,
}

impl Sim {
    pub(crate) fn new() -> Self {
        let (plan, found) = check(SYSTEM.as_bytes());
        let plan = plan.unwrap_or_else(|| panic!("{found:#?}"));
        let all = interfaces();
        let mut modules: Vec<_> = plan.modules.iter().map(|name| all[name].clone()).collect();
        for module in &mut modules {
            module.params.iter_mut().for_each(|param| param.port = 0);
        }
        let states = vec![State::Running; plan.instances.len()];
        let mut sim = Self {
            plan,
            modules,
            states,
            free: BTreeSet::new(),
            taken_away: BTreeSet::new(),
            given: BTreeMap::new(),
            images: BTreeMap::new(),
            memory: BTreeMap::new(),
            holder: 0,
            is_operator: false,
        };
        sim.holder = sim.instance_named("sh");
        sim
    }

    pub(crate) fn instance_named(&self, name: &str) -> u32 {
        let index = self.plan.instances.iter().position(|own| own.name == name);
        u32::try_from(index.expect("there is one")).expect("it is small")
    }

    /// The Ring of this name; the empty one is the root.
    pub(crate) fn ring_named(&self, name: &str) -> u32 {
        let index = self.plan.rings.iter().position(|own| own.name == name);
        index.map_or(0, |index| u32::try_from(index + 1).expect("it is small"))
    }

    pub(crate) fn instance_id(&self, name: &str) -> u64 {
        id(self.instance_named(name))
    }

    pub(crate) fn ring_id(&self, name: &str) -> u64 {
        id(self.ring_named(name))
    }

    pub(crate) fn set_state(&mut self, name: &str, state: State) {
        let index = self.instance_named(name) as usize;
        self.states[index] = state;
    }

    /// What a request comes to; nothing is carried out.
    pub(crate) fn ask(
        &self,
        operation: u32,
        fields: &[(&str, Value<'_>)],
    ) -> Result<Action, Refusal> {
        let request = Request::decode(&message(operation, fields))?;
        decide(&self.plan, self, self.asker(), &request)
    }

    /// The same, carried out.
    pub(crate) fn run(&mut self, operation: u32, fields: &[(&str, Value<'_>)]) -> Action {
        let action = self.ask(operation, fields).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        self.carry_out(&action);
        action
    }

    pub(crate) fn carry_out(&mut self, action: &Action) {
        let mut plan = self.plan.clone();
        let new = action.apply(&mut plan, self);
        self.plan = plan;
        assert_eq!(self.plan.check_running(), Ok(()), "after {action:?}");
        self.states.resize(self.plan.instances.len(), State::Mounted);
        match action {
            Action::Mount(_) => {
                let instance = new[0];
                self.states[instance as usize] = State::Mounted;
                self.given.remove(&instance);
                self.free.retain(|(of, _)| *of != instance);
                self.taken_away.retain(|(of, _)| *of != instance);
            }
            Action::SetParam { instance, key, value } => {
                self.given.entry(*instance).or_default().push((key.clone(), value.clone()));
            }
            Action::Load { .. } => {
                let count = u32::try_from(self.plan.modules.len()).expect("it is small");
                let known: Vec<u32> = (0..count).collect();
                let module = self.plan.add_module(self.plan.free_module_name("relay", &known));
                self.modules.resize(self.plan.modules.len(), self.modules[2].clone());
                self.images.insert(id(module), module);
            }
            Action::Start { instances, .. } => self.set_all(instances, State::Running),
            Action::End(instances) => self.set_all(instances, State::Ended),
            Action::Wire { port, .. } => {
                for end in [&port.producer, &port.consumer] {
                    if let PlanEnd::Instance { instance, port, .. } = end {
                        self.free.remove(&(*instance, *port));
                    }
                }
            }
            _ => {}
        }
    }

    fn set_all(&mut self, instances: &[u32], state: State) {
        instances.iter().for_each(|instance| self.states[*instance as usize] = state);
    }

    /// A refusal: its code, and a part of its text.
    #[track_caller]
    pub(crate) fn refuse(
        &self,
        operation: u32,
        fields: &[(&str, Value<'_>)],
        code: u32,
        text: &str,
    ) {
        match self.ask(operation, fields) {
            Err(refusal) => {
                assert_eq!(refusal.code, code, "{refusal:?}");
                assert!(refusal.text.contains(text), "`{}` lacks `{text}`", refusal.text);
                assert!(refusal.text.len() <= 192, "`{}` is cut", refusal.text);
            }
            Ok(action) => panic!("not refused: {action:?}"),
        }
    }

    fn asker(&self) -> Asker {
        if self.is_operator { Asker::Operator } else { Asker::Holder(self.holder) }
    }

    fn sees_ring(&self, ring: u32) -> bool {
        if self.is_operator {
            return true;
        }
        let own = self.plan.instances[self.holder as usize].ring;
        self.plan.is_within(ring, own)
    }
}

/// An id of something by its number.
pub(crate) fn id(number: u32) -> u64 {
    1 << 32 | u64::from(number)
}

fn number(id: u64) -> Option<u32> {
    (id >> 32 == 1).then_some(u32::try_from(id & 0xffff_ffff).expect("it is small"))
}

impl World for Sim {
    fn ring(&self, _: Asker, id: u64) -> Option<u32> {
        let ring = number(id).filter(|ring| *ring as usize <= self.plan.rings.len())?;
        let is_there = ring == 0 || !self.plan.rings[ring as usize - 1].is_forgotten();
        (is_there && self.sees_ring(ring)).then_some(ring)
    }

    fn instance(&self, _: Asker, id: u64) -> Option<u32> {
        let instance = number(id)?;
        let own = self.plan.instances.get(instance as usize).filter(|own| !own.is_forgotten())?;
        let rings = (1..).zip(&self.plan.rings).filter(|(ring, _)| self.sees_ring(*ring));
        let mut grants = rings.flat_map(|(_, ring)| &ring.grants);
        let is_seen = self.sees_ring(own.ring) || grants.any(|own| own.instance == Some(instance));
        is_seen.then_some(instance)
    }

    fn port(&self, _: Asker, id: u64) -> Option<u32> {
        let port = number(id)?;
        let own = self.plan.ports.get(port as usize)?;
        let is_seen = |end: &PlanEnd| match end {
            PlanEnd::Instance { instance, .. } => {
                self.sees_ring(self.plan.instances[*instance as usize].ring)
            }
            PlanEnd::BuiltIn(_) => false,
        };
        (is_seen(&own.producer) || is_seen(&own.consumer)).then_some(port)
    }

    fn image(&self, _: Asker, id: u64) -> Option<u32> {
        self.images.get(&id).copied()
    }

    fn interface(&self, module: u32) -> &Interface {
        &self.modules[module as usize]
    }

    fn state(&self, instance: u32) -> State {
        self.states[instance as usize]
    }

    fn can_reuse_instance(&self, instance: u32, thread_count: usize) -> bool {
        let module = self.plan.instances[instance as usize].module;
        self.modules[module as usize].entries.len() == thread_count
    }

    fn can_reuse_port(&self, _: u32) -> bool {
        true
    }

    fn is_free(&self, instance: u32, port: u32) -> bool {
        let is_it = |end: &PlanEnd| match end {
            PlanEnd::Instance { instance: own, port: index, .. } => {
                (*own, *index) == (instance, port)
            }
            PlanEnd::BuiltIn(_) => false,
        };
        let mut ports = self.plan.ports.iter();
        let is_wired = ports.any(|own| is_it(&own.producer) || is_it(&own.consumer));
        !self.taken_away.contains(&(instance, port))
            && (!is_wired || self.free.contains(&(instance, port)))
    }

    fn taken(&self, ring: u32) -> Usage {
        let is_in = |instance: u32| {
            let own = &self.plan.instances[instance as usize];
            !own.is_forgotten() && self.plan.is_within(own.ring, ring)
        };
        let payers = self.plan.ports.iter().filter_map(|port| port.payer());
        let all = (0..).zip(&self.plan.instances).filter(|(instance, _)| is_in(*instance));
        let threads = all.map(|(_, own)| self.modules[own.module as usize].entries.len());
        Usage {
            memory_bytes: self.memory.get(&ring).copied().unwrap_or(0),
            port_count: u32::try_from(payers.filter(|payer| is_in(*payer)).count())
                .expect("it is small"),
            thread_count: u32::try_from(threads.sum::<usize>()).expect("it is small"),
        }
    }

    fn given(&self, instance: u32) -> &[(String, String)] {
        self.given.get(&instance).map_or(&[], Vec::as_slice)
    }
}

/// A field's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    N(u64),
    T(&'a str),
}

pub(crate) use Value::{N, T};

/// A request's message; `text` brings its length.
pub(crate) fn message(operation: u32, fields: &[(&str, Value<'_>)]) -> [u8; 512] {
    let mut bytes = [0; 512];
    put(&mut bytes, "correlation", &7_u64.to_le_bytes());
    put(&mut bytes, "operation", &operation.to_le_bytes());
    for (name, value) in fields {
        match value {
            N(number) => put(&mut bytes, name, &number.to_le_bytes()),
            T(text) => {
                put(&mut bytes, name, text.as_bytes());
                if *name == "text" {
                    let length = u32::try_from(text.len()).expect("it is small");
                    put(&mut bytes, "text_length", &length.to_le_bytes());
                }
            }
        }
    }
    bytes
}

/// Puts a value at a field, as much of it as the field has room for.
pub(crate) fn put(bytes: &mut [u8; 512], name: &str, value: &[u8]) {
    let field = ControlRequest::LAYOUT.fields.iter().find(|field| field.name == name);
    let field = field.unwrap_or_else(|| panic!("there is no field `{name}`"));
    let count = value.len().min(field.size_bytes);
    assert!(value[count..].iter().all(|byte| *byte == 0), "`{name}` is too small");
    bytes[field.offset_bytes..field.offset_bytes + count].copy_from_slice(&value[..count]);
}

/// Wires from one element to another.
pub(crate) fn wire<'a>(
    from: (u64, &'a str, u64),
    to: (u64, &'a str, u64),
) -> Vec<(&'static str, Value<'a>)> {
    let ends = [("from", N(from.0)), ("from_port", T(from.1)), ("from_element", N(from.2))];
    let to = [("to", N(to.0)), ("to_port", T(to.1)), ("to_element", N(to.2))];
    ends.into_iter().chain(to).collect()
}

/// Mounts an instance.
pub(crate) fn mount(sim: &mut Sim, ring: &str, module: &str, name: &str) -> u64 {
    let ring = sim.ring_id(ring);
    sim.run(abi::CONTROL_MOUNT, &[("ring", N(ring)), ("module", T(module)), ("name", T(name))]);
    sim.instance_id(name)
}
