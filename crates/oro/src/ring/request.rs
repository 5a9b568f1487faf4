//! What is asked of Ring control: drafts of a [`ControlRequest`], and the builders of those with much to
//! say: [`Create`], [`Mount`], [`Wire`]. They are sent by `control.rs`.

use core::time::Duration;

use oro_sysabi::{
    CONTROL_CREATE, CONTROL_LAYOUT, CONTROL_MOUNT, CONTROL_REPLY_LAYOUT, CONTROL_RESTART_ALWAYS,
    CONTROL_RESTART_FAULT, CONTROL_WIRE, ControlReply, ControlRequest,
};

use super::{Control, ControlCode, ControlError, ImageId, InstanceId, RingId};
use crate::Message;

// SAFETY: `repr(C)` structs of integers and byte arrays; the ABI's own checks refuse padding.
unsafe impl Message for ControlRequest {
    const LAYOUT: &'static str = CONTROL_LAYOUT;
}

// SAFETY: as above.
unsafe impl Message for ControlReply {
    const LAYOUT: &'static str = CONTROL_REPLY_LAYOUT;
}

const _: () = {
    use crate::layout_text::check_layout;
    check_layout(CONTROL_LAYOUT, size_of::<ControlRequest>(), align_of::<ControlRequest>());
    check_layout(CONTROL_REPLY_LAYOUT, size_of::<ControlReply>(), align_of::<ControlReply>());
};

crate::correlated!(ControlRequest, ControlReply);

/// A request that is being written, and the first text that does not fit in it, which refuses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    pub(super) request: ControlRequest,
    problem: Option<ControlError>,
}

/// Which of the fields for names.
type Field = fn(&mut ControlRequest) -> &mut [u8; 32];

impl Draft {
    pub(super) fn new(operation: u32) -> Self {
        Self { request: ControlRequest { operation, ..ControlRequest::zeroed() }, problem: None }
    }

    pub(super) fn ring(mut self, ring: RingId) -> Self {
        self.request.ring = ring.as_u64();
        self
    }

    pub(super) fn from(mut self, instance: InstanceId) -> Self {
        self.request.from = instance.as_u64();
        self
    }

    pub(super) fn name(self, name: &str) -> Self {
        self.put("name", name, |request| &mut request.name)
    }

    pub(super) fn module(self, name: &str) -> Self {
        self.put("module", name, |request| &mut request.module)
    }

    pub(super) fn producer_port(self, name: &str) -> Self {
        self.put("producer's port", name, |request| &mut request.from_port)
    }

    pub(super) fn consumer_port(self, name: &str) -> Self {
        self.put("consumer's port", name, |request| &mut request.to_port)
    }

    pub(super) fn image(mut self, image: Image<'_>) -> Self {
        match image {
            Image::Loaded(id) => self.request.image = id.as_u64(),
            Image::Module(name) => self = self.module(name),
        }
        self
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        let room = self.request.text.len();
        let Some(place) = self.request.text.get_mut(..text.len()) else {
            let length = text.len();
            self.refuse(
                ControlCode::BadRequest,
                format_args!("a parameter's value has at most {room} bytes, not {length}"),
            );
            return self;
        };
        place.copy_from_slice(text.as_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "at most 192")]
        let length = text.len() as u32;
        self.request.text_length = length;
        self
    }

    fn put(mut self, what: &str, name: &str, field: Field) -> Self {
        let length = name.len();
        let place = &mut field(&mut self.request)[..31];
        if (1..=place.len()).contains(&length) {
            place[..length].copy_from_slice(name.as_bytes());
        } else {
            self.refuse(
                ControlCode::Name,
                format_args!("the {what} `{name}` has {length} bytes, and a name 1 to 31 (NOTE-6)"),
            );
        }
        self
    }

    fn refuse(&mut self, code: ControlCode, text: core::fmt::Arguments<'_>) {
        self.problem.get_or_insert_with(|| ControlError::new(code, text));
    }

    /// The request, unless a text did not fit.
    pub(super) fn finish(self) -> Result<ControlRequest, ControlError> {
        self.problem.map_or(Ok(self.request), Err)
    }
}

/// What an instance runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image<'name> {
    /// An image that [`Control::load`] has taken.
    Loaded(ImageId),
    /// A module that the manifest grants to the holder, by its name (`CTL-5`).
    Module(&'name str),
}

/// A child Ring to be made (`CTL-4`). Without a quota it has none of its own; its parent's hold for it too.
#[derive(Debug)]
#[must_use = "nothing is asked before `send`"]
pub struct Create<'control> {
    control: &'control mut Control,
    draft: Draft,
}

impl<'control> Create<'control> {
    pub(super) fn new(control: &'control mut Control, parent: RingId, name: &str) -> Self {
        Self { control, draft: Draft::new(CONTROL_CREATE).ring(parent).name(name) }
    }

    /// Its instances have at most this much memory together.
    pub fn memory(mut self, size_bytes: u64) -> Self {
        self.draft.request.memory_bytes = size_bytes;
        self
    }

    /// They have at most so many Ports.
    pub fn ports(mut self, count: u32) -> Self {
        self.draft.request.port_count = count;
        self
    }

    /// They have at most so many threads.
    pub fn threads(mut self, count: u32) -> Self {
        self.draft.request.thread_count = count;
        self
    }

