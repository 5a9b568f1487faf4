//! What Oro modules are written with.
//!
//! A module is an ordinary cargo package without `std`. It makes no system call: it reads and writes
//! Ports, which are memory. This crate declares the module to the kernel ([`module!`]), its message
//! types ([`message!`]), and gives its threads typed ends of Ports:
//!
//! | thread | typed messages | streams of bytes |
//! | --- | --- | --- |
//! | *naive*: touches slots in order, nothing else | [`NaiveConsumer`], [`NaiveProducer`] | [`NaiveByteReader`], [`NaiveByteWriter`] |
//! | *managed*: looks before it touches, outlives its peers | [`Consumer`], [`Producer`] | [`ByteReader`], [`ByteWriter`] |
//!
//! A thread is wholly one or the other (`MAN-1`); which, follows from the types of its ends.
//!
//! ```
//! # #![allow(non_local_definitions)]
//! use oro::{NaiveConsumer, NaiveProducer, message, module};
//!
//! message! {
//!     /// A number on its way.
//!     "demo.num.v1" pub struct Num { value: u64, tag: u64 }
//! }
//!
//! module! {
//!     name: "double",
//!     entry run {
//!         ports { input: NaiveConsumer<Num>, output: NaiveProducer<Num> }
//!     }
//! }
//!
//! fn run(mut ports: run::Ports) {
//!     for number in ports.input {
//!         ports.output.put(Num { value: 2 * number.value, ..number });
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A real module begins with `#![no_std]` and `#![no_main]`, is a binary, and asks for
//! `panic = "abort"` in its profiles; `oro` builds it as a static, position-independent executable.
//! With the feature `runtime` (default) this crate then also gives it a panic handler that leaves
//! the message as last words (`END-8`), and the symbols that compilers take for granted (`memcpy`
//! and its kin).
//!
//! # Waiting
//!
//! A managed end's `send` and `recv` wait for themselves. To wait for several ends, words or a
//! deadline: [`wait()`]; deadlines are moments of [`Thread::now`]'s time. To run several tasks in a thread: [`executor`]. Time: [`Thread::now`],
//! [`Thread::sleep`]. Requests with replies: [`Caller`], [`Server`]. All of these spin for some
//! microseconds where there are CPUs for it, then sleep at a gate (`GATE-1`).
//!
//! # Peers that come and go
//!
//! A [`PortArray`] is a port of several elements, each of which is wired, ends, and is wired again while the
//! thread runs (`CTL-8`); [`Clients`] is a server over two of them. Who wires them: an instance that holds
//! Ring control, by [`ring`].
//!
//! # Errors
//!
//! Each operation has an error type that says what can go wrong there; every one of them becomes an
//! [`Error`] by `?`. An entry may return it: the instance then ends with status 1, and the error's text is
//! in the report.
//!
//! # Speed
//!
//! A managed end of a busy Port becomes *asynchronous* by itself: messages then pass through shared
//! memory without a fault. Batches ([`Producer::send_batch`], [`Consumer::recv_batch`]) and access in
//! place ([`Producer::reserve`], [`Consumer::peek`]) make more of it; in synchronous mode they work
//! message by message.
//!
//! # Heap
//!
//! With the feature `heap` this crate is the global allocator over the instance's heap, as long as the
//! manifest says (`quota = { heap = "1M" }`): `extern crate alloc`, and `Vec` and its kin are there. Where
//! the heap is at its end, or there is none, allocating panics.
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod array_tests;
mod bytes;
mod call;
mod call_async;
mod clients;
mod consumer;
mod end;
mod error;
pub mod executor;
mod gate;
#[cfg(any(test, all(feature = "heap", panic = "abort")))]
mod heap;
mod layout_text;
mod log;
mod managed;
#[cfg(any(test, all(feature = "runtime", panic = "abort")))]
mod memory;
mod message;
mod module;
mod naive;
mod naive_bytes;
mod note;
mod params;
mod port_array;
mod producer;
mod reactor;
pub mod ring;
#[cfg(all(feature = "runtime", panic = "abort", not(test)))]
mod runtime;
mod shared;
mod slot;
#[cfg(test)]
mod test_memory;
mod text;
mod thread;
#[cfg(test)]
mod transfer_tests;
mod wait;

pub use bytes::{ByteReader, ByteWriter, SlotBytes};
pub use call::{CallError, Caller, Correlated, Server, Ticket};
pub use clients::{ClientEvent, Clients};
pub use consumer::{Consumer, Messages};
pub use end::End;
pub use error::{
    Error, PeerMisbehaved, RecvError, SendBatchError, SendError, SendErrorKind, TryRecvError,
};
pub use gate::Instant;
pub use message::Message;
pub use naive::{NaiveConsumer, NaiveProducer};
pub use naive_bytes::{NaiveByteReader, NaiveByteWriter};
pub use oro_sysabi::{Log, Param, Root, Time};
pub use params::ParamValue;
pub use port_array::{ArrayEnd, Bindings, PortArray};
pub use producer::{Producer, Reservation};
pub use slot::{Field, Slot, SlotMut};
pub use text::Text;
pub use thread::{Status, Thread};
pub use wait::{Ready, Source, Word, wait};

/// For the macros: what `::core` and the prelude's names mean in the author's crate is the author's
/// choice.
#[doc(hidden)]
pub use core;

/// What the macros expand to; not for direct use.
#[doc(hidden)]
pub mod macro_support {
    pub use crate::layout_text::check_layout;
    pub use crate::module::{check_entry, is_managed};
    pub use crate::note::{ModuleDeclaration, ParamDeclaration, PortDeclaration};
    pub use crate::note::{entry_flags, name_padding, pad_text_length, trim_help_length};
    pub use crate::params::{check_default, read_params};
    pub use oro_sysabi::{PARAM_REQUIRED, PARAMS_LAYOUT, Param, Root};
}
