//! Copies between private memory and slots. A peer may change a slot in asynchronous mode while it
//! is read, so slots are accessed by volatile operations on raw pointers, never behind a reference;
//! the one exception, naive ends, proves why at its place. It does not know where slots are.

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
    let blocks = length & !15;
    if blocks != 0 {
        // SAFETY: both pointers end at `blocks` bytes, which the caller vouches for; the count goes
        // from `-blocks` up to 0 by 16, so that exactly these bytes are accessed, each once.
        unsafe {
            core::arch::asm!("2:", "movups {block}, [{source} + {count}]",
                "movups [{target} + {count}], {block}", "add {count}, 16", "jnz 2b",
                source = in(reg) source.wrapping_add(blocks),
                target = in(reg) target.wrapping_add(blocks),
                count = inout(reg) blocks.wrapping_neg() => _,
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
        for length in [255, 2047, 2048, 2049, 4999] {
            let mut slot = std::vec![0; 5001];
            // SAFETY: inside the vector.
            unsafe { copy_in(&source[..length], slot.as_mut_ptr().wrapping_add(1)) };
            assert_eq!(slot[1..=length], source[..length]);
            assert_eq!((slot[0], slot[length + 1]), (0, 0));
        }
    }
}
