//! A [`Plan`] as bytes (`SYS-9`): what `oro pack` stores and kernels without a host boot from.
//!
//! All integers are little-endian. A header ([`PLAN_MAGIC`], version u32, size of the whole u32,
//! FNV-1a of the body u64), then the body: the counts of modules, Rings, instances and Ports, then these
//! in turn, Rings after modules. A name or text is a u16 length and its bytes. Equal layout texts are stored once: a
//! Port gives 0 and the text, or the number, from 1, of an earlier text. Every plan has exactly
//! one encoding, and [`Plan::decode`] takes no other.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use oro_sysabi::MAX_LAYOUT_TEXT;

use super::{
    BuiltIn, MAX_INSTANCES, MAX_MODULES, MAX_PARAM_BYTES, MAX_PARAMS, MAX_PORTS, MAX_RINGS, Plan,
    PlanEnd, PlanError, PlanGrant, PlanInstance, PlanItem, PlanPort, PlanRestart, PlanRing,
    RestartOn,
};

/// The first bytes of an encoded plan.
pub const PLAN_MAGIC: [u8; 8] = *b"OroPlan\0";
/// The version that this crate writes, and the only one that it reads.
pub const PLAN_VERSION: u32 = 4;

const HEADER_BYTES: usize = 24;
/// Keeps every count and the stated size within a u32.
const MAX_BODY_BYTES: usize = 1 << 30;
/// A text's length when it is wrong anyway: [`Plan::check`] has bounded all of them far below.
const LENGTH_BEYOND: u16 = u16::MAX;

/// Why bytes are no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They do not begin with [`PLAN_MAGIC`].
    Magic,
    /// The version that was found is not [`PLAN_VERSION`].
    Version(u32),
    /// The size that they state is not theirs.
    Size {
        /// Bytes that the header states.
        stated: u32,
        /// Bytes that were given.
        given: usize,
    },
    /// They were changed after they were written.
    Checksum,
    /// The value at this offset breaks the form.
    Form {
        /// Offset in bytes.
        offset: usize,
        /// What would be right.
        rule: &'static str,
    },
    /// The form is right, but a promise is broken.
    Plan(PlanError),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(formatter, "not a plan: it does not begin with `OroPlan`"),
            Self::Version(found) => {
                write!(formatter, "a plan of version {found}; this is version {PLAN_VERSION}")
            }
            Self::Size { stated, given } => {
                write!(formatter, "a plan of {stated} bytes, of which {given} are there")
            }
            Self::Checksum => write!(formatter, "the plan was damaged: its checksum differs"),
            Self::Form { offset, rule } => write!(formatter, "plan, byte {offset}: {rule}"),
            Self::Plan(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for DecodeError {}

impl Plan {
    /// Encodes the plan.
    ///
    /// # Errors
    ///
    /// The plan breaks a rule ([`Plan::check`]).
    ///
    /// ```
    /// let plan = oro_system::Plan::default();
    /// let bytes = plan.encode()?;
    /// assert_eq!(oro_system::Plan::decode(&bytes), Ok(plan));
    /// # Ok::<(), oro_system::PlanError>(())
    /// ```
    pub fn encode(&self) -> Result<Vec<u8>, PlanError> {
        self.check()?;
        let mut body = Vec::new();
        let rings = self.rings.len();
        for count in [self.modules.len(), rings, self.instances.len(), self.ports.len()] {
            put_count(&mut body, count);
        }
        for name in &self.modules {
            put_text(&mut body, name);
        }
        for ring in &self.rings {
            put_ring(&mut body, ring);
        }
        for instance in &self.instances {
            put_text(&mut body, &instance.name);
            body.extend(instance.ring.to_le_bytes());
            body.extend(instance.module.to_le_bytes());
            body.extend(instance.heap_bytes.to_le_bytes());
            body.extend(instance.memory_bytes.to_le_bytes());
            put_restart(&mut body, &instance.restart);
            put_count(&mut body, instance.modules.len());
            instance.modules.iter().for_each(|module| body.extend(module.to_le_bytes()));
        }
        let mut layouts = BTreeMap::new();
        for port in &self.ports {
            put_port(&mut body, port, &mut layouts);
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(PlanError { item: PlanItem::Plan, rule: "a plan has at most 1 GiB" });
        }
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend(PLAN_MAGIC);
        bytes.extend(PLAN_VERSION.to_le_bytes());
        put_count(&mut bytes, HEADER_BYTES + body.len());
        bytes.extend(hash(&body).to_le_bytes());
        bytes.extend(body);
        Ok(bytes)
    }

    /// Decodes a plan and checks all of it, whatever the bytes are.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { bytes, offset: 0 };
        if reader.take::<8>().ok() != Some(PLAN_MAGIC) {
            return Err(DecodeError::Magic);
        }
        let version = reader.u32()?;
        if version != PLAN_VERSION {
            return Err(DecodeError::Version(version));
        }
        let stated = reader.u32()?;
        if usize::try_from(stated) != Ok(bytes.len()) {
            return Err(DecodeError::Size { stated, given: bytes.len() });
        }
        let checksum = u64::from_le_bytes(reader.take()?);
        if checksum != hash(bytes.get(HEADER_BYTES..).unwrap_or_default()) {
            return Err(DecodeError::Checksum);
        }
        let plan = reader.plan()?;
        if reader.offset != bytes.len() {
            return Err(reader.fault("nothing follows the last Port"));
        }
        plan.check().map_err(DecodeError::Plan)?;
        Ok(plan)
    }
}

