//! Unpacks a gzip file (RFC 1952) with the crate `miniz_oxide`. What the file says of its length and its
//! checksum is checked. A file of several members is unpacked as one, as gunzip does.
#![no_std]
#![no_main]

use core::fmt;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use oro::{ByteReader, ByteWriter, RecvError, SendErrorKind};

oro::module! {
    name: "gunzip",
    entry run {
        stack: 256 << 10,
        ports { input: ByteReader, output: ByteWriter }
    }
}

/// Bytes that deflate may refer back to.
const WINDOW_BYTES: usize = 32 << 10;

fn run(ports: run::Ports) -> Result<(), Error> {
    let mut input = Input { reader: ports.input, bytes: [0; 8 << 10], start: 0, end: 0 };
    let mut output = ports.output;
    loop {
        skip_header(&mut input)?;
        unpack_member(&mut input, &mut output)?;
        if input.rest()?.is_empty() {
            return output.finish().map_err(Error::Output);
        }
    }
}

/// Unpacks the deflate stream of a member and checks what its trailer says of it.
fn unpack_member(input: &mut Input, output: &mut ByteWriter) -> Result<(), Error> {
    let mut inflater = DecompressorOxide::new();
    let mut window = [0; WINDOW_BYTES];
    let (mut at, mut checksum, mut length) = (0, !0, 0_u32);
    loop {
        let packed = input.rest()?;
        let flags = if packed.is_empty() { 0 } else { TINFL_FLAG_HAS_MORE_INPUT };
        let (status, read, written) = decompress(&mut inflater, packed, &mut window, at, flags);
        input.start += read;
        let unpacked = &window[at..at + written];
        output.write(unpacked).map_err(Error::Output)?;
        checksum = update_checksum(checksum, unpacked);
        length = length.wrapping_add(written as u32);
        at = (at + written) % WINDOW_BYTES;
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => {}
            _ => return Err(Error::Corrupt),
        }
    }
    let [said_checksum, said_length] = [input.word()?, input.word()?];
    if (said_checksum, said_length) == (!checksum, length) { Ok(()) } else { Err(Error::Corrupt) }
}

fn skip_header(input: &mut Input) -> Result<(), Error> {
    let [magic1, magic2, method, flags] =
        [input.byte()?, input.byte()?, input.byte()?, input.byte()?];
    if [magic1, magic2, method] != [0x1f, 0x8b, 8] {
        return Err(Error::NotGzip);
    }
    // Time, extra flags, operating system.
    (0..6).try_for_each(|_| input.byte().map(drop))?;
    let [has_checksum, has_extra, has_name, has_comment] =
        [2, 4, 8, 16].map(|bit| flags & bit != 0);
    if has_extra {
        let length = u16::from_le_bytes([input.byte()?, input.byte()?]);
        (0..length).try_for_each(|_| input.byte().map(drop))?;
    }
    for has_text in [has_name, has_comment] {
        while has_text && input.byte()? != 0 {}
    }
    if has_checksum {
        (0..2).try_for_each(|_| input.byte().map(drop))?;
    }
    Ok(())
}

/// CRC-32 of the bytes, by half bytes: a table of 16 words.
fn update_checksum(mut checksum: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut index = 0;
        while index < 16 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 4 {
                value = value >> 1 ^ if value & 1 == 1 { 0xedb8_8320 } else { 0 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    for byte in bytes {
        checksum ^= u32::from(*byte);
        checksum = checksum >> 4 ^ TABLE[(checksum & 15) as usize];
        checksum = checksum >> 4 ^ TABLE[(checksum & 15) as usize];
    }
    checksum
}

/// The packed stream, piece by piece.
struct Input {
    reader: ByteReader,
    bytes: [u8; 8 << 10],
    /// `bytes[start..end]` are not used yet.
    start: usize,
    end: usize,
}

impl Input {
    /// The next bytes; none at the end of the stream.
    fn rest(&mut self) -> Result<&[u8], Error> {
        if self.start == self.end {
            self.end = self.reader.read(&mut self.bytes).map_err(Error::Input)?;
            self.start = 0;
        }
        Ok(&self.bytes[self.start..self.end])
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let byte = *self.rest()?.first().ok_or(Error::Truncated)?;
        self.start += 1;
        Ok(byte)
    }

    fn word(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]))
    }
}

/// Why the file was not unpacked.
enum Error {
    NotGzip,
    Truncated,
    Corrupt,
    Input(RecvError),
    Output(SendErrorKind),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGzip => formatter.write_str("the input is not a gzip file"),
            Self::Truncated => formatter.write_str("the input ends in the middle"),
            Self::Corrupt => formatter.write_str("the input is damaged"),
            Self::Input(error) => write!(formatter, "input: {error}"),
            Self::Output(error) => write!(formatter, "output: {error}"),
        }
    }
}
