//! The standard message types (`TYPE-10` and after) and the id of a type. Writer of a message: the
//! Port's producer, before it commits. Reader: its consumer, of a slot that is delivered; volatile or
//! atomic loads, no ordering needed, and every length is an allegation to be checked.

use crate::layout::assert_layout;

/// Layout text of [`BytesHead`] and its flexible tail.
pub const BYTES_LAYOUT: &str = "oro.bytes.v1{length:u32,flags:u32,data:u8[],}";
/// Layout text of [`Param`].
pub const PARAMS_LAYOUT: &str =
    "oro.params.v1{key_length:u16,value_length:u16,flags:u32,text:u8[248],}";
/// Layout text of [`Log`].
pub const LOG_LAYOUT: &str = "oro.log.v1{length:u32,level:u32,text:u8[248],}";
/// Layout text of [`Time`].
pub const TIME_LAYOUT: &str = "oro.time.v1{monotonic_ns:u64,realtime_ns:u64,}";

/// [`BytesHead::flags`]: the stream ends after this message's data.
pub const BYTES_END: u32 = 1 << 0;
/// [`Param::flags`]: the last message; its key may be empty.
pub const PARAMS_END: u32 = 1 << 0;

/// [`Log::level`]: something failed.
pub const LOG_ERROR: u32 = 1;
/// [`Log::level`]: something is odd.
pub const LOG_WARN: u32 = 2;
/// [`Log::level`]: what a user wants to know.
pub const LOG_INFO: u32 = 3;
/// [`Log::level`]: what an author wants to know.
pub const LOG_DEBUG: u32 = 4;

/// The fixed part of `oro.bytes.v1`, a stream of bytes (`TYPE-10`). The data follow it and fill the slot.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BytesHead {
    /// Data bytes in this message: at most slot size - 8; an allegation of the producer.
    pub length: u32,
    /// [`BYTES_END`] or 0; ignore bits that you do not know.
    pub flags: u32,
}

/// `oro.params.v1`: one parameter (`TYPE-11`). The key's bytes come first in `text`, then the value's.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Bytes of the key, 1 to 31; 0 only in the last message.
    pub key_length: u16,
    /// Bytes of the value; key and value together have at most 248.
    pub value_length: u16,
    /// [`PARAMS_END`] or 0; ignore bits that you do not know.
    pub flags: u32,
    /// Key, then value, UTF-8, then zeros.
    pub text: [u8; 248],
}

/// `oro.log.v1`: one line of a log (`TYPE-12`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Bytes of `text` in use, at most 248.
    pub length: u32,
    /// [`LOG_ERROR`] to [`LOG_DEBUG`]; another value counts as [`LOG_INFO`].
    pub level: u32,
    /// UTF-8 without a line end, then zeros.
    pub text: [u8; 248],
}

/// `oro.time.v1`: the time at which the kernel filled the slot (`TYPE-13`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Nanoseconds since the system's start; never goes back.
    pub monotonic_ns: u64,
    /// Nanoseconds since 1970-01-01 00:00 UTC, as the host believes.
    pub realtime_ns: u64,
}

/// The id of a message type: 64-bit FNV-1a over its layout text (`TYPE-3`).
///
/// The id is for quick comparison and for display; wiring compares the texts themselves.
///
/// ```
/// assert_eq!(oro_sysabi::type_id(""), 0xcbf2_9ce4_8422_2325);
/// assert_ne!(oro_sysabi::type_id("a.v1{x:u8,}"), oro_sysabi::type_id("a.v1{x:i8,}"));
/// ```
#[must_use]
pub const fn type_id(layout: &str) -> u64 {
    let bytes = layout.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}

assert_layout!(BytesHead, size 8, align 4; length 0, flags 4);
assert_layout!(Param, size 256, align 4; key_length 0, value_length 2, flags 4, text 8);
assert_layout!(Log, size 256, align 4; length 0, level 4, text 8);
assert_layout!(Time, size 16, align 8; monotonic_ns 0, realtime_ns 8);
