//! What has a row in whose tables (`RING-2` to `RING-6`): decided when it is made, and nowhere else, so what
//! a Ring cannot see has no place in its memory.

use core::mem::offset_of;
use std::io;

use oro_kernel::{EndpointId, Side};
use oro_sysabi as abi;
use oro_system::{Plan, PlanEnd, PlanGrant};

use super::view::{Capacity, Kind, RING_SIZE, View, Views};
use super::{InstancePlace, PortPlace, Tables, end_offset};
use crate::memory::SharedMemory;
use crate::metadata::{name_field, write_structure};
use crate::world::{ThreadPlace, as_u32, planned_end, put, take};

/// Names under which the kernel's own instances stand in the root Ring's table.
const BUILT_INS: [&str; 5] = ["console", "files", "null", "clock", "ring"];

/// Bytes of a view for Rings that are made while the system runs. They are sparse.
const GROWTH_BYTES: u64 = 16 << 20;

impl Tables {
    /// Makes the tables of every Ring of a plan, with room for what it says. `grows`: and for more.
    pub(crate) fn lay_out(plan: &Plan, grows: bool) -> io::Result<Self> {
        let mut capacities = count_rows(plan);
        if grows {
            for capacity in &mut capacities {
                *capacity = capacity.plus(Capacity::GROWTH);
            }
        }
        let mut tables = Self {
            views: Views::default(),
            instances: Vec::new(),
            ports: Vec::new(),
            grows,
            is_read: false,
        };
        let count = capacities.len();
        let mut sizes: Vec<u64> = capacities.iter().map(|capacity| capacity.size_bytes()).collect();
        for ring in (1..count).rev() {
            // A Ring's parent has a lower number.
            let size_bytes = sizes[ring];
            if let Some(parent) = plan.parent(as_u32(ring)) {
                sizes[parent as usize] += size_bytes;
            }
        }
        for (ring, capacity) in capacities.into_iter().enumerate() {
            tables.add_ring_with(plan, as_u32(ring), capacity, sizes[ring])?;
        }
        Ok(tables)
    }

    /// Makes the tables of a new Ring, which is empty.
    pub(crate) fn add_ring(&mut self, plan: &Plan, ring: u32) -> io::Result<()> {
        let parent = plan.parent(ring).unwrap_or_default();
        self.change(plan, parent, |tables| {
            tables.add_ring_with(plan, ring, Capacity::GROWTH, Capacity::GROWTH.size_bytes())
        })
    }

    /// `size_bytes`: of its tables and those of its descendants of now.
    fn add_ring_with(
        &mut self,
        plan: &Plan,
        ring: u32,
        capacity: Capacity,
        size_bytes: u64,
    ) -> io::Result<()> {
        let growth = if self.grows { GROWTH_BYTES } else { 0 };
        let view = View::new(RING_SIZE + size_bytes + growth)?;
        self.views.put(ring, view);
        let parent = plan.parent(ring);
        let name = parent.map_or("root", |_| plan.rings[ring as usize - 1].name.as_str());
        for reader in plan.ancestry(ring) {
            let parent = parent.filter(|_| reader != ring);
            self.views[reader as usize].add_ring(ring, parent, name, capacity);
        }
        Ok(())
    }

    /// Whether a Ring's tables have a row of a kind, for every reader.
    pub(crate) fn has_room(&self, plan: &Plan, ring: u32, kind: Kind) -> bool {
        plan.ancestry(ring).all(|reader| {
            let view = &self.views[reader as usize];
            match kind {
                Kind::Children => view.has_room_for_ring(ring),
                Kind::Instances | Kind::Ports => view.rings[&ring].rows(kind).has_room(),
            }
        })
    }

    /// Gives a new instance its rows. `thread_count`: how many it has.
    pub(crate) fn add_instance(&mut self, plan: &Plan, index: u32, thread_count: u32) {
        let planned = &plan.instances[index as usize];
        put(&mut self.instances, index as usize, Vec::new());
        self.change(plan, planned.ring, |tables| {
            for reader in plan.ancestry(planned.ring) {
                let view = &mut tables.views[reader as usize];
                let id = take(&mut view.next_instance, 1);
                view.instance_ids.insert(index, id);
                let first = take(&mut view.next_thread, u64::from(thread_count));
                view.thread_ids.insert(index, first);
                let (offset, row) = view.take_row(planned.ring, Kind::Instances);
                let entry = abi::Instance {
                    id,
                    state: abi::INSTANCE_MOUNTED,
                    thread_count,
                    name: name_field(&planned.name),
                    module: name_field(&plan.modules[planned.module as usize]),
                    ..abi::Instance::default()
                };
                write_structure(&view.memory, offset, &entry);
                let (view, ring) = (reader as usize, planned.ring);
                let place = InstancePlace { view, ring, row, offset, is_remounted: false };
                tables.instances[index as usize].push(place);
            }
        });
    }

    /// Shows the root Ring its built-in instances.
    pub(crate) fn add_built_ins(&mut self) {
        let view = &mut self.views[0];
        for name in BUILT_INS {
            let (offset, _) = view.take_row(0, Kind::Instances);
            // They have no id there (META-5).
            write_structure(&view.memory, offset, &describe_built_in(0, name));
        }
    }

