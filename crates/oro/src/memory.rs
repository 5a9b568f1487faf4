//! The functions of memory that compilers call without being asked: `memcpy`, `memmove`, `memset`,
//! `memcmp`, `bcmp`, `strlen`. None of them may be compiled into a call of itself: they are assembly
//! or volatile accesses, which no compiler turns into calls. Only a module gets the symbols.

use crate::shared::copy_volatile;

/// Copies downwards, for a `target` that lies above an overlapping `source`.
///
/// # Safety
///
/// `source` is valid for reads and `target` for writes of `length` bytes.
#[inline(always)]
unsafe fn copy_downwards(target: *mut u8, source: *const u8, length: usize) {
    let mut left = length;
    while left >= 8 {
        left -= 8;
        // SAFETY: inside the bytes that the caller vouches for.
        let word = unsafe { source.wrapping_add(left).cast::<u64>().read_unaligned() };
        // A barrier: the loop must not become a call of `memmove`.
        core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
        // SAFETY: as above.
        unsafe { target.wrapping_add(left).cast::<u64>().write_unaligned(word) };
    }
    while left > 0 {
        left -= 1;
        // SAFETY: inside the bytes that the caller vouches for.
        let byte = unsafe { source.wrapping_add(left).read_volatile() };
        // SAFETY: as above.
        unsafe { target.wrapping_add(left).write_volatile(byte) };
    }
}

/// `memmove`.
///
/// # Safety
///
/// `source` is valid for reads and `target` for writes of `length` bytes.
#[inline(always)]
unsafe fn copy_overlapping(target: *mut u8, source: *const u8, length: usize) {
    if target.addr().wrapping_sub(source.addr()) >= length {
        // SAFETY: the caller's promise; the target is below the source, or beyond its end.
        unsafe { copy_volatile(source, target, length) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { copy_downwards(target, source, length) }
    }
}

/// `memset`.
///
/// # Safety
///
/// `target` is valid for writes of `length` bytes.
#[inline(always)]
unsafe fn fill(target: *mut u8, byte: u8, length: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: writes exactly what the caller vouches for; the direction flag is clear.
    unsafe {
        core::arch::asm!("rep stosb", inout("rcx") length => _, inout("rdi") target => _,
            in("al") byte, options(nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    for index in 0..length {
        // SAFETY: inside the bytes that the caller vouches for.
        unsafe { target.wrapping_add(index).write_volatile(byte) };
    }
}

/// `memcmp`.
///
/// # Safety
///
/// Both are valid for reads of `length` bytes.
#[inline(always)]
unsafe fn compare(left: *const u8, right: *const u8, length: usize) -> i32 {
    let mut index = 0;
    while length - index >= 8 {
        // SAFETY: inside the bytes that the caller vouches for.
        let a = unsafe { left.wrapping_add(index).cast::<u64>().read_unaligned() };
        // SAFETY: as above.
        let b = unsafe { right.wrapping_add(index).cast::<u64>().read_unaligned() };
        if a != b {
            break;
        }
        index += 8;
    }
    while index < length {
        // SAFETY: inside the bytes that the caller vouches for.
        let a = unsafe { left.wrapping_add(index).read_volatile() };
        // SAFETY: as above.
        let b = unsafe { right.wrapping_add(index).read_volatile() };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
        index += 1;
    }
    0
}

/// `strlen`.
///
/// # Safety
///
/// `text` is valid for reads up to its first zero.
#[inline(always)]
unsafe fn measure(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: up to the first zero, as the caller vouches.
    while unsafe { text.wrapping_add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}

/// The symbols, under the C names and contracts.
#[cfg(all(feature = "runtime", panic = "abort", not(test)))]
mod symbols {
    /// # Safety
    ///
    /// As C's.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, length: usize) -> *mut u8 {
        // SAFETY: C's contract: both valid, and no overlap.
        unsafe { super::copy_volatile(source, target, length) };
        target
    }

    /// # Safety
    ///
    /// As C's.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, length: usize) -> *mut u8 {
        // SAFETY: C's contract: both valid.
        unsafe { super::copy_overlapping(target, source, length) };
        target
    }

    /// # Safety
    ///
    /// As C's.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(target: *mut u8, byte: i32, length: usize) -> *mut u8 {
        #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "C's contract")]
        // SAFETY: C's contract: valid for writes.
        unsafe {
            super::fill(target, byte as u8, length);
        }
        target
    }

    /// # Safety
    ///
    /// As C's.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
        // SAFETY: C's contract: both valid.
        unsafe { super::compare(left, right, length) }
    }

    /// # Safety
    ///
    /// As `memcmp`.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
        // SAFETY: the contract: both valid.
        unsafe { super::compare(left, right, length) }
    }

    /// # Safety
    ///
    /// As C's.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn strlen(text: *const u8) -> usize {
        // SAFETY: C's contract: a zero ends the text.
        unsafe { super::measure(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::{compare, copy_overlapping, fill, measure};

    fn pattern() -> [u8; 96] {
        core::array::from_fn(|index| u8::try_from(index).unwrap())
    }

    #[test]
    fn overlapping_copies_are_exact_at_every_distance() {
        for from in 0..40 {
            for to in 0..40 {
                for length in [0, 1, 7, 8, 9, 23, 50] {
                    let mut bytes = pattern();
                    let mut expected = pattern();
                    expected.copy_within(from..from + length, to);
                    let start = bytes.as_mut_ptr();
                    // SAFETY: indices are at most 90, inside the array.
                    unsafe {
                        copy_overlapping(start.wrapping_add(to), start.wrapping_add(from), length);
                    }
                    assert_eq!(bytes, expected, "{from} {to} {length}");
                }
            }
        }
    }

    #[test]
    fn fill_and_measure_stop_where_they_should() {
        let mut bytes = [0xff_u8; 20];
        // SAFETY: inside the array.
        unsafe { fill(bytes.as_mut_ptr().wrapping_add(3), 0, 9) };
        assert!(bytes[..3].iter().chain(&bytes[12..]).all(|&byte| byte == 0xff));
        // SAFETY: byte 3 is a zero.
        assert_eq!(unsafe { measure(bytes.as_ptr()) }, 3);
    }

    #[test]
    fn compare_has_the_sign_of_the_first_difference() {
        for at in 0..30 {
            let (left, mut right) = (pattern(), pattern());
            right[at] = 200;
            right[at + 1] = 0;
            for length in [at, at + 1, 40] {
                // SAFETY: inside the arrays.
                let order = unsafe { compare(left.as_ptr(), right.as_ptr(), length) };
                assert_eq!(order.signum(), if length > at { -1 } else { 0 }, "{at} {length}");
                // SAFETY: as above.
                let order = unsafe { compare(right.as_ptr(), left.as_ptr(), length) };
                assert_eq!(order.signum(), i32::from(length > at), "{at} {length}");
            }
        }
    }
}
