//! The heap of an instance as Rust's global allocator, for modules that ask for the feature `heap`.
//!
//! [`Heap`] is the allocator, a lock around [`Blocks`]: the free blocks, in the order of their
//! addresses, each joined with the neighbours that it touches. The first that is large enough is taken,
//! so allocating and freeing take time with the number of free blocks. The heap does not grow: its
//! length is the manifest's `quota.heap`.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::shared::pointer;

/// Addresses and lengths of blocks are multiples of it; a free block has room for its [`Free`].
const GRAIN_BYTES: usize = 16;

/// What stands at the start of a free block.
#[derive(Clone, Copy)]
#[repr(C)]
struct Free {
    length: usize,
    /// The address of the next one, which is higher; 0 of the last.
    next: usize,
}

const _: () = assert!(size_of::<Free>() <= GRAIN_BYTES && align_of::<Free>() <= GRAIN_BYTES);

/// The free blocks of a stretch of memory.
#[derive(Debug)]
struct Blocks {
    /// The address of the first one, 0 if there is none.
    first: usize,
}

impl Blocks {
    /// All of the memory from `start` to `end` as one free block.
    ///
    /// # Safety
    ///
    /// The memory is readable and writable, for as long as the result and what it gives are used, and
    /// nobody else uses it.
    unsafe fn new(start: usize, end: usize) -> Self {
        let start = start.next_multiple_of(GRAIN_BYTES);
        let length = end.saturating_sub(start) / GRAIN_BYTES * GRAIN_BYTES;
        let mut blocks = Self { first: 0 };
        if length > 0 {
            blocks.write(start, Free { length, next: 0 });
            blocks.first = start;
        }
        blocks
    }

    /// The address of memory of this layout, or `None` if there is no block for it.
    fn take(&mut self, layout: Layout) -> Option<usize> {
        let (size, align) = to_grains(layout);
        let (mut before, mut at) = (0, self.first);
        while at != 0 {
            let block = self.read(at);
            let block_end = at + block.length;
            let start = at.checked_next_multiple_of(align)?;
            let Some(end) = start.checked_add(size).filter(|end| *end <= block_end) else {
                (before, at) = (at, block.next);
                continue;
            };
            let mut next = block.next;
            if end < block_end {
                self.write(end, Free { length: block_end - end, next });
                next = end;
            }
            if start > at {
                self.write(at, Free { length: start - at, next });
            } else {
                self.link(before, next);
            }
            return Some(start);
        }
        None
    }

    /// Takes memory back.
    ///
    /// # Safety
    ///
    /// [`take`](Self::take) gave this address for this layout, it was not given back since, and nobody
    /// uses the memory any more.
    unsafe fn give_back(&mut self, at: usize, layout: Layout) {
        let (mut length, _) = to_grains(layout);
        let (mut before, mut next) = (0, self.first);
        while next != 0 && next < at {
            (before, next) = (next, self.read(next).next);
        }
        if next != 0 && at + length == next {
            let block = self.read(next);
            (length, next) = (length + block.length, block.next);
        }
        if before != 0 {
            let block = self.read(before);
            if before + block.length == at {
                self.write(before, Free { length: block.length + length, next });
                return;
            }
        }
        self.write(at, Free { length, next });
        self.link(before, at);
    }

    /// Makes `next` the one after `before`, or the first if that is 0.
    fn link(&mut self, before: usize, next: usize) {
        if before == 0 {
            self.first = next;
        } else {
            let block = self.read(before);
            self.write(before, Free { next, ..block });
        }
    }

    fn read(&self, at: usize) -> Free {
        // SAFETY: `at` is a free block, by the list or by the caller: memory that `new`'s caller has
        // given to this alone, aligned and long enough, and `write` has written a `Free` there.
        unsafe { pointer(at as u64).cast::<Free>().read() }
    }

    fn write(&mut self, at: usize, block: Free) {
        // SAFETY: `at` is a free block or becomes one, and is aligned and long enough, since all
        // addresses and lengths are whole grains; else as above.
        unsafe { pointer(at as u64).cast::<Free>().write(block) };
    }
}

/// Size and alignment as blocks have them. A layout's size is at most `isize::MAX`: nothing overflows.
fn to_grains(layout: Layout) -> (usize, usize) {
    let size = layout.size().max(1).next_multiple_of(GRAIN_BYTES);
    (size, layout.align().max(GRAIN_BYTES))
}

/// The allocator. Threads that want it at the same time spin: a gate would hand over what a naive
/// thread has half written (`GATE-8`).
pub(crate) struct Heap {
    is_locked: AtomicBool,
    /// `None` until the first use.
    blocks: UnsafeCell<Option<Blocks>>,
    /// Gives the first address of the memory, and the one after it; the same ones each time.
    find: fn() -> (usize, usize),
}

// SAFETY: `blocks` is used by the one who has set `is_locked` alone.
unsafe impl Sync for Heap {}

impl Heap {
    /// # Safety
    ///
    /// The memory that `find` gives is as [`Blocks::new`] wants it.
    pub(crate) const unsafe fn new(find: fn() -> (usize, usize)) -> Self {
        Self { is_locked: AtomicBool::new(false), blocks: UnsafeCell::new(None), find }
    }

