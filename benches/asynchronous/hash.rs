//! SHA-256 of a file in the page cache, within one process: what the example `sha256` is measured
//! against. The same crate in the same version with the same features, compiled with the same
//! optimisations (the release profile); it finds the processor's instructions for SHA by itself, by
//! `cpuid`, which modules may execute too.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::common::os::{now_ns, pin};
use crate::common::stats::to_float;

/// Bytes of a read.
const CHUNK_BYTES: usize = 64 * 1024;

/// A file to hash; it goes when it is dropped.
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) size_bytes: u64,
    /// What a contender must find.
    pub(crate) digest: [u8; 32],
}

impl Input {
    /// Writes a file of noise, which is then in the page cache.
    pub(crate) fn create(size_mib: u64) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oro-bench-noise.bin");
        let size_bytes = size_mib << 20;
        let mut hasher = Sha256::new();
        let mut writer = BufWriter::with_capacity(1 << 20, File::create(&path).expect("a file"));
        let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..size_bytes / 8 {
            // xorshift64: what is hashed takes the same time, whatever it is.
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            let word = noise.to_le_bytes();
            hasher.update(word);
            writer.write_all(&word).expect("room for the file");
        }
        writer.flush().expect("room for the file");
        // So that the system does not write it in the middle of a measurement.
        writer.get_ref().sync_all().expect("room for the file");
        Self { path, size_bytes, digest: hasher.finalize().into() }
    }

    /// Megabytes (10^6 bytes) a second of a contender that took so many nanoseconds.
    pub(crate) fn rate(&self, nanoseconds: u64) -> f64 {
        to_float(self.size_bytes) * 1e3 / to_float(nanoseconds)
    }

    /// Reads and hashes the file on one CPU.
    pub(crate) fn measure_in_process(&self, cpu: usize) -> f64 {
        let nanoseconds = std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                pin(0, cpu);
                let start = now_ns();
                let digest = self.hash();
                (digest, now_ns() - start)
            });
            let (digest, nanoseconds) = work.join().expect("the file can be read");
            assert_eq!(digest, self.digest, "the file has changed");
            nanoseconds
        });
        self.rate(nanoseconds)
    }

    fn hash(&self) -> [u8; 32] {
        let mut file = File::open(&self.path).expect("the file is there");
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut hasher = Sha256::new();
        loop {
            let count = file.read(&mut chunk).expect("the file can be read");
            if count == 0 {
                return hasher.finalize().into();
            }
            hasher.update(&chunk[..count]);
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // A leftover in the target folder harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}