fn put_port<'a>(body: &mut Vec<u8>, port: &'a PlanPort, layouts: &mut BTreeMap<&'a str, u32>) {
    body.extend(port.slot_size_bytes.to_le_bytes());
    body.extend(port.stride_bytes.to_le_bytes());
    body.extend(port.slot_count.to_le_bytes());
    body.push(u8::from(port.is_forced_synchronous) | u8::from(port.drops_at_restart) << 1);
    if let Some(number) = layouts.get(port.layout.as_str()) {
        body.extend(number.to_le_bytes());
    } else {
        put_count(body, 0);
        put_text(body, &port.layout);
        let number = u32::try_from(layouts.len()).map_or(u32::MAX, |count| count + 1);
        layouts.insert(&port.layout, number);
    }
    put_end(body, &port.producer);
    put_end(body, &port.consumer);
}

fn put_ring(body: &mut Vec<u8>, ring: &PlanRing) {
    put_text(body, &ring.name);
    body.extend(ring.parent.to_le_bytes());
    body.extend(ring.memory_bytes.to_le_bytes());
    body.extend(ring.port_count.to_le_bytes());
    body.extend(ring.thread_count.to_le_bytes());
    put_count(body, ring.grants.len());
    for grant in &ring.grants {
        put_text(body, &grant.name);
        // A built-in one has 0, the others their number and one.
        body.extend(grant.instance.map_or(0, |instance| instance.saturating_add(1)).to_le_bytes());
    }
}

fn put_restart(body: &mut Vec<u8>, restart: &PlanRestart) {
    body.push(match restart.on {
        RestartOn::Never => return body.push(0),
        RestartOn::Fault => 1,
        RestartOn::Always => 2,
    });
    body.extend(restart.max.to_le_bytes());
    body.extend(restart.within_ns.to_le_bytes());
    body.extend(restart.backoff_ns.to_le_bytes());
}

