//! The transfer algorithm of a Port, for both of its ends: [`Producer`] and [`Consumer`].
//!
//! An end says which slots its thread may use now and tells the peer when it is done with them. It
//! holds a private copy of its own cursor and the last peer's cursor that it has validated, and
//! reaches memory through two operations alone, [`Cursors`]: so the code that runs in a module also
//! runs in a supervisor, under loom and under Miri. A peer's cursor that cannot be true is
//! [`PeerMisbehaved`], an error of its own.
//!
//! It does *not* touch slots, find their addresses, wait, or know the modes of a Port: that is its
//! user's part. It holds no reference into shared memory and no `unsafe` code.
//!
//! The numbered clauses that the documentation names (`BIND-4`) are in `docs/spec/`.
//!
//! # Cost
//!
//! A load of the peer's cursor only when what is known of it offers too little; one store for each
//! batch. Everything else is arithmetic on private words.
//!
//! # Example
//!
//! ```
//! use core::sync::atomic::{AtomicU64, Ordering::{Acquire, Relaxed, Release}};
//! use oro_queue::{Consumer, Cursors, Producer};
//!
//! struct Words<'a> {
//!     own: &'a AtomicU64,
//!     peer: &'a AtomicU64,
//! }
//!
//! impl Cursors for Words<'_> {
//!     fn load_peer(&self) -> u64 {
//!         self.peer.load(Acquire)
//!     }
//!     fn store_own(&self, value: u64) {
//!         self.own.store(value, Release);
//!     }
//! }
//!
//! let (committed, released) = (AtomicU64::new(0), AtomicU64::new(0));
//! let slots = [const { AtomicU64::new(0) }; 4];
//! let mut output = Producer::new(Words { own: &committed, peer: &released }, 0, 4);
//! let mut input = Consumer::new(Words { own: &released, peer: &committed }, 0, 4);
//!
//! // Two messages in one batch: slots first, then their commit.
//! assert_eq!(output.free(2)?, 4);
//! for n in output.number()..output.number() + 2 {
//!     slots[(n % 4) as usize].store(10 * n, Relaxed);
//! }
//! output.commit(2);
//!
//! assert_eq!(input.ready(1)?, 2);
//! assert_eq!(slots[(input.number() % 4) as usize].load(Relaxed), 0);
//! input.release(1);
//! assert_eq!(slots[(input.number() % 4) as usize].load(Relaxed), 10);
//! input.release(1);
//! assert_eq!(input.ready(1)?, 0);
//! # Ok::<(), oro_queue::PeerMisbehaved>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod consumer;
mod cursors;
mod error;
mod pair;
mod producer;

pub use consumer::Consumer;
pub use cursors::Cursors;
pub use error::PeerMisbehaved;
pub use producer::Producer;
