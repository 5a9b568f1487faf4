//! [`World`]: what the kernel knows of a system that runs, beyond its plan.

use alloc::string::String;

use oro_image::Interface;

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// An instance that holds Ring control (`CTL-1`).
    Holder(u32),
    /// An operator, outside of all Rings (`CTL-14`).
    Operator,
}

/// What [`decide`](super::decide) asks the kernel. Ids are those of the asker's own tables (`RING-4`); an
/// operator's are the root Ring's.
pub trait World {
    /// The Ring that has this id; `None` also of one that is forgotten.
    fn ring(&self, asker: Asker, id: u64) -> Option<u32>;

    /// The instance of a module that has this id, remounted ones included; `None` also
    /// of one that is forgotten. A built-in one is none.
    fn instance(&self, asker: Asker, id: u64) -> Option<u32>;

    /// The Port that has this id.
    fn port(&self, asker: Asker, id: u64) -> Option<u32>;

    /// The module of the plan that a holder has loaded under this id (`CTL-5`), or that an operator has
    /// brought along (`CTL-14`).
    fn image(&self, asker: Asker, id: u64) -> Option<u32>;

    /// What a module of the plan declares.
    fn interface(&self, module: u32) -> &Interface;

    /// The state of an instance.
    fn state(&self, instance: u32) -> State;

    /// Whether the kernel has nothing any more of an instance that is forgotten, so that a new one of so many
    /// threads can have its number. Ids are others, always (`META-9`).
    fn can_reuse_instance(&self, instance: u32, thread_count: usize) -> bool;

    /// Whether it has nothing any more of a Port that is forgotten, likewise.
    fn can_reuse_port(&self, port: u32) -> bool;

    /// Whether an element can be wired: it never was, or its Port is over (`CTL-8`); no end that it had was
    /// given to another thread since its instance started, and none is about to be given to it (`END-14`). `port` is the element's index in its
    /// module.
    fn is_free(&self, instance: u32, port: u32) -> bool;

    /// What the instances of a Ring and of its descendants have together (`RING-9`).
    fn taken(&self, ring: u32) -> Usage;

    /// What `PARAM` has given an instance that is mounted: names and values, as
    /// [`Action::SetParam`](super::Action::SetParam) had them; the last one of a name counts.
    fn given(&self, instance: u32) -> &[(String, String)];
}

/// What an instance is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not been started.
    Mounted,
    /// It runs.
    Running,
    /// It has ended, and a replacement is to come.
    Restarting,
    /// It has ended.
    Ended,
    /// It has faulted, and no replacement is to come.
    Faulted,
    /// It is out of the tables (`CTL-10`).
    Forgotten,
}

/// What a Ring has (`RING-9`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Ports that its instances pay for.
    pub port_count: u32,
    /// Threads.
    pub thread_count: u32,
}
