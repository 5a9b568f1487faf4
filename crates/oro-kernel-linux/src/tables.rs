//! The Rings' tables as their instances read them (`META-3` to `META-9`, `RING-2` to `RING-7`).
//!
//! Each Ring has a [`View`]: memory with a table of what it sees, itself and its descendants, under ids
//! of its own. Whatever changes is written to every view that shows it; [`Tables`] knows, for each
//! instance and each Port, where that is. A place is decided when the tables are laid out and nowhere
//! else, so what a Ring cannot see has no place in its memory. Root pages and bindings are in
//! `metadata.rs`.

use core::mem::offset_of;
use std::collections::BTreeMap;
use std::io;

use oro_image::Image;
use oro_kernel::{
    EndView, EndpointId, InstanceEnd, InstanceState, InstanceView, Kernel, Mode, ModeReason,
    PortId, PortState, Side,
};
use oro_sysabi as abi;
use oro_system::{Plan, PlanEnd};

use crate::addresses::RING;
use crate::memory::{SharedMemory, Writers};
use crate::metadata::{name_field, size_of_u32, write_structure};
use crate::world::{Place, World};

/// Names under which the kernel's own instances stand in the root Ring's table.
const BUILT_INS: [&str; 4] = ["console", "files", "null", "clock"];
/// Upper half of every id: its generation, which starts at 1, so that no id is 0 (`META-9`).
const FIRST_GENERATION: u64 = 1 << 32;

const RING_SIZE: u64 = size_of::<abi::Ring>() as u64;
const INSTANCE_SIZE: u64 = size_of::<abi::Instance>() as u64;
const PORT_SIZE: u64 = size_of::<abi::Port>() as u64;

/// The tables of every Ring.
#[derive(Debug)]
pub(crate) struct Tables {
    /// By Ring.
    views: Vec<View>,
    /// By instance: where it stands.
    instances: Vec<Vec<InstancePlace>>,
    /// By Port.
    ports: Vec<Vec<PortPlace>>,
}

/// What the instances of one Ring read.
#[derive(Debug)]
struct View {
    memory: SharedMemory,
    /// The Rings that it shows, itself first, each with where its header is.
    rings: Vec<(u32, u64)>,
    /// Ids of the instances that it shows, remounted ones included.
    instance_ids: BTreeMap<u32, u64>,
    /// Ids of built-in instances that are remounted onto a Ring that it shows.
    built_in_ids: BTreeMap<String, u64>,
    /// Id of the first thread of each instance whose threads it shows.
    thread_ids: BTreeMap<u32, u64>,
    /// Ids of the Ports that it shows.
    port_ids: BTreeMap<u32, u64>,
}

/// An entry of an instance.
#[derive(Clone, Copy, Debug)]
struct InstancePlace {
    view: usize,
    offset: u64,
    /// It stands there as an instance of another Ring: its state alone shows.
    is_remounted: bool,
}

/// An entry of a Port.
#[derive(Clone, Copy, Debug)]
struct PortPlace {
    view: usize,
    /// The Ring whose table it is in.
    ring: u32,
    offset: u64,
    index: u32,
    /// By side: the end belongs to the reader's subtree, or is a built-in's that the reader has.
    shows: [bool; 2],
}

/// What stands in the table of one Ring.
struct RingContent<'a> {
    children: Vec<u32>,
    instances: Vec<u32>,
    /// Remounted instances: name, and number unless it is a built-in one.
    grants: Vec<(&'a str, Option<u32>)>,
    ports: Vec<u32>,
}

impl Tables {
    /// Lays the tables out and makes their memory. They are empty yet.
    pub(crate) fn lay_out(plan: &Plan, images: &[Image]) -> io::Result<Self> {
        let ring_count = u32::try_from(plan.rings.len()).unwrap_or(u32::MAX) + 1;
        let contents: Vec<RingContent<'_>> =
            (0..ring_count).map(|ring| list_content(plan, ring)).collect();
        let mut tables = Self {
            views: Vec::new(),
            instances: vec![Vec::new(); plan.instances.len()],
            ports: vec![Vec::new(); plan.ports.len()],
        };
        for ring in 0..ring_count {
            let view = tables.lay_out_view(plan, images, &contents, ring)?;
            tables.views.push(view);
        }
        Ok(tables)
    }

