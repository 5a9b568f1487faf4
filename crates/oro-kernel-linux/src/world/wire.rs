//! How a Port comes into a [`World`]: its queue, its cursors, and a place for each of its ends in the
//! address space of the thread that has it.
//!
//! A thread whose process exists can map nothing more. Where it may get Ports then (`CTL-8`), a place for each
//! of its elements has been *reserved* before: mapped, watched, and with nothing in it.

use std::io;

use oro_kernel::{EndpointId, PortId, Side, ThreadId, Upgrade};
use oro_system::{BuiltIn, Plan, PlanEnd, PlanPort};

use super::{
    LivePlace, Meaning, Place, PortMemory, Region, ThreadMemory, ThreadPlace, WordPlace, World,
    mapping, put,
};
use crate::StartError;
use crate::addresses::{WINDOWS, WINDOWS_END};
use crate::images::Images;
use crate::memory::{PAGE, SharedMemory, round_to_pages};
use crate::spawn::Rights;

/// A place for an end that is not wired yet.
#[derive(Clone, Debug)]
pub(super) struct Reserved {
    pub(super) place: ThreadPlace,
    /// The page where its thread will see the cursor of the peer.
    pub(super) peer_cursor: SharedMemory,
}

/// Which port of a module an end is.
#[derive(Clone, Copy)]
struct Element<'a> {
    thread: ThreadId,
    port_index: u32,
    element: u32,
    is_managed: bool,
    /// Address ranges are for slots of this size.
    slot_size_bytes: u32,
    instance: &'a str,
}

impl World {
    /// Adds a Port of the plan, with the next number or that of one of which nothing is left.
    pub(crate) fn wire(
        &mut self,
        plan: &Plan,
        images: &Images<'_>,
        port: PortId,
    ) -> Result<PortId, StartError> {
        let system = |error| StartError::system("Port memory", error);
        if self.ports.len() > port.0 as usize {
            // What the old one has yet: nobody is left who could have it mapped.
            self.release_port(port, |_| false).map_err(system)?;
        }
        let planned = &plan.ports[port.0 as usize];
        let is_late = self.is_late(planned);
        let can_upgrade = !is_late && can_upgrade(plan, images, planned);
        let queue = self.store.writable.take(planned.queue_bytes()).map_err(system)?;
        // An end that can become asynchronous has its own cursor mapped writable; its peer has it
        // mapped read-only, and can make no system call to change that.
        let arena = if can_upgrade { &mut self.store.writable } else { &mut self.store.readable };
        let cursors = arena.take(2 * PAGE).map_err(system)?;
        let mut memory = PortMemory {
            slot_size_bytes: u64::from(planned.slot_size_bytes),
            stride_bytes: u64::from(planned.stride_bytes),
            slot_count: u64::from(planned.slot_count),
            queue,
            cursors: [Some(cursors.part(0, PAGE)), Some(cursors.part(PAGE, PAGE))],
            cursor_pages: cursors,
            can_upgrade,
            is_queue_given_back: false,
            are_cursors_given_back: false,
            // Until they have their places.
            producer: Place::Kernel(BuiltIn::NullSource),
            consumer: Place::Kernel(BuiltIn::NullSink),
        };
        // First all that can fail, so that a Port that cannot be had leaves nothing behind.
        let ends = [Side::Producer, Side::Consumer].map(|side| EndpointId { port, side });
        if let Err(error) = self.place_ends(plan, images, ends, &mut memory) {
            self.discard_port(&memory).map_err(system)?;
            return Err(error);
        }
        for end in ends {
            if let Place::Thread(place) = memory.place(end.side) {
                self.leave_behind(place).map_err(system)?;
                self.threads[place.thread.0 as usize].add_end(end, place, &memory);
            }
        }
        let places = [&memory.producer, &memory.consumer].map(|place| match place {
            Place::Thread(place) => Some(place),
            Place::Kernel(_) => None,
        });
        self.tables.add_port(plan, port.0, places);
        put(&mut self.ports, port.0 as usize, memory);
        Ok(port)
    }

