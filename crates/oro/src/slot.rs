//! [`Slot`] and [`SlotMut`]: access to a message in place, by copies of what is asked for. Neither
//! hands out a reference: in asynchronous mode a peer may change a slot while it is read.

use core::marker::PhantomData;

use crate::Message;
use crate::shared::{copy_in, copy_out};

/// What a field of a message may be: an integer, a float, or an array of these.
///
/// # Safety
///
/// The type is valid for any bytes and has no padding.
pub unsafe trait Field: Copy + 'static {}

macro_rules! fields {
    ($($type:ty)*) => { $(
        // SAFETY: a number: any bytes are one.
        unsafe impl Field for $type {}
    )* };
}
fields!(u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);

// SAFETY: an array of such values is one; arrays have no padding between elements.
unsafe impl<F: Field, const N: usize> Field for [F; N] {}

/// A message in its slot, for reading. Each read is a copy, and two reads may differ: in asynchronous
/// mode a hostile producer can change the message meanwhile. So copy first, then check the copy.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'end, T> {
    /// Readable for as long as the borrow lasts, aligned for a T.
    at: *const T,
    end: PhantomData<&'end ()>,
}

impl<T: Message> Slot<'_, T> {
    /// # Safety
    ///
    /// `at` is a slot of an available message, not released while the result lives.
    #[inline]
    pub(crate) unsafe fn new(at: *const u8) -> Self {
        Self { at: at.cast(), end: PhantomData }
    }

    /// A copy of the message.
    #[inline]
    #[must_use]
    pub fn read(&self) -> T {
        // SAFETY: the slot of an available message, as `new` was promised.
        unsafe { read_message(self.at) }
    }

    /// A copy of the field at this offset.
    ///
    /// ```
    /// # oro::message! { "demo.num.v1" pub struct Num { value: u64, tag: u64 } }
    /// fn look(slot: &oro::Slot<'_, Num>) -> u64 {
    ///     slot.read_field(core::mem::offset_of!(Num, tag))
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If no aligned F is there; when the offset is a constant, the check costs nothing.
    #[inline]
    #[must_use]
    pub fn read_field<F: Field>(&self, offset_bytes: usize) -> F {
        check_field::<T, F>(offset_bytes);
        // SAFETY: inside the slot and aligned, as was just checked; any bytes are an F.
        unsafe { self.at.cast::<u8>().wrapping_add(offset_bytes).cast::<F>().read_volatile() }
    }

    /// Copies bytes of the message, from this offset on.
    ///
    /// # Panics
    ///
    /// If they are not all inside the message.
    #[inline]
    pub fn copy_to_slice(&self, offset_bytes: usize, target: &mut [u8]) {
        check_bytes::<T>(offset_bytes, target.len());
        // SAFETY: inside the slot, as was just checked.
        unsafe { copy_out(self.at.cast::<u8>().wrapping_add(offset_bytes), target) };
    }
}

/// A free slot, for writing in place. It holds zeros in synchronous mode and an older message in
/// asynchronous mode, so write all of it (`ASYNC-2`).
#[derive(Debug)]
pub struct SlotMut<'end, T> {
    /// Writable for as long as the borrow lasts, aligned for a T, behind no reference.
    at: *mut T,
    end: PhantomData<&'end mut ()>,
}

impl<T: Message> SlotMut<'_, T> {
    /// # Safety
    ///
    /// `at` is a free slot, not committed while the result lives, and there is no other for it.
    #[inline]
    pub(crate) unsafe fn new(at: *mut u8) -> Self {
        Self { at: at.cast(), end: PhantomData }
    }

    /// Writes the message.
    #[inline]
    pub fn write(&mut self, message: T) {
        // SAFETY: a free slot, as `new` was promised.
        unsafe { write_message(self.at, message) };
    }

    /// Writes the field at this offset.
    ///
    /// # Panics
    ///
    /// If no aligned F is there; when the offset is a constant, the check costs nothing.
    #[inline]
    pub fn write_field<F: Field>(&mut self, offset_bytes: usize, value: F) {
        check_field::<T, F>(offset_bytes);
        let at = self.at.cast::<u8>().wrapping_add(offset_bytes).cast::<F>();
        // SAFETY: inside the slot and aligned, as was just checked.
        unsafe { at.write_volatile(value) };
    }

    /// Writes bytes of the message, from this offset on.
    ///
    /// # Panics
    ///
    /// If they are not all inside the message.
    #[inline]
    pub fn copy_from_slice(&mut self, offset_bytes: usize, source: &[u8]) {
        check_bytes::<T>(offset_bytes, source.len());
        // SAFETY: inside the slot, as was just checked.
        unsafe { copy_in(source, self.at.cast::<u8>().wrapping_add(offset_bytes)) };
    }
}