    /// Shows a Ring what has been remounted onto it (`RING-6`).
    pub(crate) fn add_grant(&mut self, plan: &Plan, ring: u32, grant: &PlanGrant) {
        self.change(plan, ring, |tables| {
            for reader in plan.ancestry(ring) {
                let view = &mut tables.views[reader as usize];
                let (offset, row) = view.take_row(ring, Kind::Instances);
                match grant.instance {
                    Some(instance) => {
                        let id = match view.instance_ids.get(&instance) {
                            Some(id) => *id,
                            None => {
                                let id = take(&mut view.next_instance, 1);
                                view.instance_ids.insert(instance, id);
                                id
                            }
                        };
                        let entry = abi::Instance {
                            id,
                            state: abi::INSTANCE_MOUNTED,
                            name: name_field(&plan.instances[instance as usize].name),
                            ..abi::Instance::default()
                        };
                        write_structure(&view.memory, offset, &entry);
                        let view = reader as usize;
                        let place = InstancePlace { view, ring, row, offset, is_remounted: true };
                        tables.instances[instance as usize].push(place);
                    }
                    None => {
                        // The root Ring sees it by name, everywhere (META-5).
                        let id = match view.built_in_ids.get(&grant.name) {
                            _ if reader == 0 => 0,
                            Some(id) => *id,
                            None => take(&mut view.next_instance, 1),
                        };
                        if id != 0 {
                            view.built_in_ids.insert(grant.name.clone(), id);
                        }
                        write_structure(&view.memory, offset, &describe_built_in(id, &grant.name));
                    }
                }
            }
        });
    }

    /// Gives a new Port its rows. `places`: of its two ends, where they are threads'.
    pub(crate) fn add_port(&mut self, plan: &Plan, port: u32, places: [Option<&ThreadPlace>; 2]) {
        put(&mut self.ports, port as usize, Vec::new());
        let mut rings: Vec<u32> = end_rings(plan, port).into_iter().flatten().collect();
        rings.dedup();
        for ring in rings {
            self.change(plan, ring, |tables| {
                for reader in plan.ancestry(ring) {
                    let view = &mut tables.views[reader as usize];
                    if !view.port_ids.contains_key(&port) {
                        let id = take(&mut view.next_port, 1);
                        view.port_ids.insert(port, id);
                    }
                    let (offset, index) = view.take_row(ring, Kind::Ports);
                    let shows = shown_ends(plan, port, reader);
                    let (view, is_shown) = (reader as usize, shows);
                    let place = PortPlace { view, ring, offset, index, shows: is_shown };
                    tables.views[view].write_port(plan, port, &place, places);
                    tables.ports[port as usize].push(place);
                }
            });
        }
    }

    /// An end is another thread's of its instance now (`END-14`).
    pub(crate) fn move_end(&mut self, plan: &Plan, end: EndpointId, place: &ThreadPlace) {
        let port = &plan.ports[end.port.0 as usize];
        let PlanEnd::Instance { instance, entry, .. } = *planned_end(port, end.side) else {
            return;
        };
        let ring = plan.instances[instance as usize].ring;
        let rows: Vec<PortPlace> = self.ports[end.port.0 as usize]
            .iter()
            .copied()
            .filter(|row| row.shows[end.side as usize])
            .collect();
        self.change(plan, ring, |tables| {
            for row in rows {
                let view = &tables.views[row.view];
                let thread = view.thread_ids[&instance] + u64::from(entry);
                let at = |field: usize| row.offset + end_offset(end.side) + field as u64;
                let memory = &view.memory;
                memory.store_u64(at(offset_of!(abi::End, thread_id)), thread);
                memory.store_u64(at(offset_of!(abi::End, synchronous_window)), place.window);
                memory.store_u64(at(offset_of!(abi::End, asynchronous_window)), 0);
                memory.store_u32(at(offset_of!(abi::End, port_index)), place.port_index);
            }
        });
    }

    /// Takes an instance out of all tables (`CTL-10`).
    pub(crate) fn forget_instance(&mut self, plan: &Plan, index: u32) {
        for place in std::mem::take(&mut self.instances[index as usize]) {
            self.change(plan, place.ring, |tables| {
                let view = &mut tables.views[place.view];
                view.give_row_back(place.ring, Kind::Instances, place.row);
            });
        }
        // Also where the row that showed it went with its Ring.
        for view in self.views.iter_mut() {
            view.instance_ids.remove(&index);
            view.thread_ids.remove(&index);
        }
    }

    /// Takes a Port out of all tables.
    pub(crate) fn forget_port(&mut self, plan: &Plan, port: u32) {
        for place in std::mem::take(&mut self.ports[port as usize]) {
            self.change(plan, place.ring, |tables| {
                let view = &mut tables.views[place.view];
                view.give_row_back(place.ring, Kind::Ports, place.index);
            });
        }
        for view in self.views.iter_mut() {
            view.port_ids.remove(&port);
        }
    }

