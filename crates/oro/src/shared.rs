//! Copies between private memory and slots. A peer may change a slot in asynchronous mode while it
//! is read, so slots are read by volatile operations on raw pointers, never behind a reference; the
//! one exception, naive ends, proves why at its place. It does not know where slots are.

use core::mem::MaybeUninit;

use crate::Message;

/// Keeps the compiler from moving any access to memory across: slots are touched in order (`NAIVE-1`).
///
/// A touch may block, commit and release, though it looks like a plain access.
#[inline(always)]
pub(crate) fn order_accesses() {
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
}

/// A pointer to an address that the kernel has published.
#[inline(always)]
pub(crate) fn pointer(address: u64) -> *mut u8 {
    #[expect(clippy::cast_possible_truncation, reason = "Oro's machines have 64-bit addresses")]
    core::ptr::with_exposed_provenance_mut(address as usize)
}

/// Copies bytes out of a slot.
///
/// # Safety
///
/// `source` is valid for volatile reads of the length of `target`.
#[inline]
pub(crate) unsafe fn copy_out(source: *const u8, target: &mut [u8]) {
    // SAFETY: the caller vouches for the source; the target is a unique borrow of that length, and
    // private memory never overlaps a slot.
    unsafe { copy_volatile(source, target.as_mut_ptr(), target.len()) };
}

/// Copies a message out of a slot, each byte once.
///
/// # Safety
///
/// `source` is a slot that can be read, as long and as aligned as a T, which any bytes are.
#[inline(always)]
pub(crate) unsafe fn read_message<T: Message>(source: *const T) -> T {
    // A volatile access of a large array is one of each element: no good code for many.
    if size_of::<T>() <= 64 {
        // SAFETY: the caller vouches for the slot.
        return unsafe { source.read_volatile() };
    }
    let mut message = MaybeUninit::<T>::uninit();
    // SAFETY: the caller vouches for the source; the target is as long, and private.
    unsafe { copy_volatile(source.cast(), message.as_mut_ptr().cast(), size_of::<T>()) };
    // SAFETY: all of its bytes have been written, and any bytes are a T.
    unsafe { message.assume_init() }
}

/// Writes a message to a slot of a managed end.
///
/// Not by volatile stores, which would go by way of the stack: only the producer can store to its
/// slots, so what it has written stays as it is until it commits, and the order in which it writes
/// between two accesses of cursors is of no meaning (`MAN-2`, `ASYNC-1`).
///
/// # Safety
///
/// `target` is a free slot, as long and as aligned as a T, and behind no reference.
#[inline(always)]
pub(crate) unsafe fn write_message<T: Message>(target: *mut T, message: T) {
    // SAFETY: the caller vouches for the slot.
    unsafe { target.write(message) };
}

/// Bytes of a cache line.
const LINE: usize = 64;
/// How far ahead an end asks for lines.
const AHEAD_BYTES: usize = 1024;

/// How many slots ahead an end of such messages asks for lines.
#[inline(always)]
pub(crate) const fn slots_ahead<T>() -> usize {
    match AHEAD_BYTES / size_of::<T>() {
        0 => 1,
        slots => slots,
    }
}

/// Whether a slot is the first to begin in its line: of small messages, only such a one asks for lines.
#[inline(always)]
pub(crate) fn begins_line<T>(slot: *mut u8) -> bool {
    size_of::<T>() >= LINE || slot.addr() % LINE < size_of::<T>()
}

