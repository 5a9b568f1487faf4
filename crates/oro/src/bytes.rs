//! Streams of bytes for managed threads (`TYPE-10`): [`ByteReader`], [`ByteWriter`]. A slot is as
//! long as the wire says. They copy, since a peer in asynchronous mode may change what is read.

use core::fmt;
use core::marker::PhantomData;

use oro_sysabi::{BYTES_END, BYTES_LAYOUT, BytesHead, DIRECTION_CONSUMER, DIRECTION_PRODUCER};

use crate::managed::{ConsumingEnd, Look, ProducingEnd};
use crate::shared::{copy_in, copy_out};
use crate::wait::{Interest, Sealed, Source};
use crate::{End, PeerMisbehaved, RecvError, SendErrorKind, Text, Thread};

/// Bytes of a message before its data.
pub(crate) const HEAD_BYTES: usize = size_of::<BytesHead>();

/// The consuming end of a stream of bytes, of a managed thread.
#[derive(Debug)]
pub struct ByteReader {
    end: ConsumingEnd,
    /// Of the message that is being read: the offset of the next byte in its slot, and bytes left.
    rest: Option<(usize, usize)>,
    is_ended: bool,
}

impl ByteReader {
    /// Copies the next bytes to `buffer`, as many as one message has and the buffer takes; waits for
    /// them. 0: the stream has ended, by its last message or with its producer (or the buffer is
    /// empty).
    ///
    /// Large slots are read fast through a buffer that stays in the processor's caches, of 4 to 16 KiB.
    ///
    /// # Errors
    ///
    /// `PeerMisbehaved`: an impossible cursor, or a length greater than its slot. `Closed` is never
    /// given: it is the end of the stream.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        loop {
            if let Some(length) = self.try_read(buffer)? {
                return Ok(length);
            }
            self.end.wait(None)?;
        }
    }

    /// Likewise, without waiting: `None` when there are no bytes yet.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, PeerMisbehaved> {
        if buffer.is_empty() {
            return Ok(Some(0));
        }
        loop {
            let Some((offset, left)) = self.rest else {
                if self.is_ended {
                    return Ok(Some(0));
                }
                match self.end.look()? {
                    Look::Ready => self.open_message()?,
                    Look::NotYet => return Ok(None),
                    Look::Closed => self.is_ended = true,
                }
                continue;
            };
            let length = left.min(buffer.len());
            // SAFETY: `open_message` has checked that these bytes lie in the slot of a message that
            // is available and not yet released.
            unsafe { copy_out(self.end.slot().wrapping_add(offset), &mut buffer[..length]) };
            if length == left {
                self.rest = None;
                self.end.hand_over(1);
            } else {
                self.rest = Some((offset + length, left - length));
            }
            if length > 0 {
                return Ok(Some(length));
            }
        }
    }

    /// Fills `buffer`, waiting as often as it takes. Fewer bytes than it has: the stream has ended.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); the bytes that were read before are lost.
    pub fn read_full(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                length => filled += length,
            }
        }
        Ok(filled)
    }

    /// The thread that the end belongs to, for `executor.rs`.
    pub(crate) fn thread(&self) -> Thread {
        self.end.thread()
    }

    /// Reads the head of the message that is available.
    fn open_message(&mut self) -> Result<(), PeerMisbehaved> {
        // SAFETY: a message is available, so its slot is readable (`MAN-2`), aligned as its type and
        // at least as long as its fixed part. It is read once, into a copy.
        let head = unsafe { self.end.slot().cast::<BytesHead>().read_volatile() };
        let length = head.length as usize;
        if length > self.end.endpoint().load_slot_size_bytes().saturating_sub(HEAD_BYTES) {
            return Err(PeerMisbehaved);
        }
        self.is_ended = head.flags & BYTES_END != 0;
        self.rest = Some((HEAD_BYTES, length));
        Ok(())
    }
}

impl Source for ByteReader {}
impl Sealed for ByteReader {
    fn interest(&self) -> Interest {
        if self.is_ended || self.rest.is_some() { Interest::Now } else { self.end.interest() }
    }
}