    /// Takes a Ring out of the tables of those around it; its own instances have been forgotten.
    pub(crate) fn forget_ring(&mut self, plan: &Plan, ring: u32) {
        let Some(parent) = plan.parent(ring) else { return };
        self.change(plan, parent, |tables| {
            for reader in plan.ancestry(parent) {
                tables.views[reader as usize].remove_ring(ring, parent);
            }
        });
        // What is left of others there, such as a Port whose other end is somebody's still, is shown there
        // no more: the rows are the next Ring's.
        for places in &mut self.instances {
            places.retain(|place| place.ring != ring && place.view != ring as usize);
        }
        for places in &mut self.ports {
            places.retain(|place| place.ring != ring && place.view != ring as usize);
        }
        self.views.forget(ring);
    }

    /// Lets a Ring's structure change in every view that shows it, under their generations: its own, and
    /// those of the Rings around it that the same readers see (`RING-7`).
    fn change<T>(&mut self, plan: &Plan, ring: u32, write: impl FnOnce(&mut Self) -> T) -> T {
        let readers: Vec<u32> = plan.ancestry(ring).collect();
        let turn = |tables: &Self| {
            for (index, reader) in readers.iter().enumerate() {
                tables.views[*reader as usize].turn_generations(readers[..=index].iter().copied());
            }
        };
        if self.is_read {
            turn(self);
        }
        let result = write(self);
        if self.is_read {
            turn(self);
        }
        result
    }
}

impl View {
    fn write_port(
        &self,
        plan: &Plan,
        port: u32,
        place: &PortPlace,
        places: [Option<&ThreadPlace>; 2],
    ) {
        let planned = &plan.ports[port as usize];
        let describe = |side: Side, end: &PlanEnd| {
            let shows = place.shows[side as usize];
            self.describe_end(plan, end, places[side as usize].filter(|_| shows), place.ring)
        };
        let (producer, producer_ring) = describe(Side::Producer, &planned.producer);
        let (consumer, consumer_ring) = describe(Side::Consumer, &planned.consumer);
        let entry = abi::Port {
            id: self.port_ids[&port],
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

    /// An end, and the id of its owner's Ring; of one that is not the reader's (it has no place then),
    /// nothing but who it is that is remounted onto the Ring of the table (`RING-6`).
    fn describe_end(
        &self,
        plan: &Plan,
        planned: &PlanEnd,
        place: Option<&ThreadPlace>,
        ring: u32,
    ) -> (abi::End, u64) {
        let granted = |name: &str, instance: Option<u32>| {
            let index = (ring as usize).checked_sub(1);
            index.is_some_and(|index| {
                let mut grants = plan.rings[index].grants.iter();
                grants.any(|grant| grant.instance == instance && grant.name == name)
            })
        };
        let only_id = |instance_id| (abi::End { instance_id, ..abi::End::default() }, 0);
        match (planned, place) {
            (PlanEnd::BuiltIn(built_in), _) => {
                let name = built_in.name();
                let name = name.split('.').next().unwrap_or_default();
                let id = self.built_in_ids.get(name).copied().filter(|_| granted(name, None));
                only_id(id.unwrap_or(0))
            }
            (PlanEnd::Instance { instance, .. }, None) => {
                let name = &plan.instances[*instance as usize].name;
                let id = self.instance_ids.get(instance).copied();
                only_id(id.filter(|_| granted(name, Some(*instance))).unwrap_or(0))
            }
            (PlanEnd::Instance { instance, entry, .. }, Some(place)) => {
                let described = abi::End {
                    instance_id: self.instance_ids[instance],
                    thread_id: self.thread_ids[instance] + u64::from(*entry),
                    synchronous_window: place.window,
                    asynchronous_window: place.live.map_or(0, |live| live.window),
                    port_index: place.port_index,
                    ..abi::End::default()
                };
                let ring = plan.instances[*instance as usize].ring;
                (described, self.rings.get(&ring).map_or(0, |shown| shown.id))
            }
        }
    }
}

impl Tables {
    /// Memory of the tables that a Ring's instances read.
    pub(crate) fn memory(&self, ring: u32) -> &SharedMemory {
        &self.views[ring as usize].memory
    }
}

fn describe_built_in(id: u64, name: &str) -> abi::Instance {
    let state = abi::INSTANCE_RUNNING;
    abi::Instance { id, state, name: name_field(name), ..abi::Instance::default() }
}

/// How many rows a plan's Rings need, by Ring.
fn count_rows(plan: &Plan) -> Vec<Capacity> {
    let mut rings = vec![Capacity::default(); plan.rings.len() + 1];
    rings[0].instances = as_u32(BUILT_INS.len());
    for (index, ring) in plan.rings.iter().enumerate() {
        rings[ring.parent as usize].children += 1;
        rings[index + 1].instances += as_u32(ring.grants.len());
    }
    for instance in &plan.instances {
        rings[instance.ring as usize].instances += 1;
    }
    for port in 0..as_u32(plan.ports.len()) {
        let mut ends: Vec<u32> = end_rings(plan, port).into_iter().flatten().collect();
        ends.dedup();
        for ring in ends {
            rings[ring as usize].ports += 1;
        }
    }
    rings
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
