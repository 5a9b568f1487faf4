//! The Oro ABI: every structure that a kernel and a module instance share in memory.
//!
//! A module instance never makes a system call. Each of its threads starts with one pointer, to
//! [`Root`]; everything else is reached from there. This crate holds the layouts, constants and
//! limits, the note formats of an image, the standard message types and the reader's side of the
//! generation protocol ([`read_consistent`]). It does *not* hold any transfer algorithm, any
//! allocation, or any `unsafe` code.
//!
//! The numbered clauses that the documentation names (`META-3`) are in `docs/spec/`.
//!
//! # Versions
//!
//! [`ABI_MAJOR`] and [`ABI_MINOR`] are the version of the ABI; the crate's own version is another
//! thing. While the major is 0, two sides fit only if both numbers are equal (`VER-2`).
#![cfg_attr(not(loom), no_std)]
#![forbid(unsafe_code)]

mod binding;
mod control;
mod layout;
mod limits;
mod notes;
mod request;
mod ring;
mod root;
mod snapshot;
mod types;

pub use binding::*;
pub use control::*;
pub use layout::{CONSTANTS, ConstantEntry, ConstantValue, FieldEntry, LAYOUT, LayoutEntry};
pub use limits::*;
pub use notes::*;
pub use request::*;
pub use ring::*;
pub use root::*;
pub use snapshot::{GenerationUnstable, read_consistent};
pub use types::*;
