//! [`End`]: a type of a port in [`module!`](crate::module!). [`Endpoint`]: a thread's view of one
//! of its ends, the sum that gives a slot's address. It does not transfer anything.

use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use oro_queue::Cursors;
use oro_sysabi::{Binding, MODE_SYNCHRONOUS, NOTE_PORT_OPTIONAL, STATE_UNWIRED};

use crate::Thread;
use crate::shared::{order_accesses, pointer};

/// What may stand as the type of a port in [`module!`](crate::module!).
///
/// These are the ends of this crate; `Option` of one (the port may stay unwired, and is then
/// `None`); arrays of either (`port[0]`, `port[1]` and so on in a manifest); and
/// [`PortArray`](crate::PortArray), an array whose elements are wired while the thread runs.
///
/// # Safety
///
/// The constants are what `open` relies on: the kernel wires what they say (`NOTE-4`).
pub unsafe trait End: Sized {
    /// The end belongs to a managed thread (`MAN-1`).
    const IS_MANAGED: bool;
    /// `DIRECTION_*`.
    const DIRECTION: u32;
    /// Layout text of the messages.
    const LAYOUT: &'static str;
    /// Bytes of a message; of a type with a flexible tail, of the part before it.
    const SLOT_SIZE_BYTES: usize;
    /// Alignment of a message.
    const SLOT_ALIGN_BYTES: usize;
    /// Elements, at least 1.
    const COUNT: usize = 1;
    /// `NOTE_PORT_*` flags.
    const NOTE_FLAGS: u32 = 0;

    /// Opens the port with this index.
    ///
    /// # Safety
    ///
    /// `thread` is the calling thread, its binding `port_index` is of a port that was declared with
    /// this type's constants, and nothing that was opened of it before is used any more.
    unsafe fn open(thread: Thread, port_index: usize) -> Self;
}

// SAFETY: the constants are the inner end's, and the flag that lets the port stay unwired.
unsafe impl<E: End> End for Option<E> {
    const IS_MANAGED: bool = E::IS_MANAGED;
    const DIRECTION: u32 = E::DIRECTION;
    const LAYOUT: &'static str = E::LAYOUT;
    const SLOT_SIZE_BYTES: usize = E::SLOT_SIZE_BYTES;
    const SLOT_ALIGN_BYTES: usize = E::SLOT_ALIGN_BYTES;
    const COUNT: usize = {
        assert!(E::COUNT == 1, "an optional array is written [Option<_>; N]");
        1
    };
    const NOTE_FLAGS: u32 = NOTE_PORT_OPTIONAL;

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller vouches for thread and index.
        let endpoint = unsafe { Endpoint::open(thread, port_index) };
        if endpoint.load_state() == STATE_UNWIRED {
            return None;
        }
        // SAFETY: the caller's own promise, passed on; the endpoint above has touched no slot.
        Some(unsafe { E::open(thread, port_index) })
    }
}

// SAFETY: the constants are the elements'; an array takes as many indices as it has elements (`NOTE-4`).
unsafe impl<E: End, const N: usize> End for [E; N] {
    const IS_MANAGED: bool = E::IS_MANAGED;
    const DIRECTION: u32 = E::DIRECTION;
    const LAYOUT: &'static str = E::LAYOUT;
    const SLOT_SIZE_BYTES: usize = E::SLOT_SIZE_BYTES;
    const SLOT_ALIGN_BYTES: usize = E::SLOT_ALIGN_BYTES;
    const COUNT: usize = {
        assert!(N > 0, "an array of ports has at least one element");
        assert!(E::COUNT == 1, "an array of arrays of ports does not exist");
        N
    };
    const NOTE_FLAGS: u32 = E::NOTE_FLAGS;

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller's own promise, passed on for each element's index.
        core::array::from_fn(|element| unsafe { E::open(thread, port_index + element) })
    }
}

/// A thread's view of one of its ends. Not `Send`: its window exists for its thread alone (`ENTRY-7`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    binding: *const Binding,
    thread: Thread,
    index: u32,
}

impl Endpoint {
    /// # Safety
    ///
    /// `thread` is the calling thread, and has a binding with this index.
    pub(crate) unsafe fn open(thread: Thread, port_index: usize) -> Self {
        let root = thread.root_page();
        let offset = port_index as u64 * u64::from(root.binding_stride_bytes);
        #[expect(clippy::cast_possible_truncation, reason = "a thread has at most 256 (LIM-4)")]
        let index = port_index as u32;
        Self { binding: pointer(root.bindings + offset).cast(), thread, index }
    }

    /// The thread that the end belongs to.
    #[inline]
    pub(crate) fn thread(&self) -> Thread {
        self.thread
    }

    /// Index of the binding, as conditions name it (`GATE-3`).
    #[inline]
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Address of slot `n` in the live window, the same sum in both modes (`BIND-2`).
    #[inline]
    pub(crate) fn slot(&self, n: u64) -> *mut u8 {
        // Loaded anew for each slot: they may change inside the thread's own faults (`BIND-3`).
        let window = self.load_u64(offset_of!(Binding, window));
        let mask = u64::from(self.load_u32(offset_of!(Binding, mask)));
        pointer(window + (n & mask) * self.load_stride_bytes())
    }

    /// How many slots from slot `n` on lie one after the other and may be handed over by one store: one
    /// in synchronous mode (`ASYNC-3`), else those up to the queue's end.
    #[inline]
    pub(crate) fn load_run(&self, n: u64) -> u64 {
        if self.is_synchronous() {
            return 1;
        }
        let mask = u64::from(self.load_u32(offset_of!(Binding, mask)));
        mask + 1 - (n & mask)
    }

