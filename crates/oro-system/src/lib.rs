//! A system: which modules, instances and wires there are.
//!
//! [`Plan`] is the compact form that every kernel takes; the manifest (feature `manifest`, host
//! only) is what people write. All checks are here; kernels assert what a plan promises.
#![cfg_attr(not(any(test, feature = "manifest")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod plan;

pub use plan::*;
