//! Ring control (`CTL-*`): requests are taken from holders' Ports, decided on by `oro-system`, carried out
//! here, and answered. Those of operators come by `control.rs`.
//!
//! A request is carried out whole or not at all: what can fail comes before what others see. The plan of
//! the system says at each moment what there is; world, core and tables follow it. Instances are in
//! `instances.rs`, Ports in `wire.rs`, those that are taken in `take.rs`, what a decision asks in `seen.rs`,
//! what is an operator's alone in `operator.rs`.

mod instances;
mod operator;
mod seen;
mod take;
mod wire;

use std::borrow::Cow;
use std::collections::BTreeSet;

use oro_kernel::{EndpointId, Event, InstanceId, PortId, Side};
use oro_sysabi as abi;
use oro_system::Plan;
use oro_system::control::{
    Action, Answer, Asker, Description, Refusal, Reply, Request, World as Known, decide,
};

use crate::StartError;
use crate::built_in::BuiltInEnd;
use crate::supervisor::Supervisor;
use crate::tables::Kind;
use crate::world::{as_u32, side_of};
pub(crate) use operator::{BROUGHT_IMAGE, MESSAGE_BYTES, OperatorRequest};
use seen::Seen;
use take::{Asked, Done, From, Moving};

/// What is remembered of holders.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// Images that holders have loaded, and the one that an operator brings along: whose, and which module of
    /// the plan.
    images: Vec<(Asker, u32)>,
    /// By instance: parameters that it has been given and that it has not started with.
    given: Vec<Vec<(String, String)>>,
    /// Requests whose answer is awaited; of each holder at most one.
    awaited: Vec<Asked>,
    /// Answers for operators, by connection, that have become known amid the effects of an event.
    known: Vec<(u64, Answer)>,
    /// Ends that the core has been asked to move, and those that it has refused to.
    moves: Vec<Moving>,
    /// How many there have been.
    move_count: u64,
}

/// What came of serving a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// A request, and its answer.
    Request,
    /// There is no room for an answer, or what it says is not known yet.
    Nothing,
}

