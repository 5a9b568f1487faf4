//! What the benchmarks share: the machine, its floor, the statistics, the command line.

pub(crate) mod floor;
pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod modules;
mod options;
pub(crate) mod os;
pub(crate) mod stats;
pub(crate) mod system;

pub(crate) use options::Options;

/// Appends a line.
pub(crate) fn put(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
