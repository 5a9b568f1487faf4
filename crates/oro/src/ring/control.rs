//! [`Control`]: a request for each operation of Ring control, one at a time. What is asked is written
//! in `request.rs`.

use core::num::NonZero;

use oro_sysabi::{
    CONTROL_ALLOW, CONTROL_DESCRIBE, CONTROL_DONE, CONTROL_END, CONTROL_FORCE, CONTROL_FORGET,
    CONTROL_LOAD, CONTROL_PARAM, CONTROL_REMOUNT, CONTROL_REPLACE, CONTROL_RESTART, CONTROL_REVOKE,
    CONTROL_START, CONTROL_TRANSFER, ControlReply, ControlRequest,
};

use super::request::Draft;
use super::{ControlError, Create, Image, ImageId, InstanceId, Mount, PortId, RingId, Wire};
use crate::{Caller, Consumer, Producer};

/// Ring control, held by the thread that is wired to `ring.requests` and `ring.replies` (`CTL-1`).
///
/// Each method asks, waits for the answer, and gives what was made. It has power over the descendants of
/// the holder's own Ring (`CTL-3`). Every method gives a [`ControlError`] when it was refused.
#[derive(Debug)]
pub struct Control {
    caller: Caller<ControlRequest, ControlReply, 1>,
}

/// What a Ring has and may have, its descendants included (`CTL-12`). A limit that is `None` is none of
/// its own; its parent's holds all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory that are taken.
    pub memory_bytes: u64,
    /// Bytes that may be.
    pub memory_limit_bytes: Option<NonZero<u64>>,
    /// Ports.
    pub port_count: u32,
    /// Ports that there may be.
    pub port_limit: Option<NonZero<u32>>,
    /// Threads.
    pub thread_count: u32,
    /// Threads that there may be.
    pub thread_limit: Option<NonZero<u32>>,
}

#[expect(
    clippy::missing_errors_doc,
    reason = "what each method gives when it was refused is said once, above"
)]
impl Control {
    /// Ring control by these two ends, wired to `ring.requests` and from `ring.replies`.
    #[must_use]
    pub fn new(requests: Producer<ControlRequest>, replies: Consumer<ControlReply>) -> Self {
        Self { caller: Caller::new(requests, replies) }
    }

