//! [`Request`]: a message of `oro.ring.v1`, taken apart (`CTL-2`).
//!
//! Entry point: [`Request::decode`]. What a request names is looked up nowhere here.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use oro_sysabi::{
    CONTROL_ALLOW, CONTROL_BAD_REQUEST, CONTROL_CREATE, CONTROL_DESCRIBE, CONTROL_END,
    CONTROL_FORCE, CONTROL_FORGET, CONTROL_LOAD, CONTROL_MOUNT, CONTROL_PARAM, CONTROL_REMOUNT,
    CONTROL_REPLACE, CONTROL_RESTART, CONTROL_RESTART_ALWAYS, CONTROL_RESTART_FAULT,
    CONTROL_RESTART_NEVER, CONTROL_REVOKE, CONTROL_START, CONTROL_TRANSFER, CONTROL_WIRE,
    ControlRequest, FieldEntry,
};

use super::reply::Refusal;
use crate::{PlanRestart, RestartOn};

/// A request. Its ids are allegations, its texts any UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The holder's own number.
    pub correlation: u64,
    /// What is wanted.
    pub operation: Operation,
}

/// What is wanted; the fields are those of [`ControlRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `CONTROL_CREATE`
    Create {
        /// The Ring that the new one is in.
        ring: u64,
        /// Its name.
        name: String,
        /// Quota; 0: none of its own.
        memory_bytes: u64,
        /// Quota; 0: none of its own.
        port_count: u32,
        /// Quota; 0: none of its own.
        thread_count: u32,
    },
    /// `CONTROL_REMOUNT`
    Remount {
        /// The Ring that is granted it.
        ring: u64,
        /// What.
        what: Remounted,
    },
    /// `CONTROL_LOAD`
    Load {
        /// Address in the holder's memory.
        address: u64,
        /// Size in bytes.
        size_bytes: u64,
    },
    /// `CONTROL_MOUNT`
    Mount {
        /// Its Ring.
        ring: u64,
        /// What it runs.
        module: ModuleName,
        /// Its name.
        name: String,
        /// Bytes of heap.
        heap_bytes: u64,
        /// Quota; 0: none of its own.
        memory_bytes: u64,
        /// Whether it is restarted.
        restart: PlanRestart,
    },
    /// `CONTROL_PARAM`
    Param {
        /// The instance.
        instance: u64,
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
    },
    /// `CONTROL_WIRE`
    Wire(Wire),
    /// `CONTROL_START`
    Start(Target),
    /// `CONTROL_END`
    End(Target),
    /// `CONTROL_RESTART` of this instance
    Restart(u64),
    /// `CONTROL_REPLACE`
    Replace {
        /// The instance.
        instance: u64,
        /// What it is to run.
        module: ModuleName,
    },
    /// `CONTROL_FORGET`
    Forget(Target),
    /// `CONTROL_FORCE` of this Port
    Force(u64),
    /// `CONTROL_ALLOW` of this Port
    Allow(u64),
    /// `CONTROL_REVOKE` of this Port
    Revoke(u64),
    /// `CONTROL_TRANSFER`
    Transfer {
        /// The Port.
        port: u64,
        /// The instance whose end it is.
        instance: u64,
        /// Its port that gets the end.
        to: EndName,
    },
    /// `CONTROL_DESCRIBE` of this Ring
    Describe(u64),
}

/// A wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The producing end.
    pub from: EndName,
    /// The consuming end.
    pub to: EndName,
    /// Slots; 0: 16.
    pub slot_count: u32,
    /// Bytes of a slot; 0: as the ports say.
    pub slot_size_bytes: u32,
}

/// An end of a wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndName {
    /// The instance; 0: a built-in one, which the port's name says.
    pub instance: u64,
    /// Its port.
    pub port: String,
    /// The element; 0 of what is no array.
    pub element: u32,
}

/// An instance, or all that is in a Ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The instance with this id.
    Instance(u64),
    /// All in the Ring with this id, and in its descendants.
    Ring(u64),
}

/// What is remounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remounted {
    /// The instance with this id.
    Instance(u64),
    /// The built-in instance of this name.
    BuiltIn(String),
}

/// What an instance is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleName {
    /// The image that was loaded under this id.
    Image(u64),
    /// The module of this name, which the manifest grants.
    Granted(String),
}

