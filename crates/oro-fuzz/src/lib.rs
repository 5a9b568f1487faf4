//! Bodies of the fuzz targets: each takes any bytes, and panics if they break a promise.
//!
//! A body says whether the bytes got past the first checks, so that a corpus can be seen to reach
//! what lies behind them. The package `fuzz/` runs the bodies under libFuzzer; the tests of this one
//! replay the corpora with the same code and without a fuzzer. Where a crate's own
//! tests have the invariants already, they are used from there.

#![forbid(unsafe_code)]

mod bytes;
mod control;
mod cursors;
mod events;
mod gate_request;
#[path = "../../oro-image/tests/image/invariants.rs"]
mod image_invariants;
mod manifest;
mod plan;
mod snapshot;
#[path = "../../oro-system/tests/common/mod.rs"]
mod system_modules;

pub use control::control;
pub use cursors::cursors;
pub use events::events;
pub use gate_request::gate_request;
pub use manifest::{manifest, plan_of_manifest};
pub use plan::plan;
pub use snapshot::snapshot;

/// What a target does with its bytes; whether they were accepted.
pub type Body = fn(&[u8]) -> bool;

/// Every target, by the name of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Body); 8] = [
    ("control", control),
    ("cursors", cursors),
    ("events", events),
    ("gate_request", gate_request),
    ("image", image),
    ("manifest", manifest),
    ("plan", plan),
    ("snapshot", snapshot),
];

/// Any bytes as an ELF file (`IMG-2`): what is accepted keeps the promises that kernels rely on.
///
/// # Panics
///
/// If it does not.
#[must_use]
pub fn image(bytes: &[u8]) -> bool {
    image_invariants::check(bytes).is_ok()
}
