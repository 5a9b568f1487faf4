//! [`Thread`]: what a thread knows of itself; its ends and its last words. [`Status`]: what an entry
//! may return. It does not hold the thread's Ports; [`module!`](crate::module!) opens those.

use core::fmt::{self, Write as _};
use core::mem::offset_of;

use oro_sysabi::{LAST_WORDS_PANIC, LAST_WORDS_REMARK, LAST_WORDS_SIZE, ROOT_MAGIC, Request, Root};

use crate::shared::pointer;

/// The calling thread. Not `Send`: each thread of an instance has a `Root` of its own (`ENTRY-1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    root: *const Root,
}

impl Thread {
    /// The thread whose `Root` is at this address.
    ///
    /// # Safety
    ///
    /// `root` is what the kernel gave to the calling thread (`ENTRY-1`), or points to a `Root` that
    /// lives and does not change while the result and what is opened with it are used, and whose
    /// addresses are as the ABI says.
    #[must_use]
    pub unsafe fn from_root(root: *const Root) -> Self {
        Self { root }
    }

    /// A copy of the thread's `Root`.
    #[must_use]
    pub fn root(self) -> Root {
        // SAFETY: `from_root`'s caller vouches that a `Root` is there and never changes (`META-1`).
        unsafe { self.root.read() }
    }

    /// The thread's `Root`, in place: it never changes (`META-1`).
    #[inline]
    pub(crate) fn root_page<'thread>(self) -> &'thread Root {
        // SAFETY: `from_root`'s caller vouches that a `Root` is there, lives as long as the result is
        // used, and never changes.
        unsafe { &*self.root }
    }

    /// Leaves a remark for the end report (`END-8`), instead of one that was left before; what is
    /// longer than 1016 bytes is cut.
    pub fn remark(self, words: fmt::Arguments<'_>) {
        self.leave_words(LAST_WORDS_REMARK, words);
    }

    /// Leaves a panic's message; the trap that follows ends the instance as panicked (`END-8`).
    #[cfg_attr(
        not(all(feature = "runtime", panic = "abort")),
        expect(dead_code, reason = "only the panic handler calls it")
    )]
    pub(crate) fn leave_panic(self, words: fmt::Arguments<'_>) {
        self.leave_words(LAST_WORDS_PANIC, words);
    }

    /// Ends the calling thread with this status (`END-2`).
    pub fn exit(self, status: u64) -> ! {
        let root = self.root();
        self.touch_exit(root.request, root.exit_thread, status)
    }

    /// Ends every thread of the instance at once, with this status of the instance (`END-3`).
    pub fn exit_instance(self, status: u64) -> ! {
        let root = self.root();
        self.touch_exit(root.request, root.exit_instance, status)
    }

    fn touch_exit(self, request: u64, gate: u64, status: u64) -> ! {
        let at = pointer(request).wrapping_byte_add(offset_of!(Request, exit_status));
        // SAFETY: the request page is this thread's to write (`META-1`); nobody holds a reference
        // into it, and the field is an aligned u64.
        unsafe { at.cast::<u64>().write_volatile(status) };
        loop {
            // SAFETY: a store to this address is what ends the thread or the instance (`END-2`,
            // `END-3`); nothing else is there.
            unsafe { pointer(gate).cast::<u64>().write_volatile(1) };
        }
    }

    fn leave_words(self, kind: u32, words: fmt::Arguments<'_>) {
        let root = self.root();
        if root.magic != ROOT_MAGIC || root.request == 0 {
            return; // Not a `Root`: the module has changed its thread pointer.
        }
        let mut writer = LastWords { request: pointer(root.request), length: 0 };
        // It fails only when the page is full; then the words are cut.
        let _ = writer.write_fmt(words);
        writer.store_u32(offset_of!(Request, last_words_length), writer.length);
        writer.store_u32(offset_of!(Request, last_words_kind), kind);
    }
}

/// Writes to the last words of a request page.
struct LastWords {
    request: *mut u8,
    length: u32,
}

impl LastWords {
    fn store_u32(&self, offset_bytes: usize, value: u32) {
        let at = self.request.wrapping_byte_add(offset_bytes).cast::<u32>();
        // SAFETY: an aligned field of the request page, which is this thread's to write (`META-1`)
        // and behind no reference.
        unsafe { at.write_volatile(value) };
    }
}

impl fmt::Write for LastWords {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.length == LAST_WORDS_SIZE {
                return Err(fmt::Error);
            }
            let offset_bytes = offset_of!(Request, last_words) + self.length as usize;
            // SAFETY: inside `last_words`, since `length < LAST_WORDS_SIZE`; the page is this
            // thread's to write (`META-1`) and behind no reference.
            unsafe { self.request.wrapping_byte_add(offset_bytes).write_volatile(byte) };
            self.length += 1;
        }
        Ok(())
    }
}

/// What an entry point may return: its status, 0 for success (`END-4`).
///
/// An error becomes status 1, and its text the thread's remark in the end report (`END-8`).
pub trait Status {
    /// The status; may leave a remark.
    fn into_status(self, thread: Thread) -> u64;
}

impl Status for () {
    fn into_status(self, _: Thread) -> u64 {
        0
    }
}

impl Status for u32 {
    fn into_status(self, _: Thread) -> u64 {
        u64::from(self)
    }
}

impl<T: Status, E: fmt::Display> Status for Result<T, E> {
    fn into_status(self, thread: Thread) -> u64 {
        match self {
            Ok(status) => status.into_status(thread),
            Err(error) => {
                thread.remark(format_args!("{error}"));
                1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LAST_WORDS_REMARK, Status, Thread};
    use crate::test_memory::TestThread;
    use std::string::String;

    fn read_words(memory: &TestThread) -> (u32, String) {
        let request = memory.request();
        let length = request.last_words_length as usize;
        (
            request.last_words_kind,
            String::from_utf8_lossy(&request.last_words[..length]).into_owned(),
        )
    }

    #[test]
    fn end_8_a_remark_lies_in_the_last_words_and_is_cut_at_their_end() {
        // END-8
        let memory = TestThread::new(0);
        memory.thread().remark(format_args!("lost {} of {}", 3, 7));
        assert_eq!(read_words(&memory), (LAST_WORDS_REMARK, "lost 3 of 7".into()));
        memory.thread().remark(format_args!("{}", "y".repeat(2000)));
        assert_eq!(read_words(&memory), (LAST_WORDS_REMARK, "y".repeat(1016)));
    }

    #[test]
    fn end_4_results_become_a_status() {
        // END-4
        let memory = TestThread::new(0);
        let thread: Thread = memory.thread();
        assert_eq!(().into_status(thread), 0);
        assert_eq!(7_u32.into_status(thread), 7);
        assert_eq!(Ok::<u32, &str>(7).into_status(thread), 7);
        assert_eq!(Err::<(), &str>("no luck").into_status(thread), 1);
        assert_eq!(read_words(&memory).1, "no luck");
    }
}
