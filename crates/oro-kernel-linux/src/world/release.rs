//! How memory comes back from what is forgotten, over or given away (`CTL-8`, `CTL-10`, `END-14`), and of which Ports
//! nothing is left.

use std::io;

use oro_kernel::{EndpointId, PortId, Side, ThreadId};

use super::mount::Store;
use super::{Meaning, Place, PortMemory, Reserved, ThreadMemory, ThreadPlace, World};
use crate::memory::{Arena, PAGE};

impl World {
    /// Gives back what an instance has had that is forgotten; none of its processes lives. Queues stay: who
    /// is at their other ends may not have read all.
    pub(crate) fn release_instance(&mut self, index: usize) -> io::Result<()> {
        let Store { writable, readable, .. } = &mut self.store;
        writable.give_back(self.instances[index].data.clone())?;
        let first = self.instances[index].first_thread as usize;
        let last = first + self.instances[index].thread_count as usize;
        for thread in &mut self.threads[first..last] {
            writable.give_back(thread.private.clone())?;
            readable.give_back(thread.root.clone())?;
            for place in thread.drop_given_away() {
                place.give_back(writable)?;
            }
            for (_, place) in std::mem::take(&mut thread.left_behind) {
                place.give_back(writable)?;
            }
            for (_, end) in &thread.ends {
                let late = thread.reserved.values();
                if let Place::Thread(place) = self.ports[end.port.0 as usize].place(end.side)
                    && !late.clone().any(|late| late.place.window == place.window)
                {
                    place.give_back(writable)?;
                }
            }
            for Reserved { place, peer_cursor } in
                std::mem::take(&mut thread.reserved).into_values()
            {
                place.give_back(writable)?;
                readable.give_back(peer_cursor)?;
            }
            thread.mappings = Vec::new();
            thread.regions = Vec::new();
            thread.ends = Vec::new();
        }
        self.instances[index].shared = Vec::new();
        self.charges.clear(index);
        self.forget_places(first..last);
        Ok(())
    }

    /// Nothing is stored any more where threads have seen cursors or had commit words: that may be another's.
    fn forget_places(&mut self, threads: std::ops::Range<usize>) {
        let is_its = |place: &Place| match place {
            Place::Thread(place) => threads.contains(&(place.thread.0 as usize)),
            Place::Kernel(_) => false,
        };
        for end in self.ends() {
            if is_its(self.ports[end.port.0 as usize].place(end.side)) {
                self.forget_place(end);
            }
        }
    }

    /// Gives back the queue and the cursors of a Port that is over, or that nobody is left of: but for what
    /// a thread of which something may yet run has mapped. `may_run`: whether that is so of a thread.
    pub(crate) fn release_port(
        &mut self,
        port: PortId,
        may_run: impl Fn(ThreadId) -> bool,
    ) -> io::Result<()> {
        let memory = &self.ports[port.0 as usize];
        let places = [&memory.producer, &memory.consumer];
        let is_mapped = |keeps: &dyn Fn(&ThreadPlace) -> bool| {
            places.iter().any(|place| match place {
                Place::Thread(place) => may_run(place.thread) && keeps(place),
                Place::Kernel(_) => false,
            })
        };
        // Who has given its end away still has it mapped.
        let is_kept = |keeps: &dyn Fn(&ThreadMemory) -> bool| {
            (0..)
                .zip(&self.threads)
                .any(|(index, thread)| keeps(thread) && may_run(ThreadId(index)))
        };
        let has_queue =
            is_kept(&|thread| thread.keeps_queue(port)) || is_mapped(&|place| place.live.is_some());
        // What a late end sees of its peer is in a page of its thread's own.
        let has_cursors = is_kept(&|thread| thread.keeps_cursors(port))
            || is_mapped(&|place| {
                let reserved = &self.threads[place.thread.0 as usize].reserved;
                !reserved.values().any(|reserved| reserved.place.window == place.window)
            });
        let Store { writable, readable, .. } = &mut self.store;
        let memory = &mut self.ports[port.0 as usize];
        if has_queue {
            memory.queue.punch_hole(0, memory.queue.size_bytes())?;
        } else if !std::mem::replace(&mut memory.is_queue_given_back, true) {
            writable.give_back(memory.queue.clone())?;
        }
        if !has_cursors && !std::mem::replace(&mut memory.are_cursors_given_back, true) {
            let arena = if memory.can_upgrade { writable } else { readable };
            arena.give_back(memory.cursor_pages.clone())?;
            // What is a page of the Port's own, and not of a late end's thread.
            let pages = &memory.cursor_pages;
            let own = [0, PAGE].map(|offset| (pages.inode(), pages.start() + offset));
            for cursor in &mut memory.cursors {
                cursor.take_if(|page| own.contains(&(page.inode(), page.start())));
            }
        }
        Ok(())
    }

    /// Gives back what a Port has got that cannot be had.
    pub(super) fn discard_port(&mut self, memory: &PortMemory) -> io::Result<()> {
        let Store { writable, readable, .. } = &mut self.store;
        writable.give_back(memory.queue.clone())?;
        for place in [&memory.producer, &memory.consumer] {
            if let Place::Thread(place) = place {
                let reserved = &self.threads[place.thread.0 as usize].reserved;
                if !reserved.values().any(|reserved| reserved.place.window == place.window) {
                    place.give_back(writable)?;
                }
            }
        }
        let arena = if memory.can_upgrade { writable } else { readable };
        arena.give_back(memory.cursor_pages.clone())
    }