#[inline(always)]
fn check_field<T, F>(offset_bytes: usize) {
    check_bytes::<T>(offset_bytes, size_of::<F>());
    assert!(
        offset_bytes.is_multiple_of(align_of::<F>()) && align_of::<F>() <= align_of::<T>(),
        "the field is not aligned there"
    );
}

#[inline(always)]
fn check_bytes<T>(offset_bytes: usize, length: usize) {
    assert!(
        offset_bytes <= size_of::<T>() && length <= size_of::<T>() - offset_bytes,
        "beyond the message"
    );
}

/// Whether messages of this type are copied word by word.
///
/// A message is often made just before it is sent, field by field. A copy by words takes the fields
/// from registers, or from the stores just made; one by vectors would wait until those have left the
/// processor's store buffer. It suits short messages, since it is unrolled.
const fn is_copied_by_words<T>() -> bool {
    align_of::<T>() == align_of::<u64>() && size_of::<T>() <= 128
}

/// Writes a message to a slot.
///
/// # Safety
///
/// `at` is a free slot of T.
#[inline(always)]
pub(crate) unsafe fn write_message<T: Message>(at: *mut T, message: T) {
    if !is_copied_by_words::<T>() {
        // SAFETY: a writable slot, as long and as aligned as a T, since wiring compares the layout.
        unsafe { at.write_volatile(message) };
        return;
    }
    let words = (&raw const message).cast::<u64>();
    for index in 0..size_of::<T>() / size_of::<u64>() {
        // SAFETY: inside the message, which is aligned to words and, without padding, initialised.
        let word = unsafe { words.wrapping_add(index).read() };
        // SAFETY: inside the slot, which is as long and as aligned as a T.
        unsafe { at.cast::<u64>().wrapping_add(index).write_volatile(word) };
    }
}

/// Reads the message of a slot.
///
/// # Safety
///
/// `at` is a slot of T with an available message.
#[inline(always)]
pub(crate) unsafe fn read_message<T: Message>(at: *const T) -> T {
    if !is_copied_by_words::<T>() {
        // SAFETY: a readable slot, as long and as aligned as a T, since wiring compares the layout; any
        // bytes are a T, also those that a peer in asynchronous mode changes while they are read.
        return unsafe { at.read_volatile() };
    }
    let mut message = core::mem::MaybeUninit::<T>::uninit();
    let words = message.as_mut_ptr().cast::<u64>();
    for index in 0..size_of::<T>() / size_of::<u64>() {
        // SAFETY: inside the slot, which is as long and as aligned as a T.
        let word = unsafe { at.cast::<u64>().wrapping_add(index).read_volatile() };
        // SAFETY: inside the message, which is aligned to words.
        unsafe { words.wrapping_add(index).write(word) };
    }
    // SAFETY: every word was written, and the size is a multiple of the alignment; any bytes are a T.
    unsafe { message.assume_init() }
}

/// Copies messages to slots that lie one after the other.
///
/// # Safety
///
/// `first` is the first of `messages.len()` free slots, `stride_bytes` apart.
#[inline]
pub(crate) unsafe fn write_messages<T: Message>(messages: &[T], first: *mut u8, stride_bytes: u64) {
    if stride_bytes == size_of::<T>() as u64 {
        // SAFETY: a message has no padding, so all of its bytes are initialised.
        let bytes = unsafe {
            core::slice::from_raw_parts(messages.as_ptr().cast::<u8>(), size_of_val(messages))
        };
        // SAFETY: the slots lie side by side, and the caller vouches for all of them.
        unsafe { copy_in(bytes, first) };
        return;
    }
    for (index, message) in messages.iter().enumerate() {
        let at = step(first, index, stride_bytes);
        // SAFETY: one of the slots that the caller vouches for.
        unsafe { at.cast::<T>().write_volatile(*message) };
    }
}

