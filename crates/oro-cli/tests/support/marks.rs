//! Marks that modules leave in their request pages, read while the supervisor is about to be killed and when it
//! is dead: a mark, slots so far, wrong messages.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use rustix::fs::SeekFrom;

const FEED_MARK: u64 = 0x6665_6564_6d61_726b;
const SINK_MARK: u64 = 0x7369_6e6b_6d61_726b;

/// Of a module that produces, and of one that consumes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) feed: Mark,
    pub(crate) sink: Mark,
}

/// What one of them has left.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    /// Slots that it has touched.
    pub(crate) count: u64,
    /// Messages that were not what they must be.
    pub(crate) wrong: u64,
}

/// The memfds of a supervisor whose names contain one of `parts`, as far as they exist.
pub(crate) fn open_memories(process_id: u32, parts: &[&str]) -> Vec<(String, File)> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process_id}/fd")) else { return Vec::new() };
    let mut memories = Vec::new();
    for entry in entries.flatten() {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let name = target.display().to_string();
        if parts.iter().any(|part| name.contains(part))
            && let Ok(file) = File::open(entry.path())
        {
            memories.push((name, file));
        }
    }
    memories
}

impl Marks {
    /// Looks for them in a memfd of what modules write, which is sparse.
    pub(crate) fn read(&mut self, memory: &File) {
        let mut at = 0;
        while let Ok(page) = rustix::fs::seek(memory, SeekFrom::Data(at)) {
            at = page + 4096;
            for offset in (page..at).step_by(8) {
                let mark = || Mark {
                    count: read_word(memory, offset + 8),
                    wrong: read_word(memory, offset + 16),
                };
                match read_word(memory, offset) {
                    FEED_MARK => self.feed = mark(),
                    SINK_MARK => self.sink = mark(),
                    _ => {}
                }
            }
        }
    }
}

/// A word of a memfd; zero beyond its end.
pub(crate) fn read_word(memory: &File, offset: u64) -> u64 {
    let mut bytes = [0; 8];
    let _ = memory.read_at(&mut bytes, offset);
    u64::from_le_bytes(bytes)
}
