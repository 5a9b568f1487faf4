//! Streams of bytes for naive threads (`TYPE-10`): [`NaiveByteReader`], [`NaiveByteWriter`]. A slot
//! is as long as the wire says. They do not gather small writes into one message: a naive thread's
//! slot is committed by its next touch of any Port.

use core::fmt;
use core::mem::offset_of;

use oro_sysabi::{BYTES_END, BYTES_LAYOUT, BytesHead, DIRECTION_CONSUMER, DIRECTION_PRODUCER};

use crate::bytes::{HEAD_BYTES, PiecewiseFormat, data_room};
use crate::end::Endpoint;
use crate::shared::{copy_in, order_accesses};
use crate::{End, PeerMisbehaved, Thread};

/// The consuming end of a stream of bytes, of a naive thread.
///
/// Reading waits for bytes. A producer that ends without saying so in the stream (`BYTES_END`) ends
/// the *thread*, inside the call (`NAIVE-6`); built-in instances always say so.
#[derive(Debug)]
pub struct NaiveByteReader {
    endpoint: Endpoint,
    next: u64,
    /// What is left of the message that is held: where, and how many bytes.
    rest: (*const u8, usize),
    is_ended: bool,
}

impl NaiveByteReader {
    /// Lends the next bytes to `look`, without a copy: a message's, or what [`read`](Self::read) has
    /// left of it. They are never empty. `None` after the end of the stream.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`]: a message's length is greater than its slot.
    pub fn next_chunk<R>(
        &mut self,
        look: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, PeerMisbehaved> {
        if !self.fetch()? {
            return Ok(None);
        }
        let (start, length) = core::mem::replace(&mut self.rest, (core::ptr::null(), 0));
        // SAFETY: `fetch` has checked that these bytes lie in the slot that is held. A naive end is
        // always synchronous, so the slot is a private snapshot that nobody changes (`PORT-5`), and
        // that stays until this endpoint's next touch (`NAIVE-7`), which needs the `&mut self` that
        // is borrowed while the reference lives.
        let result = look(unsafe { core::slice::from_raw_parts(start, length) });
        order_accesses();
        Ok(Some(result))
    }

    /// Copies the next bytes to `buffer`, as many as one message has and the buffer takes. 0: the
    /// stream has ended (or the buffer is empty).
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`]: a message's length is greater than its slot.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, PeerMisbehaved> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut left = None;
        let read = self.next_chunk(|chunk| {
            let length = chunk.len().min(buffer.len());
            buffer[..length].copy_from_slice(&chunk[..length]);
            left = Some((chunk[length..].as_ptr(), chunk.len() - length));
            length
        })?;
        if let Some(left) = left {
            self.rest = left;
        }
        Ok(read.unwrap_or(0))
    }

    /// Makes `rest` not empty, by as many touches as it takes. `false`: the stream has ended.
    fn fetch(&mut self) -> Result<bool, PeerMisbehaved> {
        while self.rest.1 == 0 {
            if self.is_ended {
                return Ok(false);
            }
            let slot = self.endpoint.slot(self.next).cast_const();
            self.next += 1;
            order_accesses();
            // SAFETY: the slot of the next message is readable (`NAIVE-5`), aligned as its type, and
            // at least as long as its fixed part.
            let head = unsafe { slot.cast::<BytesHead>().read_volatile() };
            order_accesses();
            let length = head.length as usize;
            if length > self.endpoint.load_slot_size_bytes().saturating_sub(HEAD_BYTES) {
                return Err(PeerMisbehaved);
            }
            self.is_ended = head.flags & BYTES_END != 0;
            self.rest = (slot.wrapping_add(HEAD_BYTES), length);
        }
        Ok(true)
    }
}

/// The producing end of a stream of bytes, of a naive thread.
///
/// Every write is a message of its own, or several if it is longer than a slot; write much at once.
/// `write!` and `writeln!` work too, and gather up to 248 bytes. Writing waits for a free slot, and ends the
/// *thread* when the consumer has ended (`NAIVE-3`).
#[derive(Debug)]
pub struct NaiveByteWriter {
    endpoint: Endpoint,
    next: u64,
}

impl NaiveByteWriter {
    /// Sends all of these bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        let room = data_room(self.endpoint.load_slot_size_bytes());
        for chunk in bytes.chunks(room) {
            self.put(chunk, 0);
        }
    }

    /// Sends formatted text; what `write!` and `writeln!` call.
    pub fn write_fmt(&mut self, text: fmt::Arguments<'_>) {
        let _: Result<(), ()> = PiecewiseFormat::run(text, |piece| {
            self.write(piece.as_bytes());
            Ok(())
        });
    }

    /// Ends the stream. Without it, the end of the thread does.
    pub fn finish(mut self) {
        self.put(&[], BYTES_END);
    }

    /// Fills the next slot; `bytes` fit into it.
    fn put(&mut self, bytes: &[u8], flags: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "a slot has at most 16 MiB (LIM-1)")]
        let length = bytes.len() as u32;
        let slot = self.endpoint.slot(self.next);
        self.next += 1;
        order_accesses();
        // SAFETY: the slot of the next message may be stored to (`NAIVE-2`), is aligned as its type
        // and at least as long as its fixed part, and is behind no reference.
        unsafe { slot.cast::<BytesHead>().write_volatile(BytesHead { length, flags }) };
        // SAFETY: the caller says that the bytes fit behind the head; else as above.
        unsafe { copy_in(bytes, slot.wrapping_add(HEAD_BYTES)) };
        order_accesses();
    }
}

const _: () = assert!(offset_of!(BytesHead, flags) == 4 && HEAD_BYTES == 8);

// SAFETY: the constants are those of `oro.bytes.v1`.
unsafe impl End for NaiveByteReader {
    const IS_MANAGED: bool = false;
    const DIRECTION: u32 = DIRECTION_CONSUMER;
    const LAYOUT: &'static str = BYTES_LAYOUT;
    const SLOT_SIZE_BYTES: usize = HEAD_BYTES;
    const SLOT_ALIGN_BYTES: usize = align_of::<BytesHead>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller vouches for thread and index.
        let endpoint = unsafe { Endpoint::open(thread, port_index) };
        let next = endpoint.load_first();
        Self { endpoint, next, rest: (core::ptr::null(), 0), is_ended: false }
    }
}

// SAFETY: as above.
unsafe impl End for NaiveByteWriter {
    const IS_MANAGED: bool = false;
    const DIRECTION: u32 = DIRECTION_PRODUCER;
    const LAYOUT: &'static str = BYTES_LAYOUT;
    const SLOT_SIZE_BYTES: usize = HEAD_BYTES;
    const SLOT_ALIGN_BYTES: usize = align_of::<BytesHead>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller vouches for thread and index.
        let endpoint = unsafe { Endpoint::open(thread, port_index) };
        Self { next: endpoint.load_first(), endpoint }
    }
}