impl Supervisor<'_> {
    /// Serves the next request at this built-in end, where there is one. One whose answer is awaited stays
    /// where it is, and those behind it wait.
    pub(crate) fn serve_request(&mut self, index: usize) -> Served {
        let Some(BuiltInEnd { end: requests, instance, .. }) = self.built_ins[index] else {
            return Served::Nothing;
        };
        let is_replies = |end: &&BuiltInEnd| end.is_replies() && end.instance == instance;
        let built_ins = self.built_ins.iter().flatten();
        let Some(replies) = built_ins.clone().find(is_replies).map(|replies| replies.end) else {
            if self.plan.instances[instance].is_forgotten() {
                self.drop_requests(requests);
                return Served::Request;
            }
            return Served::Nothing;
        };
        self.look_for_change(replies.peer());
        if self.kernel.peer_state(replies).0 == oro_kernel::PeerState::Wired
            && self.kernel.available(replies) == 0
        {
            self.step(Event::KernelWaits { end: replies });
            return Served::Nothing;
        }
        let served = self.take_awaited(requests).unwrap_or_else(|| {
            let port = &self.world.ports[requests.port.0 as usize];
            let mut message = [0; size_of::<abi::ControlRequest>()];
            // Read once, into a copy (CTL-2).
            port.queue.read(port.slot_offset(self.kernel.cursor(requests)), &mut message);
            let (correlation, operation) = Request::header(&message);
            let asker = Asker::Holder(as_u32(instance));
            let what = Request::decode(&message).and_then(|request| self.answer(asker, &request));
            let what = what.unwrap_or_else(Done::refused);
            Asked { from: From::Holder(requests), correlation, operation, what }
        });
        let Asked { correlation, operation, .. } = served;
        let answer = match self.find_answer(served) {
            Ok(answer) => answer,
            Err(awaited) => {
                self.holders.awaited.push(awaited);
                return Served::Nothing;
            }
        };
        let reply = Reply { correlation, operation, answer }.encode();
        // It may have ended itself, or this Port, meanwhile.
        if self.kernel.peer_state(replies).0 == oro_kernel::PeerState::Wired {
            let port = &self.world.ports[replies.port.0 as usize];
            port.queue.write(port.slot_offset(self.kernel.cursor(replies)), &reply);
            self.step(Event::KernelCommitted { end: replies, count: 1 });
        }
        if !self.kernel.is_revoked(requests.port) {
            self.step(Event::KernelReleased { end: requests, count: 1 });
        }
        Served::Request
    }

    /// Nobody is left who would take an answer.
    fn drop_requests(&mut self, requests: EndpointId) {
        if let Some(asked) = self.take_awaited(requests)
            && let Err(asked) = self.find_answer(asked)
        {
            self.holders.awaited.push(Asked { from: From::Nobody, ..asked });
        }
        let count = u32::try_from(self.kernel.available(requests)).unwrap_or(u32::MAX);
        if count > 0 && !self.kernel.is_revoked(requests.port) {
            self.step(Event::KernelReleased { end: requests, count });
        }
    }

    /// The built-in end at which the requests arrive that this one answers.
    pub(crate) fn find_requests(&self, replies: usize) -> Option<usize> {
        let instance = self.built_ins[replies].as_ref()?.instance;
        let is_it = |end: &BuiltInEnd| end.is_requests() && end.instance == instance;
        self.built_ins.iter().position(|end| end.as_ref().is_some_and(is_it))
    }

    fn answer(&mut self, asker: Asker, request: &Request) -> Result<Done, Refusal> {
        let action = decide(&self.plan, &Seen { supervisor: self }, asker, request)?;
        // What is wrong with a request is told before what its system lacks.
        if asker == Asker::Operator {
            self.check_can_change(&action)?;
        }
        self.carry_out_action(asker, &action)
    }

    /// The Ring in whose tables an asker's ids are.
    fn reader(&self, asker: Asker) -> u32 {
        match asker {
            Asker::Holder(holder) => self.plan.instances[holder as usize].ring,
            Asker::Operator => 0,
        }
    }

    fn carry_out_action(&mut self, asker: Asker, action: &Action) -> Result<Done, Refusal> {
        self.forget_built_ins();
        let reader = self.reader(asker);
        // Of those alone that change it.
        let change = || {
            let mut plan = self.plan.clone().into_owned();
            let new = action.apply(&mut plan, &Seen { supervisor: self });
            (plan, new.first().copied())
        };
        let plan = || change().0;
        let mut id = 0;
        match action {
            Action::CreateRing(ring) => {
                self.check_room(ring.parent, Kind::Children)?;
                let (plan, number) = change();
                let number = number.unwrap_or_default();
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
                id = self.load(asker, *address, *size_bytes)?;
            }
            Action::Mount(planned) => {
                self.check_room(planned.ring, Kind::Instances)?;
                let (plan, number) = change();
                let instance = self.mount(plan, number.unwrap_or_default() as usize)?;
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
            Action::End(instances) => self.end_all(instances),
            Action::Restart(instance) => self.restart_now(InstanceId(*instance))?,
            Action::Replace { instance, module } => self.replace(plan(), *instance, *module)?,
            Action::ForgetInstance(_) | Action::ForgetRing(_) => self.forget(plan()),
            Action::Force(port) => self.force_synchronous(PortId(*port)),
            Action::Allow(port) => self.allow_asynchronous(PortId(*port)),
            Action::Revoke(port) => {
                let port = PortId(*port);
                self.step(Event::RevokePort { port });
                return Ok(Done::Revoked(port));
            }
            Action::Transfer { port, side, to, over } => {
                let end = EndpointId { port: PortId(*port), side: side_of(*side) };
                return self.transfer(end, to, over);
            }
            Action::Describe(ring) => {
                let taken = Seen { supervisor: self }.taken(*ring);
                let description = Description::new(&self.plan, *ring, taken);
                return Ok(Done::Answered(Answer::Described(description)));
            }
        }
        self.tell_generations();
        Ok(Done::Answered(Answer::Done { id }))
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
        for event in self.list_changes() {
            self.step(event);
        }
    }

    /// What the core is to be told of tables that have changed.
    fn list_changes(&self) -> Vec<Event> {
        let instances = (0..).zip(&self.plan.instances);
        let instances = instances.filter(|(_, planned)| !planned.is_forgotten());
        instances
            .filter_map(|(index, planned)| {
                let instance = InstanceId(index);
                let generation = self.world.tables.generation(planned.ring);
                let is_told = self.kernel.instance(instance).ring_generation == generation;
                (!is_told).then_some(Event::RingChanged { instance, generation })
            })
            .collect()
    }

    /// Loaded modules that nobody can name any more: their images, and their files.
    fn forget_modules(&mut self) {
        let loaded: BTreeSet<u32> = self.holders.images.iter().map(|(_, module)| *module).collect();
        let images = &self.images;
        let plan = self.plan.to_mut();
        plan.forget_modules(|module| loaded.contains(&module) || !images.is_loaded(module));
        for (module, name) in (0..).zip(&plan.modules) {
            if name.is_empty() {
                self.images.forget(module);
                self.world.forget_module(module);
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

/// The machine has failed, and this request with it.
fn broken(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(abi::CONTROL_SYSTEM, error.to_string())
}

fn over_quota(error: &StartError) -> Refusal {
    Refusal::new(abi::CONTROL_QUOTA, error.to_string())
}