    fn with_blocks<R>(&self, act: impl FnOnce(&mut Blocks) -> R) -> R {
        // Pairs with the release below: who locks sees what the one before has written.
        while self.is_locked.swap(true, Ordering::Acquire) {
            core::hint::spin_loop();
        }
        // SAFETY: whoever has the lock is alone, and `act` is one of the two below, which do not lock.
        let blocks = unsafe { &mut *self.blocks.get() };
        let result = act(blocks.get_or_insert_with(|| {
            let (start, end) = (self.find)();
            // SAFETY: the promise of `Self::new`; it is done once.
            unsafe { Blocks::new(start, end) }
        }));
        self.is_locked.store(false, Ordering::Release);
        result
    }
}

// SAFETY: `Blocks` gives memory that is free, as long and as aligned as the layout says, and to nobody
// else until it is given back; nothing here panics or allocates.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.with_blocks(|blocks| blocks.take(layout)) {
            Some(at) => pointer(at as u64),
            None => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is that of `give_back`.
        self.with_blocks(|blocks| unsafe { blocks.give_back(at.addr(), layout) });
    }
}

#[cfg(test)]
mod tests {
    use super::{Blocks, GRAIN_BYTES, Heap};
    use core::alloc::{GlobalAlloc as _, Layout};
    use std::vec::Vec;

    const SIZE_BYTES: usize = 64 << 10;

    /// Where the memory of a heap is: leaked, since tests are short.
    fn make_memory() -> (usize, usize) {
        let memory = Vec::leak(std::vec![0_u128; SIZE_BYTES / 16]);
        let start = memory.as_mut_ptr().expose_provenance();
        (start, start + SIZE_BYTES)
    }

    fn make_blocks() -> (Blocks, usize) {
        let (start, end) = make_memory();
        // SAFETY: leaked, and nobody else has it.
        (unsafe { Blocks::new(start, end) }, start)
    }

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn a_heap_is_given_to_its_last_byte_and_is_whole_again() {
        let (mut blocks, start) = make_blocks();
        let all = layout(SIZE_BYTES, 8);
        assert_eq!(blocks.take(all), Some(start));
        assert_eq!(blocks.take(layout(1, 1)), None);
        // SAFETY: it was just taken.
        unsafe { blocks.give_back(start, all) };
        let part = layout(SIZE_BYTES / 4, 1);
        let parts: Vec<_> = core::iter::from_fn(|| blocks.take(part)).collect();
        assert_eq!(parts.len(), 4);
        // Joined with none, with the one after, with the one before, with both.
        for index in [2, 1, 3, 0] {
            // SAFETY: each was taken once.
            unsafe { blocks.give_back(parts[index], part) };
        }
        assert_eq!(blocks.take(all), Some(start));
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let (mut blocks, start) = make_blocks();
        assert_eq!(blocks.take(layout(SIZE_BYTES + 1, 1)), None);
        assert_eq!(blocks.take(layout(isize::MAX as usize, 1)), None);
        assert_eq!(blocks.take(layout(1, 1 << 62)), None);
        // What was left out for the alignment is there for others.
        let page = blocks.take(layout(100, 4096)).unwrap();
        assert!(page.is_multiple_of(4096));
        let first = blocks.take(layout(1, 1)).unwrap();
        assert_eq!(first, if page == start { page + 112 } else { start });
    }

    #[test]
    fn a_heap_without_memory_gives_nothing() {
        for end in [GRAIN_BYTES, GRAIN_BYTES + 15, GRAIN_BYTES - 1] {
            // SAFETY: there is no whole grain between the two, so nothing is used.
            let mut blocks = unsafe { Blocks::new(GRAIN_BYTES, end) };
            assert_eq!(blocks.take(layout(0, 1)), None);
        }
    }

    /// Blocks of all sizes, filled, looked at again, freed in any order, by several threads.
    #[test]
    fn what_was_given_is_nobody_elses() {
        // SAFETY: each heap has memory of its own, and finds it once.
        let heap = unsafe { Heap::new(make_memory) };
        std::thread::scope(|scope| {
            for thread in 0..3_u8 {
                let heap = &heap;
                scope.spawn(move || use_at_random(heap, thread));
            }
        });
        // SAFETY: the layout is not of size 0.
        let all = unsafe { heap.alloc(layout(SIZE_BYTES, 16)) };
        assert!(!all.is_null(), "something was lost");
    }

    fn use_at_random(heap: &Heap, thread: u8) {
        let mut state = u64::from(thread) + 1;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % below
        };
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for round in 0..5_000 {
            if held.len() > random(40) {
                let (at, layout, mark) = held.swap_remove(random(held.len()));
                // SAFETY: it was given with this layout, and filled.
                let bytes = unsafe { core::slice::from_raw_parts(at, layout.size()) };
                assert!(bytes.iter().all(|byte| *byte == mark), "somebody has written to it");
                // SAFETY: as above.
                unsafe { heap.dealloc(at, layout) };
                continue;
            }
            let layout = layout(1 + random(900), 1 << random(9));
            // SAFETY: the size is not 0.
            let at = unsafe { heap.alloc(layout) };
            if at.is_null() {
                continue;
            }
            assert!(at.addr().is_multiple_of(layout.align()));
            let mark = thread << 6 | (round % 64) as u8;
            // SAFETY: just given, of this size.
            unsafe { at.write_bytes(mark, layout.size()) };
            held.push((at, layout, mark));
        }
        assert!(!held.is_empty());
        for (at, layout, _) in held {
            // SAFETY: it was given with this layout.
            unsafe { heap.dealloc(at, layout) };
        }
    }
}
