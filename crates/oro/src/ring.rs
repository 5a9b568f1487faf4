//! Ring control (`CTL-*`): changing a system from within, by an instance that is wired to `ring`.
//!
//! [`Control`] makes child Rings, mounts, wires and starts instances in them, and ends, replaces and
//! forgets them. [`Ring`] reads the tables that say what is there and how it fares. It does not hold port
//! arrays: a server whose clients come and go has a [`PortArray`](crate::PortArray).
//!
//! ```no_run
//! use oro::ring::{Control, ControlError, Image, InstanceId, Ring, Wire};
//!
//! /// Runs the module `filter` in a Ring of its own, with at most a megabyte.
//! fn jail(control: &mut Control, thread: oro::Thread) -> Result<InstanceId, ControlError> {
//!     let own = Ring::own(thread);
//!     let jail = control.create(own.id(), "jail").memory(1 << 20).send()?;
//!     control.remount_builtin(jail, "console")?;
//!     let filter = control.mount(jail, "filter", Image::Module("filter")).send()?;
//!     control.param(filter, "pattern", "the")?;
//!     control.wire(Wire::from(filter, "log").to_builtin("console.log"))?;
//!     control.start_ring(jail)?;
//!     Ok(filter)
//! }
//! ```
//!
//! In the manifest, the holder of Ring control is wired to both ends of `ring`, and says which modules it
//! may mount (`CTL-1`, `CTL-5`):
//!
//! ```toml
//! [instance.init]
//! module = "init"
//! modules = ["filter"]
//!
//! [[wire]]
//! from = "init.control"
//! to = "ring.requests"
//!
//! [[wire]]
//! from = "ring.replies"
//! to = "init.answers"
//! ```
//!
//! # To see that an instance has ended
//!
//! Its state in the tables does not move the Ring's generation, which is for structure (`META-7`), so no gate
//! waits for it. Whoever has a Port of that instance is woken by the Port's end; then, or now and again,
//! [`Ring::wait_for_end`] says how it ended.

mod control;
mod entry;
mod error;
mod request;
#[cfg(test)]
mod tests;
mod view;

pub use control::{Control, Usage};
pub use entry::Name;
pub use error::{ControlCode, ControlError};
pub use request::{Create, Image, Mount, Restart, Wire, WireStart};
pub use view::{Change, Instance, Port, PortEnd, PortState, Reason, Ring, State};

pub use oro_sysabi::{ControlReply, ControlRequest};

macro_rules! ids {
    ($($(#[$attribute:meta])* $name:ident),+) => {$(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The id with this value.
            #[must_use]
            pub const fn from_u64(value: u64) -> Self {
                Self(value)
            }

            /// Its value, as messages and tables hold it.
            #[must_use]
            pub const fn as_u64(self) -> u64 {
                self.0
            }
        }
    )+};
}

ids! {
    /// A Ring, in the tables of the thread's own Ring (`RING-4`).
    RingId,
    /// An instance, likewise. A built-in one has none.
    InstanceId,
    /// A Port, likewise.
    PortId,
    /// An image that [`Control::load`] has taken; good for that holder alone (`CTL-5`).
    ImageId
}

impl InstanceId {
    /// The instance that the thread is part of.
    #[must_use]
    pub fn own(thread: crate::Thread) -> Self {
        Self(thread.root().instance_id)
    }
}
