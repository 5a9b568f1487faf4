//! The reader's side of a generation counter: a consistent copy of fields that a writer may change.

#[cfg(not(loom))]
use core::sync::atomic::{Ordering, fence};
#[cfg(loom)]
use loom::sync::atomic::{Ordering, fence};

/// The writer changed the fields during each of the allowed tries; try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerationUnstable;

/// Copies fields that are guarded by a generation counter (`META-7`).
///
/// `load_generation` loads the counter with acquire at least; `copy` copies the fields with relaxed
/// atomic loads and may see a mixture, which is then thrown away. Even counter, copied, fenced, same
/// counter: the copy is of one moment. Tries are bounded, since the writer is another party.
///
/// # Errors
///
/// [`GenerationUnstable`] after `tries` tries, each of which met a change.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::{Acquire, Relaxed}};
/// let (generation, a, b) = (AtomicU64::new(2), AtomicU64::new(7), AtomicU64::new(8));
/// let both = oro_sysabi::read_consistent(
///     8, || generation.load(Acquire), || (a.load(Relaxed), b.load(Relaxed)));
/// assert_eq!(both, Ok((7, 8)));
/// ```
pub fn read_consistent<T>(
    tries: u32,
    load_generation: impl Fn() -> u64,
    mut copy: impl FnMut() -> T,
) -> Result<T, GenerationUnstable> {
    for _ in 0..tries {
        let before = load_generation();
        if before % 2 == 0 {
            let value = copy();
            // Pairs with the writer's release fence between making the counter odd and its first
            // store to a field: if `copy` saw such a store, the load below sees the odd counter.
            fence(Ordering::Acquire);
            if load_generation() == before {
                return Ok(value);
            }
        }
        core::hint::spin_loop();
    }
    Err(GenerationUnstable)
}