    /// Whether no thread has anything any more of a Port that is forgotten, mapped or planned.
    pub(crate) fn can_reuse_port(&self, port: PortId) -> bool {
        !self.threads.iter().any(|thread| {
            let given_away = thread.given_away.iter().map(|(end, _)| *end);
            let left_behind = thread.left_behind.iter().map(|(end, _)| *end);
            let mut all = thread.list_ends().chain(given_away).chain(left_behind);
            all.any(|end| end.port == port)
        })
    }

    /// What an element has had elsewhere than at its new place: a thread that runs has it mapped yet, one that has
    /// not started never will.
    pub(super) fn leave_behind(&mut self, place: &ThreadPlace) -> io::Result<()> {
        let thread = &mut self.threads[place.thread.0 as usize];
        if let Some(old) = thread.find_end(place.port_index)
            && let Place::Thread(had) = self.ports[old.port.0 as usize].place(old.side)
            && had.window != place.window
        {
            let had = had.clone();
            if thread.is_sealed {
                thread.left_behind.push((old, had));
            } else {
                thread.unmap_place(&had);
                had.give_back(&mut self.store.writable)?;
                self.forget_place(old);
            }
        }
        Ok(())
    }

    fn forget_place(&mut self, end: EndpointId) {
        let port = &mut self.ports[end.port.0 as usize];
        if let Place::Thread(place) = port.place_mut(end.side) {
            place.word = None;
        }
        port.cursors[end.side.peer() as usize] = None;
    }
}

impl ThreadPlace {
    /// Gives its memory back; its thread is gone.
    pub(super) fn give_back(&self, arena: &mut Arena) -> io::Result<()> {
        arena.give_back(self.cells.clone())?;
        self.word.as_ref().map_or(Ok(()), |word| arena.give_back(word.memory.clone()))
    }

    /// Whether a region that begins at an address is of this place.
    fn has(&self, start: u64) -> bool {
        let is_cell = (0..2).any(|cell| self.cell_address(cell) == start);
        let is_live = self.live.is_some_and(|live| [live.window, live.cursor].contains(&start));
        is_cell || is_live || self.word_address() == Some(start)
    }
}

impl ThreadMemory {
    /// An end is another thread's: what it has mapped of it stays, and means that.
    pub(super) fn give_away(&mut self, end: EndpointId, place: ThreadPlace) {
        self.ends.retain(|(_, own)| *own != end);
        for region in &mut self.regions {
            let (Meaning::Cell { end: of, .. }
            | Meaning::Word { end: of }
            | Meaning::Queue { end: of }
            | Meaning::Cursor { end: of }) = region.meaning
            else {
                continue;
            };
            if of == end {
                region.meaning = Meaning::Foreign { end };
            }
        }
        self.given_away.push((end, place));
    }

    /// What it was to have mapped of an end, before its process exists.
    fn unmap_place(&mut self, place: &ThreadPlace) {
        let mappings = &mut self.mappings;
        mappings.retain(|mapping| mapping.address != place.peer_cursor);
        self.regions.retain(|region| {
            let is_its = place.has(region.start);
            if is_its {
                mappings.retain(|mapping| mapping.address != region.start);
            }
            !is_its
        });
    }

    /// Whether a thread has a Port's queue mapped of an end that it has given away.
    pub(super) fn keeps_queue(&self, port: PortId) -> bool {
        let mut given_away = self.given_away.iter();
        given_away.any(|(end, place)| end.port == port && place.live.is_some())
    }

    /// Likewise its cursors; what a late end sees is in a page of its thread's own.
    pub(super) fn keeps_cursors(&self, port: PortId) -> bool {
        let mut given_away = self.given_away.iter();
        given_away.any(|(end, place)| {
            let reserved = self.reserved.get(&place.port_index);
            end.port == port && reserved.is_none_or(|own| own.place.window != place.window)
        })
    }

    /// Whether it has given away what it had at a binding (`END-14`).
    pub(crate) fn is_taken_away(&self, binding: u32) -> bool {
        self.given_away.iter().any(|(_, place)| place.port_index == binding)
    }

    /// Its process is gone: the next one has nothing of what was given away, but for places that it keeps for
    /// others. Those that nobody has any more.
    pub(super) fn drop_given_away(&mut self) -> Vec<ThreadPlace> {
        let mut dropped = Vec::new();
        for (end, place) in std::mem::take(&mut self.given_away) {
            let reserved = self.reserved.get(&place.port_index);
            let is_reserved = reserved.is_some_and(|own| own.place.window == place.window);
            let meaning = Meaning::Foreign { end };
            let mappings = &mut self.mappings;
            self.regions.retain_mut(|region| {
                if region.meaning != meaning || !place.has(region.start) {
                    return true;
                }
                if is_reserved {
                    let is_word = place.word_address() == Some(region.start);
                    let is_read_only = end.side == Side::Consumer && !is_word;
                    region.meaning = Meaning::Reserved { is_read_only };
                } else {
                    mappings.retain(|mapping| mapping.address != region.start);
                }
                is_reserved
            });
            if !is_reserved {
                mappings.retain(|mapping| mapping.address != place.peer_cursor);
                dropped.push(place);
            }
        }
        dropped
    }
}
