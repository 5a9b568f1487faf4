//! New instances, their parameters, and other modules for old ones (`CTL-6`, `CTL-9`).

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use oro_image::{Entry, Interface, Param};
use oro_sysabi::{
    CONTROL_BAD_REQUEST, CONTROL_DENIED, CONTROL_IMAGE, CONTROL_PORT, CONTROL_QUOTA,
    CONTROL_UNKNOWN,
};

use super::action::Action;
use super::reply::Refusal;
use super::request::ModuleName;
use super::room::Need;
use super::scope::{Scope, find};
use super::world::{Asker, State, Usage, World};
use crate::rules::{
    ParamFault, list_names, name_kind, nearest_names, read_param, shorten, show_size, stack_bytes,
};
use crate::{
    MAX_HEAP_BYTES, MAX_INSTANCES, MAX_PARAM_BYTES, PAGE_BYTES, PlanInstance, PlanRestart,
    check_restart,
};

impl<W: World> Scope<'_, W> {
    pub(super) fn mount(
        &self,
        ring: u64,
        module: &ModuleName,
        name: &str,
        (heap_bytes, memory_bytes): (u64, u64),
        restart: PlanRestart,
    ) -> Result<Action, Refusal> {
        let ring = self.find_descendant(ring)?;
        let module = self.find_module(module)?;
        self.check_name(ring, name, "an instance")?;
        if heap_bytes > MAX_HEAP_BYTES {
            let most = show_size(MAX_HEAP_BYTES);
            let text = format!("`heap_bytes` is {heap_bytes}: a heap has at most {most}");
            return Err(Refusal::new(CONTROL_QUOTA, text));
        }
        check_restart(&restart)
            .map_err(|rule| Refusal::new(CONTROL_BAD_REQUEST, format!("`restart`: {rule}")))?;
        let count = self.plan.instances.iter().filter(|own| !own.is_forgotten()).count();
        if u32::try_from(count).map_or(true, |count| count >= MAX_INSTANCES) {
            let text = format!("a system has at most {MAX_INSTANCES} instances: FORGET one");
            return Err(Refusal::new(CONTROL_QUOTA, text));
        }
        let interface = self.world.interface(module);
        let heap_bytes = heap_bytes.next_multiple_of(PAGE_BYTES);
        let least = heap_bytes.saturating_add(stack_bytes(interface));
        if memory_bytes != 0 && memory_bytes < least {
            let least = show_size(least);
            let text = format!(
                "`memory_bytes` is {memory_bytes}: heap and stacks of `{name}` alone have {least} (SYS-3)"
            );
            return Err(Refusal::new(CONTROL_QUOTA, text));
        }
        let mut need = Need::default();
        let thread_count = u32::try_from(interface.entries.len()).unwrap_or(u32::MAX);
        need.add(ring, Usage { memory_bytes: least, port_count: 0, thread_count });
        need.check(self)?;
        Ok(Action::Mount(PlanInstance {
            name: name.to_string(),
            ring,
            module,
            heap_bytes,
            memory_bytes,
            restart,
            modules: Vec::new(),
        }))
    }

    /// A module that the holder has loaded, or is granted. Of others nothing is said.
    fn find_module(&self, module: &ModuleName) -> Result<u32, Refusal> {
        match module {
            ModuleName::Image(id) => {
                let loaded = self.world.image(self.asker, *id);
                let loaded = loaded.filter(|module| find(&self.plan.modules, *module).is_some());
                loaded.ok_or_else(|| {
                    Refusal::new(CONTROL_UNKNOWN, format!("you have loaded no image {id:#x}"))
                })
            }
            ModuleName::Granted(name) => {
                // An operator may mount whatever the system has (CTL-14).
                let is_granted = |module: &u32| match self.asker {
                    Asker::Operator => true,
                    Asker::Holder(holder) => {
                        self.planned(holder).is_some_and(|own| own.modules.contains(module))
                    }
                };
                let granted = (0..).zip(&self.plan.modules);
                let granted = granted.filter(|(module, own)| is_granted(module) && !own.is_empty());
                let granted = granted.map(|(module, name)| (module, name.as_str()));
                let known = granted.clone().find(|(_, known)| known == name);
                if let Some((module, _)) = known {
                    return Ok(module);
                }
                let names = granted.map(|(_, name)| name);
                let help = match nearest_names(name, names.clone()).first() {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("you may mount {}", list_names(names)),
                };
                let what = match self.asker {
                    Asker::Operator => "the system has no",
                    Asker::Holder(_) => "you may not mount a",
                };
                let text = format!("{what} module `{}`: {help} (CTL-5)", shorten(name));
                Err(Refusal::new(CONTROL_DENIED, text))
            }
        }
    }

    pub(super) fn set_param(&self, id: u64, name: &str, value: &str) -> Result<Action, Refusal> {
        let instance = self.find_instance(id)?;
        let interface = self.interface(instance);
        let own = self.name(instance);
        let Some(declared) = interface.params.iter().find(|declared| declared.name == name) else {
            let names = || interface.params.iter().map(|declared| declared.name.as_str());
            let help = match nearest_names(name, names()).first() {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("it has {}", list_names(names())),
            };
            let text = format!("`{own}` has no parameter `{}`: {help} (SYS-6)", shorten(name));
            return Err(Refusal::new(CONTROL_PORT, text));
        };
        let value = read_param(declared, value).map_err(|fault| {
            let text = match fault {
                ParamFault::Kind => {
                    let kind = name_kind(declared.kind);
                    format!("`{name}` of `{own}` is {kind}, in decimal if a number (SYS-6)")
                }
                ParamFault::Long(bytes) => format!(
                    "`{name}` and its value have {bytes} bytes together: at most \
                     {MAX_PARAM_BYTES} (TYPE-11)"
                ),
            };
            Refusal::new(CONTROL_BAD_REQUEST, text)
        })?;
        match self.world.state(instance) {
            State::Mounted => Ok(Action::SetParam { instance, key: name.to_string(), value }),
            state => Err(self.refuse_state(instance, state, "parameters are given before START")),
        }
    }

    pub(super) fn replace(&self, id: u64, module: &ModuleName) -> Result<Action, Refusal> {
        let instance = self.find_instance(id)?;
        let module = self.find_module(module)?;
        self.check_restartable(instance)?;
        let (old, new) = (self.interface(instance), self.world.interface(module));
        if let Some(what) = find_difference(old, new) {
            let text = format!(
                "the image differs from that of `{}` in its {what}: REPLACE takes the same ones alone (CTL-9)",
                self.name(instance)
            );
            return Err(Refusal::new(CONTROL_IMAGE, text));
        }
        Ok(Action::Replace { instance, module })
    }

    /// What the module of an instance declares.
    pub(super) fn interface(&self, instance: u32) -> &Interface {
        self.world.interface(self.planned(instance).map_or(0, |own| own.module))
    }
}

/// In what two modules differ as their peers and their parameters see them.
fn find_difference(old: &Interface, new: &Interface) -> Option<&'static str> {
    // Addresses are the image's own affair.
    let entry = |entry: &Entry| Entry { address: 0, ..entry.clone() };
    let param = |param: &Param| (param.name.clone(), param.kind, param.port);
    if old.is_legacy != new.is_legacy
        || !old.entries.iter().map(entry).eq(new.entries.iter().map(entry))
    {
        Some("entry points")
    } else if old.ports != new.ports {
        Some("ports")
    } else if !old.params.iter().map(param).eq(new.params.iter().map(param)) {
        // Those that the first one was started with come again (TYPE-11).
        Some("parameters")
    } else {
        None
    }
}