    /// Makes a child of `parent`, which is the holder's own Ring or a descendant: empty, with this name.
    pub fn create(&mut self, parent: RingId, name: &str) -> Create<'_> {
        Create::new(self, parent, name)
    }

    /// Remounts an instance of the parent's Ring onto `ring` (`RING-6`).
    pub fn remount(&mut self, ring: RingId, instance: InstanceId) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_REMOUNT).ring(ring).from(instance))
    }

    /// Remounts a built-in instance of the parent's Ring onto `ring`: `console`, `clock`.
    pub fn remount_builtin(&mut self, ring: RingId, name: &str) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_REMOUNT).ring(ring).module(name))
    }

    /// Takes an ELF image from memory, checked as any image is (`CTL-5`).
    pub fn load(&mut self, image: &[u8]) -> Result<ImageId, ControlError> {
        let mut draft = Draft::new(CONTROL_LOAD);
        draft.request.address = image.as_ptr().expose_provenance() as u64;
        draft.request.size_bytes = image.len() as u64;
        // The kernel reads the image before it answers; the borrow lasts until then.
        Ok(ImageId::from_u64(self.send(draft)?.id))
    }

    /// Makes an instance in `ring`, which runs once it is [started](Self::start).
    pub fn mount(&mut self, ring: RingId, name: &str, image: Image<'_>) -> Mount<'_> {
        Mount::new(self, ring, name, image)
    }

    /// Gives an instance that has not been started a parameter: a text, an integer in decimal, `true` or
    /// `false`, as its note says (`SYS-6`).
    pub fn param(
        &mut self,
        instance: InstanceId,
        name: &str,
        value: &str,
    ) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_PARAM).from(instance).name(name).text(value))
    }

    /// Makes a Port. To a thread that runs it is a late one, and only a free element or port takes it
    /// (`CTL-8`); one whose thread has not yet noticed that its last peer has ended is
    /// [`Busy`](super::ControlCode::Busy).
    pub fn wire(&mut self, wire: Wire) -> Result<PortId, ControlError> {
        Ok(PortId::from_u64(self.send(wire.draft)?.id))
    }

    /// Starts an instance.
    pub fn start(&mut self, instance: InstanceId) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_START).from(instance))
    }

    /// Starts all that is mounted in a Ring and its descendants, together.
    pub fn start_ring(&mut self, ring: RingId) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_START).ring(ring))
    }

    /// Ends an instance; it ends as killed.
    pub fn end(&mut self, instance: InstanceId) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_END).from(instance))
    }

    /// Ends every instance of a Ring and its descendants.
    pub fn end_ring(&mut self, ring: RingId) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_END).ring(ring))
    }

    /// Replaces an instance that runs or has faulted by itself, new (`END-7`).
    pub fn restart(&mut self, instance: InstanceId) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_RESTART).from(instance))
    }

    /// Likewise by another image, whose ports and entry points are the same.
    pub fn replace(&mut self, instance: InstanceId, by: Image<'_>) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_REPLACE).from(instance).image(by))
    }

    /// Takes an instance that has ended out of the tables, and gives back what it took.
    pub fn forget(&mut self, instance: InstanceId) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_FORGET).from(instance))
    }

    /// Likewise a Ring with all that is in it.
    pub fn forget_ring(&mut self, ring: RingId) -> Result<(), ControlError> {
        self.run(Draft::new(CONTROL_FORGET).ring(ring))
    }

    /// Forces a Port synchronous, as an operator does (`MODE-6`).
    pub fn force(&mut self, port: PortId) -> Result<(), ControlError> {
        self.run(on_port(CONTROL_FORCE, port))
    }

    /// Takes that back.
    pub fn allow(&mut self, port: PortId) -> Result<(), ControlError> {
        self.run(on_port(CONTROL_ALLOW, port))
    }

    /// Takes a Port from both ends; once this is done, no thread can reach its queue (`END-13`).
    pub fn revoke(&mut self, port: PortId) -> Result<(), ControlError> {
        self.run(on_port(CONTROL_REVOKE, port))
    }

    /// Gives the end of a Port that belongs to `instance` to another of its threads: to its port `to`,
    /// element `element` (`END-14`).
    pub fn transfer(
        &mut self,
        port: PortId,
        instance: InstanceId,
        to: &str,
        element: u32,
    ) -> Result<(), ControlError> {
        let mut draft = on_port(CONTROL_TRANSFER, port).from(instance).consumer_port(to);
        draft.request.to_element = element;
        self.run(draft)
    }

    /// What a Ring has and may have.
    pub fn describe(&mut self, ring: RingId) -> Result<Usage, ControlError> {
        let reply = self.send(Draft::new(CONTROL_DESCRIBE).ring(ring))?;
        Ok(Usage {
            memory_bytes: reply.memory_bytes,
            memory_limit_bytes: NonZero::new(reply.memory_limit_bytes),
            port_count: reply.port_count,
            port_limit: NonZero::new(reply.port_limit),
            thread_count: reply.thread_count,
            thread_limit: NonZero::new(reply.thread_limit),
        })
    }

    /// Any request as it is, for what this crate has no method for. The reply is one that says
    /// `CONTROL_DONE`; the correlation is set here.
    pub fn call(&mut self, request: ControlRequest) -> Result<ControlReply, ControlError> {
        let reply = self.caller.call(request)?;
        if reply.code == CONTROL_DONE { Ok(reply) } else { Err(ControlError::of_reply(&reply)) }
    }

    pub(super) fn send(&mut self, draft: Draft) -> Result<ControlReply, ControlError> {
        self.call(draft.finish()?)
    }

    fn run(&mut self, draft: Draft) -> Result<(), ControlError> {
        self.send(draft).map(|_| ())
    }
}

fn on_port(operation: u32, port: PortId) -> Draft {
    let mut draft = Draft::new(operation);
    draft.request.port = port.as_u64();
    draft
}