/// An operation's number, its name, and the fields that it names, `operation` and `correlation` aside.
type Row = (u32, &'static str, &'static [&'static str]);

const OPERATIONS: [Row; 16] = [
    (CONTROL_CREATE, "CREATE", &["ring", "name", "memory_bytes", "port_count", "thread_count"]),
    (CONTROL_REMOUNT, "REMOUNT", &["ring", "from", "module"]),
    (CONTROL_LOAD, "LOAD", &["address", "size_bytes"]),
    (
        CONTROL_MOUNT,
        "MOUNT",
        &[
            "ring",
            "image",
            "module",
            "name",
            "heap_bytes",
            "memory_bytes",
            "restart",
            "restart_max",
            "restart_within_ns",
            "restart_backoff_ns",
        ],
    ),
    (CONTROL_PARAM, "PARAM", &["from", "name", "text_length", "text"]),
    (
        CONTROL_WIRE,
        "WIRE",
        &[
            "from",
            "from_port",
            "from_element",
            "to",
            "to_port",
            "to_element",
            "slot_count",
            "slot_size_bytes",
        ],
    ),
    (CONTROL_START, "START", &["ring", "from"]),
    (CONTROL_END, "END", &["ring", "from"]),
    (CONTROL_RESTART, "RESTART", &["from"]),
    (CONTROL_REPLACE, "REPLACE", &["from", "image", "module"]),
    (CONTROL_FORGET, "FORGET", &["ring", "from"]),
    (CONTROL_FORCE, "FORCE", &["port"]),
    (CONTROL_ALLOW, "ALLOW", &["port"]),
    (CONTROL_REVOKE, "REVOKE", &["port"]),
    (CONTROL_TRANSFER, "TRANSFER", &["port", "from", "to_port", "to_element"]),
    (CONTROL_DESCRIBE, "DESCRIBE", &["ring"]),
];

impl Request {
    /// `correlation` and `operation` of a message, which its reply repeats whatever else it holds.
    #[must_use]
    pub fn header(bytes: &[u8; 512]) -> (u64, u32) {
        let fields = Fields { bytes };
        (fields.u64("correlation"), fields.u32("operation"))
    }

    /// Takes a message apart.
    ///
    /// # Errors
    ///
    /// `CONTROL_BAD_REQUEST`, and which field is wrong.
    pub fn decode(bytes: &[u8; 512]) -> Result<Self, Refusal> {
        let fields = Fields { bytes };
        let (correlation, number) = Self::header(bytes);
        let row = OPERATIONS.iter().find(|(known, ..)| *known == number);
        let Some((_, name, named)) = row else {
            return Err(bad(format!("there is no operation {number}: they are 1 to 16")));
        };
        fields.check_zeros(name, named)?;
        let operation = fields.operation(number)?;
        Ok(Self { correlation, operation })
    }
}

fn bad(text: String) -> Refusal {
    Refusal::new(CONTROL_BAD_REQUEST, text)
}

/// The fields of a message, read by their offsets.
struct Fields<'a> {
    bytes: &'a [u8; 512],
}

impl<'a> Fields<'a> {
    fn bytes_of(&self, field: &FieldEntry) -> &'a [u8] {
        let end = field.offset_bytes.saturating_add(field.size_bytes);
        self.bytes.get(field.offset_bytes..end).unwrap_or_default()
    }

    /// Bytes of a field; its name is one of the layout's, which a test holds to.
    fn find(&self, name: &str) -> &'a [u8] {
        let field = ControlRequest::LAYOUT.fields.iter().find(|field| field.name == name);
        field.map(|field| self.bytes_of(field)).unwrap_or_default()
    }

    fn u32(&self, name: &str) -> u32 {
        self.find(name).first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    fn u64(&self, name: &str) -> u64 {
        self.find(name).first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Refuses what is not zero and means nothing to the operation.
    fn check_zeros(&self, operation: &str, named: &[&str]) -> Result<(), Refusal> {
        for field in ControlRequest::LAYOUT.fields {
            let is_named = named.contains(&field.name);
            if is_named || matches!(field.name, "correlation" | "operation") {
                continue;
            }
            if self.bytes_of(field).iter().any(|byte| *byte != 0) {
                return Err(bad(format!(
                    "`{}` means nothing to {operation}: leave it 0",
                    field.name
                )));
            }
        }
        Ok(())
    }

    /// A text that is padded with zeros.
    fn padded(&self, name: &str) -> Result<String, Refusal> {
        let bytes = self.find(name);
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let (text, padding) = bytes.split_at(length);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(bad(format!("`{name}` is not padded with zeros")));
        }
        read_text(name, text)
    }

    /// `text`, of which `text_length` bytes are in use.
    fn text(&self) -> Result<String, Refusal> {
        let bytes = self.find("text");
        let length = usize::try_from(self.u32("text_length")).unwrap_or(usize::MAX);
        let Some((text, padding)) = bytes.split_at_checked(length) else {
            return Err(bad(format!(
                "`text_length` is {length}: a text has at most {} bytes",
                bytes.len()
            )));
        };
        if padding.iter().any(|byte| *byte != 0) {
            return Err(bad(format!("`text` has bytes beyond its `text_length`, {length}")));
        }
        read_text("text", text)
    }

    fn operation(&self, number: u32) -> Result<Operation, Refusal> {
        Ok(match number {
            CONTROL_CREATE => Operation::Create {
                ring: self.u64("ring"),
                name: self.padded("name")?,
                memory_bytes: self.u64("memory_bytes"),
                port_count: self.u32("port_count"),
                thread_count: self.u32("thread_count"),
            },
            CONTROL_REMOUNT => Operation::Remount {
                ring: self.u64("ring"),
                what: self.choose(("from", Remounted::Instance), ("module", Remounted::BuiltIn))?,
            },
            CONTROL_LOAD => {
                Operation::Load { address: self.u64("address"), size_bytes: self.u64("size_bytes") }
            }
            CONTROL_MOUNT => Operation::Mount {
                ring: self.u64("ring"),
                module: self.module()?,
                name: self.padded("name")?,
                heap_bytes: self.u64("heap_bytes"),
                memory_bytes: self.u64("memory_bytes"),
                restart: self.restart()?,
            },
            CONTROL_PARAM => Operation::Param {
                instance: self.u64("from"),
                name: self.padded("name")?,
                value: self.text()?,
            },
            CONTROL_WIRE => Operation::Wire(Wire {
                from: self.end("from", "from_port", "from_element")?,
                to: self.end("to", "to_port", "to_element")?,
                slot_count: self.u32("slot_count"),
                slot_size_bytes: self.u32("slot_size_bytes"),
            }),
            CONTROL_START => Operation::Start(self.target()?),
            CONTROL_END => Operation::End(self.target()?),
            CONTROL_RESTART => Operation::Restart(self.u64("from")),
            CONTROL_REPLACE => {
                Operation::Replace { instance: self.u64("from"), module: self.module()? }
            }
            CONTROL_FORGET => Operation::Forget(self.target()?),
            CONTROL_FORCE => Operation::Force(self.u64("port")),
            CONTROL_ALLOW => Operation::Allow(self.u64("port")),
            CONTROL_REVOKE => Operation::Revoke(self.u64("port")),
            CONTROL_TRANSFER => Operation::Transfer {
                port: self.u64("port"),
                instance: self.u64("from"),
                to: self.end("from", "to_port", "to_element")?,
            },
            CONTROL_DESCRIBE => Operation::Describe(self.u64("ring")),
            _ => return Err(bad(format!("there is no operation {number}: they are 1 to 16"))),
        })
    }

    fn end(&self, instance: &str, port: &str, element: &str) -> Result<EndName, Refusal> {
        let port = self.padded(port)?;
        Ok(EndName { instance: self.u64(instance), port, element: self.u32(element) })
    }

    fn module(&self) -> Result<ModuleName, Refusal> {
        self.choose(("image", ModuleName::Image), ("module", ModuleName::Granted))
    }

    /// One of an id and a name, and not both.
    fn choose<T>(
        &self,
        (id_name, by_id): (&str, fn(u64) -> T),
        (text_name, by_text): (&str, fn(String) -> T),
    ) -> Result<T, Refusal> {
        let (id, text) = (self.u64(id_name), self.padded(text_name)?);
        match (id, text.is_empty()) {
            (0, true) => {
                Err(bad(format!("`{id_name}` and `{text_name}` are empty: give one of them")))
            }
            (0, false) => Ok(by_text(text)),
            (_, true) => Ok(by_id(id)),
            (_, false) => {
                Err(bad(format!("`{id_name}` and `{text_name}` are both given: give one of them")))
            }
        }
    }

    fn target(&self) -> Result<Target, Refusal> {
        match (self.u64("from"), self.u64("ring")) {
            (0, 0) => Err(bad(String::from("`from` and `ring` are 0: give one of them"))),
            (0, ring) => Ok(Target::Ring(ring)),
            (instance, 0) => Ok(Target::Instance(instance)),
            _ => Err(bad(String::from("`from` and `ring` are both given: give one of them"))),
        }
    }

    /// The policy of restarts; its numbers are checked with all others of the instance.
    fn restart(&self) -> Result<PlanRestart, Refusal> {
        let on = match self.u32("restart") {
            CONTROL_RESTART_NEVER => RestartOn::Never,
            CONTROL_RESTART_FAULT => RestartOn::Fault,
            CONTROL_RESTART_ALWAYS => RestartOn::Always,
            other => return Err(bad(format!("`restart` is {other}: it is 0 to 2"))),
        };
        Ok(PlanRestart {
            on,
            max: self.u32("restart_max"),
            within_ns: self.u64("restart_within_ns"),
            backoff_ns: self.u64("restart_backoff_ns"),
        })
    }
}

fn read_text(name: &str, bytes: &[u8]) -> Result<String, Refusal> {
    match String::from_utf8(Vec::from(bytes)) {
        Ok(text) => Ok(text),
        Err(_) => Err(bad(format!("`{name}` is not UTF-8"))),
    }
}