    /// Gives both ends of a new Port their places.
    fn place_ends(
        &mut self,
        plan: &Plan,
        images: &Images<'_>,
        [producer, consumer]: [EndpointId; 2],
        memory: &mut PortMemory,
    ) -> Result<(), StartError> {
        let can_upgrade = memory.can_upgrade;
        memory.producer =
            self.place_end(plan, images, producer, can_upgrade, &mut memory.cursors)?;
        memory.consumer =
            self.place_end(plan, images, consumer, can_upgrade, &mut memory.cursors)?;
        if self.is_built {
            memory.allocate().map_err(|error| StartError::system("memory for a Port", error))?;
        }
        Ok(())
    }

    /// Whether an end is wired to a thread whose process exists already.
    pub(crate) fn is_late(&self, planned: &PlanPort) -> bool {
        [&planned.producer, &planned.consumer].into_iter().any(|end| match end {
            &PlanEnd::Instance { instance, entry, .. } => {
                let first = self.instances[instance as usize].first_thread;
                self.threads[(first + entry) as usize].is_sealed
            }
            PlanEnd::BuiltIn(_) => false,
        })
    }

    /// Bytes that count for quotas, by instance: the queue for who pays for it, cells and commit words for
    /// each end (`SYS-3`).
    pub(super) fn cost_of_port(
        plan: &Plan,
        images: &Images<'_>,
        planned: &PlanPort,
    ) -> Vec<(u32, u64)> {
        let mut costs = Vec::new();
        if let Some(payer) = planned.payer() {
            costs.push((payer, round_to_pages(planned.queue_bytes())));
        }
        for end in [&planned.producer, &planned.consumer] {
            costs.extend(Self::cost_of_end(plan, images, end, planned.slot_size_bytes));
        }
        costs
    }

    /// Those of one end: its instance, and how many.
    pub(super) fn cost_of_end(
        plan: &Plan,
        images: &Images<'_>,
        end: &PlanEnd,
        slot_size_bytes: u32,
    ) -> Option<(u32, u64)> {
        let &PlanEnd::Instance { instance, entry, .. } = end else { return None };
        let planned = &plan.instances[instance as usize];
        if planned.is_forgotten() {
            return None;
        }
        let image = &images[planned.module as usize];
        let is_managed = image.interface.entries[entry as usize].is_managed;
        let cells = 2 * round_to_pages(u64::from(slot_size_bytes));
        Some((instance, cells + if is_managed { PAGE } else { 0 }))
    }

    fn place_end(
        &mut self,
        plan: &Plan,
        images: &Images<'_>,
        end: EndpointId,
        can_upgrade: bool,
        cursors: &mut [Option<SharedMemory>; 2],
    ) -> Result<Place, StartError> {
        let planned = &plan.ports[end.port.0 as usize];
        let planned_end = super::planned_end(planned, end.side);
        let &PlanEnd::Instance { instance, port, entry, element } = planned_end else {
            let PlanEnd::BuiltIn(built_in) = planned_end else { unreachable!("the other kind") };
            return Ok(Place::Kernel(built_in.clone()));
        };
        let thread = ThreadId(self.instances[instance as usize].first_thread + entry);
        let index = thread.0 as usize;
        if self.threads[index].is_sealed {
            return self.place_late(end.side, index, port, cursors);
        }
        let module = plan.instances[instance as usize].module;
        let wanted = Element {
            thread,
            port_index: port,
            element,
            is_managed: images[module as usize].interface.entries[entry as usize].is_managed,
            slot_size_bytes: planned.slot_size_bytes,
            instance: &plan.path(instance as usize),
        };
        let mut place = self.create_place(wanted)?;
        if can_upgrade {
            let size_bytes = round_to_pages(planned.queue_bytes());
            let next = &mut self.threads[index].next_window;
            place.live = Some(LivePlace {
                window: super::take(next, size_bytes + PAGE),
                size_bytes,
                cursor: super::take(next, 2 * PAGE),
            });
            check_windows(*next, wanted.instance)?;
        }
        Ok(Place::Thread(place))
    }

