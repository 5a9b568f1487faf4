//! Streams of bytes for managed threads (`TYPE-10`): [`ByteReader`], [`ByteWriter`]. A slot is as
//! long as the wire says. They copy, since a peer in asynchronous mode may change what is read.

use core::fmt;

use oro_sysabi::{BYTES_END, BYTES_LAYOUT, BytesHead, DIRECTION_CONSUMER, DIRECTION_PRODUCER};

use crate::managed::ManagedEnd;
use crate::shared::{copy_in, copy_out};
use crate::{End, ReceiveError, SendErrorKind, Text, Thread};

/// Bytes of a message before its data.
pub(crate) const HEAD_BYTES: usize = size_of::<BytesHead>();

/// The consuming end of a stream of bytes, of a managed thread.
#[derive(Debug)]
pub struct ByteReader {
    end: ManagedEnd,
    /// Of the message that is being read: the offset of the next byte in its slot, and bytes left.
    rest: Option<(usize, usize)>,
    is_ended: bool,
}

impl ByteReader {
    /// Copies the next bytes to `buffer`, as many as one message has and the buffer takes; waits for
    /// them. 0: the stream has ended, by its last message or with its producer (or the buffer is
    /// empty).
    ///
    /// # Errors
    ///
    /// `PeerMisbehaved`: an impossible cursor, or a length greater than its slot. `Closed` is never
    /// given: it is the end of the stream.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReceiveError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some((offset, left)) = self.rest else {
                if self.is_ended || !self.open_message()? {
                    return Ok(0);
                }
                continue;
            };
            let length = left.min(buffer.len());
            // SAFETY: `open_message` has checked that these bytes lie in the slot of a message that
            // is available and not yet released.
            unsafe { copy_out(self.end.slot().wrapping_add(offset), &mut buffer[..length]) };
            if length == left {
                self.rest = None;
                self.end.advance();
            } else {
                self.rest = Some((offset + length, left - length));
            }
            if length > 0 {
                return Ok(length);
            }
        }
    }

    /// Waits for the next message and reads its head. `false`: the producer has ended.
    fn open_message(&mut self) -> Result<bool, ReceiveError> {
        match self.end.wait_for_message() {
            Ok(()) => {}
            Err(ReceiveError::Closed) => {
                self.is_ended = true;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        // SAFETY: a message is available, so its slot is readable (`MAN-2`), aligned as its type and
        // at least as long as its fixed part. It is read once, into a copy.
        let head = unsafe { self.end.slot().cast::<BytesHead>().read_volatile() };
        let length = head.length as usize;
        if length > self.end.load_slot_size_bytes().saturating_sub(HEAD_BYTES) {
            return Err(ReceiveError::PeerMisbehaved);
        }
        self.is_ended = head.flags & BYTES_END != 0;
        self.rest = Some((HEAD_BYTES, length));
        Ok(true)
    }
}

/// The producing end of a stream of bytes, of a managed thread.
///
/// Every write is a message of its own, or several if it is longer than a slot; write much at once.
/// `write!` and `writeln!` work too, and gather up to 248 bytes.
#[derive(Debug)]
pub struct ByteWriter {
    end: ManagedEnd,
}

impl ByteWriter {
    /// Sends all of these bytes: committed when this returns. Waits for free slots.
    ///
    /// # Errors
    ///
    /// `Closed` or `PeerMisbehaved`, as the consumer has; some of the bytes may have been sent.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SendErrorKind> {
        let room = data_room(self.end.load_slot_size_bytes());
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

    /// Waits for a slot, fills and commits it; `bytes` fit into it.
    fn put(&mut self, bytes: &[u8], flags: u32) -> Result<(), SendErrorKind> {
        self.end.wait_for_room()?;
        #[expect(clippy::cast_possible_truncation, reason = "a slot has at most 16 MiB (LIM-1)")]
        let length = bytes.len() as u32;
        let slot = self.end.slot();
        // SAFETY: there is room, so the slot may be stored to (`MAN-2`); it is aligned as its type
        // and at least as long as its fixed part, and behind no reference.
        unsafe { slot.cast::<BytesHead>().write_volatile(BytesHead { length, flags }) };
        // SAFETY: the caller says that the bytes fit behind the head; else as above.
        unsafe { copy_in(bytes, slot.wrapping_add(HEAD_BYTES)) };
        self.end.advance();
        Ok(())
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
        let end = unsafe { ManagedEnd::open(thread, port_index, true) };
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
        Self { end: unsafe { ManagedEnd::open(thread, port_index, false) } }
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteReader, ByteWriter};
    use crate::test_memory::{TestPort, TestThread};
    use crate::{End, NaiveByteReader, NaiveByteWriter, PeerMisbehaved, ReceiveError};
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
            assert_eq!(read, if is_good { Ok(24) } else { Err(ReceiveError::PeerMisbehaved) });
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
