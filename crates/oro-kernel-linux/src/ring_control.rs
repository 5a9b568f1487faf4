//! Ring control (`CTL-*`): requests are taken from holders' Ports, decided on by `oro-system`, carried out
//! here, and answered.
//!
//! A request is carried out whole or not at all: what can fail comes before what others see. The plan of
//! the system says at each moment what there is; world, core and tables follow it. Instances are in
//! `instances.rs`, Ports in `wire.rs`, what a decision asks in `seen.rs`.

mod instances;
mod seen;
mod wire;

use std::borrow::Cow;

use oro_kernel::{EndpointId, Event, InstanceId, PortId, Side};
use oro_sysabi as abi;
use oro_system::control::{
    Action, Answer, Description, Refusal, Reply, Request, World as Known, decide,
};
use oro_system::{Plan, PlanEnd, PlanPort};

use crate::StartError;
use crate::built_in::BuiltInEnd;
use crate::supervisor::Supervisor;
use crate::tables::Kind;
use crate::world::as_u32;
use seen::Seen;

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
    /// Serves the next request at this built-in end, where there is one.
    pub(crate) fn serve_request(&mut self, index: usize) -> Served {
        let BuiltInEnd { end: requests, instance, .. } = self.built_ins[index];
        let is_replies = |end: &&BuiltInEnd| end.is_replies() && end.instance == instance;
        let Some(replies) = self.built_ins.iter().find(is_replies).map(|replies| replies.end)
        else {
            return Served::NoRoom;
        };
        let holder = as_u32(instance);
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

    /// The built-in end at which the requests arrive that this one answers.
    pub(crate) fn find_requests(&self, replies: usize) -> Option<usize> {
        let instance = self.built_ins[replies].instance;
        self.built_ins.iter().position(|end| end.is_requests() && end.instance == instance)
    }

    fn answer(&mut self, holder: u32, message: &[u8; 512]) -> Result<Answer, Refusal> {
        let request = Request::decode(message)?;
        let action = decide(&self.plan, &Seen { supervisor: self }, holder, &request)?;
        self.carry_out_action(holder, &action)
    }

    fn carry_out_action(&mut self, holder: u32, action: &Action) -> Result<Answer, Refusal> {
        let reader = self.plan.instances[holder as usize].ring;
        // Of those alone that change it.
        let plan = || {
            let mut plan = self.plan.clone().into_owned();
            action.apply(&mut plan);
            plan
        };
        let mut id = 0;
        match action {
            Action::CreateRing(ring) => {
                self.check_room(ring.parent, Kind::Children)?;
                let plan = plan();
                let number = as_u32(plan.rings.len());
                self.world.tables.add_ring(&plan, number).map_err(|error| broken(&error))?;
                self.adopt(plan);
                id = self.world.tables.ring_id(reader, number);
            }
            Action::Grant { ring, grant } => {
                self.check_room(*ring, Kind::Instances)?;
                let plan = plan();
                self.world.tables.add_grant(&plan, *ring, grant);
                self.adopt(plan);
                if let Some(instance) = grant.instance {
                    let view = self.kernel.instance(InstanceId(instance));
                    self.world.tables.publish_instance(instance, &view);
                }
            }
            Action::Load { address, size_bytes } => {
                id = self.load(holder, *address, *size_bytes)?;
            }
            Action::Mount(planned) => {
                self.check_room(planned.ring, Kind::Instances)?;
                let instance = self.mount(plan())?;
                id = self.world.tables.instance_id(reader, instance.0);
            }
            Action::SetParam { instance, key, value } => {
                let given = self.given_to(*instance);
                given.retain(|(known, _)| known != key);
                given.push((key.clone(), value.clone()));
            }
            Action::Wire { port, over } => {
                let port = self.wire(port, over)?;
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
            Action::Replace { instance, module } => self.replace(plan(), *instance, *module)?,
            Action::ForgetInstance(_) | Action::ForgetRing(_) => self.forget(plan()),
            Action::Force(port) => self.force_synchronous(PortId(*port)),
            Action::Allow(port) => self.allow_asynchronous(PortId(*port)),
            Action::Revoke(_) | Action::Transfer { .. } => {
                return Err(Refusal::new(
                    abi::CONTROL_UNSUPPORTED,
                    "this kernel does not revoke or transfer yet",
                ));
            }
            Action::Describe(ring) => {
                let taken = Seen { supervisor: self }.taken(*ring);
                return Ok(Answer::Described(Description::new(&self.plan, *ring, taken)));
            }
        }
        self.tell_generations();
        Ok(Answer::Done { id })
    }

    /// What there is from now on.
    pub(super) fn adopt(&mut self, plan: Plan) {
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