    /// Cells, the address for the peer's cursor, and a commit word: of a new end, wired or not.
    fn create_place(&mut self, wanted: Element<'_>) -> Result<ThreadPlace, StartError> {
        let system = |error| StartError::system("memory for a thread", error);
        let thread = &mut self.threads[wanted.thread.0 as usize];
        let cell_bytes = round_to_pages(u64::from(wanted.slot_size_bytes));
        let next = &mut thread.next_window;
        let window = super::take(next, 2 * (cell_bytes + PAGE));
        let peer_cursor = super::take(next, 2 * PAGE);
        let word_address = wanted.is_managed.then(|| super::take(next, 2 * PAGE));
        check_windows(*next, wanted.instance)?;
        let cells = self.store.writable.take(2 * cell_bytes).map_err(system)?;
        let word = match word_address {
            Some(address) => {
                let memory = self.store.writable.take(PAGE).map_err(system)?;
                Some(WordPlace { address, memory })
            }
            None => None,
        };
        Ok(ThreadPlace {
            thread: wanted.thread,
            port_index: wanted.port_index,
            element: wanted.element,
            window,
            cell_bytes,
            cells,
            word,
            peer_cursor,
            live: None,
        })
    }

    /// Reserves a place for each element of a thread's ports, for Ports that come when its process exists.
    pub(crate) fn reserve(
        &mut self,
        plan: &Plan,
        images: &Images<'_>,
        thread: ThreadId,
    ) -> Result<(), StartError> {
        let index = thread.0 as usize;
        let instance = self.threads[index].instance.0 as usize;
        let ports = &images[plan.instances[instance].module as usize].interface.ports;
        let name = &plan.path(instance);
        let (entry, is_managed) = (self.threads[index].entry, self.threads[index].is_managed);
        for port in ports.iter().filter(|port| port.entry == entry) {
            let side = super::side_of(port.direction);
            for element in 0..port.max {
                let wanted = Element {
                    thread,
                    port_index: port.index + element,
                    element,
                    is_managed,
                    slot_size_bytes: port.slot_size_bytes,
                    instance: name,
                };
                let place = self.create_place(wanted)?;
                let page = self.store.readable.take(PAGE);
                let peer_cursor =
                    page.map_err(|error| StartError::system("memory for a thread", error))?;
                self.threads[index].add_reserved(side, Reserved { place, peer_cursor });
            }
        }
        Ok(())
    }

    /// An end is another thread's from now on, as the plan says (`END-14`). Where it was.
    pub(crate) fn move_end(
        &mut self,
        plan: &Plan,
        images: &Images<'_>,
        end: EndpointId,
    ) -> Result<ThreadPlace, StartError> {
        let port = end.port.0 as usize;
        let old = self.thread_place(end).cloned().expect("kernel bug: a built-in end has moved");
        let mut cursors = self.ports[port].cursors.clone();
        let place = self.place_end(plan, images, end, false, &mut cursors)?;
        if let Place::Thread(new) = &place {
            self.leave_behind(new)
                .map_err(|error| StartError::system("memory for a thread", error))?;
        }
        let memory = &mut self.ports[port];
        memory.cursors = cursors;
        if let Place::Thread(new) = &place {
            assert!(
                self.threads[new.thread.0 as usize].is_sealed,
                "kernel bug: an end moves before its instance has started"
            );
            self.threads[new.thread.0 as usize].add_end(end, new, memory);
        }
        match end.side {
            Side::Producer => memory.producer = place,
            Side::Consumer => memory.consumer = place,
        }
        self.threads[old.thread.0 as usize].give_away(end, old.clone());
        Ok(old)
    }

