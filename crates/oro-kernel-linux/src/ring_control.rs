//! Ring control (`CTL-*`): requests are taken from holders' Ports, decided on by `oro-system`, carried out
//! here, and answered.
//!
//! A request is carried out whole or not at all: what can fail comes before what others see. The plan of
//! the system says at each moment what there is; world, core and tables follow it.

use std::borrow::Cow;

use oro_kernel::{BindingSetup, EndpointId, Event, InstanceId, PortId, Side, ThreadId};
use oro_sysabi as abi;
use oro_system::control::{
    Action, Answer, Description, Refusal, Reply, Request, State, Usage, World as Known, decide,
};
use oro_system::{BuiltIn, Plan, PlanEnd, PlanPort};

use crate::built_in::BuiltInEnd;
use crate::diagnose::FaultDetail;
use crate::metadata;
use crate::restart::Restarts;
use crate::supervisor::{Supervisor, thread_id};
use crate::tables::Kind;
use crate::userfault::PageFault;
use crate::world::{Place, describe_instance, describe_port};
use crate::{StartError, seal};

/// What is remembered of holders.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// Images that holders have loaded: whose, and which module of the plan.
    images: Vec<(u32, u32)>,
    /// By instance: parameters that it has been given and that it has not started with.
    given: Vec<Vec<(String, String)>>,
}

/// What came of serving a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// A request, and its answer.
    Request,
    /// There is no room for an answer.
    NoRoom,
}

