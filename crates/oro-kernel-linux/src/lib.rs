//! The Oro kernel as a Linux process.
//!
//! [`run`] takes a checked [`Plan`](oro_system::Plan) and its images, builds a sealed process for
//! every module thread, serves their page faults until all instances have ended, and gives a
//! [`Report`]. [`Attachment`] looks at a system that runs in another process. It does *not* read
//! manifests or command lines.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("oro-kernel-linux runs on x86_64 Linux; an AArch64 host is not supported yet");

mod addresses;
mod attach;
mod attach_error;
mod built_in;
mod control;
mod diagnose;
mod doctor;
mod effects;
mod error;
mod fairness;
mod faults;
mod gates;
mod guardian;
mod images;
mod landing;
mod limits;
mod live;
mod locate;
mod memory;
mod metadata;
mod options;
mod picture;
mod rendezvous;
mod report;
mod restart;
mod ring_control;
mod ring_reader;
mod seal;
mod signals;
mod spawn;
mod stream;
mod stub;
mod supervisor;
mod tables;
mod text;
mod timers;
mod trace;
mod userfault;
mod verify;
mod waits;
mod work;
mod world;

pub use attach::{Attachment, Counters, PortNames, RingAnswer};
pub use attach_error::{AttachError, FoundSystem};
pub use doctor::{Probe, Verdict, examine_machine};
pub use error::StartError;
pub use guardian::Guardian;
pub use options::*;
pub use picture::*;
pub use report::*;
pub use signals::reset_signals;
pub use supervisor::{run, run_with};
pub use text::steers_terminal;
