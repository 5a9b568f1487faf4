//! Lets the lines pass that contain a text, as `grep -F` does.
#![no_std]
#![no_main]

use core::fmt;

use oro::{ByteReader, ByteWriter, RecvError, SendErrorKind, Text};

/// The longest line, with its end.
const LINE_BYTES: usize = 16 << 10;

oro::module! {
    name: "filter",
    entry run {
        stack: 128 << 10,
        ports { input: ByteReader, output: ByteWriter }
        params {
            /// What a line must contain.
            pattern: Text,
        }
    }
}

fn run(mut ports: run::Ports) -> Result<(), Error> {
    let pattern = ports.params.pattern;
    let mut passing = Passing { output: ports.output, bytes: [0; LINE_BYTES], length: 0 };
    // The lines that have come, the last one perhaps not whole: `bytes[..filled]`.
    let mut bytes = [0; LINE_BYTES];
    let mut filled = 0;
    loop {
        if filled == LINE_BYTES {
            return Err(Error::LongLine);
        }
        let length = ports.input.read(&mut bytes[filled..]).map_err(Error::Input)?;
        filled += length;
        let mut done = 0;
        for line in bytes[..filled].split_inclusive(|byte| *byte == b'\n') {
            let is_whole = line.ends_with(b"\n") || length == 0;
            if !is_whole {
                break;
            }
            done += line.len();
            if contains(line, pattern.as_bytes()) {
                passing.add(line)?;
            }
        }
        if length == 0 {
            return passing.finish();
        }
        bytes.copy_within(done..filled, 0);
        filled -= done;
    }
}

fn contains(line: &[u8], pattern: &[u8]) -> bool {
    pattern.is_empty() || line.windows(pattern.len()).any(|part| part == pattern)
}

/// Lines that pass, gathered to messages of some size.
struct Passing {
    output: ByteWriter,
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Passing {
    fn add(&mut self, line: &[u8]) -> Result<(), Error> {
        if line.len() > LINE_BYTES - self.length {
            self.flush()?;
        }
        self.bytes[self.length..self.length + line.len()].copy_from_slice(line);
        self.length += line.len();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let length = core::mem::take(&mut self.length);
        self.output.write(&self.bytes[..length]).map_err(Error::Output)
    }

    fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        self.output.finish().map_err(Error::Output)
    }
}

/// Why filtering stopped.
enum Error {
    LongLine,
    Input(RecvError),
    Output(SendErrorKind),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongLine => write!(formatter, "a line has more than {LINE_BYTES} bytes"),
            Self::Input(error) => write!(formatter, "input: {error}"),
            Self::Output(error) => write!(formatter, "output: {error}"),
        }
    }
}