/// The producing end of a stream of bytes, of a managed thread.
///
/// Every write is a message of its own, or several if it is longer than a slot; write much at once.
/// `write!` and `writeln!` work too, and gather up to 248 bytes.
#[derive(Debug)]
pub struct ByteWriter {
    end: ProducingEnd,
}

impl ByteWriter {
    /// Sends all of these bytes: committed when this returns. Waits for free slots.
    ///
    /// # Errors
    ///
    /// `Closed` or `PeerMisbehaved`, as the consumer has; some of the bytes may have been sent.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SendErrorKind> {
        let room = data_room(self.end.endpoint().load_slot_size_bytes());
        bytes.chunks(room).try_for_each(|chunk| self.put(chunk, 0))
    }

    /// Sends formatted text; what `write!` and `writeln!` call.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> Result<(), SendErrorKind> {
        PiecewiseFormat::run(text, |piece| self.write(piece.as_bytes()))
    }

    /// Ends the stream. Without it, the end of the thread does.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn finish(mut self) -> Result<(), SendErrorKind> {
        self.put(&[], BYTES_END)
    }

    /// Sends one message that `fill` writes in place; waits for a free slot. How many bytes it wrote;
    /// if none, nothing is sent.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); `fill` is not called then.
    pub fn write_with(
        &mut self,
        fill: impl FnOnce(&mut SlotBytes<'_>),
    ) -> Result<usize, SendErrorKind> {
        self.end.wait_for_room()?;
        let mut bytes = self.free_bytes();
        fill(&mut bytes);
        let length = bytes.length;
        if length > 0 {
            self.commit(length, 0);
        }
        Ok(length)
    }

    /// Sends as many of these bytes as fit into one slot, if one is free; never blocks. How many that
    /// were; 0 only of none.
    ///
    /// # Errors
    ///
    /// `Full`; else as [`write`](Self::write).
    pub fn try_write(&mut self, bytes: &[u8]) -> Result<usize, SendErrorKind> {
        if bytes.is_empty() {
            return Ok(0);
        }
        match self.end.look()? {
            Look::Ready => {}
            Look::NotYet => return Err(SendErrorKind::Full),
            Look::Closed => return Err(SendErrorKind::Closed),
        }
        let length = self.free_bytes().write(bytes);
        self.commit(length, 0);
        Ok(length)
    }

    /// The thread that the end belongs to, for `executor.rs`.
    pub(crate) fn thread(&self) -> Thread {
        self.end.thread()
    }

    /// Waits for a slot, fills and commits it; `bytes` fit into it.
    fn put(&mut self, bytes: &[u8], flags: u32) -> Result<(), SendErrorKind> {
        self.end.wait_for_room()?;
        let length = self.free_bytes().write(bytes);
        self.commit(length, flags);
        Ok(())
    }

    /// The data of the free slot: there is one.
    fn free_bytes(&self) -> SlotBytes<'_> {
        let room = data_room(self.end.endpoint().load_slot_size_bytes());
        let at = self.end.slot().wrapping_add(HEAD_BYTES);
        SlotBytes { at, room, length: 0, slot: PhantomData }
    }

    /// Writes the head, then commits the slot, whose data are written.
    ///
    /// What lies behind the data are older bytes of this stream, which its consumer has seen: they are
    /// not worth a store for each (`ASYNC-2`).
    fn commit(&mut self, length: usize, flags: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "a slot has at most 16 MiB (LIM-1)")]
        let head = BytesHead { length: length as u32, flags };
        // SAFETY: there is room, so the slot may be stored to (`MAN-2`); it is aligned as its type
        // and at least as long as its fixed part, and behind no reference.
        unsafe { self.end.slot().cast::<BytesHead>().write_volatile(head) };
        self.end.hand_over(1);
    }
}

impl Source for ByteWriter {}
impl Sealed for ByteWriter {
    fn interest(&self) -> Interest {
        self.end.interest()
    }
}

/// The data of a slot that is being filled; what [`ByteWriter::write_with`] lends.
#[derive(Debug)]
pub struct SlotBytes<'slot> {
    /// The first byte of data; `room` bytes from here on may be written.
    at: *mut u8,
    room: usize,
    length: usize,
    slot: PhantomData<&'slot mut ()>,
}

