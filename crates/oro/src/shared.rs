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

/// Copies bytes out of a slot.
///
/// # Safety
///
/// `source` is valid for volatile reads of the length of `target`.
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
pub(crate) unsafe fn copy_in(source: &[u8], target: *mut u8) {
    // SAFETY: the caller vouches for the target; the source is a borrow of that length, and private
    // memory never overlaps a slot.
    unsafe { copy_volatile(source.as_ptr(), target, source.len()) };
}

/// # Safety
///
/// `source` is valid for volatile reads and `target` for volatile writes of `length` bytes; the two
/// do not overlap.
#[cfg(all(target_arch = "x86_64", not(miri)))]
unsafe fn copy_volatile(source: *const u8, target: *mut u8, length: usize) {
    // SAFETY: `rep movsb` reads and writes exactly the bytes that the caller vouches for, upwards,
    // as the C ABI's clear direction flag says; to the compiler it is opaque, as a volatile access is.
    unsafe {
        core::arch::asm!("rep movsb", inout("rcx") length => _, inout("rsi") source => _,
            inout("rdi") target => _, options(nostack, preserves_flags));
    }
}

/// # Safety
///
/// As above.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
unsafe fn copy_volatile(source: *const u8, target: *mut u8, length: usize) {
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
}