    /// The place that a thread has reserved for an end.
    fn place_late(
        &self,
        side: Side,
        index: usize,
        binding: u32,
        cursors: &mut [Option<SharedMemory>; 2],
    ) -> Result<Place, StartError> {
        let reserved = self.threads[index].reserved.get(&binding);
        let reserved = reserved.expect("kernel bug: whoever wires late has made sure of a place");
        // Nothing of a Port that it had before.
        let system = |error| StartError::system("memory for a late Port", error);
        reserved.place.reset(side).map_err(system)?;
        reserved.peer_cursor.clear(0, PAGE);
        cursors[side.peer() as usize] = Some(reserved.peer_cursor.clone());
        Ok(Place::Thread(reserved.place.clone()))
    }

    /// Whether a thread has reserved a place for a Port.
    pub(crate) fn has_reserved(&self, thread: ThreadId, binding: u32) -> bool {
        self.threads[thread.0 as usize].reserved.contains_key(&binding)
    }

    /// Whether it is one for a slot of this size.
    pub(crate) fn has_place(&self, thread: ThreadId, binding: u32, slot_size_bytes: u32) -> bool {
        let reserved = self.threads[thread.0 as usize].reserved.get(&binding);
        reserved.is_some_and(|reserved| u64::from(slot_size_bytes) <= reserved.place.cell_bytes)
    }
}

impl PortMemory {
    /// Allocates what threads have mapped from the start, and the queue that they may get: nobody waits for
    /// it later, and where Linux says that there is not so much, nothing starts.
    pub(super) fn allocate(&self) -> io::Result<()> {
        if self.can_upgrade {
            self.queue.populate()?;
            self.cursors.iter().flatten().try_for_each(SharedMemory::populate)?;
        }
        for side in [Side::Producer, Side::Consumer] {
            if let Place::Thread(place) = self.place(side) {
                place.allocate(side)?;
            }
        }
        Ok(())
    }
}

impl ThreadPlace {
    /// Makes sure of what its thread has mapped from the start: the commit word, and a producer's cells.
    fn allocate(&self, side: Side) -> io::Result<()> {
        if side == Side::Producer {
            self.cells.populate()?;
        }
        self.word.as_ref().map_or(Ok(()), |word| word.memory.populate())
    }

    /// As before the end's thread first ran.
    pub(super) fn reset(&self, side: Side) -> io::Result<()> {
        self.cells.punch_hole(0, self.cells.size_bytes())?;
        if let Some(word) = &self.word {
            word.memory.punch_hole(0, PAGE)?;
        }
        self.allocate(side)
    }

    /// What a region that begins at an address means for an end that is here.
    fn meaning_at(&self, end: EndpointId, start: u64) -> Option<Meaning> {
        let cell = (0..2).find(|cell| self.cell_address(*cell) == start);
        match cell {
            Some(cell) => Some(Meaning::Cell { end, cell }),
            None => (self.word_address() == Some(start)).then_some(Meaning::Word { end }),
        }
    }
}

impl ThreadMemory {
    /// Maps an endpoint's cells, its peer's cursor, its commit word, and what it needs in
    /// asynchronous mode.
    fn add_end(&mut self, end: EndpointId, place: &ThreadPlace, port: &PortMemory) {
        self.ends.retain(|(binding, _)| *binding != place.port_index);
        let at = self.ends.partition_point(|(binding, _)| *binding < place.port_index);
        self.ends.insert(at, (place.port_index, end));
        if self.is_sealed {
            // It is all there, and means this end from now on.
            for region in &mut self.regions {
                if let Some(meaning) = place.meaning_at(end, region.start) {
                    region.meaning = meaning;
                }
            }
            return;
        }
        let cursor = port.cursors[end.side.peer() as usize].as_ref();
        let cursor = cursor.expect("kernel bug: a new Port has no cursors");
        let cell = |cell| Meaning::Cell { end, cell };
        self.map_place(end.side, place, cursor, [cell(0), cell(1), Meaning::Word { end }]);
        if let Some(live) = place.live {
            self.add_live(end, live, port);
        }
    }

