//! Ring control (`CTL-*`): what a request of a holder's, or of an operator's, comes to.
//!
//! [`Request::encode`] makes a message for `ring.requests`, [`Request::decode`] takes a message of `ring.requests` apart, [`decide`] says what is to be done, and
//! [`Reply::encode`] makes the message for `ring.replies`. Nothing here changes anything: the kernel
//! carries an [`Action`] out and then writes it to its plan with [`Action::apply`]. What it alone knows,
//! ids and states and what is taken, it tells through [`World`].

mod action;
mod decide;
mod encode;
mod mount;
mod reply;
mod request;
mod room;
mod scope;
mod start;
mod wire;
mod words;
mod world;

pub use action::Action;
pub use decide::decide;
pub use reply::{Answer, Description, Refusal, Reply};
pub use request::{EndName, ModuleName, Operation, Remounted, Request, Target, Wire};
pub use world::{Asker, State, Usage, World};
