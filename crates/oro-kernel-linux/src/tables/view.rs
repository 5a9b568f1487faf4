//! [`View`]: the memory that the instances of one Ring read, and what has a row in it, under which id.
//!
//! Rows are given out and taken back here; who gets one in which view is decided in `shape.rs`.

use core::mem::offset_of;
use core::sync::atomic::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::ops::{Index, IndexMut};

use oro_sysabi as abi;

use crate::addresses::RING;
use crate::memory::{SharedMemory, Writers};
use crate::metadata::{name_field, size_of_u32, write_structure};
use crate::world::take;

/// Upper half of every id: its generation, which starts at 1, so that no id is 0 (`META-9`).
pub(crate) const FIRST_GENERATION: u64 = 1 << 32;

pub(super) const RING_SIZE: u64 = size_of::<abi::Ring>() as u64;
const INSTANCE_SIZE: u64 = size_of::<abi::Instance>() as u64;
const PORT_SIZE: u64 = size_of::<abi::Port>() as u64;

/// How many rows each table of a Ring has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Capacity {
    pub(super) children: u32,
    pub(super) instances: u32,
    pub(super) ports: u32,
}

impl Capacity {
    /// Of a Ring that is made while the system runs; and what any other may still get then.
    pub(super) const GROWTH: Self = Self { children: 32, instances: 128, ports: 256 };

    pub(super) fn plus(self, more: Self) -> Self {
        Self {
            children: self.children + more.children,
            instances: self.instances + more.instances,
            ports: self.ports + more.ports,
        }
    }

    /// Bytes of all three.
    pub(super) fn size_bytes(self) -> u64 {
        u64::from(self.children) * RING_SIZE
            + u64::from(self.instances) * INSTANCE_SIZE
            + u64::from(self.ports) * PORT_SIZE
    }
}

/// The tables of a Ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Children,
    Instances,
    Ports,
}

/// A table: rows of one size, of which those are in use again that had been given back.
#[derive(Debug)]
pub(super) struct Rows {
    first: u64,
    stride_bytes: u64,
    capacity: u32,
    count: u32,
    free: Vec<u32>,
}

impl Rows {
    fn new(end: &mut u64, stride_bytes: u64, capacity: u32) -> Self {
        let first = *end;
        *end += u64::from(capacity) * stride_bytes;
        Self { first, stride_bytes, capacity, count: 0, free: Vec::new() }
    }

    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty() || self.count < self.capacity
    }

    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            assert!(self.count < self.capacity, "kernel bug: a table is full");
            self.count += 1;
            self.count - 1
        })
    }

    fn size_bytes(&self) -> u64 {
        u64::from(self.capacity) * self.stride_bytes
    }

    fn offset(&self, index: u32) -> u64 {
        self.first + u64::from(index) * self.stride_bytes
    }

    fn describe(&self) -> abi::Table {
        abi::Table {
            entries: if self.capacity > 0 { RING + self.first } else { 0 },
            stride_bytes: u32::try_from(self.stride_bytes).unwrap_or(u32::MAX),
            count: self.count,
            capacity: self.capacity,
            ..abi::Table::default()
        }
    }
}

/// A Ring in a view: its header, and its tables.
#[derive(Debug)]
pub(super) struct ShownRing {
    pub(super) id: u64,
    pub(super) header: u64,
    /// Its row in its parent's table; none of the reader's own.
    row: u32,
    tables: [Rows; 3],
}

impl ShownRing {
    pub(super) fn rows(&self, kind: Kind) -> &Rows {
        &self.tables[kind as usize]
    }
}

/// What the instances of each Ring read, by Ring; nothing of those that are forgotten.
#[derive(Debug, Default)]
pub(super) struct Views(Vec<Option<View>>);

impl Views {
    /// Of the next Ring, or of one with the number of another that is forgotten.
    pub(super) fn put(&mut self, ring: u32, view: View) {
        if self.0.len() <= ring as usize {
            self.0.resize_with(ring as usize + 1, || None);
        }
        self.0[ring as usize] = Some(view);
    }

    /// All that are read.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut View> {
        self.0.iter_mut().flatten()
    }

    /// Nobody is left who reads it.
    pub(super) fn forget(&mut self, ring: u32) {
        self.0[ring as usize] = None;
    }
}

impl Index<usize> for Views {
    type Output = View;

    fn index(&self, ring: usize) -> &View {
        self.0[ring].as_ref().expect("kernel bug: the Ring is forgotten")
    }
}

impl IndexMut<usize> for Views {
    fn index_mut(&mut self, ring: usize) -> &mut View {
        self.0[ring].as_mut().expect("kernel bug: the Ring is forgotten")
    }
}

/// What the instances of one Ring read.
#[derive(Debug)]
pub(super) struct View {
    pub(super) memory: SharedMemory,
    /// First byte that nothing has yet.
    end: u64,
    /// Rooms of Rings that have been forgotten; all have space for [`Capacity::GROWTH`].
    free_rooms: Vec<u64>,
    /// The Rings that it shows, by number.
    pub(super) rings: BTreeMap<u32, ShownRing>,
    /// Ids of the instances that it shows, remounted ones included.
    pub(super) instance_ids: BTreeMap<u32, u64>,
    /// Ids of built-in instances that are remounted onto a Ring that it shows.
    pub(super) built_in_ids: BTreeMap<String, u64>,
    /// Id of the first thread of each instance whose threads it shows.
    pub(super) thread_ids: BTreeMap<u32, u64>,
    /// Ids of the Ports that it shows.
    pub(super) port_ids: BTreeMap<u32, u64>,
    pub(super) next_ring: u64,
    pub(super) next_instance: u64,
    pub(super) next_thread: u64,
    pub(super) next_port: u64,
}

