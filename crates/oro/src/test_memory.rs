//! Memory for unit tests, laid out as a kernel lays it out: a `Root`, bindings, windows, a request
//! page. Nothing here traps: a touch that a kernel would answer just goes through.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use core::sync::atomic::{AtomicU64, Ordering};

use oro_sysabi::{Binding, ROOT_MAGIC, Request, Root, STATE_WIRED};

use crate::Thread;

/// A thread's metadata.
pub(crate) struct TestThread {
    root: *mut Root,
    bindings: *mut Binding,
    request: *mut Request,
}

impl TestThread {
    /// Metadata with this many bindings, all wired and without windows. Leaked: tests are short.
    pub(crate) fn new(binding_count: usize) -> Self {
        let bindings = vec![Binding { state: STATE_WIRED, ..Binding::default() }; binding_count];
        let bindings = Box::leak(bindings.into_boxed_slice()).as_mut_ptr();
        // SAFETY: a `Request` is integers only.
        let request = Box::leak(Box::new(unsafe { core::mem::zeroed::<Request>() }));
        let request = core::ptr::from_mut(request);
        let root = Root {
            magic: ROOT_MAGIC,
            binding_stride_bytes: 128,
            binding_count: u32::try_from(binding_count).unwrap(),
            bindings: bindings.expose_provenance() as u64,
            request: request.expose_provenance() as u64,
            ..Root::default()
        };
        Self { root: Box::into_raw(Box::new(root)), bindings, request }
    }

    pub(crate) fn thread(&self) -> Thread {
        // SAFETY: the `Root` is leaked and never changes after `new`.
        unsafe { Thread::from_root(self.root) }
    }

    pub(crate) fn request(&self) -> Request {
        // SAFETY: leaked; the test's own thread is the only one that writes it.
        unsafe { self.request.read() }
    }

    /// Changes a binding, as a kernel does inside a fault.
    pub(crate) fn set(&self, index: usize, change: impl FnOnce(&mut Binding)) {
        // SAFETY: tests pass indices below the count they gave.
        let at = unsafe { self.bindings.add(index) };
        // SAFETY: leaked; no other access runs meanwhile.
        change(unsafe { &mut *at });
    }
}

/// A queue and its two cursors.
#[derive(Clone, Copy)]
pub(crate) struct TestPort {
    pub(crate) window: u64,
    pub(crate) produced: &'static AtomicU64,
    pub(crate) consumed: &'static AtomicU64,
    slot_size_bytes: u32,
    slot_count: u32,
}

impl TestPort {
    pub(crate) fn new(slot_size_bytes: u32, slot_count: u32) -> Self {
        let words = (slot_size_bytes.next_multiple_of(8) * slot_count / 8) as usize;
        let window: &'static mut [u64] = Vec::leak(vec![0; words]);
        Self {
            window: window.as_mut_ptr().expose_provenance() as u64,
            produced: Box::leak(Box::new(AtomicU64::new(0))),
            consumed: Box::leak(Box::new(AtomicU64::new(0))),
            slot_size_bytes,
            slot_count,
        }
    }

    /// Binds an end whose window has `cells` slots: 2 as in synchronous mode, or all.
    pub(crate) fn bind(&self, memory: &TestThread, index: usize, is_consumer: bool, cells: u32) {
        let address = |cursor: &'static AtomicU64| cursor.as_ptr().expose_provenance() as u64;
        let (own, peer) = if is_consumer {
            (self.consumed, self.produced)
        } else {
            (self.produced, self.consumed)
        };
        memory.set(index, |binding| {
            binding.window = self.window;
            binding.stride_bytes = self.slot_size_bytes.next_multiple_of(8);
            binding.mask = cells - 1;
            binding.own_cursor = address(own);
            binding.peer_cursor = address(peer);
            binding.slot_size_bytes = self.slot_size_bytes;
            binding.slot_count = self.slot_count;
            binding.first = own.load(Ordering::Relaxed);
        });
    }

    /// A word of slot `slot` of the window.
    pub(crate) fn word(&self, slot: u64, word: u64) -> &'static AtomicU64 {
        let stride = u64::from(self.slot_size_bytes.next_multiple_of(8));
        let address = usize::try_from(self.window + slot * stride + word * 8).unwrap();
        // SAFETY: tests name words inside the leaked window, which is aligned to words.
        unsafe { AtomicU64::from_ptr(core::ptr::with_exposed_provenance_mut(address)) }
    }
}
