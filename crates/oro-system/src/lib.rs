//! A system: which modules, instances and wires there are.
//!
//! [`Plan`] is the compact form that every kernel takes; the manifest (feature `manifest`, host
//! only) is what people write. All checks are here; kernels assert what a plan promises. Nothing
//! here reads files, runs compilers or starts anything.
#![cfg_attr(not(any(test, feature = "manifest")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod control;
#[cfg(feature = "manifest")]
mod manifest;
mod names;
mod plan;
mod rules;

#[cfg(feature = "manifest")]
pub use manifest::{
    Diagnostic, Label, MAX_MANIFEST_BYTES, Manifest, ModuleEntry, ModuleSource, ResolveOptions,
    Severity, explain, line_column, list_codes, parse_size_bytes, sort_by_place,
};
pub use names::is_valid_name;
pub use plan::*;
pub use rules::nearest_names;