impl View {
    /// Empty, with so many bytes.
    pub(super) fn new(size_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            memory: SharedMemory::create(c"oro-ring", size_bytes, Writers::Supervisor)?,
            end: 0,
            free_rooms: Vec::new(),
            rings: BTreeMap::new(),
            instance_ids: BTreeMap::new(),
            built_in_ids: BTreeMap::new(),
            thread_ids: BTreeMap::new(),
            port_ids: BTreeMap::new(),
            next_ring: FIRST_GENERATION,
            next_instance: FIRST_GENERATION,
            next_thread: FIRST_GENERATION,
            next_port: FIRST_GENERATION,
        })
    }

    /// Bytes in which anything has ever been; what comes after them is zero.
    pub(super) fn used_bytes(&self) -> u64 {
        self.end
    }

    /// Whether a Ring that is made while the system runs finds room.
    pub(super) fn has_room_for_ring(&self, parent: u32) -> bool {
        let needed = Capacity::GROWTH.size_bytes();
        let has_space =
            !self.free_rooms.is_empty() || self.memory.size_bytes() - self.end >= needed;
        has_space && self.rings[&parent].rows(Kind::Children).has_room()
    }

    /// Makes a header and tables for a Ring: at the beginning, or in its parent's table.
    pub(super) fn add_ring(
        &mut self,
        ring: u32,
        parent: Option<u32>,
        name: &str,
        capacity: Capacity,
    ) {
        let (header, row) = match parent {
            None => (take(&mut self.end, RING_SIZE), 0),
            Some(parent) => self.take_row(parent, Kind::Children),
        };
        let mut at = self.free_rooms.pop().unwrap_or(self.end);
        let is_new = at == self.end;
        let tables = [
            Rows::new(&mut at, RING_SIZE, capacity.children),
            Rows::new(&mut at, INSTANCE_SIZE, capacity.instances),
            Rows::new(&mut at, PORT_SIZE, capacity.ports),
        ];
        if is_new {
            self.end = at;
        }
        let id = take(&mut self.next_ring, 1);
        let [children, instances, ports] = [0, 1, 2].map(|index: usize| tables[index].describe());
        let value = abi::Ring {
            magic: abi::RING_MAGIC,
            size_bytes: size_of_u32::<abi::Ring>(),
            // Whoever reads its own Ring's generation reads on at once, if this one is just made.
            generation: FIRST_RING_GENERATION,
            id,
            name: name_field(name),
            instances,
            children,
            ports,
            ..abi::Ring::default()
        };
        write_structure(&self.memory, header, &value);
        self.rings.insert(ring, ShownRing { id, header, row, tables });
    }

    /// Takes a Ring out, with all its rows; nothing of it is shown any more.
    pub(super) fn remove_ring(&mut self, ring: u32, parent: u32) {
        let Some(shown) = self.rings.remove(&ring) else { return };
        self.memory.clear(shown.header, RING_SIZE);
        let room = shown.tables[0].first;
        let size_bytes = shown.tables.iter().map(Rows::size_bytes).sum();
        self.memory.clear(room, size_bytes);
        // In a system that nobody adds to it may be smaller, and is of no use any more.
        self.free_rooms.push(room);
        if let Some(parent) = self.rings.get_mut(&parent) {
            parent.tables[Kind::Children as usize].free.push(shown.row);
        }
    }

    /// A row of a Ring's table: where it is, and its index.
    pub(super) fn take_row(&mut self, ring: u32, kind: Kind) -> (u64, u32) {
        let shown = self.rings.get_mut(&ring).expect("kernel bug: the view does not show the Ring");
        let header = shown.header;
        let rows = &mut shown.tables[kind as usize];
        let index = rows.take();
        let at = match kind {
            Kind::Children => offset_of!(abi::Ring, children),
            Kind::Instances => offset_of!(abi::Ring, instances),
            Kind::Ports => offset_of!(abi::Ring, ports),
        } + offset_of!(abi::Table, count);
        self.memory.store_u32(header + at as u64, rows.count);
        (rows.offset(index), index)
    }

    /// Gives a row back; it is all zero.
    pub(super) fn give_row_back(&mut self, ring: u32, kind: Kind, index: u32) {
        let Some(shown) = self.rings.get_mut(&ring) else { return };
        let rows = &mut shown.tables[kind as usize];
        self.memory.clear(rows.offset(index), rows.stride_bytes);
        rows.free.push(index);
    }

    /// Tells the readers that what they see of these Rings' structure is about to change, or has just
    /// changed (`META-7`).
    pub(super) fn turn_generations(&self, rings: impl Iterator<Item = u32>) {
        for ring in rings {
            if let Some(shown) = self.rings.get(&ring) {
                let at = shown.header + offset_of!(abi::Ring, generation) as u64;
                let generation = self.memory.load_u64(at);
                self.memory.store_u64(at, generation + 1);
            }
        }
        // What is written next must not be seen before the odd number is.
        core::sync::atomic::fence(Ordering::SeqCst);
    }

    /// The generation of one of its Rings.
    pub(super) fn generation(&self, ring: u32) -> u64 {
        let header = self.rings[&ring].header;
        self.memory.load_u64(header + offset_of!(abi::Ring, generation) as u64)
    }
}

/// Generation of a Ring that has just been made.
const FIRST_RING_GENERATION: u64 = 2;
