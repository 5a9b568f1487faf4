//! Counts the lines of a stream and hashes it.
#![no_std]
#![no_main]

use oro::{ByteReader, ByteWriter};
use sha2::{Digest, Sha256};

oro::module! {
    name: "digest",
    entry run {
        ports { input: ByteReader, report: ByteWriter }
    }
}

fn run(mut ports: run::Ports) -> Result<(), oro::Error> {
    let (mut hasher, mut lines, mut piece) = (Sha256::new(), 0_u64, [0; 8 << 10]);
    loop {
        let length = ports.input.read(&mut piece)?;
        if length == 0 {
            break;
        }
        let bytes = &piece[..length];
        hasher.update(bytes);
        lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    writeln!(ports.report, "{lines} lines, sha256 {:x}", hasher.finalize())?;
    Ok(ports.report.finish()?)
}
