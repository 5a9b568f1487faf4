//! The two pages between a thread and the kernel: [`Request`] (the thread writes) and [`Response`].

use crate::layout::assert_layout;

/// [`Condition::kind`]: the peer's cursor of binding `index` is greater than `value`, or the peer has
/// ended. The binding is the thread's own and wired.
pub const WAIT_PEER: u32 = 1;
/// [`Condition::kind`]: the Ring's generation is not `value`.
pub const WAIT_RING: u32 = 2;
/// [`Condition::kind`]: state or epoch of binding `index` are not what `value` says, which is
/// `state | epoch << 32`. The binding is the thread's own.
pub const WAIT_BINDING: u32 = 3;
/// [`Condition::kind`]: the u32 at address `value` is not `index`. The address is a multiple of 4 in
/// the instance's own writable data, heap or stacks.
pub const WAIT_WORD: u32 = 4;
/// [`Condition::kind`]: wake the instance's threads that wait for the u32 at address `value`; `index`
/// is 0. It holds by itself, so that a request with it never blocks.
pub const WAKE_WORD: u32 = 5;

/// [`Request::deadline_ns`]: no deadline.
pub const NO_DEADLINE: u64 = !0;

/// [`Response::cause`]: woken without a cause; waking so is always allowed.
pub const CAUSE_NONE: u32 = 0;
/// [`Response::cause`]: at least one condition holds.
pub const CAUSE_CONDITION: u32 = 1;
/// [`Response::cause`]: the deadline has passed.
pub const CAUSE_DEADLINE: u32 = 2;

/// [`Request::last_words_kind`]: there are none.
pub const LAST_WORDS_NONE: u32 = 0;
/// [`Request::last_words_kind`]: a panic's message; the instance ends as panicked.
pub const LAST_WORDS_PANIC: u32 = 1;
/// [`Request::last_words_kind`]: a remark for the end report.
pub const LAST_WORDS_REMARK: u32 = 2;

/// Conditions that one request may name.
pub const CONDITION_COUNT: u32 = 128;
/// Bytes of last words.
pub const LAST_WORDS_SIZE: u32 = 1016;

/// One thing to wait for (`GATE-3`), part of [`Request`]: the thread writes, the kernel reads.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// `WAIT_*` or [`WAKE_WORD`]; another value makes the request a violation.
    pub kind: u32,
    /// A binding's index or a word's value, as the kind says.
    pub index: u32,
    /// A cursor, a generation, a state or an address, as the kind says.
    pub value: u64,
}

/// A thread's request page (`GATE-2`, `END-2`, `END-8`), zero at the start.
///
/// Writer: the thread, with plain stores, for the touch of a gate orders them. Reader: the kernel, each
/// field once, into a copy, when the thread touches a gate or has ended; what it reads are allegations.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Zero.
    pub reserved0: u64,
    /// Zero; no flag is defined.
    pub flags: u32,
    /// Conditions in use, from the first on, at most [`CONDITION_COUNT`].
    pub count: u32,
    /// Nanoseconds from the touch of the gate, or [`NO_DEADLINE`].
    pub deadline_ns: u64,
    /// Status of the thread or the instance, any value, read when an exit gate is touched; a return
    /// stores it (`END-1`).
    pub exit_status: u64,
    /// Zero.
    pub reserved1: [u64; 4],
    /// The conditions; those from `count` on are not read.
    pub conditions: [Condition; CONDITION_COUNT as usize],
    /// Zero.
    pub reserved2: [u64; 120],
    /// Bytes of last words in use, at most [`LAST_WORDS_SIZE`]; more counts as that many.
    pub last_words_length: u32,
    /// [`LAST_WORDS_NONE`], [`LAST_WORDS_PANIC`] or [`LAST_WORDS_REMARK`]; another value counts as a
    /// remark. Store it last.
    pub last_words_kind: u32,
    /// UTF-8 text; what is not is shown escaped.
    pub last_words: [u8; LAST_WORDS_SIZE as usize],
}

/// A thread's response page (`GATE-4`). Writer: the kernel, only while the thread is inside a gate.
/// Reader: the thread, with loads that the compiler does not move across the touch; it cannot write.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Which of the two gate pages is armed: 0 or 1.
    pub armed: u32,
    /// [`CAUSE_NONE`], [`CAUSE_CONDITION`] or [`CAUSE_DEADLINE`]: of the last return.
    pub cause: u32,
    /// Bit `i % 64` of word `i / 64` says that condition `i` held at the last return.
    pub ready: [u64; 2],
    /// Nanoseconds since the system's start, at the last return.
    pub now_ns: u64,
    /// Zero.
    pub reserved: [u64; 4],
}

assert_layout!(Condition, size 16, align 8; kind 0, index 4, value 8);
assert_layout!(Request, size 4096, align 8;
    reserved0 0, flags 8, count 12, deadline_ns 16, exit_status 24, reserved1 32, conditions 64,
    reserved2 2112, last_words_length 3072, last_words_kind 3076, last_words 3080);
assert_layout!(Response, size 64, align 8; armed 0, cause 4, ready 8, now_ns 24, reserved 32);
