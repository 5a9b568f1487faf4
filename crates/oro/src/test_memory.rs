//! Memory for unit tests, laid out as a kernel lays it out: a `Root`, bindings, windows, a request
//! page, gates. Nothing here traps: a touch that a kernel would answer just goes through, and a gate
//! returns at once without a cause, as it may (`GATE-4`).

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use oro_sysabi::{Binding, MODE_ASYNCHRONOUS, ROOT_MAGIC, Request, Response, Root, STATE_WIRED};

use crate::Thread;

/// A thread's metadata.
pub(crate) struct TestThread {
    root: *mut Root,
    bindings: *mut Binding,
    request: *mut Request,
    response: *mut Response,
    gates: &'static [AtomicU64],
}

/// Bytes of a page of this memory: the gates lie that far apart.
const PAGE_BYTES: u32 = 4096;

impl TestThread {
    /// Metadata with this many bindings, all wired and without windows. Leaked: tests are short.
    pub(crate) fn new(binding_count: usize) -> Self {
        let bindings = vec![Binding { state: STATE_WIRED, ..Binding::default() }; binding_count];
        let bindings = Box::leak(bindings.into_boxed_slice()).as_mut_ptr();
        // SAFETY: a `Request` is integers only.
        let request = Box::leak(Box::new(unsafe { core::mem::zeroed::<Request>() }));
        let request = core::ptr::from_mut(request);
        let gates = Vec::leak((0..PAGE_BYTES / 4).map(|_| AtomicU64::new(0)).collect());
        let response = Box::into_raw(Box::new(Response::default()));
        let root = Root {
            magic: ROOT_MAGIC,
            binding_stride_bytes: 128,
            binding_count: u32::try_from(binding_count).unwrap(),
            bindings: bindings.expose_provenance() as u64,
            request: request.expose_provenance() as u64,
            response: response.expose_provenance() as u64,
            gates: gates.as_mut_ptr().expose_provenance() as u64,
            page_size_bytes: PAGE_BYTES,
            cpu_count: 1,
            ..Root::default()
        };
        Self { root: Box::into_raw(Box::new(root)), bindings, request, response, gates }
    }

    /// Whether something was stored to each of the two gate pages.
    pub(crate) fn gate_touches(&self) -> [u64; 2] {
        [0, PAGE_BYTES as usize / 8].map(|index| self.gates[index].load(Ordering::Relaxed))
    }

    /// Changes the `Root`, before anything is opened with it.
    pub(crate) fn set_root(&self, change: impl FnOnce(&mut Root)) {
        // SAFETY: leaked; no other access runs meanwhile.
        change(unsafe { &mut *self.root });
    }

    /// Changes the response page, as a kernel does inside a gate.
    pub(crate) fn set_response(&self, change: impl FnOnce(&mut Response)) {
        // SAFETY: leaked; no other access runs meanwhile.
        change(unsafe { &mut *self.response });
    }

    /// Lets the time of the response page go on by `step_ns`, again and again, until it is dropped.
    pub(crate) fn run_clock(&self, step_ns: u64) -> TestClock {
        // SAFETY: inside the leaked page.
        let now = unsafe { &raw mut (*self.response).now_ns };
        // SAFETY: leaked, and an aligned u64, which is loaded beside this by volatile loads alone.
        let now: &'static AtomicU64 = unsafe { AtomicU64::from_ptr(now) };
        let is_stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_stopped);
        let thread = std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                now.fetch_add(step_ns, Ordering::Relaxed);
                std::thread::yield_now();
            }
        });
        TestClock { is_stopped, thread: Some(thread) }
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

/// A clock that runs.
pub(crate) struct TestClock {
    is_stopped: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for TestClock {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
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

    /// Binds an end whose window has `cells` slots: 2 as in synchronous mode, which it then is unless
    /// that is all, or all.
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
            binding.mode = if cells == self.slot_count { MODE_ASYNCHRONOUS } else { 0 };
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