impl Supervisor<'_> {
    /// Serves the next request of the holder at this end, which has one.
    pub(crate) fn serve_request(&mut self, requests: EndpointId) -> Served {
        let holder = self.find_holder(requests);
        let Some(replies) = self.find_replies(holder) else { return Served::NoRoom };
        self.look_for_change(replies.peer());
        if self.kernel.peer_state(replies).0 == oro_kernel::PeerState::Wired
            && self.kernel.available(replies) == 0
        {
            self.step(Event::KernelWaits { end: replies });
            return Served::NoRoom;
        }
        let port = &self.world.ports[requests.port.0 as usize];
        let mut message = [0; size_of::<abi::ControlRequest>()];
        // Read once, into a copy (CTL-2).
        port.queue.read(port.slot_offset(self.kernel.cursor(requests)), &mut message);
        let (correlation, operation) = Request::header(&message);
        let answer = self.answer(holder, &message).unwrap_or_else(Answer::Refused);
        let reply = Reply { correlation, operation, answer }.encode();
        // It may have ended itself, or this Port, meanwhile.
        if self.kernel.peer_state(replies).0 == oro_kernel::PeerState::Wired {
            let port = &self.world.ports[replies.port.0 as usize];
            port.queue.write(port.slot_offset(self.kernel.cursor(replies)), &reply);
            self.step(Event::KernelCommitted { end: replies, count: 1 });
        }
        self.step(Event::KernelReleased { end: requests, count: 1 });
        Served::Request
    }

    /// The built-in end at which a holder's requests arrive whose answers have found room.
    pub(crate) fn find_requests(&self, replies: EndpointId) -> Option<usize> {
        let holder = self.find_holder(replies);
        self.built_ins
            .iter()
            .position(|built_in| built_in.is_requests() && self.find_holder(built_in.end) == holder)
    }

    /// The instance at the other end of a built-in one's Port.
    fn find_holder(&self, end: EndpointId) -> u32 {
        let port = &self.plan.ports[end.port.0 as usize];
        match (end.side, &port.producer, &port.consumer) {
            (Side::Consumer, PlanEnd::Instance { instance, .. }, _)
            | (Side::Producer, _, PlanEnd::Instance { instance, .. }) => *instance,
            _ => u32::MAX,
        }
    }

    fn find_replies(&self, holder: u32) -> Option<EndpointId> {
        let is_replies = |port: &PlanPort| match (&port.producer, &port.consumer) {
            (PlanEnd::BuiltIn(BuiltIn::RingReplies), PlanEnd::Instance { instance, .. }) => {
                *instance == holder
            }
            _ => false,
        };
        let port = self.plan.ports.iter().position(is_replies)?;
        Some(EndpointId { port: PortId(as_u32(port)), side: Side::Producer })
    }

    fn answer(&mut self, holder: u32, message: &[u8; 512]) -> Result<Answer, Refusal> {
        let request = Request::decode(message)?;
        let action = decide(&self.plan, &Seen { supervisor: self }, holder, &request)?;
        self.carry_out_action(holder, &action)
    }

    fn carry_out_action(&mut self, holder: u32, action: &Action) -> Result<Answer, Refusal> {
        let reader = self.plan.instances[holder as usize].ring;
        let mut plan = self.plan.clone().into_owned();
        action.apply(&mut plan);
        let mut id = 0;
        match action {
            Action::CreateRing(ring) => {
                self.check_room(ring.parent, Kind::Children)?;
                let number = as_u32(plan.rings.len());
                self.world.tables.add_ring(&plan, number).map_err(|error| broken(&error))?;
                self.adopt(plan);
                id = self.world.tables.ring_id(reader, number);
            }
            Action::Grant { ring, grant } => {
                self.check_room(*ring, Kind::Instances)?;
                self.world.tables.add_grant(&plan, *ring, grant);
                self.adopt(plan);
                if let Some(instance) = grant.instance {
                    let view = self.kernel.instance(InstanceId(instance));
                    self.world.tables.publish_instance(instance, &view);
                }
            }
            Action::Load { address, size_bytes } => {
                id = self.load(plan, holder, *address, *size_bytes)?;
            }
            Action::Mount(planned) => {
                self.check_room(planned.ring, Kind::Instances)?;
                let instance = self.mount(plan)?;
                id = self.world.tables.instance_id(reader, instance.0);
            }
            Action::SetParam { instance, key, value } => {
                let given = self.given_to(*instance);
                given.retain(|(known, _)| known != key);
                given.push((key.clone(), value.clone()));
            }
            Action::Wire { port, over } => {
                let mut before = self.plan.clone().into_owned();
                before.ports.push(port.clone());
                let port = self.wire(before, over)?;
                id = self.world.tables.port_id(reader, port.0);
            }
            Action::Start { instances, ports } => self.start_all(instances, ports)?,
            Action::End(instances) => {
                "Ring control ended it".clone_into(&mut self.kill_reason);
                for instance in instances {
                    self.step(Event::KillInstance { instance: InstanceId(*instance) });
                }
            }
            Action::Restart(instance) => self.restart_now(InstanceId(*instance))?,
            Action::Replace { instance, module } => self.replace(plan, *instance, *module)?,
            Action::ForgetInstance(_) | Action::ForgetRing(_) => self.forget(plan),
            Action::Force(port) => self.force_synchronous(PortId(*port)),
            Action::Allow(port) => self.allow_asynchronous(PortId(*port)),
            Action::Revoke(_) | Action::Transfer { .. } => {
                return Err(Refusal::new(
                    abi::CONTROL_UNSUPPORTED,
                    "this kernel does not revoke or transfer yet",
                ));
            }
            Action::Describe(ring) => return Ok(Answer::Described(self.describe_ring(*ring))),
        }
        self.tell_generations();
        Ok(Answer::Done { id })
    }

    /// What there is from now on.
    fn adopt(&mut self, plan: Plan) {
        self.plan = Cow::Owned(plan);
        self.forget_names();
    }

    fn check_room(&self, ring: u32, kind: Kind) -> Result<(), Refusal> {
        if self.world.tables.has_room(&self.plan, ring, kind) {
            return Ok(());
        }
        let (what, others) = match kind {
            Kind::Children => ("another Ring", "Rings"),
            Kind::Instances => ("another instance", "instances and grants"),
            Kind::Ports => ("another Port", "Ports"),
        };
        Err(Refusal::new(
            abi::CONTROL_QUOTA,
            format!(
                "the tables have no row for {what} there: forget {others} that have ended, or use \
                 another Ring"
            ),
        ))
    }

    /// Takes an image from its holder's memory (`CTL-5`).
    fn load(
        &mut self,
        mut plan: Plan,
        holder: u32,
        address: u64,
        size_bytes: u64,
    ) -> Result<u64, Refusal> {
        let refuse = |text: String| Refusal::new(abi::CONTROL_IMAGE, text);
        let memory = &self.world.instances[holder as usize];
        let bytes = memory.read(address, size_bytes).ok_or_else(|| {
            refuse(format!(
                "{size_bytes} bytes at {address:#x} are not all in memory of yours: an image, a heap or \
                 a stack"
            ))
        })?;
        // It is kept for as long as the system runs, so it is paid for before it is looked at (CTL-13).
        let mut charges = self.world.charges.clone();
        charges.add_image(holder as usize, size_bytes);
        charges.check(&plan).map_err(|error| over_quota(&error))?;
        let image = oro_image::Image::parse(&bytes).map_err(|error| refuse(error.to_string()))?;
        if image.machine != oro_image::Machine::X86_64 {
            return Err(refuse(format!("it is for {}, this is x86_64", image.machine.name())));
        }
        let own = self.holders.images.iter().filter(|(owner, _)| *owner == holder);
        let mut known = plan.instances[holder as usize].modules.clone();
        known.extend(own.map(|(_, module)| *module));
        let name = plan.free_module_name(&image.interface.name, &known);
        let module = as_u32(plan.modules.len());
        plan.modules.push(name);
        self.world.charges = charges;
        self.images.push(Cow::Owned(image));
        self.adopt(plan);
        let images = &mut self.holders.images;
        images.push((holder, module));
        // Counted for this holder alone: what others load is not to be seen (CTL-13).
        let count = images.iter().filter(|(owner, _)| *owner == holder).count();
        Ok(image_id(count - 1))
    }

    /// Makes the plan's last instance.
    fn mount(&mut self, plan: Plan) -> Result<InstanceId, Refusal> {
        let index = plan.instances.len() - 1;
        let mut charges = self.world.charges.clone();
        charges.add_instance(&plan, &self.images, index);
        charges.check(&plan).map_err(|error| over_quota(&error))?;
        let instance = self.world.mount(&plan, &self.images).map_err(|error| broken(&error))?;
        self.world.charges = charges;
        let threads: Vec<usize> = self.world.list_threads(instance).collect();
        for thread in &threads {
            let written =
                metadata::write_thread(&self.world, &plan, &self.images, &self.facts, *thread);
            if let Err(error) = written {
                self.fail(StartError::system("getrandom", error));
            }
            self.processes.push(None);
            self.last_fault.push(PageFault::default());
            self.details.push(FaultDetail::default());
        }
        self.outcomes.push(None);
        self.restarts.push(Restarts::default());
        self.accounts.add();
        let restart = describe_instance(&plan.instances[index]).restart;
        let managed = |index: &usize| self.world.threads[*index].is_managed;
        let threads = threads.iter().map(managed).collect();
        self.adopt(plan);
        self.step(Event::MountInstance { restart, threads });
        Ok(instance)
    }

    /// Makes the plan's last Port, whose elements those of `over` have had.
    fn wire(&mut self, mut plan: Plan, over: &[u32]) -> Result<PortId, Refusal> {
        let planned = plan.ports[plan.ports.len() - 1].clone();
        let number = PortId(as_u32(plan.ports.len() - 1));
        for end in list_ends(number) {
            if let Some(ring) = self.ring_of(&planned, end.side) {
                self.check_room(ring, Kind::Ports)?;
            }
            self.check_place(&planned, end.side)?;
        }
        let mut charges = self.world.charges.clone();
        for old in over {
            charges.remove_port(&plan, &self.images, &plan.ports[*old as usize]);
        }
        charges.add_port(&plan, &self.images, &planned);
        charges.check(&plan).map_err(|error| over_quota(&error))?;
        let built_in = self.open_end(&plan, number)?;
        let is_late = self.world.is_late(&planned);
        // What is taken from the threads that have it is nobody's any more.
        let mut bindings = [BindingSetup::default(); 2];
        for end in list_ends(number) {
            if let Some((thread, index)) = self.thread_of(&planned, end.side) {
                let epoch = self.drop_old_end(thread, index, over);
                bindings[end.side as usize] = BindingSetup { index, epoch };
            }
        }
        for old in over {
            self.world.tables.forget_port(&self.plan, *old);
            self.release_port(PortId(*old));
            plan.ports[*old as usize].forget();
        }
        let port = match self.world.wire(&plan, &self.images) {
            Ok(port) => port,
            Err(error) => {
                // The element is free, and what it had is gone.
                plan.ports.pop();
                self.adopt(plan);
                return Err(broken(&error));
            }
        };
        self.world.charges = charges;
        self.opened_queues.push([false; 2]);
        self.adopt(plan);
        self.show_ends(port);
        let port_setup = describe_port(&planned, &self.world.ports[port.0 as usize], is_late);
        self.step(Event::WirePort { port: port_setup, bindings });
        if let Some(built_in) = built_in {
            self.add_built_in(built_in);
        }
        Ok(port)
    }

    /// Takes the end that an element has had from its thread. The epoch of the next one.
    fn drop_old_end(&mut self, thread: ThreadId, binding: u32, over: &[u32]) -> u32 {
        let Some(old) = self.world.threads[thread.0 as usize].find_end(binding) else { return 0 };
        if !over.contains(&old.port.0) {
            return 0;
        }
        let epoch = self.kernel.peer_state(old).1;
        self.step(Event::DropEnd { end: old });
        epoch + 1
    }

    /// A Port's bindings, and in threads that run what they can touch.
    fn show_ends(&mut self, port: PortId) {
        for side in [Side::Producer, Side::Consumer] {
            let end = EndpointId { port, side };
            let Some(place) = self.world.thread_place(end) else { continue };
            let thread = place.thread;
            let memory = &self.world.threads[thread.0 as usize];
            // Wired is said last, by the core.
            metadata::write_binding(&self.world, &self.plan, end, place, memory.is_sealed);
            if let Some(process) = &self.processes[thread.0 as usize] {
                let result = seal::show_end(&process.faults, place, side);
                self.check("UFFDIO_CONTINUE", result);
            }
        }
    }

    /// Whether an end can be had by a thread whose process exists.
    fn check_place(&self, planned: &PlanPort, side: Side) -> Result<(), Refusal> {
        let Some((thread, binding)) = self.thread_of(planned, side) else { return Ok(()) };
        if !self.kernel.can_wire(thread) {
            let name = self.thread_name(thread);
            return Err(Refusal::new(
                abi::CONTROL_STATE,
                format!("thread `{name}` has ended: it can have no Port any more"),
            ));
        }
        let memory = &self.world.threads[thread.0 as usize];
        if !memory.is_sealed || self.world.has_place(thread, binding, planned.slot_size_bytes) {
            return Ok(());
        }
        Err(Refusal::new(
            abi::CONTROL_TYPE,
            format!(
                "its thread runs, and its element has no room for slots of {} bytes: use those of the \
                 port's note (CTL-8)",
                planned.slot_size_bytes
            ),
        ))
    }

    /// Thread and binding of a planned end, if it is an instance's.
    fn thread_of(&self, planned: &PlanPort, side: Side) -> Option<(ThreadId, u32)> {
        match planned_end(planned, side) {
            &PlanEnd::Instance { instance, port, entry, .. } => {
                let first = self.world.instances[instance as usize].first_thread;
                Some((ThreadId(first + entry), port))
            }
            PlanEnd::BuiltIn(_) => None,
        }
    }

    fn ring_of(&self, planned: &PlanPort, side: Side) -> Option<u32> {
        match planned_end(planned, side) {
            PlanEnd::Instance { instance, .. } => {
                Some(self.plan.instances[*instance as usize].ring)
            }
            PlanEnd::BuiltIn(_) => None,
        }
    }

    /// Opens the end of a Port that is the kernel's own, if one is.
    fn open_end(&self, plan: &Plan, port: PortId) -> Result<Option<BuiltInEnd>, Refusal> {
        let planned = &plan.ports[port.0 as usize];
        for end in list_ends(port) {
            if let PlanEnd::BuiltIn(built_in) = planned_end(planned, end.side) {
                let opened =
                    crate::work::open_built_in(plan, end, built_in, self.options, self.start);
                return match opened {
                    Ok(opened) => Ok(Some(opened)),
                    Err(error) if error.is_bad_input() => {
                        Err(Refusal::new(abi::CONTROL_PORT, error.to_string()))
                    }
                    Err(error) => Err(broken(&error)),
                };
            }
        }
        Ok(None)
    }

    fn start_all(&mut self, instances: &[u32], ports: &[PlanPort]) -> Result<(), Refusal> {
        for port in ports {
            let mut plan = self.plan.clone().into_owned();
            plan.ports.push(port.clone());
            self.wire(plan, &[])?;
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
    fn seal_thread(&mut self, index: usize) -> Result<(), StartError> {
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

    fn restart_now(&mut self, instance: InstanceId) -> Result<(), Refusal> {
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
    fn replace(&mut self, plan: Plan, instance: u32, module: u32) -> Result<(), Refusal> {
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
        self.restart_now(InstanceId(instance))?;
        // Nothing runs any more that could have it mapped.
        let result = old.punch_hole(0, old.size_bytes());
        self.check("fallocate(PUNCH_HOLE)", result);
        Ok(())
    }

    /// Takes what the plan calls forgotten, and the plan of now does not, out of the tables, and gives its
    /// memory back (`CTL-10`).
    fn forget(&mut self, plan: Plan) {
        let old = std::mem::replace(&mut self.plan, Cow::Owned(plan));
        let mut gone = Vec::new();
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
            }
        }
        for (index, ring) in self.plan.rings.iter().enumerate().rev() {
            if ring.is_forgotten() && !old.rings[index].is_forgotten() {
                self.world.tables.forget_ring(&old, as_u32(index + 1));
            }
        }
        self.outcomes
            .iter_mut()
            .zip(&self.plan.instances)
            .filter(|(_, instance)| instance.is_forgotten())
            .for_each(|(outcome, _)| *outcome = None);
        for port in gone {
            self.release_port(port);
        }
        self.forget_names();
    }

    /// Gives a Port's memory back, if nobody may still read it: an instance that is not forgotten, or the
    /// kernel.
    fn release_port(&mut self, port: PortId) {
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

    fn describe_ring(&self, ring: u32) -> Description {
        let taken = Seen { supervisor: self }.taken(ring);
        let most = (ring as usize).checked_sub(1).map(|index| &self.plan.rings[index]);
        let most = most.map_or_else(Usage::default, |ring| Usage {
            memory_bytes: ring.memory_bytes,
            port_count: ring.port_count,
            thread_count: ring.thread_count,
        });
        Description { taken, most }
    }

    /// Tells the core of tables that have changed (`META-7`): who waits for that goes on.
    fn tell_generations(&mut self) {
        for index in 0..self.plan.instances.len() {
            if self.plan.instances[index].is_forgotten() {
                continue;
            }
            let instance = InstanceId(as_u32(index));
            let generation = self.world.tables.generation(self.plan.instances[index].ring);
            if self.kernel.instance(instance).ring_generation != generation {
                self.step(Event::RingChanged { instance, generation });
            }
        }
    }

    fn given_to(&mut self, instance: u32) -> &mut Vec<(String, String)> {
        let given = &mut self.holders.given;
        if given.len() <= instance as usize {
            given.resize_with(instance as usize + 1, Vec::new);
        }
        &mut given[instance as usize]
    }
}

/// What the decision asks of this kernel.
struct Seen<'a, 'b> {
    supervisor: &'a Supervisor<'b>,
}

impl Seen<'_, '_> {
    fn reader(&self, holder: u32) -> u32 {
        self.supervisor.plan.instances[holder as usize].ring
    }
}

impl Known for Seen<'_, '_> {
    fn ring(&self, holder: u32, id: u64) -> Option<u32> {
        self.supervisor.world.tables.find_ring(self.reader(holder), id)
    }

    fn instance(&self, holder: u32, id: u64) -> Option<u32> {
        self.supervisor.world.tables.find_instance(self.reader(holder), id)
    }

    fn port(&self, holder: u32, id: u64) -> Option<u32> {
        self.supervisor.world.tables.find_port(self.reader(holder), id)
    }

    fn image(&self, holder: u32, id: u64) -> Option<u32> {
        let images = self.supervisor.holders.images.iter();
        let own = images.filter(|(owner, _)| *owner == holder);
        (0..).zip(own).find(|(index, _)| image_id(*index) == id).map(|(_, (_, module))| *module)
    }

    fn interface(&self, module: u32) -> &oro_image::Interface {
        &self.supervisor.images[module as usize].interface
    }

    fn state(&self, instance: u32) -> State {
        if self.supervisor.plan.instances[instance as usize].is_forgotten() {
            return State::Forgotten;
        }
        let view = self.supervisor.kernel.instance(InstanceId(instance));
        match view.state {
            oro_kernel::InstanceState::Mounted => State::Mounted,
            oro_kernel::InstanceState::Running => State::Running,
            _ if view.is_restarting => State::Restarting,
            oro_kernel::InstanceState::Ended => State::Ended,
            oro_kernel::InstanceState::Faulted => State::Faulted,
        }
    }

    fn is_free(&self, instance: u32, port: u32) -> bool {
        let threads = self.supervisor.world.list_threads(InstanceId(instance));
        let ends = &self.supervisor.world.threads[threads];
        let mut found = ends.iter().filter_map(|thread| thread.find_end(port));
        found.next().is_none_or(|end| self.supervisor.kernel.is_over(end))
    }

    fn taken(&self, ring: u32) -> Usage {
        let plan = &self.supervisor.plan;
        let is_in = |instance: u32| {
            let planned = &plan.instances[instance as usize];
            !planned.is_forgotten() && plan.is_within(planned.ring, ring)
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let threads = self.supervisor.world.threads.iter();
        let ports = plan.ports.iter().filter_map(PlanPort::payer);
        Usage {
            memory_bytes: self.supervisor.world.charges.sum_ring(plan, ring),
            port_count: count(ports.filter(|payer| is_in(*payer)).count()),
            thread_count: count(threads.filter(|thread| is_in(thread.instance.0)).count()),
        }
    }

    fn given(&self, instance: u32) -> &[(String, String)] {
        let given = self.supervisor.holders.given.get(instance as usize);
        given.map(Vec::as_slice).unwrap_or_default()
    }
}

fn image_id(index: usize) -> u64 {
    1 << 32 | index as u64
}

fn list_ends(port: PortId) -> [EndpointId; 2] {
    [Side::Producer, Side::Consumer].map(|side| EndpointId { port, side })
}

fn planned_end(planned: &PlanPort, side: Side) -> &PlanEnd {
    match side {
        Side::Producer => &planned.producer,
        Side::Consumer => &planned.consumer,
    }
}

/// The machine has failed, and this request with it.
fn broken(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(abi::CONTROL_SYSTEM, error.to_string())
}

fn over_quota(error: &StartError) -> Refusal {
    Refusal::new(abi::CONTROL_QUOTA, error.to_string())
}

fn as_u32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
