//! [`Binding`]: what a thread knows of one of its endpoints.

use crate::layout::assert_layout;

/// [`Binding::direction`]: the thread produces messages.
pub const DIRECTION_PRODUCER: u32 = 1;
/// [`Binding::direction`]: the thread consumes messages.
pub const DIRECTION_CONSUMER: u32 = 2;

/// [`Binding::mode`] and [`End::mode`](crate::End::mode): every touch of a slot is a page fault (`PORT-3`).
pub const MODE_SYNCHRONOUS: u32 = 0;
/// [`Binding::mode`] and [`End::mode`](crate::End::mode): plain shared memory (`PORT-3`).
pub const MODE_ASYNCHRONOUS: u32 = 1;

/// [`Binding::state`]: this port has no peer (an optional port, or not wired yet). It has no window.
pub const STATE_UNWIRED: u32 = 0;
/// [`Binding::state`]: wired, and the peer lives.
pub const STATE_WIRED: u32 = 1;
/// [`Binding::state`]: the peer has ended well; what it committed stays readable.
pub const STATE_CLOSED: u32 = 2;
/// [`Binding::state`]: the peer has ended by a violation, a trap or a kill; what it committed stays readable.
pub const STATE_FAULTED: u32 = 3;
/// [`Binding::state`]: this endpoint was taken away by revocation or transfer.
pub const STATE_REVOKED: u32 = 4;
/// [`Binding::state`]: the port belongs to another thread of the instance. It has no window here.
pub const STATE_FOREIGN: u32 = 5;

/// [`Binding::flags`]: the endpoint belongs to a managed thread.
pub const BINDING_MANAGED: u32 = 1 << 0;
/// [`Binding::flags`]: the Port is forced synchronous and never upgrades.
pub const BINDING_FORCED_SYNCHRONOUS: u32 = 1 << 1;

/// One declared port of the module, as its thread sees it (`BIND-1`).
///
/// The binding of the port with index `k` in the PORT notes is at
/// `Root::bindings + k * Root::binding_stride_bytes`. The first cache line is all that a transfer
/// reads. Writer: the kernel. Reader: the thread; it cannot write.
///
/// The address of slot `n` is `window + (n & mask) * stride_bytes` in both modes (`BIND-2`).
/// `window`, `stride_bytes`, `mask`, `own_cursor`, `peer_cursor` and `mode` change only while the
/// owning thread is inside a fault of its own, so plain loads suffice (a compiler barrier between
/// slots included). `state` and `epoch` may change at any time, stored with release: load them with
/// acquire, then reread the peer's cursor (`BIND-3`). The other fields do not change while the port is
/// wired.
#[repr(C, align(128))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// Address of the live window, aligned for the message type; 0 where `state` is unwired or
    /// foreign. Changes inside own faults only.
    pub window: u64,
    /// Distance between two slots of the live window, in bytes; at least `slot_size_bytes`. Changes
    /// inside own faults only.
    pub stride_bytes: u32,
    /// Synchronous: cell count - 1, so 1. Asynchronous: slot count - 1. Changes inside own faults only.
    pub mask: u32,
    /// Address of the thread's own cursor, a u64: messages committed or released. The thread stores
    /// it with release, its peer and the kernel load it with acquire. Synchronous: the commit word
    /// (`MAN-5`). 0 in a naive thread, and without a window. Changes inside own faults only.
    pub own_cursor: u64,
    /// Address of the peer's cursor, a u64, read-only. The peer or the kernel stores it with release;
    /// load it with acquire. The value is an allegation to be validated (`PORT-8`). 0 without a
    /// window. Changes inside own faults only.
    pub peer_cursor: u64,
    /// [`MODE_SYNCHRONOUS`] or [`MODE_ASYNCHRONOUS`]. For people and tests; a transfer need not read
    /// it. Changes inside own faults only.
    pub mode: u32,
    /// `STATE_*` of the peer. Atomic: the kernel stores the peer's last cursor first, then this, with
    /// release; load with acquire, then reread the cursor. Take an unknown value for revoked.
    pub state: u32,
    /// Size of a slot in bytes, 1 to [`MAX_SLOT_SIZE`](crate::MAX_SLOT_SIZE); 0 where the port was
    /// never wired.
    pub slot_size_bytes: u32,
    /// Count of slots of the queue, a power of two, 1 to [`MAX_SLOT_COUNT`](crate::MAX_SLOT_COUNT); in
    /// synchronous mode too. 0 where the port was never wired.
    pub slot_count: u32,
    /// The cursor value at which this endpoint starts: 0, or where its predecessor stopped (`END-7`).
    pub first: u64,
    /// How many peers this endpoint has had before its present one (`END-7`). Atomic: stored with
    /// release, load with acquire.
    pub epoch: u32,
    /// [`DIRECTION_PRODUCER`] or [`DIRECTION_CONSUMER`]; never changes.
    pub direction: u32,
    /// Ring-local id of the Port; 0 where it is not wired.
    pub port_id: u64,
    /// Id of the message type (`TYPE-3`), see [`type_id`](crate::type_id).
    pub type_id: u64,
    /// Index of the declared port in the PORT notes.
    pub port_index: u32,
    /// Element of a port array, 0 for a plain port.
    pub element: u32,
    /// Index of the Port's entry in [`Ring::ports`](crate::Ring); meaningless where `port_id` is 0.
    pub table_index: u32,
    /// [`BINDING_MANAGED`], [`BINDING_FORCED_SYNCHRONOUS`]; ignore bits that you do not know.
    pub flags: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

assert_layout!(Binding, size 128, align 128;
    window 0, stride_bytes 8, mask 12, own_cursor 16, peer_cursor 24, mode 32, state 36,
    slot_size_bytes 40, slot_count 44, first 48, epoch 56, direction 60, port_id 64, type_id 72,
    port_index 80, element 84, table_index 88, flags 92, reserved 96);