    /// Makes the Ring.
    ///
    /// # Errors
    ///
    /// See [`ControlError`].
    pub fn send(self) -> Result<RingId, ControlError> {
        Ok(RingId::from_u64(self.control.send(self.draft)?.id))
    }
}

/// When an instance is restarted by the kernel (`SYS-10`): at most `max` times in a row, which lasts for
/// `within`, the first time after `backoff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    kind: u32,
    max: u32,
    within: Duration,
    backoff: Duration,
}

impl Restart {
    /// After a fault; 3 times in a minute, after 10 ms, as a manifest without numbers has it.
    #[must_use]
    pub const fn on_fault() -> Self {
        let (within, backoff) = (Duration::from_secs(60), Duration::from_millis(10));
        Self { kind: CONTROL_RESTART_FAULT, max: 3, within, backoff }
    }

    /// After every end but one on purpose; else as above.
    #[must_use]
    pub const fn always() -> Self {
        Self { kind: CONTROL_RESTART_ALWAYS, ..Self::on_fault() }
    }

    /// Restarts in a row.
    #[must_use]
    pub const fn max(self, max: u32) -> Self {
        Self { max, ..self }
    }

    /// How long a row lasts.
    #[must_use]
    pub const fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// Delay of a row's first restart.
    #[must_use]
    pub const fn backoff(self, backoff: Duration) -> Self {
        Self { backoff, ..self }
    }
}

/// An instance to be made (`CTL-6`): without heap, without a quota of its own, and never restarted, unless
/// something else is said.
#[derive(Debug)]
#[must_use = "nothing is asked before `send`"]
pub struct Mount<'control> {
    control: &'control mut Control,
    draft: Draft,
}

impl<'control> Mount<'control> {
    pub(super) fn new(
        control: &'control mut Control,
        ring: RingId,
        name: &str,
        image: Image<'_>,
    ) -> Self {
        Self { control, draft: Draft::new(CONTROL_MOUNT).ring(ring).name(name).image(image) }
    }

    /// Bytes of its heap.
    pub fn heap(mut self, size_bytes: u64) -> Self {
        self.draft.request.heap_bytes = size_bytes;
        self
    }

    /// It has at most this much memory.
    pub fn memory(mut self, size_bytes: u64) -> Self {
        self.draft.request.memory_bytes = size_bytes;
        self
    }

    /// When the kernel restarts it.
    pub fn restart(mut self, restart: Restart) -> Self {
        let to_ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let request = &mut self.draft.request;
        (request.restart, request.restart_max) = (restart.kind, restart.max);
        request.restart_within_ns = to_ns(restart.within);
        request.restart_backoff_ns = to_ns(restart.backoff);
        self
    }

    /// Makes the instance; it does not run before it is started.
    ///
    /// # Errors
    ///
    /// See [`ControlError`].
    pub fn send(self) -> Result<InstanceId, ControlError> {
        Ok(InstanceId::from_u64(self.control.send(self.draft)?.id))
    }
}

/// A Port to be made (`CTL-6`, `CTL-8`), for [`Control::wire`].
///
/// ```
/// # use oro::ring::{InstanceId, Wire};
/// # let (a, b) = (InstanceId::from_u64(1), InstanceId::from_u64(2));
/// let plain = Wire::from(a, "out").to(b, "in");
/// let third = Wire::from(a, "asks").to(b, "requests").to_element(3).slots(8);
/// let log = Wire::from(a, "log").to_builtin("console.log");
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is wired before `Control::wire`"]
pub struct Wire {
    pub(super) draft: Draft,
}

/// The producing half of a [`Wire`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a wire has two ends"]
pub struct WireStart(Draft);

impl Wire {
    /// A wire from this port of an instance.
    pub fn from(instance: InstanceId, port: &str) -> WireStart {
        WireStart(Draft::new(CONTROL_WIRE).from(instance).producer_port(port))
    }

    /// A wire from an end of a built-in instance, which is named whole: `clock.now`.
    pub fn from_builtin(end: &str) -> WireStart {
        WireStart(Draft::new(CONTROL_WIRE).producer_port(end))
    }

    /// The element of the producer's port array; else 0.
    pub fn from_element(mut self, element: u32) -> Self {
        self.draft.request.from_element = element;
        self
    }

    /// The element of the consumer's port array; else 0.
    pub fn to_element(mut self, element: u32) -> Self {
        self.draft.request.to_element = element;
        self
    }

    /// Slots of the Port, a power of two; else 16.
    pub fn slots(mut self, count: u32) -> Self {
        self.draft.request.slot_count = count;
        self
    }

    /// Bytes of a slot, for types with a flexible tail alone.
    pub fn slot_size(mut self, size_bytes: u32) -> Self {
        self.draft.request.slot_size_bytes = size_bytes;
        self
    }
}

impl WireStart {
    /// The wire to this port of an instance.
    pub fn to(self, instance: InstanceId, port: &str) -> Wire {
        let mut draft = self.0.consumer_port(port);
        draft.request.to = instance.as_u64();
        Wire { draft }
    }

    /// The wire to an end of a built-in instance, which is named whole: `console.log`.
    pub fn to_builtin(self, end: &str) -> Wire {
        Wire { draft: self.0.consumer_port(end) }
    }
}
