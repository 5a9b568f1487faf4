//! Names of the things that the core manages. Indices into [`Setup`](crate::Setup)'s lists; those of what has
//! been forgotten are used again (`CTL-10`).

/// An instance, by its index in [`Setup::instances`](crate::Setup::instances).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub u32);

/// A thread, by its index in [`Setup::threads`](crate::Setup::threads).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(pub u32);

/// A Port, by its index in [`Setup::ports`](crate::Setup::ports).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortId(pub u32);

/// One of the two sides of a Port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The side that commits messages.
    Producer,
    /// The side that releases them.
    Consumer,
}

impl Side {
    /// The other side.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }
}

/// An endpoint: one side of a Port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId {
    /// The Port.
    pub port: PortId,
    /// Which of its sides.
    pub side: Side,
}

impl EndpointId {
    /// The endpoint on the other side of the same Port.
    #[must_use]
    pub fn peer(self) -> Self {
        Self { port: self.port, side: self.side.peer() }
    }
}