    fn lay_out_view(
        &mut self,
        plan: &Plan,
        images: &[Image],
        contents: &[RingContent<'_>],
        own: u32,
    ) -> io::Result<View> {
        let index = own as usize;
        let mut end = RING_SIZE;
        let mut rings = vec![(own, 0)];
        let mut next = 0;
        // A child's header follows its parent's tables; children are looked at as they are found.
        while let Some(&(ring, _)) = rings.get(next) {
            next += 1;
            let content = &contents[ring as usize];
            for instance in &content.instances {
                let offset = take(&mut end, INSTANCE_SIZE);
                let place = InstancePlace { view: index, offset, is_remounted: false };
                self.instances[*instance as usize].push(place);
            }
            for (_, instance) in &content.grants {
                let offset = take(&mut end, INSTANCE_SIZE);
                if let Some(instance) = instance {
                    let place = InstancePlace { view: index, offset, is_remounted: true };
                    self.instances[*instance as usize].push(place);
                }
            }
            for (position, port) in content.ports.iter().enumerate() {
                let place = PortPlace {
                    view: index,
                    ring,
                    offset: take(&mut end, PORT_SIZE),
                    index: u32::try_from(position).unwrap_or(u32::MAX),
                    shows: shown_ends(plan, *port, own),
                };
                self.ports[*port as usize].push(place);
            }
            rings.extend(content.children.iter().map(|child| (*child, take(&mut end, RING_SIZE))));
        }
        let mut view = View {
            memory: SharedMemory::create(c"oro-ring", end, Writers::Supervisor)?,
            rings,
            instance_ids: BTreeMap::new(),
            built_in_ids: BTreeMap::new(),
            thread_ids: BTreeMap::new(),
            port_ids: BTreeMap::new(),
        };
        view.count_ids(plan, images, contents);
        Ok(view)
    }

    /// Memory of the tables that a Ring's instances read.
    pub(crate) fn memory(&self, ring: u32) -> &SharedMemory {
        &self.views[ring as usize].memory
    }

    /// Id of an instance for the instances of its own Ring.
    pub(crate) fn own_instance_id(&self, plan: &Plan, instance: u32) -> u64 {
        self.own_view(plan, instance).instance_ids[&instance]
    }

    /// Id of a thread, given by instance and entry, for the instances of its own Ring.
    pub(crate) fn own_thread_id(&self, plan: &Plan, instance: u32, entry: u32) -> u64 {
        self.own_view(plan, instance).thread_ids[&instance] + u64::from(entry)
    }

    /// Id and index of a Port for the owner of one of its ends, an instance.
    pub(crate) fn own_port(&self, plan: &Plan, instance: u32, port: PortId) -> (u64, u32) {
        let ring = plan.instances[instance as usize].ring;
        let is_own = |place: &&PortPlace| place.view == ring as usize && place.ring == ring;
        let index = self.ports[port.0 as usize].iter().find(is_own).map_or(0, |place| place.index);
        (self.views[ring as usize].port_ids[&port.0], index)
    }

    fn own_view(&self, plan: &Plan, instance: u32) -> &View {
        &self.views[plan.instances[instance as usize].ring as usize]
    }

    /// Fills everything in.
    pub(crate) fn write(&self, world: &World, plan: &Plan) {
        for view in &self.views {
            view.write_rings(plan);
        }
        for (index, places) in self.instances.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            for place in places {
                self.views[place.view].write_instance(world, plan, index, place);
            }
        }
        for (index, places) in self.ports.iter().enumerate() {
            let port = PortId(u32::try_from(index).unwrap_or(u32::MAX));
            for place in places {
                self.views[place.view].write_port(world, plan, port, place);
            }
        }
    }

