//! The Rings' tables as their instances read them (`META-3` to `META-9`, `RING-2` to `RING-7`).
//!
//! Each Ring has a view: memory with a table of what it sees, itself and its descendants, under ids of its
//! own. What has a row there is decided in `shape.rs`, rows and ids are given in `view.rs`; here is what
//! changes while the system runs, which is written to every view that shows it. Root pages and bindings are
//! in `metadata.rs`.

mod shape;
mod view;

use core::mem::offset_of;

use oro_kernel::{
    EndView, EndpointId, InstanceEnd, InstanceState, InstanceView, Kernel, Mode, ModeReason,
    PortId, PortState, Side,
};
use oro_sysabi as abi;
use oro_system::Plan;

use crate::memory::SharedMemory;
use crate::metadata::name_field;
pub(crate) use view::{FIRST_GENERATION, Kind};
use view::{View, Views};

/// The tables of every Ring.
#[derive(Debug)]
pub(crate) struct Tables {
    /// By Ring.
    views: Views,
    /// By instance: where it stands.
    instances: Vec<Vec<InstancePlace>>,
    /// By Port.
    ports: Vec<Vec<PortPlace>>,
    /// Something may be made while the system runs.
    grows: bool,
    /// Instances may read them now.
    is_read: bool,
}

/// A row of an instance.
#[derive(Clone, Copy, Debug)]
struct InstancePlace {
    view: usize,
    /// The Ring whose table it is in.
    ring: u32,
    row: u32,
    offset: u64,
    /// It stands there as an instance of another Ring: its state alone shows.
    is_remounted: bool,
}

/// A row of a Port.
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

impl Tables {
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

    /// Id of a Ring in the tables of a Ring that sees it.
    pub(crate) fn ring_id(&self, reader: u32, ring: u32) -> u64 {
        self.views[reader as usize].rings.get(&ring).map_or(0, |shown| shown.id)
    }

    /// Id of an instance there.
    pub(crate) fn instance_id(&self, reader: u32, instance: u32) -> u64 {
        self.views[reader as usize].instance_ids.get(&instance).copied().unwrap_or(0)
    }

    /// Id of a Port there.
    pub(crate) fn port_id(&self, reader: u32, port: u32) -> u64 {
        self.views[reader as usize].port_ids.get(&port).copied().unwrap_or(0)
    }

    /// The Ring that has an id in a Ring's tables.
    pub(crate) fn find_ring(&self, reader: u32, id: u64) -> Option<u32> {
        let mut rings = self.views[reader as usize].rings.iter();
        rings.find(|(_, shown)| shown.id == id).map(|(ring, _)| *ring)
    }

    /// The instance that has an id there.
    pub(crate) fn find_instance(&self, reader: u32, id: u64) -> Option<u32> {
        let mut ids = self.views[reader as usize].instance_ids.iter();
        ids.find(|(_, own)| **own == id).map(|(instance, _)| *instance)
    }

    /// The Port that has an id there.
    pub(crate) fn find_port(&self, reader: u32, id: u64) -> Option<u32> {
        let mut ids = self.views[reader as usize].port_ids.iter();
        ids.find(|(_, own)| **own == id).map(|(port, _)| *port)
    }

    /// Bytes of a Ring's tables in which anything has ever been.
    pub(crate) fn used_bytes(&self, reader: u32) -> u64 {
        self.views[reader as usize].used_bytes()
    }

    fn own_view(&self, plan: &Plan, instance: u32) -> &View {
        &self.views[plan.instances[instance as usize].ring as usize]
    }

    /// The generation that a Ring's own instances read.
    pub(crate) fn generation(&self, ring: u32) -> u64 {
        self.views[ring as usize].generation(ring)
    }

    /// What the tables say of the Ports of a system that has not started, beyond what its plan says.
    pub(crate) fn publish_mounted(&mut self, kernel: &Kernel) {
        self.is_read = true;
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

    /// An instance's entries: status and reason first, then the state; of one that goes on, the state
    /// first. So an end never stands there without what belongs to it.
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
            if view.state == InstanceState::Running {
                memory.store_u32(at(offset_of!(abi::Instance, state)), state);
            }
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

    /// The name of an instance's module, where its own Ring and those around it see it.
    pub(crate) fn publish_module(&self, index: u32, module: &str) {
        for place in self.instances[index as usize].iter().filter(|place| !place.is_remounted) {
            let at = place.offset + offset_of!(abi::Instance, module) as u64;
            self.views[place.view].memory.write(at, &name_field(module));
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
            PortState::Ended | PortState::Revoked => abi::PORT_ENDED,
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
        Some(InstanceEnd::Killed | InstanceEnd::Replaced) => abi::REASON_KILLED,
        Some(InstanceEnd::Revoked { .. }) => abi::REASON_REVOKED,
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
