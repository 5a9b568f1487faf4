//! The Oro kernel as a Linux process.
//!
//! [`run`] takes a checked [`Plan`](oro_system::Plan) and its images, builds a sealed process for
//! every module thread, serves their page faults until all instances have ended, and gives a
//! [`Report`]. It does *not* read manifests or command lines.

mod doctor;
mod options;
mod report;

pub use doctor::{Probe, Verdict, examine_machine};
pub use options::*;
pub use report::*;
