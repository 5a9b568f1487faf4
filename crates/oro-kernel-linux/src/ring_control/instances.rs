//! Instances that Ring control makes, starts, replaces and forgets (`CTL-5` to `CTL-7`, `CTL-9`, `CTL-10`).

use std::borrow::Cow;

use oro_kernel::{EndpointId, Event, InstanceId, PortId, Side};
use oro_sysabi as abi;
use oro_system::control::{Asker, Refusal, State, World as Known};
use oro_system::{Plan, PlanEnd, PlanPort};

use super::seen::Seen;
use super::{broken, image_id, over_quota};
use crate::StartError;
use crate::diagnose::FaultDetail;
use crate::metadata;
use crate::restart::Restarts;
use crate::supervisor::{Supervisor, thread_id};
use crate::userfault::PageFault;
use crate::world::{Place, as_u32, describe_instance, put};

impl Supervisor<'_> {
    /// Takes an image from its holder's memory (`CTL-5`).
    pub(super) fn load(
        &mut self,
        asker: Asker,
        address: u64,
        size_bytes: u64,
    ) -> Result<u64, Refusal> {
        let Asker::Holder(holder) = asker else {
            unreachable!("decided: an operator has no memory")
        };
        let memory = &self.world.instances[holder as usize];
        let bytes = memory.read(address, size_bytes);
        let bytes = bytes.map_err(|error| broken(&StartError::system("pread", error)))?;
        let bytes = bytes.ok_or_else(|| {
            let text = format!(
                "{size_bytes} bytes at {address:#x} are not all in memory of yours: an image, a heap or \
                 a stack"
            );
            Refusal::new(abi::CONTROL_IMAGE, text)
        })?;
        // It is kept for as long as its holder is there, so it is paid for before it is looked at (CTL-13).
        let mut charges = self.world.charges.clone();
        charges.add_image(holder as usize, size_bytes);
        charges.check(&self.plan).map_err(|error| over_quota(&error))?;
        let id = self.add_image(asker, &bytes)?;
        self.world.charges = charges;
        Ok(id)
    }

    /// Keeps an image, if it is one; its id.
    pub(super) fn add_image(&mut self, asker: Asker, bytes: &[u8]) -> Result<u64, Refusal> {
        let refuse = |text: String| Refusal::new(abi::CONTROL_IMAGE, text);
        let image = oro_image::Image::parse(bytes).map_err(|error| refuse(error.to_string()))?;
        if image.machine != oro_image::Machine::X86_64 {
            return Err(refuse(format!("it is for {}, this is x86_64", image.machine.name())));
        }
        let mut plan = self.plan.clone().into_owned();
        let own = self.holders.images.iter().filter(|(owner, _)| *owner == asker);
        let mut known: Vec<u32> = match asker {
            Asker::Holder(holder) => plan.instances[holder as usize].modules.clone(),
            Asker::Operator => (0..as_u32(plan.modules.len())).collect(),
        };
        known.extend(own.map(|(_, module)| *module));
        let name = plan.free_module_name(&image.interface.name, &known);
        let module = plan.add_module(name);
        self.images.put(module, image);
        self.adopt(plan);
        let images = &mut self.holders.images;
        images.push((asker, module));
        // Counted for this holder alone: what others load is not to be seen (CTL-13).
        let count = images.iter().filter(|(owner, _)| *owner == asker).count();
        Ok(image_id(count - 1))
    }

    /// Makes a new instance of the plan.
    pub(super) fn mount(&mut self, plan: Plan, index: usize) -> Result<InstanceId, Refusal> {
        let mut charges = self.world.charges.clone();
        charges.add_instance(&plan, &self.images, index);
        charges.check(&plan).map_err(|error| over_quota(&error))?;
        let instance =
            self.world.mount(&plan, &self.images, index).map_err(|error| broken(&error))?;
        self.world.charges = charges;
        let threads: Vec<usize> = self.world.list_threads(instance).collect();
        for thread in &threads {
            let written =
                metadata::write_thread(&self.world, &plan, &self.images, &self.facts, *thread);
            if let Err(error) = written {
                self.fail(StartError::system("getrandom", error));
            }
            put(&mut self.processes, *thread, None);
            put(&mut self.last_fault, *thread, PageFault::default());
            put(&mut self.details, *thread, FaultDetail::default());
        }
        put(&mut self.outcomes, index, None);
        put(&mut self.restarts, index, Restarts::default());
        self.accounts.add(index);
        let restart = describe_instance(&plan.instances[index]).restart;
        let managed = |index: &usize| self.world.threads[*index].is_managed;
        let threads = threads.iter().map(managed).collect();
        self.adopt(plan);
        self.step(Event::MountInstance { instance, restart, threads });
        Ok(instance)
    }

    pub(super) fn start_all(
        &mut self,
        instances: &[u32],
        ports: &[PlanPort],
    ) -> Result<(), Refusal> {
        for port in ports {
            self.wire(port, &[])?;
        }
        let mut sealed: Vec<usize> = Vec::new();
        for instance in instances {
            for index in self.world.list_threads(InstanceId(*instance)) {
                match self.seal_thread(index) {
                    Ok(()) => sealed.push(index),
                    Err(error) => {
                        for index in sealed {
                            self.take_down(thread_id(index));
                        }
                        return Err(broken(&error));
                    }
                }
            }
        }
        for instance in instances {
            if let Some(given) = self.holders.given.get_mut(*instance as usize) {
                given.clear();
            }
            self.step(Event::StartInstance { instance: InstanceId(*instance) });
        }
        Ok(())
    }

    /// A process for a thread of an instance that is mounted.
    pub(super) fn seal_thread(&mut self, index: usize) -> Result<(), StartError> {
        if !self.world.threads[index].is_sealed {
            self.world.reserve(&self.plan, &self.images, thread_id(index))?;
        }
        let instance = self.world.threads[index].instance;
        let name = self.plan.path(instance.0 as usize);
        let mut sealer = self.sealer();
        let process = sealer.seal(&self.world.threads[index], &name)?;
        self.world.threads[index].is_sealed = true;
        self.processes[index] = Some(process);
        self.watch_process(index).map_err(|error| StartError::system("epoll_ctl", error))
    }

    pub(super) fn end_all(&mut self, instances: &[u32]) {
        "Ring control ended it".clone_into(&mut self.kill_reason);
        for instance in instances {
            self.step(Event::KillInstance { instance: InstanceId(*instance) });
        }
    }

    pub(super) fn restart_now(&mut self, instance: InstanceId) -> Result<(), Refusal> {
        if !self.kernel.can_restart(instance) {
            return Err(Refusal::new(
                abi::CONTROL_STATE,
                "a thread of it has ended by itself: what that closed cannot be opened again",
            ));
        }
        "it was to be replaced".clone_into(&mut self.kill_reason);
        self.step(Event::RestartInstance { instance });
        // Before it is answered, and on the holder's account (CTL-13).
        self.replace_instance(instance);
        Ok(())
    }

    /// Another image takes an instance's place (`CTL-9`).
    pub(super) fn replace(
        &mut self,
        plan: Plan,
        instance: u32,
        module: u32,
    ) -> Result<(), Refusal> {
        if !self.kernel.can_restart(InstanceId(instance)) {
            return self.restart_now(InstanceId(instance));
        }
        let mut charges = self.world.charges.clone();
        charges.replace_image(&self.plan, &plan, &self.images, instance as usize);
        charges.check(&plan).map_err(|error| over_quota(&error))?;
        let image = &self.images[module as usize];
        let old = self
            .world
            .replace_image(instance, &plan.instances[instance as usize], image)
            .map_err(|error| broken(&error))?;
        self.world.charges = charges;
        self.world.tables.publish_module(instance, &plan.modules[module as usize]);
        self.adopt(plan);
        self.forget_modules();
        self.restart_now(InstanceId(instance))?;
        // Nothing runs any more that could have it mapped.
        let result = old.punch_hole(0, old.size_bytes());
        self.check("fallocate(PUNCH_HOLE)", result);
        Ok(())
    }

    /// Takes what the plan calls forgotten, and the plan of now does not, out of the tables, and gives its
    /// memory back (`CTL-10`).
    pub(super) fn forget(&mut self, plan: Plan) {
        let old = std::mem::replace(&mut self.plan, Cow::Owned(plan));
        let (mut gone, mut forgotten) = (Vec::new(), Vec::new());
        for (index, port) in self.plan.ports.iter().enumerate() {
            let is_shown = |end: &PlanEnd| match end {
                PlanEnd::Instance { instance, .. } => {
                    !self.plan.instances[*instance as usize].is_forgotten()
                }
                PlanEnd::BuiltIn(_) => false,
            };
            let is_gone = !is_shown(&port.producer) && !is_shown(&port.consumer);
            if is_gone && !old.ports[index].is_forgotten() {
                self.world.tables.forget_port(&old, as_u32(index));
                gone.push(PortId(as_u32(index)));
            }
        }
        for (index, instance) in self.plan.instances.iter().enumerate() {
            if instance.is_forgotten() && !old.instances[index].is_forgotten() {
                self.world.tables.forget_instance(&old, as_u32(index));
                let result = self.world.release_instance(index);
                if let Err(error) = result {
                    self.error.get_or_insert(StartError::system("fallocate(PUNCH_HOLE)", error));
                }
                forgotten.push(InstanceId(as_u32(index)));
            }
        }
        for (index, ring) in self.plan.rings.iter().enumerate().rev() {
            if ring.is_forgotten() && !old.rings[index].is_forgotten() {
                self.world.tables.forget_ring(&old, as_u32(index + 1));
            }
        }
        for port in gone {
            self.release_port(port);
        }
        for instance in forgotten {
            self.forget_instance(instance);
        }
        self.forget_modules();
        self.forget_names();
    }

    /// What is remembered of an instance beside its memory.
    fn forget_instance(&mut self, instance: InstanceId) {
        let index = instance.0 as usize;
        self.outcomes[index] = None;
        self.restarts[index] = Restarts::default();
        self.to_replace.retain(|awaited| awaited.instance != instance);
        self.given_to(instance.0).clear();
        self.holders.images.retain(|(owner, _)| *owner != Asker::Holder(instance.0));
        self.step(Event::ForgetInstance { instance });
        // What it has asked for and nobody has served.
        let ends = self.built_ins.iter().enumerate();
        let own = ends.filter_map(|(place, end)| {
            end.as_ref().filter(|end| end.instance == index && end.is_requests()).map(|_| place)
        });
        for place in own.collect::<Vec<_>>() {
            self.postpone(place);
        }
    }

    /// Gives a Port's memory back, if nobody may still read it: an instance that is not forgotten, or the
    /// kernel.
    pub(super) fn release_port(&mut self, port: PortId) {
        let consumer = EndpointId { port, side: Side::Consumer };
        let is_over = self.kernel.port(port).state == oro_kernel::PortState::Ended
            && self.kernel.available(consumer) == 0;
        let place = self.world.ports[port.0 as usize].place(Side::Consumer);
        let is_gone = match place {
            Place::Thread(place) => {
                let instance = self.world.threads[place.thread.0 as usize].instance;
                self.plan.instances[instance.0 as usize].is_forgotten()
            }
            Place::Kernel(_) => false,
        };
        if !is_over && !is_gone {
            return;
        }
        let (seen, threads) = (Seen { supervisor: self }, &self.world.threads);
        let may_run: Vec<bool> = threads
            .iter()
            .map(|thread| match seen.state(thread.instance.0) {
                State::Mounted | State::Running | State::Restarting => true,
                State::Ended | State::Faulted | State::Forgotten => false,
            })
            .collect();
        let result = self.world.release_port(port, |thread| may_run[thread.0 as usize]);
        self.check("fallocate(PUNCH_HOLE)", result);
    }
}