fn put_end(body: &mut Vec<u8>, end: &PlanEnd) {
    match end {
        PlanEnd::Instance { instance, port, entry, element } => {
            body.push(0);
            for value in [instance, port, entry, element] {
                body.extend(value.to_le_bytes());
            }
        }
        PlanEnd::BuiltIn(BuiltIn::Stdin) => body.push(1),
        PlanEnd::BuiltIn(BuiltIn::Stdout) => body.push(2),
        PlanEnd::BuiltIn(BuiltIn::Log) => body.push(3),
        PlanEnd::BuiltIn(BuiltIn::FileRead(name)) => {
            body.push(4);
            put_text(body, name);
        }
        PlanEnd::BuiltIn(BuiltIn::FileWrite(name)) => {
            body.push(5);
            put_text(body, name);
        }
        PlanEnd::BuiltIn(BuiltIn::NullSource) => body.push(6),
        PlanEnd::BuiltIn(BuiltIn::NullSink) => body.push(7),
        PlanEnd::BuiltIn(BuiltIn::Clock) => body.push(8),
        PlanEnd::BuiltIn(BuiltIn::Params(params)) => {
            body.push(9);
            put_count(body, params.len());
            for (key, value) in params {
                put_text(body, key);
                put_text(body, value);
            }
        }
        PlanEnd::BuiltIn(BuiltIn::RingRequests) => body.push(10),
        PlanEnd::BuiltIn(BuiltIn::RingReplies) => body.push(11),
    }
}