    /// What the tables say of a system that has not started, beyond what its plan says.
    pub(crate) fn publish_mounted(&self, kernel: &Kernel) {
        let generation = offset_of!(abi::Ring, generation) as u64;
        for view in &self.views {
            for (_, header) in &view.rings {
                view.memory.store_u64(header + generation, kernel.ring_generation());
            }
        }
        for index in 0..self.ports.len() {
            self.publish_port(kernel, PortId(u32::try_from(index).unwrap_or(u32::MAX)));
        }
    }

    /// A cursor; every reader sees it.
    pub(crate) fn publish_cursor(&self, end: EndpointId, value: u64) {
        let at = end_offset(end.side) + offset_of!(abi::End, cursor) as u64;
        for place in &self.ports[end.port.0 as usize] {
            self.views[place.view].memory.store_u64(place.offset + at, value);
        }
    }

    /// The mode of an end.
    pub(crate) fn publish_mode(&self, end: EndpointId, code: u32) {
        let at = end_offset(end.side) + offset_of!(abi::End, mode) as u64;
        for place in &self.ports[end.port.0 as usize] {
            if place.shows[end.side as usize] {
                self.views[place.view].memory.store_u32(place.offset + at, code);
            }
        }
    }

    /// An instance's entries: status and reason first, then the state.
    pub(crate) fn publish_instance(&self, index: u32, view: &InstanceView) {
        let reason = encode_reason(view.end);
        let state = match view.state {
            InstanceState::Mounted => abi::INSTANCE_MOUNTED,
            InstanceState::Running => abi::INSTANCE_RUNNING,
            InstanceState::Ended => abi::INSTANCE_ENDED,
            InstanceState::Faulted => abi::INSTANCE_FAULTED,
        };
        for place in &self.instances[index as usize] {
            let memory = &self.views[place.view].memory;
            let at = |offset: usize| place.offset + offset as u64;
            if !place.is_remounted {
                memory.store_u64(at(offset_of!(abi::Instance, status)), view.status);
                memory.store_u32(at(offset_of!(abi::Instance, reason)), reason);
                let live = view.live_thread_count;
                memory.store_u32(at(offset_of!(abi::Instance, thread_count)), live);
                memory.store_u32(at(offset_of!(abi::Instance, restarts)), view.restart_count);
            }
            memory.store_u32(at(offset_of!(abi::Instance, state)), state);
        }
    }

    /// A Port's entries: what the core knows of its ends and modes, then its state (`MODE-7`).
    pub(crate) fn publish_port(&self, kernel: &Kernel, port: PortId) {
        let view = kernel.port(port);
        let flags = if view.is_forced { abi::PORT_FORCED_SYNCHRONOUS } else { 0 };
        let state = match view.state {
            PortState::Open => abi::PORT_OPEN,
            PortState::ProducerEnded => abi::PORT_PRODUCER_ENDED,
            PortState::ConsumerEnded => abi::PORT_CONSUMER_ENDED,
            PortState::Ended => abi::PORT_ENDED,
        };
        for place in &self.ports[port.0 as usize] {
            let memory = &self.views[place.view].memory;
            let at = |offset: usize| place.offset + offset as u64;
            for (side, end) in [(Side::Producer, &view.producer), (Side::Consumer, &view.consumer)]
            {
                let offset = place.offset + end_offset(side);
                publish_end(memory, offset, end, place.shows[side as usize]);
            }
            memory.store_u32(at(offset_of!(abi::Port, flags)), flags);
            memory.store_u32(at(offset_of!(abi::Port, threshold)), view.threshold);
            memory.store_u32(at(offset_of!(abi::Port, upgrade_count)), view.upgrade_count);
            memory.store_u32(at(offset_of!(abi::Port, downgrade_count)), view.downgrade_count);
            memory.store_u32(at(offset_of!(abi::Port, refusal_count)), view.refusal_count);
            memory.store_u64(at(offset_of!(abi::Port, doorbell_count)), view.doorbell_count);
            memory.store_u32(at(offset_of!(abi::Port, state)), state);
        }
    }
}

