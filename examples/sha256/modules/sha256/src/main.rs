//! A module that hashes a stream of bytes with SHA-256 and writes what `sha256sum` would write. The
//! hash is the crate `sha2`, as it comes; it runs without a system call like all else in here.
#![no_std]
#![no_main]

use core::fmt;

use oro::{NaiveByteReader, NaiveByteWriter, Text, module};
use sha2::{Digest, Sha256};

module! {
    name: "sha256",
    entry run {
        ports { input: NaiveByteReader, digest: NaiveByteWriter }
        params {
            /// How the digest is written: `hex`, a line as of sha256sum, or `raw`, 32 bytes.
            encoding: Text = "hex",
        }
    }
}

fn run(mut ports: run::Ports) -> Result<(), Error> {
    let is_raw = match &*ports.params.encoding {
        "hex" => false,
        "raw" => true,
        _ => return Err(Error::Encoding),
    };
    let mut hasher = Sha256::new();
    while ports.input.next_chunk(|bytes| hasher.update(bytes)).map_err(Error::Input)?.is_some() {}
    let digest = hasher.finalize();
    if is_raw {
        ports.digest.write(&digest);
    } else {
        writeln!(ports.digest, "{digest:x}  -");
    }
    ports.digest.finish();
    Ok(())
}

/// Why there is no digest.
enum Error {
    Encoding,
    Input(oro::PeerMisbehaved),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => formatter.write_str("the parameter encoding is neither hex nor raw"),
            Self::Input(error) => write!(formatter, "input: {error}"),
        }
    }
}
