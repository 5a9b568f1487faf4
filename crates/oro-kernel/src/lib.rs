//! The portable core of every Oro kernel.
//!
//! The core is a state machine: a platform decodes a trap to an [`Event`], calls [`Kernel::step`],
//! and carries out the [`Effect`]s in order, each complete (its flush included) before the next; only
//! [`Effect::ProtectCursor`], of a page that its thread may be using, comes back as a later event.
//! Nothing else enters the core. It has no `unsafe`, no statics, no atomics, no clock; its state can
//! be cloned, compared and hashed, which is how the explorer in `tests/` checks every interleaving
//! of small systems.
//!
//! It does *not* know addresses, pages, processes or message bytes: it names endpoints, cells and
//! message numbers, and the platform knows where they are.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod control;
mod doorbell;
mod effect;
mod ends;
mod event;
mod gate;
mod ids;
mod kernel;
mod live;
mod managed;
mod mutant;
mod naive;
mod restart;
mod reuse;
mod revoke;
mod setup;
mod slots;
mod transfer;
mod view;
mod waiting;

pub use effect::*;
pub use event::*;
pub use gate::*;
pub use ids::*;
pub use kernel::Kernel;
#[cfg(feature = "mutants")]
pub use mutant::Mutant;
#[cfg(not(feature = "mutants"))]
use mutant::Mutant;
pub use setup::*;
pub use view::*;