impl View {
    /// Gives an id to everything that it shows, in the order of the plan (`RING-4`).
    fn count_ids(&mut self, plan: &Plan, images: &[Image], contents: &[RingContent<'_>]) {
        let shows = |ring: u32| self.rings.iter().any(|(shown, _)| *shown == ring);
        let (mut next, mut next_thread) = (FIRST_GENERATION, FIRST_GENERATION);
        for (index, instance) in plan.instances.iter().enumerate() {
            if shows(instance.ring) {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                self.instance_ids.insert(index, take(&mut next, 1));
                let entries = images[instance.module as usize].interface.entries.len() as u64;
                self.thread_ids.insert(index, take(&mut next_thread, entries));
            }
        }
        // The root Ring's own built-in instances have no id (META-5).
        let is_root = self.rings[0].0 == 0;
        for (name, instance) in
            self.rings.iter().flat_map(|(ring, _)| &contents[*ring as usize].grants)
        {
            match instance {
                Some(instance) if !self.instance_ids.contains_key(instance) => {
                    self.instance_ids.insert(*instance, take(&mut next, 1));
                }
                None if !is_root && !self.built_in_ids.contains_key(*name) => {
                    self.built_in_ids.insert((*name).to_owned(), take(&mut next, 1));
                }
                Some(_) | None => {}
            }
        }
        let mut next = FIRST_GENERATION;
        for port in 0..u32::try_from(plan.ports.len()).unwrap_or(u32::MAX) {
            if end_rings(plan, port).into_iter().flatten().any(shows) {
                self.port_ids.insert(port, take(&mut next, 1));
            }
        }
    }

    fn ring_id(&self, ring: u32) -> u64 {
        let index = self.rings.iter().position(|(shown, _)| *shown == ring);
        index.map_or(0, |index| FIRST_GENERATION | index as u64)
    }

    /// The headers, with where their tables are; and the built-in instances.
    fn write_rings(&self, plan: &Plan) {
        // As they were laid out.
        let mut end = RING_SIZE;
        for (ring, header) in &self.rings {
            let content = list_content(plan, *ring);
            let instances = content.instances.len() + content.grants.len();
            let first_instance = take(&mut end, instances as u64 * INSTANCE_SIZE);
            let first_port = take(&mut end, content.ports.len() as u64 * PORT_SIZE);
            let first_child = take(&mut end, content.children.len() as u64 * RING_SIZE);
            let index = (*ring as usize).checked_sub(1);
            let name = index.map_or("root", |index| plan.rings[index].name.as_str());
            let header_value = abi::Ring {
                magic: abi::RING_MAGIC,
                size_bytes: size_of_u32::<abi::Ring>(),
                id: self.ring_id(*ring),
                name: name_field(name),
                instances: describe_table(first_instance, INSTANCE_SIZE, instances),
                children: describe_table(first_child, RING_SIZE, content.children.len()),
                ports: describe_table(first_port, PORT_SIZE, content.ports.len()),
                ..abi::Ring::default()
            };
            write_structure(&self.memory, *header, &header_value);
            let first_grant = first_instance + content.instances.len() as u64 * INSTANCE_SIZE;
            for (index, (name, instance)) in content.grants.iter().enumerate() {
                if instance.is_none() {
                    let entry = abi::Instance {
                        id: self.built_in_ids.get(*name).copied().unwrap_or(0),
                        state: abi::INSTANCE_RUNNING,
                        name: name_field(name),
                        ..abi::Instance::default()
                    };
                    let offset = first_grant + index as u64 * INSTANCE_SIZE;
                    write_structure(&self.memory, offset, &entry);
                }
            }
        }
    }

    fn write_instance(&self, world: &World, plan: &Plan, index: u32, place: &InstancePlace) {
        let planned = &plan.instances[index as usize];
        let mut entry = abi::Instance {
            id: self.instance_ids[&index],
            state: abi::INSTANCE_MOUNTED,
            name: name_field(&planned.name),
            ..abi::Instance::default()
        };
        if !place.is_remounted {
            let threads = world.list_threads(oro_kernel::InstanceId(index)).len();
            entry.thread_count = u32::try_from(threads).unwrap_or(u32::MAX);
            entry.module = name_field(&plan.modules[planned.module as usize]);
        }
        write_structure(&self.memory, place.offset, &entry);
    }

    fn write_port(&self, world: &World, plan: &Plan, port: PortId, place: &PortPlace) {
        let planned = &plan.ports[port.0 as usize];
        let describe = |side, end: &PlanEnd| {
            let shows = place.shows[side as usize];
            self.describe_end(world, plan, EndpointId { port, side }, end, shows, place.ring)
        };
        let (producer, producer_ring) = describe(Side::Producer, &planned.producer);
        let (consumer, consumer_ring) = describe(Side::Consumer, &planned.consumer);
        let entry = abi::Port {
            id: self.port_ids[&port.0],
            type_id: abi::type_id(&planned.layout),
            slot_size_bytes: planned.slot_size_bytes,
            slot_count: planned.slot_count,
            producer,
            consumer,
            producer_ring,
            consumer_ring,
            ..abi::Port::default()
        };
        write_structure(&self.memory, place.offset, &entry);
    }

    /// An end, and the id of its owner's Ring; of one that is not the reader's, nothing but who it is
    /// that is remounted onto the Ring of the table (`RING-6`).
    fn describe_end(
        &self,
        world: &World,
        plan: &Plan,
        end: EndpointId,
        planned: &PlanEnd,
        shows: bool,
        ring: u32,
    ) -> (abi::End, u64) {
        let granted = |name: &str, instance: Option<u32>| {
            let index = (ring as usize).checked_sub(1);
            index.is_some_and(|index| {
                let mut grants = plan.rings[index].grants.iter();
                grants.any(|grant| grant.instance == instance && grant.name == name)
            })
        };
        match planned {
            PlanEnd::BuiltIn(built_in) => {
                let name = built_in.name();
                let name = name.split('.').next().unwrap_or_default();
                let id = self.built_in_ids.get(name).copied().filter(|_| granted(name, None));
                (abi::End { instance_id: id.unwrap_or(0), ..abi::End::default() }, 0)
            }
            PlanEnd::Instance { instance, .. } if !shows => {
                let name = &plan.instances[*instance as usize].name;
                let id = self.instance_ids.get(instance).copied();
                let id = id.filter(|_| granted(name, Some(*instance)));
                (abi::End { instance_id: id.unwrap_or(0), ..abi::End::default() }, 0)
            }
            PlanEnd::Instance { instance, entry, .. } => {
                let Place::Thread(place) = world.ports[end.port.0 as usize].place(end.side) else {
                    return (abi::End::default(), 0);
                };
                let described = abi::End {
                    instance_id: self.instance_ids[instance],
                    thread_id: self.thread_ids[instance] + u64::from(*entry),
                    synchronous_window: place.window,
                    asynchronous_window: place.live.map_or(0, |live| live.window),
                    port_index: place.port_index,
                    ..abi::End::default()
                };
                (described, self.ring_id(plan.instances[*instance as usize].ring))
            }
        }
    }
}

/// What stands in the table of a Ring, in the order of the plan.
fn list_content(plan: &Plan, ring: u32) -> RingContent<'_> {
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    let children = plan.rings.iter().enumerate().filter(|(_, child)| child.parent == ring);
    let instances = plan.instances.iter().enumerate().filter(|(_, one)| one.ring == ring);
    let index = (ring as usize).checked_sub(1);
    let grants = match index.map(|index| &plan.rings[index]) {
        Some(ring) => {
            ring.grants.iter().map(|grant| (grant.name.as_str(), grant.instance)).collect()
        }
        None => BUILT_INS.map(|name| (name, None)).to_vec(),
    };
    let ports = 0..number(plan.ports.len());
    RingContent {
        children: children.map(|(index, _)| number(index + 1)).collect(),
        instances: instances.map(|(index, _)| number(index)).collect(),
        grants,
        ports: ports
            .filter(|port| end_rings(plan, *port).into_iter().flatten().any(|one| one == ring))
            .collect(),
    }
}

