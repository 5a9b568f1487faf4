//! Ring control (`CTL-*`): what a holder's request comes to.
//!
//! [`Request::decode`] takes a message of `ring.requests` apart, [`decide`] says what is to be done, and
//! [`Reply::encode`] makes the message for `ring.replies`. Nothing here changes anything: the kernel
//! carries an [`Action`] out and then writes it to its plan with [`Action::apply`]. What it alone knows,
//! ids and states and what is taken, it tells through [`World`].

mod action;
mod decide;
mod reply;
mod request;
mod world;

pub use action::Action;
pub use decide::decide;
pub use reply::{Answer, Description, Refusal, Reply};
pub use request::{ModuleName, Operation, Remounted, Request, Target};
pub use world::{State, Usage, World};
