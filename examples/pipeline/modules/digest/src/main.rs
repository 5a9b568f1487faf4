//! Counts the lines of a stream and hashes it.
#![no_std]
#![no_main]

use core::fmt;

use oro::{ByteReader, ByteWriter, RecvError, SendErrorKind};
use sha2::{Digest, Sha256};

oro::module! {
    name: "digest",
    entry run {
        ports { input: ByteReader, report: ByteWriter }
    }
}

fn run(mut ports: run::Ports) -> Result<(), Error> {
    let (mut hasher, mut lines, mut piece) = (Sha256::new(), 0_u64, [0; 8 << 10]);
    loop {
        let length = ports.input.read(&mut piece).map_err(Error::Input)?;
        if length == 0 {
            break;
        }
        let bytes = &piece[..length];
        hasher.update(bytes);
        lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    writeln!(ports.report, "{lines} lines, sha256 {:x}", hasher.finalize())
        .map_err(Error::Report)?;
    ports.report.finish().map_err(Error::Report)
}

/// Why there is no report.
enum Error {
    Input(RecvError),
    Report(SendErrorKind),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => write!(formatter, "input: {error}"),
            Self::Report(error) => write!(formatter, "report: {error}"),
        }
    }
}