    fn add_reserved(&mut self, side: Side, reserved: Reserved) {
        let Reserved { place, peer_cursor } = &reserved;
        let cell = Meaning::Reserved { is_read_only: side == Side::Consumer };
        let word = Meaning::Reserved { is_read_only: false };
        self.map_place(side, place, peer_cursor, [cell, cell, word]);
        self.reserved.insert(place.port_index, reserved);
    }

    /// `meanings`: of the two cells and of the commit word.
    fn map_place(
        &mut self,
        side: Side,
        place: &ThreadPlace,
        peer_cursor: &SharedMemory,
        meanings: [Meaning; 3],
    ) {
        let rights = match side {
            Side::Producer => Rights::ReadWrite,
            Side::Consumer => Rights::Read,
        };
        let [first, second, word_meaning] = meanings;
        let size_bytes = place.cell_bytes;
        for (cell, meaning) in [(0, first), (1, second)] {
            let start = place.cell_address(cell);
            let offset = place.cell_offset(cell);
            self.mappings.push(mapping(start, size_bytes, rights, &place.cells, offset));
            self.add_region(Region { start, size_bytes, meaning });
        }
        self.mappings.push(mapping(place.peer_cursor, PAGE, Rights::Read, peer_cursor, 0));
        if let Some(WordPlace { address, memory }) = &place.word {
            self.mappings.push(mapping(*address, PAGE, Rights::ReadWrite, memory, 0));
            self.add_region(Region { start: *address, size_bytes: PAGE, meaning: word_meaning });
        }
    }

    /// Maps the queue and the own live cursor.
    fn add_live(&mut self, end: EndpointId, live: LivePlace, port: &PortMemory) {
        let rights = match end.side {
            Side::Producer => Rights::ReadWrite,
            Side::Consumer => Rights::Read,
        };
        let LivePlace { window, size_bytes, cursor } = live;
        self.mappings.push(mapping(window, size_bytes, rights, &port.queue, 0));
        self.add_region(Region { start: window, size_bytes, meaning: Meaning::Queue { end } });
        let own = port.live_cursor(end.side);
        self.mappings.push(mapping(cursor, PAGE, Rights::ReadWrite, &own, 0));
        let meaning = Meaning::Cursor { end };
        self.add_region(Region { start: cursor, size_bytes: PAGE, meaning });
    }

    /// Windows are given by ascending address, so it goes to the end.
    fn add_region(&mut self, region: Region) {
        let at = self.regions.partition_point(|other| other.start < region.start);
        self.regions.insert(at, region);
    }
}

/// Whether a Port can ever become asynchronous (`MODE-1`, `PORT-10`).
fn can_upgrade(plan: &Plan, images: &Images<'_>, port: &PlanPort) -> bool {
    let qualifies = |end: &PlanEnd| match end {
        PlanEnd::Instance { instance, entry, .. } => {
            let module = plan.instances[*instance as usize].module;
            images[module as usize].interface.entries[*entry as usize].is_managed
        }
        PlanEnd::BuiltIn(_) => true,
    };
    let ends = [&port.producer, &port.consumer];
    super::choose_upgrade(port, false) == Upgrade::Allowed
        && ends.iter().all(|end| qualifies(end))
        && ends.iter().any(|end| matches!(end, PlanEnd::Instance { .. }))
}

/// `LIM-6`
fn check_windows(next: u64, instance: &str) -> Result<(), StartError> {
    if next <= WINDOWS_END {
        return Ok(());
    }
    Err(StartError::windows(instance, next - WINDOWS, WINDOWS_END - WINDOWS))
}