    /// Whether the end is synchronous now; it changes only at a store of its own cursor (`MODE-2`).
    #[inline]
    pub(crate) fn is_synchronous(&self) -> bool {
        self.load_u32(offset_of!(Binding, mode)) == MODE_SYNCHRONOUS
    }

    /// Bytes from a slot of the live window to the next.
    #[inline]
    pub(crate) fn load_stride_bytes(&self) -> u64 {
        u64::from(self.load_u32(offset_of!(Binding, stride_bytes)))
    }

    /// The count at which this end starts (`END-7`).
    pub(crate) fn load_first(&self) -> u64 {
        self.load_u64(offset_of!(Binding, first))
    }

    /// Bytes of a slot, at most 16 MiB (`LIM-1`).
    pub(crate) fn load_slot_size_bytes(&self) -> usize {
        self.load_u32(offset_of!(Binding, slot_size_bytes)) as usize
    }

    /// Slots of the queue.
    #[inline]
    pub(crate) fn load_slot_count(&self) -> u32 {
        self.load_u32(offset_of!(Binding, slot_count))
    }

    /// Ring-local id of the Port; 0: none. Of a port that is wired while the thread runs it changes (`CTL-8`)
    /// before the state does; who sees a Port's id sees the state of the same Port, or a later one.
    pub(crate) fn load_port_id(&self) -> u64 {
        let at = pointer(self.field(offset_of!(Binding, port_id)).expose_provenance() as u64);
        // SAFETY: an aligned field of a valid binding; only the kernel writes it.
        let id = unsafe { AtomicU64::from_ptr(at.cast()) }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        id
    }

    /// How many peers came before this one (`END-7`). Pairs with the kernel's release store.
    pub(crate) fn load_epoch(&self) -> u32 {
        self.load_atomic_u32(offset_of!(Binding, epoch))
    }

    /// `STATE_*` of the peer. Pairs with the kernel's release store: who sees the state sees the
    /// peer's last cursor too (`BIND-3`).
    #[inline]
    pub(crate) fn load_state(&self) -> u32 {
        self.load_atomic_u32(offset_of!(Binding, state))
    }

    #[inline]
    fn load_atomic_u32(&self, offset_bytes: usize) -> u32 {
        let at = self.field(offset_bytes).cast::<u32>().cast_mut();
        // SAFETY: an aligned field of a valid binding; only the kernel writes it, atomically.
        let value = unsafe { AtomicU32::from_ptr(at) }.load(Ordering::Relaxed);
        // A relaxed load and a fence: only relaxed loads are promised to work on read-only memory.
        fence(Ordering::Acquire);
        value
    }

    #[inline]
    fn load_u32(&self, offset_bytes: usize) -> u32 {
        // SAFETY: an aligned field of a binding, valid while the thread lives; the kernel changes it
        // only inside this thread's own faults (`BIND-3`), for which volatile loads suffice.
        unsafe { self.field(offset_bytes).cast::<u32>().read_volatile() }
    }

    #[inline]
    fn load_u64(&self, offset_bytes: usize) -> u64 {
        // SAFETY: as above.
        unsafe { self.field(offset_bytes).cast::<u64>().read_volatile() }
    }

    #[inline]
    fn field(&self, offset_bytes: usize) -> *const u8 {
        self.binding.cast::<u8>().wrapping_add(offset_bytes)
    }
}

impl Cursors for Endpoint {
    /// Pairs with the peer's, or the kernel's for it, release store after it has written or read the
    /// slots before.
    #[inline]
    fn load_peer(&self) -> u64 {
        let at = pointer(self.load_u64(offset_of!(Binding, peer_cursor))).cast::<u64>();
        // SAFETY: `BIND-4`: the address is of a readable, aligned u64, which is only stored to atomically.
        let cursor = unsafe { AtomicU64::from_ptr(at) }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        cursor
    }

    /// Commits or releases (`MAN-5`, `ASYNC-3`), and may change the mode (`MODE-2`, `MODE-4`). Pairs
    /// with the peer's acquire load: what was done with the slots happens before.
    #[inline]
    fn store_own(&self, value: u64) {
        order_accesses();
        let at = pointer(self.load_u64(offset_of!(Binding, own_cursor))).cast::<u64>();
        // SAFETY: a managed end's own cursor is an aligned u64 that this thread may store to
        // (`BIND-3`, `MAN-5`); all others access it atomically.
        unsafe { AtomicU64::from_ptr(at) }.store(value, Ordering::Release);
        order_accesses();
    }
}

#[cfg(test)]
mod tests {
    use super::End;
    use crate::test_memory::{TestPort, TestThread};
    use crate::{Log, Producer};
    use core::sync::atomic::Ordering::Relaxed;

    #[test]
    fn bind_1_optional_and_array_ports_follow_their_bindings() {
        // BIND-1
        type Ends = [Option<Producer<Log>>; 3];
        assert_eq!((Ends::COUNT, Ends::NOTE_FLAGS), (3, oro_sysabi::NOTE_PORT_OPTIONAL));
        let (memory, port) = (TestThread::new(4), TestPort::new(256, 2));
        for index in 1..4 {
            port.bind(&memory, index, false, 2);
        }
        memory.set(2, |binding| binding.state = oro_sysabi::STATE_UNWIRED);
        // SAFETY: bindings 1 to 3 are producers of this size, opened once.
        let mut ends = unsafe { Ends::open(memory.thread(), 1) };
        assert_eq!(ends.each_ref().map(Option::is_some), [true, false, true]);
        ends[2].as_mut().unwrap().info(format_args!("hello")).unwrap();
        assert_eq!(port.produced.load(Relaxed), 1);
    }
}