impl SlotBytes<'_> {
    /// Appends as many of these bytes as there is room for; how many that were.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let length = bytes.len().min(self.room());
        // SAFETY: inside the data of a free slot, by the line above.
        unsafe { copy_in(&bytes[..length], self.at.wrapping_add(self.length)) };
        self.length += length;
        length
    }

    /// How many bytes there is room for yet.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room - self.length
    }
}

/// Data bytes that a slot has room for.
///
/// # Panics
///
/// If it has none, since nothing can then be written; a system's wires have larger slots (`TYPE-4`).
pub(crate) fn data_room(slot_size_bytes: usize) -> usize {
    assert!(slot_size_bytes > HEAD_BYTES, "the wire's slots have no room for data");
    slot_size_bytes - HEAD_BYTES
}

/// Formats text without a heap: gathers it in a [`Text`], and hands that on whenever it is full.
pub(crate) struct PiecewiseFormat<F, E> {
    piece: Text,
    send: F,
    error: Option<E>,
}

impl<F: FnMut(&str) -> Result<(), E>, E> PiecewiseFormat<F, E> {
    /// Formats `text` and gives its pieces, none of them empty, to `send`, until that fails.
    pub(crate) fn run(text: fmt::Arguments<'_>, send: F) -> Result<(), E> {
        let mut format = Self { piece: Text::new(), send, error: None };
        // An error of a `Display` of the author's own just cuts the text there.
        let _ = fmt::write(&mut format, text);
        if format.error.is_none() && !format.piece.is_empty() {
            let _ = format.send_piece();
        }
        format.error.map_or(Ok(()), Err)
    }

    fn send_piece(&mut self) -> fmt::Result {
        let result = (self.send)(&self.piece);
        self.piece.clear();
        result.map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}

impl<F: FnMut(&str) -> Result<(), E>, E> fmt::Write for PiecewiseFormat<F, E> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        loop {
            let taken = self.piece.append(text);
            text = &text[taken..];
            if text.is_empty() {
                return Ok(());
            }
            self.send_piece()?;
        }
    }
}

// SAFETY: the constants are those of `oro.bytes.v1`.
unsafe impl End for ByteReader {
    const IS_MANAGED: bool = true;
    const DIRECTION: u32 = DIRECTION_CONSUMER;
    const LAYOUT: &'static str = BYTES_LAYOUT;
    const SLOT_SIZE_BYTES: usize = HEAD_BYTES;
    const SLOT_ALIGN_BYTES: usize = align_of::<BytesHead>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller's own promise, passed on.
        let end = unsafe { ConsumingEnd::open(thread, port_index) };
        Self { end, rest: None, is_ended: false }
    }
}