/// Copies messages from slots that lie one after the other.
///
/// # Safety
///
/// `first` is the first of `messages.len()` slots of available messages, `stride_bytes` apart.
#[inline]
pub(crate) unsafe fn read_messages<T: Message>(
    messages: &mut [T],
    first: *const u8,
    stride_bytes: u64,
) {
    if stride_bytes == size_of::<T>() as u64 {
        // SAFETY: a unique borrow of that many bytes; any bytes are a T, so they may be written so.
        let bytes = unsafe {
            core::slice::from_raw_parts_mut(
                messages.as_mut_ptr().cast::<u8>(),
                size_of_val(messages),
            )
        };
        // SAFETY: the slots lie side by side, and the caller vouches for all of them.
        unsafe { copy_out(first, bytes) };
        return;
    }
    for (index, message) in messages.iter_mut().enumerate() {
        let at = step(first.cast_mut(), index, stride_bytes).cast_const();
        // SAFETY: one of the slots that the caller vouches for; any bytes are a T.
        *message = unsafe { at.cast::<T>().read_volatile() };
    }
}

/// The slot `index` after `first`.
#[inline(always)]
pub(crate) fn step(first: *mut u8, index: usize, stride_bytes: u64) -> *mut u8 {
    #[expect(clippy::cast_possible_truncation, reason = "Oro's machines have 64-bit addresses")]
    first.wrapping_add(index * stride_bytes as usize)
}

#[cfg(test)]
mod tests {
    use super::{Slot, SlotMut, read_messages, write_messages};
    use core::mem::offset_of;

    crate::message! { "demo.mixed.v1" struct Mixed { a: u64, b: [u8; 6], c: i16 } }

    #[test]
    fn fields_are_copied_in_place() {
        let mut words = [0_u64; 2];
        // SAFETY: as long and as aligned as a message, and used by nobody else.
        let mut slot = unsafe { SlotMut::<Mixed>::new(words.as_mut_ptr().cast()) };
        slot.write(Mixed { a: 1, b: [2; 6], c: 3 });
        slot.write_field(offset_of!(Mixed, c), -4_i16);
        slot.copy_from_slice(9, &[7, 8]);
        let at = words.as_ptr().cast();
        // SAFETY: as above.
        let slot = unsafe { Slot::<Mixed>::new(at) };
        assert_eq!(slot.read(), Mixed { a: 1, b: [2, 7, 8, 2, 2, 2], c: -4 });
        assert_eq!(slot.read_field::<[u8; 6]>(offset_of!(Mixed, b))[2], 8);
        let mut bytes = [0; 3];
        slot.copy_to_slice(13, &mut bytes);
        assert_eq!(bytes, [2, 0xfc, 0xff]);
        for offset in [1, 9, 12, 16, usize::MAX] {
            let read = std::panic::catch_unwind(|| slot.read_field::<u64>(offset));
            assert!(read.is_err(), "{offset}");
        }
    }

    #[test]
    fn messages_are_copied_at_any_stride() {
        let messages = [1, 2, 3].map(|a| Mixed { a, b: [9; 6], c: -1 });
        for stride in [16, 24] {
            let mut words = [0_u64; 9];
            let first = words.as_mut_ptr().cast::<u8>();
            // SAFETY: three slots of that stride are inside the array.
            unsafe { write_messages(&messages, first, stride) };
            let mut back = [Mixed { a: 0, b: [0; 6], c: 0 }; 3];
            // SAFETY: as above.
            unsafe { read_messages(&mut back, first, stride) };
            assert_eq!(back, messages);
            assert_eq!(words[(stride / 8) as usize], 2);
        }
    }
}