/// The Rings in which a Port's ends are; a built-in's is in none.
fn end_rings(plan: &Plan, port: u32) -> [Option<u32>; 2] {
    let port = &plan.ports[port as usize];
    [&port.producer, &port.consumer].map(|end| match end {
        PlanEnd::Instance { instance, .. } => Some(plan.instances[*instance as usize].ring),
        PlanEnd::BuiltIn(_) => None,
    })
}

/// Which ends of a Port the instances of a Ring may see: those of their subtree, and for the root
/// Ring the kernel's own.
fn shown_ends(plan: &Plan, port: u32, reader: u32) -> [bool; 2] {
    end_rings(plan, port).map(|ring| match ring {
        Some(ring) => plan.ancestry(ring).any(|ring| ring == reader),
        None => reader == 0,
    })
}

fn describe_table(offset: u64, stride_bytes: u64, count: usize) -> abi::Table {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    abi::Table {
        entries: if count > 0 { RING + offset } else { 0 },
        stride_bytes: u32::try_from(stride_bytes).unwrap_or(u32::MAX),
        count,
        capacity: count,
        ..abi::Table::default()
    }
}

fn publish_end(memory: &SharedMemory, offset: u64, view: &EndView, is_shown: bool) {
    let at = |field: usize| offset + field as u64;
    memory.store_u64(at(offset_of!(abi::End, cursor)), view.cursor);
    if !is_shown {
        return; // RING-5
    }
    memory.store_u32(at(offset_of!(abi::End, mode)), encode_mode(view.mode));
    memory.store_u32(at(offset_of!(abi::End, streak)), view.streak);
    memory.store_u32(at(offset_of!(abi::End, mode_reason)), encode_mode_reason(view.reason));
    memory.store_u64(at(offset_of!(abi::End, fault_count)), view.fault_count);
}

