//! Starting what is mounted: is all wired and given that must be? (`CTL-7`)

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use oro_image::Port;
use oro_sysabi::CONTROL_STATE;

use super::action::Action;
use super::reply::Refusal;
use super::request::Target;
use super::scope::Scope;
use super::world::{State, World};
use crate::rules::{ParamsByPort, is_params_port, list_names, make_params_ports};
use crate::{BuiltIn, PlanEnd, RestartOn};

/// What is wired, by instance and port.
struct Wired {
    ports: BTreeSet<(u32, u32)>,
    /// Instances that are wired to `ring.requests`, and to `ring.replies`.
    control: [BTreeSet<u32>; 2],
}

impl Wired {
    fn has(&self, instance: u32, port: &Port) -> bool {
        let end = port.index.saturating_add(port.max.max(1));
        self.ports.range((instance, port.index)..(instance, end)).next().is_some()
    }
}

impl<W: World> Scope<'_, W> {
    pub(super) fn start(&self, target: Target) -> Result<Action, Refusal> {
        let instances = match target {
            Target::Instance(id) => {
                let instance = self.find_instance(id)?;
                let state = self.world.state(instance);
                if state != State::Mounted {
                    return Err(self.refuse_state(instance, state, "START is for what is mounted"));
                }
                Vec::from([instance])
            }
            Target::Ring(id) => {
                let all = self.list_instances(self.find_descendant(id)?);
                all.filter(|instance| self.world.state(*instance) == State::Mounted).collect()
            }
        };
        if instances.is_empty() {
            return Err(Refusal::new(CONTROL_STATE, "nothing in the Ring waits for its start"));
        }
        let wired = self.list_wired();
        let (mut ports, mut lacks) = (Vec::new(), Vec::new());
        for instance in &instances {
            let params = self.fill_params(*instance);
            match self.list_lacks(*instance, &wired, params.as_ref().err()) {
                None => {
                    let interface = self.interface(*instance);
                    let on = self.planned(*instance).map_or(RestartOn::Never, |own| own.restart.on);
                    let is_wired = |port: &Port| wired.has(*instance, port);
                    let params = params.unwrap_or_default();
                    let may_restart = on != RestartOn::Never;
                    ports.extend(make_params_ports(
                        *instance,
                        interface,
                        params,
                        may_restart,
                        is_wired,
                    ));
                }
                Some(text) => lacks.push(text),
            }
        }
        if !lacks.is_empty() {
            let text = format!("not all is there that must be: {} (CTL-7)", lacks.join("; "));
            return Err(Refusal::new(CONTROL_STATE, text));
        }
        self.check_room(&ports, &[])?;
        Ok(Action::Start { instances, ports })
    }

    fn list_wired(&self) -> Wired {
        let mut wired = Wired { ports: BTreeSet::new(), control: Default::default() };
        for own in self.plan.ports.iter().filter(|port| !port.is_forgotten()) {
            for (end, peer) in [(&own.producer, &own.consumer), (&own.consumer, &own.producer)] {
                let PlanEnd::Instance { instance, port, .. } = end else { continue };
                wired.ports.insert((*instance, *port));
                match peer {
                    PlanEnd::BuiltIn(BuiltIn::RingRequests) => wired.control[0].insert(*instance),
                    PlanEnd::BuiltIn(BuiltIn::RingReplies) => wired.control[1].insert(*instance),
                    PlanEnd::BuiltIn(_) | PlanEnd::Instance { .. } => continue,
                };
            }
        }
        wired
    }

    /// Parameters as they were given, and the defaults of all others; or the names of those that have
    /// neither.
    fn fill_params(&self, instance: u32) -> Result<ParamsByPort, Vec<&str>> {
        let given: BTreeMap<_, _> =
            self.world.given(instance).iter().map(|(name, value)| (name.as_str(), value)).collect();
        let (mut filled, mut missing) = (ParamsByPort::new(), Vec::new());
        for declared in &self.interface(instance).params {
            let value = given.get(declared.name.as_str()).copied().or(declared.default.as_ref());
            match value {
                Some(value) => {
                    let param = (declared.name.clone(), value.clone());
                    filled.entry(declared.port).or_default().push(param);
                }
                None => missing.push(declared.name.as_str()),
            }
        }
        if missing.is_empty() { Ok(filled) } else { Err(missing) }
    }

    /// What an instance lacks, in words.
    fn list_lacks(
        &self,
        instance: u32,
        wired: &Wired,
        missing: Option<&Vec<&str>>,
    ) -> Option<String> {
        let mut lacks = Vec::new();
        let ports = self.interface(instance).ports.iter();
        let ports = ports.filter(|port| {
            !port.is_optional && !is_params_port(port) && !wired.has(instance, port)
        });
        let ports: Vec<_> = ports.map(|port| port.name.as_str()).collect();
        if !ports.is_empty() {
            lacks.push(format!("wires of {}", list_names(ports)));
        }
        if let Some(missing) = missing {
            lacks.push(format!("params {}", list_names(missing.iter().copied())));
        }
        let [requests, replies] = [0, 1].map(|side: usize| wired.control[side].contains(&instance));
        if requests != replies {
            let other = if requests { "ring.replies" } else { "ring.requests" };
            lacks.push(format!("a wire of `{other}` (CTL-1)"));
        }
        let name = self.name(instance);
        (!lacks.is_empty()).then(|| format!("`{name}` lacks {}", lacks.join(", ")))
    }
}
