//! [`Request::encode`]: a message of `oro.ring.v1`, put together.

use alloc::format;

use oro_sysabi::{
    CONTROL_ALLOW, CONTROL_BAD_REQUEST, CONTROL_CREATE, CONTROL_DESCRIBE, CONTROL_END,
    CONTROL_FORCE, CONTROL_FORGET, CONTROL_LOAD, CONTROL_MOUNT, CONTROL_NAME, CONTROL_PARAM,
    CONTROL_REMOUNT, CONTROL_REPLACE, CONTROL_RESTART, CONTROL_RESTART_ALWAYS,
    CONTROL_RESTART_FAULT, CONTROL_RESTART_NEVER, CONTROL_REVOKE, CONTROL_START, CONTROL_TRANSFER,
    CONTROL_WIRE, ControlRequest,
};

use super::reply::Refusal;
use super::request::{EndName, ModuleName, Operation, Remounted, Request, Target, Wire};
use crate::rules::shorten;
use crate::{PlanRestart, RestartOn};

impl Request {
    /// The message's bytes, which [`Request::decode`] takes apart again.
    ///
    /// # Errors
    ///
    /// A name or a text has no room in the message.
    pub fn encode(&self) -> Result<[u8; 512], Refusal> {
        let mut message = Message { bytes: [0; 512], refusal: None };
        message.u64("correlation", self.correlation);
        message.u32("operation", number(&self.operation));
        message.fields(&self.operation);
        match message.refusal {
            None => Ok(message.bytes),
            Some(refusal) => Err(refusal),
        }
    }
}

/// A message that is being written, and what has had no room in it.
struct Message {
    bytes: [u8; 512],
    refusal: Option<Refusal>,
}

impl Message {
    /// The bytes of a field; its name is one of the layout's, which a test holds to.
    fn field(&mut self, name: &str) -> &mut [u8] {
        let field = ControlRequest::LAYOUT.fields.iter().find(|field| field.name == name);
        let place = field.and_then(|field| {
            let end = field.offset_bytes.checked_add(field.size_bytes)?;
            self.bytes.get_mut(field.offset_bytes..end)
        });
        place.unwrap_or_default()
    }

    fn put(&mut self, name: &str, value: &[u8]) {
        if let Some(place) = self.field(name).get_mut(..value.len()) {
            place.copy_from_slice(value);
        }
    }

    fn u32(&mut self, name: &str, value: u32) {
        self.put(name, &value.to_le_bytes());
    }

    fn u64(&mut self, name: &str, value: u64) {
        self.put(name, &value.to_le_bytes());
    }

    /// A name, which ends with a zero (`NOTE-6`).
    fn name(&mut self, field: &str, value: &str) {
        if value.len() >= self.field(field).len() {
            let text =
                format!("`{}` is no name: those have 1 to 31 bytes (NOTE-6)", shorten(value));
            self.refusal.get_or_insert(Refusal::new(CONTROL_NAME, text));
            return;
        }
        self.put(field, value.as_bytes());
    }

    fn text(&mut self, value: &str) {
        let room = self.field("text").len();
        if value.len() > room {
            let text = format!("a value of {} bytes: at most {room} fit in a request", value.len());
            self.refusal.get_or_insert(Refusal::new(CONTROL_BAD_REQUEST, text));
            return;
        }
        self.u32("text_length", u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.put("text", value.as_bytes());
    }

    fn end(&mut self, [instance, port, element]: [&str; 3], end: &EndName) {
        self.u64(instance, end.instance);
        self.name(port, &end.port);
        self.u32(element, end.element);
    }

    fn target(&mut self, target: Target) {
        match target {
            Target::Instance(id) => self.u64("from", id),
            Target::Ring(id) => self.u64("ring", id),
        }
    }

    fn module(&mut self, module: &ModuleName) {
        match module {
            ModuleName::Image(id) => self.u64("image", *id),
            ModuleName::Granted(name) => self.name("module", name),
        }
    }

    fn restart(&mut self, restart: &PlanRestart) {
        self.u32(
            "restart",
            match restart.on {
                RestartOn::Never => CONTROL_RESTART_NEVER,
                RestartOn::Fault => CONTROL_RESTART_FAULT,
                RestartOn::Always => CONTROL_RESTART_ALWAYS,
            },
        );
        self.u32("restart_max", restart.max);
        self.u64("restart_within_ns", restart.within_ns);
        self.u64("restart_backoff_ns", restart.backoff_ns);
    }

    /// What an operation names.
    fn fields(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { ring, name, memory_bytes, port_count, thread_count } => {
                self.u64("ring", *ring);
                self.name("name", name);
                self.u64("memory_bytes", *memory_bytes);
                self.u32("port_count", *port_count);
                self.u32("thread_count", *thread_count);
            }
            Operation::Remount { ring, what } => {
                self.u64("ring", *ring);
                match what {
                    Remounted::Instance(id) => self.u64("from", *id),
                    Remounted::BuiltIn(name) => self.name("module", name),
                }
            }
            Operation::Load { address, size_bytes } => {
                self.u64("address", *address);
                self.u64("size_bytes", *size_bytes);
            }
            Operation::Mount { ring, module, name, heap_bytes, memory_bytes, restart } => {
                self.u64("ring", *ring);
                self.module(module);
                self.name("name", name);
                self.u64("heap_bytes", *heap_bytes);
                self.u64("memory_bytes", *memory_bytes);
                self.restart(restart);
            }
            Operation::Param { instance, name, value } => {
                self.u64("from", *instance);
                self.name("name", name);
                self.text(value);
            }
            Operation::Wire(Wire { from, to, slot_count, slot_size_bytes }) => {
                self.end(["from", "from_port", "from_element"], from);
                self.end(["to", "to_port", "to_element"], to);
                self.u32("slot_count", *slot_count);
                self.u32("slot_size_bytes", *slot_size_bytes);
            }
            Operation::Start(target) | Operation::End(target) | Operation::Forget(target) => {
                self.target(*target);
            }
            Operation::Restart(instance) => self.u64("from", *instance),
            Operation::Replace { instance, module } => {
                self.u64("from", *instance);
                self.module(module);
            }
            Operation::Force(port) | Operation::Allow(port) | Operation::Revoke(port) => {
                self.u64("port", *port);
            }
            Operation::Transfer { port, instance, to } => {
                self.u64("port", *port);
                self.end(["from", "to_port", "to_element"], to);
                self.u64("from", *instance);
            }
            Operation::Describe(ring) => self.u64("ring", *ring),
        }
    }
}

fn number(operation: &Operation) -> u32 {
    match operation {
        Operation::Create { .. } => CONTROL_CREATE,
        Operation::Remount { .. } => CONTROL_REMOUNT,
        Operation::Load { .. } => CONTROL_LOAD,
        Operation::Mount { .. } => CONTROL_MOUNT,
        Operation::Param { .. } => CONTROL_PARAM,
        Operation::Wire(_) => CONTROL_WIRE,
        Operation::Start(_) => CONTROL_START,
        Operation::End(_) => CONTROL_END,
        Operation::Restart(_) => CONTROL_RESTART,
        Operation::Replace { .. } => CONTROL_REPLACE,
        Operation::Forget(_) => CONTROL_FORGET,
        Operation::Force(_) => CONTROL_FORCE,
        Operation::Allow(_) => CONTROL_ALLOW,
        Operation::Revoke(_) => CONTROL_REVOKE,
        Operation::Transfer { .. } => CONTROL_TRANSFER,
        Operation::Describe(_) => CONTROL_DESCRIBE,
    }
}