/// Asks the processor for the lines of a slot that will be written soon. The consumer has read them, so
/// they are in its cache; a store that has to fetch one holds up all stores after it.
#[inline(always)]
pub(crate) fn prefetch_for_writing<T>(slot: *mut u8) {
    let mut offset = 0;
    while offset < size_of::<T>().min(AHEAD_BYTES) {
        let line = slot.wrapping_add(offset);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: a hint, whatever is at the address; processors without it do nothing.
        unsafe {
            core::arch::asm!("prefetchw [{line}]", line = in(reg) line,
                options(nostack, readonly, preserves_flags));
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        let _ = line;
        offset += LINE;
    }
}

/// Asks the processor for a message that will be read soon, if it is a line. Smaller and larger ones lie
/// side by side long enough for processors to see it by themselves, and only lose by it.
#[inline(always)]
pub(crate) fn prefetch_for_reading<T>(slot: *mut u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if size_of::<T>() == LINE {
        // SAFETY: a hint, whatever is at the address.
        unsafe {
            core::arch::asm!("prefetcht0 [{slot}]", slot = in(reg) slot,
                options(nostack, readonly, preserves_flags));
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = slot;
}

/// Copies bytes into a slot.
///
/// # Safety
///
/// `target` is valid for volatile writes of the length of `source`.
#[inline]
pub(crate) unsafe fn copy_in(source: &[u8], target: *mut u8) {
    // SAFETY: the caller vouches for the target; the source is a borrow of that length, and private
    // memory never overlaps a slot.
    unsafe { copy_volatile(source.as_ptr(), target, source.len()) };
}

/// From this length on `rep movsb` is the faster copy; below, its start costs more than all of it.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const LONG_COPY_BYTES: usize = 2048;

/// Copies upwards, by accesses that the compiler neither merges nor makes a call of.
///
/// # Safety
///
/// `source` is valid for volatile reads and `target` for volatile writes of `length` bytes; `target` is
/// below `source`, or the two do not overlap.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
pub(crate) unsafe fn copy_volatile(source: *const u8, target: *mut u8, length: usize) {
    if length >= LONG_COPY_BYTES {
        // SAFETY: `rep movsb` reads and writes exactly the bytes that the caller vouches for, upwards,
        // as the C ABI's clear direction flag says; to the compiler it is opaque, as a volatile access is.
        unsafe {
            core::arch::asm!("rep movsb", inout("rcx") length => _, inout("rsi") source => _,
                inout("rdi") target => _, options(nostack, preserves_flags));
        }
        return;
    }
    let lines = length & !63;
    if lines != 0 {
        // SAFETY: both pointers end at `lines` bytes, which the caller vouches for; the count goes
        // from `-lines` up to 0 by 64, so that exactly these bytes are accessed, each once.
        unsafe {
            core::arch::asm!("2:", "movups {a}, [{source} + {count}]",
                "movups {b}, [{source} + {count} + 16]", "movups {c}, [{source} + {count} + 32]",
                "movups {d}, [{source} + {count} + 48]", "movups [{target} + {count}], {a}",
                "movups [{target} + {count} + 16], {b}", "movups [{target} + {count} + 32], {c}",
                "movups [{target} + {count} + 48], {d}", "add {count}, 64", "jnz 2b",
                source = in(reg) source.wrapping_add(lines),
                target = in(reg) target.wrapping_add(lines),
                count = inout(reg) lines.wrapping_neg() => _,
                a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, d = out(xmm_reg) _,
                options(nostack));
        }
    }
    let blocks = length & !15;
    if blocks != lines {
        // SAFETY: as above, from `lines` to `blocks`, by 16.
        unsafe {
            core::arch::asm!("2:", "movups {block}, [{source} + {count}]",
                "movups [{target} + {count}], {block}", "add {count}, 16", "jnz 2b",
                source = in(reg) source.wrapping_add(blocks),
                target = in(reg) target.wrapping_add(blocks),
                count = inout(reg) (blocks - lines).wrapping_neg() => _,
                block = out(xmm_reg) _, options(nostack));
        }
    }
    for index in blocks..length {
        // SAFETY: inside the bytes that the caller vouches for.
        let byte = unsafe { source.wrapping_add(index).read_volatile() };
        // SAFETY: as above.
        unsafe { target.wrapping_add(index).write_volatile(byte) };
    }
}

/// # Safety
///
/// As above.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline]
pub(crate) unsafe fn copy_volatile(source: *const u8, target: *mut u8, length: usize) {
    const WORD: usize = size_of::<u64>();
    let mut done = 0;
    if source.addr() % WORD == 0 && target.addr() % WORD == 0 {
        while length - done >= WORD {
            // SAFETY: inside the bytes that the caller vouches for; both are aligned to a word.
            let word = unsafe { source.wrapping_add(done).cast::<u64>().read_volatile() };
            // SAFETY: as above.
            unsafe { target.wrapping_add(done).cast::<u64>().write_volatile(word) };
            done += WORD;
        }
    }
    while done < length {
        // SAFETY: inside the bytes that the caller vouches for.
        let byte = unsafe { source.wrapping_add(done).read_volatile() };
        // SAFETY: as above.
        unsafe { target.wrapping_add(done).write_volatile(byte) };
        done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{copy_in, copy_out};

    #[test]
    fn copies_are_exact_at_every_offset_and_length() {
        let source: [u8; 64] = core::array::from_fn(|index| u8::try_from(index).unwrap());
        for offset in 0..9 {
            for length in 0..40 {
                let mut slot = [0xee_u8; 64];
                // SAFETY: `offset + length` is at most 48, inside the array.
                unsafe { copy_in(&source[..length], slot.as_mut_ptr().wrapping_add(offset)) };
                let mut back = [0_u8; 40];
                // SAFETY: as above.
                unsafe { copy_out(slot.as_ptr().wrapping_add(offset), &mut back[..length]) };
                assert_eq!(back[..length], source[..length]);
                assert!(slot[..offset].iter().all(|&byte| byte == 0xee));
                assert!(slot[offset + length..].iter().all(|&byte| byte == 0xee));
            }
        }
    }

    #[test]
    fn long_copies_are_exact_on_both_sides_of_the_limit() {
        let source: std::vec::Vec<u8> =
            (0..5000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in [64, 65, 80, 127, 128, 143, 255, 2047, 2048, 2049, 4999] {
            let mut slot = std::vec![0; 5001];
            // SAFETY: inside the vector.
            unsafe { copy_in(&source[..length], slot.as_mut_ptr().wrapping_add(1)) };
            assert_eq!(slot[1..=length], source[..length]);
            assert_eq!((slot[0], slot[length + 1]), (0, 0));
        }
    }
}
