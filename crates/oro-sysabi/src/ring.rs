//! The shared, read-only picture of a Ring: [`Ring`], its [`Table`]s, and their entries.

use crate::layout::assert_layout;

/// [`Ring::magic`]: `"ORORING1"`, little-endian.
pub const RING_MAGIC: u64 = 0x3147_4e49_524f_524f;

/// [`Instance::state`]: mounted and perhaps wired, not started.
pub const INSTANCE_MOUNTED: u32 = 0;
/// [`Instance::state`]: at least one thread has not ended.
pub const INSTANCE_RUNNING: u32 = 1;
/// [`Instance::state`]: every thread has ended by itself.
pub const INSTANCE_ENDED: u32 = 2;
/// [`Instance::state`]: ended by a violation, a trap or a kill.
pub const INSTANCE_FAULTED: u32 = 3;

/// [`Instance::reason`]: no end yet, or a normal one.
pub const REASON_NONE: u32 = 0;
/// [`Instance::reason`]: a rule of a Port was broken.
pub const REASON_VIOLATION: u32 = 1;
/// [`Instance::reason`]: a processor trap that is not a Port's, a gate's or a lazily mapped page.
pub const REASON_TRAP: u32 = 2;
/// [`Instance::reason`]: it tried to make a system call.
pub const REASON_SYSTEM_CALL: u32 = 3;
/// [`Instance::reason`]: ended from outside (time limit, operator).
pub const REASON_KILLED: u32 = 4;
/// [`Instance::reason`]: an endpoint or the instance was revoked.
pub const REASON_REVOKED: u32 = 5;
/// [`Instance::reason`]: the module panicked and said so in its last words.
pub const REASON_PANIC: u32 = 6;

/// [`Port::state`]: both ends live.
pub const PORT_OPEN: u32 = 1;
/// [`Port::state`]: the producer has ended; messages may remain.
pub const PORT_PRODUCER_ENDED: u32 = 2;
/// [`Port::state`]: the consumer has ended.
pub const PORT_CONSUMER_ENDED: u32 = 3;
/// [`Port::state`]: both ends have ended.
pub const PORT_ENDED: u32 = 4;

/// [`Port::flags`]: forced synchronous.
pub const PORT_FORCED_SYNCHRONOUS: u32 = 1 << 0;

/// An array of equally sized entries (`META-4`).
///
/// Writer: the kernel. Readers: the Ring's instances, with plain loads of what never changes and of
/// `count` under [`read_consistent`](crate::read_consistent).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Address of the first entry; 0 where `capacity` is. Never changes.
    pub entries: u64,
    /// Distance between two entries in bytes, a multiple of 8; at least the size of the entry that the
    /// reader knows. Never changes.
    pub stride_bytes: u32,
    /// Entries in use, at most `capacity`. Structural: changes under the Ring's generation, upwards.
    pub count: u32,
    /// Entries that there is room for. Never changes.
    pub capacity: u32,
    /// Zero.
    pub reserved0: u32,
    /// Zero.
    pub reserved1: u64,
}

/// A Ring, as its own instances see it (`META-3`).
///
/// Writer: the kernel. Readers: the Ring's instances, which share it and cannot write. `generation`
/// is odd while the kernel changes structural fields of the Ring or of its tables' entries; read those
/// with [`read_consistent`](crate::read_consistent). Fields marked atomic are independent of it: the
/// kernel stores them with relaxed unless they say otherwise, load them with relaxed at least.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// [`RING_MAGIC`].
    pub magic: u64,
    /// Size of this structure in bytes as the kernel knows it, at least 256 (`META-2`).
    pub size_bytes: u32,
    /// Zero.
    pub reserved0: u32,
    /// Count of structural changes, times two; odd while one is being written. Atomic: made odd, then
    /// a release fence; made even with release. Load with acquire (`META-7`).
    pub generation: u64,
    /// The Ring's id in the tables that the reader has. Never changes.
    pub id: u64,
    /// Name, UTF-8, padded with zeros.
    pub name: [u8; 32],
    /// [`Instance`] entries.
    pub instances: Table,
    /// [`Ring`] entries, one for each child Ring, with tables of their own (`RING-2`).
    pub children: Table,
    /// [`Port`] entries.
    pub ports: Table,
    /// Zero.
    pub reserved1: [u64; 12],
}

/// A module instance of a Ring (`META-5`). Writer: the kernel. Readers: the Ring's instances, with
/// [`read_consistent`](crate::read_consistent), but for the fields marked atomic.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Ring-local id: index in the lower half, generation in the upper. 0: a built-in instance.
    pub id: u64,
    /// `INSTANCE_*`. Atomic: stored with release after `status` and `reason`, load with acquire before
    /// them.
    pub state: u32,
    /// Threads that have not ended. Atomic.
    pub thread_count: u32,
    /// Status, valid once `state` says that it ended (`END-4`). Atomic.
    pub status: u64,
    /// `REASON_*`, valid likewise. Atomic.
    pub reason: u32,
    /// How often it was restarted. Atomic.
    pub restarts: u32,
    /// Name, UTF-8, padded with zeros.
    pub name: [u8; 32],
    /// Name of its module, UTF-8, padded with zeros; of a built-in instance all zero.
    pub module: [u8; 32],
    /// Zero.
    pub reserved: [u64; 4],
}