/// Appends a count; [`Plan::check`] has bounded all of them.
fn put_count(body: &mut Vec<u8>, count: usize) {
    body.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(body: &mut Vec<u8>, text: &str) {
    body.extend(u16::try_from(text.len()).unwrap_or(LENGTH_BEYOND).to_le_bytes());
    body.extend(text.as_bytes());
}

/// FNV-1a, as for type ids (`TYPE-3`): a change of any one byte changes it.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Takes values off the front of the bytes; never looks past their end.
struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn plan(&mut self) -> Result<Plan, DecodeError> {
        let module_count = self.count(MAX_MODULES, "at most 4096 modules")?;
        let ring_count = self.count(MAX_RINGS - 1, "at most 1023 Rings below the root")?;
        let instance_count = self.count(MAX_INSTANCES, "at most 4096 instances")?;
        let port_count = self.count(MAX_PORTS, "at most 65536 Ports")?;
        let mut plan = Plan::default();
        for _ in 0..module_count {
            plan.modules.push(self.name()?);
        }
        for _ in 0..ring_count {
            plan.rings.push(self.ring()?);
        }
        for _ in 0..instance_count {
            plan.instances.push(self.instance()?);
        }
        let mut layouts = Vec::new();
        let mut known = BTreeSet::new();
        for _ in 0..port_count {
            plan.ports.push(self.port(&mut layouts, &mut known)?);
        }
        Ok(plan)
    }

    fn port(
        &mut self,
        layouts: &mut Vec<String>,
        known: &mut BTreeSet<String>,
    ) -> Result<PlanPort, DecodeError> {
        let slot_size_bytes = self.u32()?;
        let stride_bytes = self.u32()?;
        let slot_count = self.u32()?;
        let [flags] = self.take()?;
        if flags > 3 {
            return Err(self.fault("a Port's flags are 0 to 3"));
        }
        let layout = match self.u32()? {
            0 => {
                let most = usize::try_from(MAX_LAYOUT_TEXT).unwrap_or(usize::MAX);
                let text = self.text(most, "a layout text has at most 4095 bytes (LIM-9)")?;
                if !known.insert(text.clone()) {
                    return Err(self.fault("a layout text is stored once"));
                }
                layouts.push(text.clone());
                text
            }
            number => {
                let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
                let earlier = layouts.get(index).cloned();
                earlier.ok_or_else(|| self.fault("a layout's number is that of an earlier text"))?
            }
        };
        let producer = self.end()?;
        let consumer = self.end()?;
        Ok(PlanPort {
            slot_size_bytes,
            stride_bytes,
            slot_count,
            is_forced_synchronous: flags & 1 != 0,
            drops_at_restart: flags & 2 != 0,
            layout,
            producer,
            consumer,
        })
    }

    fn ring(&mut self) -> Result<PlanRing, DecodeError> {
        let mut ring = PlanRing {
            name: self.name()?,
            parent: self.u32()?,
            memory_bytes: u64::from_le_bytes(self.take()?),
            port_count: self.u32()?,
            thread_count: self.u32()?,
            grants: Vec::new(),
        };
        for _ in 0..self.count(MAX_INSTANCES, "at most 4096 grants")? {
            let name = self.name()?;
            ring.grants.push(PlanGrant { name, instance: self.u32()?.checked_sub(1) });
        }
        Ok(ring)
    }

    fn instance(&mut self) -> Result<PlanInstance, DecodeError> {
        let mut instance = PlanInstance {
            name: self.name()?,
            ring: self.u32()?,
            module: self.u32()?,
            heap_bytes: u64::from_le_bytes(self.take()?),
            memory_bytes: u64::from_le_bytes(self.take()?),
            restart: self.restart()?,
            modules: Vec::new(),
        };
        for _ in 0..self.count(MAX_MODULES, "at most 4096 modules that an instance may mount")? {
            instance.modules.push(self.u32()?);
        }
        Ok(instance)
    }

    fn restart(&mut self) -> Result<PlanRestart, DecodeError> {
        let on = match self.take()? {
            [0] => return Ok(PlanRestart::default()),
            [1] => RestartOn::Fault,
            [2] => RestartOn::Always,
            [_] => return Err(self.fault("a restart is 0 to 2")),
        };
        Ok(PlanRestart {
            on,
            max: self.u32()?,
            within_ns: u64::from_le_bytes(self.take()?),
            backoff_ns: u64::from_le_bytes(self.take()?),
        })
    }

    fn end(&mut self) -> Result<PlanEnd, DecodeError> {
        let [kind] = self.take()?;
        Ok(PlanEnd::BuiltIn(match kind {
            0 => {
                return Ok(PlanEnd::Instance {
                    instance: self.u32()?,
                    port: self.u32()?,
                    entry: self.u32()?,
                    element: self.u32()?,
                });
            }
            1 => BuiltIn::Stdin,
            2 => BuiltIn::Stdout,
            3 => BuiltIn::Log,
            4 => BuiltIn::FileRead(self.name()?),
            5 => BuiltIn::FileWrite(self.name()?),
            6 => BuiltIn::NullSource,
            7 => BuiltIn::NullSink,
            8 => BuiltIn::Clock,
            9 => {
                let count = self.count(MAX_PARAMS, "at most 1024 parameters")?;
                let mut params = Vec::new();
                for _ in 0..count {
                    let key = self.name()?;
                    let value = self.text(MAX_PARAM_BYTES, "a value has at most 248 bytes")?;
                    params.push((key, value));
                }
                BuiltIn::Params(params)
            }
            10 => BuiltIn::RingRequests,
            11 => BuiltIn::RingReplies,
            _ => return Err(self.fault("the kind of an end is 0 to 11")),
        }))
    }

    fn name(&mut self) -> Result<String, DecodeError> {
        self.text(31, "a name has at most 31 bytes (NOTE-6)")
    }

    fn text(&mut self, most_bytes: usize, rule: &'static str) -> Result<String, DecodeError> {
        let length = usize::from(u16::from_le_bytes(self.take()?));
        if length > most_bytes {
            return Err(self.fault(rule));
        }
        let end = self.offset.saturating_add(length);
        let Some(bytes) = self.bytes.get(self.offset..end) else {
            return Err(self.fault("the plan ends within a text"));
        };
        let Ok(text) = core::str::from_utf8(bytes) else {
            return Err(self.fault("a text is UTF-8"));
        };
        self.offset = end;
        Ok(text.to_string())
    }

    fn count(&mut self, most: u32, rule: &'static str) -> Result<u32, DecodeError> {
        let count = self.u32()?;
        if count > most { Err(self.fault(rule)) } else { Ok(count) }
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let Some(bytes) = rest.first_chunk::<N>() else {
            return Err(self.fault("the plan ends too early"));
        };
        self.offset += N;
        Ok(*bytes)
    }

    fn fault(&self, rule: &'static str) -> DecodeError {
        DecodeError::Form { offset: self.offset, rule }
    }
}