/// `MODE_*`
pub(crate) fn encode_mode(mode: Mode) -> u32 {
    match mode {
        Mode::Synchronous => abi::MODE_SYNCHRONOUS,
        Mode::Asynchronous => abi::MODE_ASYNCHRONOUS,
    }
}

fn encode_mode_reason(reason: ModeReason) -> u32 {
    match reason {
        ModeReason::Forced => abi::MODE_REASON_FORCED,
        ModeReason::Naive => abi::MODE_REASON_NAIVE,
        ModeReason::Streak => abi::MODE_REASON_STREAK,
        ModeReason::Peer => abi::MODE_REASON_PEER,
        ModeReason::Unsupported => abi::MODE_REASON_UNSUPPORTED,
        ModeReason::Qualified => abi::MODE_REASON_QUALIFIED,
        ModeReason::Earned => abi::MODE_REASON_EARNED,
        ModeReason::Leaving => abi::MODE_REASON_LEAVING,
        ModeReason::Ended => abi::MODE_REASON_ENDED,
    }
}

fn encode_reason(end: Option<InstanceEnd>) -> u32 {
    match end {
        None | Some(InstanceEnd::Exited { .. }) => abi::REASON_NONE,
        Some(InstanceEnd::Violated { .. } | InstanceEnd::BadRequest { .. }) => {
            abi::REASON_VIOLATION
        }
        Some(InstanceEnd::Killed) => abi::REASON_KILLED,
        Some(InstanceEnd::Faulted { cause, .. }) => match cause {
            oro_kernel::FaultCause::Trap => abi::REASON_TRAP,
            oro_kernel::FaultCause::SystemCall => abi::REASON_SYSTEM_CALL,
            oro_kernel::FaultCause::Panic => abi::REASON_PANIC,
            oro_kernel::FaultCause::Killed => abi::REASON_KILLED,
        },
    }
}

/// Offset of an end in a Port's entry.
fn end_offset(side: Side) -> u64 {
    match side {
        Side::Producer => offset_of!(abi::Port, producer) as u64,
        Side::Consumer => offset_of!(abi::Port, consumer) as u64,
    }
}

/// Takes `count` from a running total: where they start.
fn take(next: &mut u64, count: u64) -> u64 {
    let start = *next;
    *next += count;
    start
}