/// One end of a Port, in the Port's table entry (`META-6`).
///
/// Writer: the kernel. Readers: the Ring's instances, with [`read_consistent`](crate::read_consistent),
/// but for the fields marked atomic. For an end outside the reader's subtree every field but `cursor`
/// is zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Ring-local id of the owner; 0: a built-in instance, or an end that the reader may not see.
    pub instance_id: u64,
    /// Ring-local id of the owning thread; 0 likewise.
    pub thread_id: u64,
    /// Address of the window of the cells in the owner's address space; 0 for a built-in's end.
    pub synchronous_window: u64,
    /// Address that the window of the queue has, or would have, there; 0 where the end can never be
    /// asynchronous.
    pub asynchronous_window: u64,
    /// Messages committed (producer) or released (consumer). Atomic; in asynchronous mode as of
    /// the kernel's last look.
    pub cursor: u64,
    /// `MODE_*`. Atomic.
    pub mode: u32,
    /// Index of the declared port in the owner's PORT notes; 0 for a built-in's end.
    pub port_index: u32,
    /// Operations in a row that would let this end qualify for the asynchronous mode. Atomic.
    pub streak: u32,
    /// Why the mode is what it is, `MODE_REASON_*`; 0: no reason is given. Atomic.
    pub mode_reason: u32,
    /// Faults that the kernel has served at this end. Atomic.
    pub fault_count: u64,
}

/// [`End::mode_reason`]: the Port is forced synchronous.
pub const MODE_REASON_FORCED: u32 = 1;
/// [`End::mode_reason`]: this end's thread is naive.
pub const MODE_REASON_NAIVE: u32 = 2;
/// [`End::mode_reason`]: the streak is below the threshold.
pub const MODE_REASON_STREAK: u32 = 3;
/// [`End::mode_reason`]: this end qualifies, its peer does not.
pub const MODE_REASON_PEER: u32 = 4;
/// [`End::mode_reason`]: this kernel, or this end of a built-in instance, has no asynchronous mode.
pub const MODE_REASON_UNSUPPORTED: u32 = 5;
/// [`End::mode_reason`]: both ends qualify, and this one becomes asynchronous at its next cursor store.
pub const MODE_REASON_QUALIFIED: u32 = 6;
/// [`End::mode_reason`]: asynchronous, since both ends have earned it.
pub const MODE_REASON_EARNED: u32 = 7;
/// [`End::mode_reason`]: asynchronous still, and synchronous after this end's next cursor store.
pub const MODE_REASON_LEAVING: u32 = 8;
/// [`End::mode_reason`]: the Port, or an end of it, has ended; the mode changes no more.
pub const MODE_REASON_ENDED: u32 = 9;

/// A Port, in the Ring's Port table (`META-6`). Writer: the kernel. Readers: the Ring's instances, with
/// [`read_consistent`](crate::read_consistent), but for the fields marked atomic.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Ring-local id: index in the lower half, generation in the upper.
    pub id: u64,
    /// Id of the message type (`TYPE-3`).
    pub type_id: u64,
    /// Size of a slot in bytes, 1 to [`MAX_SLOT_SIZE`](crate::MAX_SLOT_SIZE).
    pub slot_size_bytes: u32,
    /// Count of slots, a power of two, 1 to [`MAX_SLOT_COUNT`](crate::MAX_SLOT_COUNT).
    pub slot_count: u32,
    /// [`PORT_FORCED_SYNCHRONOUS`] or 0, as an operator may change it while the system runs; ignore bits
    /// that you do not know. Atomic.
    pub flags: u32,
    /// [`PORT_OPEN`], [`PORT_PRODUCER_ENDED`], [`PORT_CONSUMER_ENDED`] or [`PORT_ENDED`]. Atomic:
    /// stored with release after the cursors, load with acquire before them.
    pub state: u32,
    /// The producing end.
    pub producer: End,
    /// The consuming end.
    pub consumer: End,
    /// Streak that an end needs to qualify; 0 where this kernel has no asynchronous mode. Atomic.
    pub threshold: u32,
    /// Times the Port became asynchronous. Atomic.
    pub upgrade_count: u32,
    /// Times the Port became synchronous again. Atomic.
    pub downgrade_count: u32,
    /// Times an upgrade was wanted by one end only. Atomic.
    pub refusal_count: u32,
    /// Doorbells rung: stores to a cursor that found it protected, since its peer slept. Atomic.
    pub doorbell_count: u64,
    /// Id of the Ring that the producing end's owner is in, as the reader's tables have it; 0: a built-in
    /// instance, or an end that the reader may not see.
    pub producer_ring: u64,
    /// Likewise of the consuming end's owner.
    pub consumer_ring: u64,
    /// Zero.
    pub reserved: [u64; 7],
}

assert_layout!(Table, size 32, align 8;
    entries 0, stride_bytes 8, count 12, capacity 16, reserved0 20, reserved1 24);
assert_layout!(Ring, size 256, align 8;
    magic 0, size_bytes 8, reserved0 12, generation 16, id 24, name 32, instances 64,
    children 96, ports 128, reserved1 160);
assert_layout!(Instance, size 128, align 8;
    id 0, state 8, thread_count 12, status 16, reason 24, restarts 28, name 32, module 64,
    reserved 96);
assert_layout!(End, size 64, align 8;
    instance_id 0, thread_id 8, synchronous_window 16, asynchronous_window 24, cursor 32, mode 40,
    port_index 44, streak 48, mode_reason 52, fault_count 56);
assert_layout!(Port, size 256, align 8;
    id 0, type_id 8, slot_size_bytes 16, slot_count 20, flags 24, state 28, producer 32,
    consumer 96, threshold 160, upgrade_count 164, downgrade_count 168, refusal_count 172,
    doorbell_count 176, producer_ring 184, consumer_ring 192, reserved 200);
