//! A module that hashes a stream of bytes with SHA-256 and writes what `sha256sum` would write. The
//! hash is the crate `sha2`, as it comes; it runs without a system call like all else in here.
//!
//! Managed, so that its Port becomes asynchronous: the bytes then arrive without a page fault.
#![no_std]
#![no_main]

use core::fmt;

use oro::{ByteReader, ByteWriter, RecvError, SendErrorKind, Text, module};
use sha2::{Digest, Sha256};

module! {
    name: "sha256",
    entry run {
        ports { input: ByteReader, digest: ByteWriter }
        params {
            /// How the digest is written: `hex`, a line as of sha256sum, or `raw`, 32 bytes.
            encoding: Text = "hex",
        }
    }
}

/// Bytes that are copied out of a slot at once: few enough to stay in the processor's first cache.
const PIECE_BYTES: usize = 8 << 10;

fn run(mut ports: run::Ports) -> Result<(), Error> {
    let is_raw = match &*ports.params.encoding {
        "hex" => false,
        "raw" => true,
        _ => return Err(Error::Encoding),
    };
    let mut hasher = Sha256::new();
    let mut piece = [0; PIECE_BYTES];
    loop {
        match ports.input.read(&mut piece).map_err(Error::Input)? {
            0 => break,
            length => hasher.update(&piece[..length]),
        }
    }
    let digest = hasher.finalize();
    if is_raw {
        ports.digest.write(&digest).map_err(Error::Output)?;
    } else {
        writeln!(ports.digest, "{digest:x}  -").map_err(Error::Output)?;
    }
    ports.digest.finish().map_err(Error::Output)
}

/// Why there is no digest.
enum Error {
    Encoding,
    Input(RecvError),
    Output(SendErrorKind),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => formatter.write_str("the parameter encoding is neither hex nor raw"),
            Self::Input(error) => write!(formatter, "input: {error}"),
            Self::Output(error) => write!(formatter, "digest: {error}"),
        }
    }
}