// SAFETY: as above.
unsafe impl End for ByteWriter {
    const IS_MANAGED: bool = true;
    const DIRECTION: u32 = DIRECTION_PRODUCER;
    const LAYOUT: &'static str = BYTES_LAYOUT;
    const SLOT_SIZE_BYTES: usize = HEAD_BYTES;
    const SLOT_ALIGN_BYTES: usize = align_of::<BytesHead>();

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        // SAFETY: the caller's own promise, passed on.
        Self { end: unsafe { ProducingEnd::open(thread, port_index) } }
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteReader, ByteWriter};
    use crate::test_memory::{TestPort, TestThread};
    use crate::{End, NaiveByteReader, NaiveByteWriter, PeerMisbehaved, RecvError};
    use core::sync::atomic::Ordering::Relaxed;
    use std::vec::Vec;

    /// A port with both its ends in one thread: binding 0 produces, 1 consumes.
    fn make_port(slot_size_bytes: u32, cells: u32) -> (TestThread, TestPort) {
        let (memory, port) = (TestThread::new(2), TestPort::new(slot_size_bytes, 8));
        port.bind(&memory, 0, false, cells);
        port.bind(&memory, 1, true, cells);
        (memory, port)
    }

    fn read_to_end(reader: &mut ByteReader, buffer_length: usize) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = std::vec![0; buffer_length];
        loop {
            let length = reader.read(&mut buffer).unwrap();
            if length == 0 {
                return all;
            }
            all.extend_from_slice(&buffer[..length]);
        }
    }

    #[test]
    fn type_4_type_10_a_stream_is_cut_into_slots_and_comes_back_whole() {
        // TYPE-4, TYPE-10
        for buffer_length in [1, 3, 5, 64] {
            let (memory, port) = make_port(16 + 3, 8);
            // SAFETY: the bindings are as the types say, each opened once.
            let mut writer = unsafe { ByteWriter::open(memory.thread(), 0) };
            // SAFETY: as above.
            let mut reader = unsafe { ByteReader::open(memory.thread(), 1) };
            writer.write(b"0123456789abcdefghijklmnopq").unwrap();
            write!(writer, "{}-x", 12).unwrap();
            assert_eq!(port.produced.load(Relaxed), 4);
            // Eleven bytes of data are what such a slot holds.
            assert_eq!(port.word(0, 0).load(Relaxed), 11);
            assert_eq!(port.word(2, 0).load(Relaxed), 5);
            writer.finish().unwrap();
            let all = read_to_end(&mut reader, buffer_length);
            assert_eq!(all, b"0123456789abcdefghijklmnopq12-x");
            assert_eq!(port.consumed.load(Relaxed), 5);
            assert_eq!(reader.read(&mut [0]), Ok(0));
        }
    }

    #[test]
    fn type_10_a_producer_that_ends_ends_the_stream() {
        // TYPE-10
        let (memory, _port) = make_port(64, 8);
        // SAFETY: the bindings are as the types say, each opened once.
        let mut writer = unsafe { ByteWriter::open(memory.thread(), 0) };
        // SAFETY: as above.
        let mut reader = unsafe { ByteReader::open(memory.thread(), 1) };
        writer.write(b"last").unwrap();
        memory.set(1, |binding| binding.state = oro_sysabi::STATE_FAULTED);
        assert_eq!(read_to_end(&mut reader, 3), b"last");
    }

    #[test]
    fn type_10_a_length_beyond_the_slot_is_the_peers_misbehaviour() {
        // TYPE-10
        for (length, is_good) in [(24, true), (25, false), (u64::from(u32::MAX), false)] {
            let (memory, port) = make_port(32, 8);
            port.word(0, 0).store(length, Relaxed);
            port.produced.store(1, Relaxed);
            // SAFETY: the bindings are as the types say, each opened once.
            let mut reader = unsafe { ByteReader::open(memory.thread(), 1) };
            let read = reader.read(&mut [0; 64]);
            assert_eq!(read, if is_good { Ok(24) } else { Err(RecvError::PeerMisbehaved) });
            // SAFETY: the managed reader of the same binding is not used any more.
            let mut reader = unsafe { NaiveByteReader::open(memory.thread(), 1) };
            let chunk = reader.next_chunk(<[u8]>::len);
            assert_eq!(chunk, if is_good { Ok(Some(24)) } else { Err(PeerMisbehaved) });
        }
    }

    #[test]
    fn naive_streams_lend_and_copy_the_same_bytes() {
        // NAIVE-7: what `read` leaves of a message stays readable.
        let (memory, port) = make_port(32, 8);
        // SAFETY: the bindings are as the types say, each opened once.
        let mut writer = unsafe { NaiveByteWriter::open(memory.thread(), 0) };
        // SAFETY: as above.
        let mut reader = unsafe { NaiveByteReader::open(memory.thread(), 1) };
        writer.write(b"abcdefgh");
        writer.write(b"");
        write!(writer, "{}", 1234);
        writer.finish();
        assert_eq!(port.word(2, 0).load(Relaxed), 1 << 32, "length 0, BYTES_END");
        let mut buffer = [0; 3];
        assert_eq!(reader.read(&mut buffer), Ok(3));
        assert_eq!(&buffer, b"abc");
        assert_eq!(reader.next_chunk(<[u8]>::to_vec), Ok(Some(b"defgh".to_vec())));
        assert_eq!(reader.next_chunk(<[u8]>::to_vec), Ok(Some(b"1234".to_vec())));
        assert_eq!(reader.next_chunk(<[u8]>::to_vec), Ok(None));
        assert_eq!(reader.read(&mut buffer), Ok(0));
    }
}
