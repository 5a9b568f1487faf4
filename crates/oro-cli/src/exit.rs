//! The codes with which `oro` ends; `docs/book/exit-codes-and-errors.md` says the same.

/// All ended well.
pub(crate) const OK: u8 = 0;
/// The system ran, and something in it did not end well; or data could not be written.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage, manifest, module or file: nothing was started. `clap` ends with the same.
pub(crate) const BAD_INPUT: u8 = 2;
/// This machine lacks something: nothing was started, or the start was taken back.
pub(crate) const MACHINE: u8 = 3;
/// The time of `--timeout` was over, as `timeout` of coreutils says it.
pub(crate) const TIMEOUT: u8 = 124;
