//! Messages of `oro.ring.v1`: from bytes that say what is wanted by small numbers, and from a request.

use oro_image::Direction;
use oro_sysabi::{
    self as abi, CONTROL_RESTART_ALWAYS, CONTROL_RESTART_FAULT, CONTROL_RESTART_NEVER,
    ControlRequest, FieldEntry,
};
use oro_system::control::{EndName, ModuleName, Operation, Remounted, Request, Target, Wire};
use oro_system::{PlanEnd, PlanRestart, RestartOn};

use super::sim::{Kind, Sim, at, id};

pub(super) type Message = [u8; 512];

/// A request is made of these bytes: operation, Ring, `from`, `to`, Port, name, module, `from_port`, `to_port`, an element,
/// two numbers, and how they are put together.
pub(super) const RECORD_BYTES: usize = 13;

/// Names for what is new, good ones and bad.
const NAMES: [&str; 14] = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "alpha",
    "beta",
    "",
    "clock",
    "entropy",
    "two words",
    "a-name-that-is-31-bytes-long-yes",
    "\u{fc}ber",
];
/// Modules that nobody has, and built-in instances.
const MODULES: [&str; 8] =
    ["console", "clock", "null", "ring", "files", "relai", "entropy", "two words"];
const BUILT_INS: [&str; 16] = [
    "console.stdout",
    "console.log",
    "console.stdin",
    "clock.now",
    "null.bytes",
    "ring.requests",
    "ring.replies",
    "files.out",
    "files.in",
    "clock.new",
    "console.lug",
    "files.",
    "clocks.now",
    "console",
    "",
    "ring.requests",
];
const NUMBERS: [u64; 22] = [
    0,
    1,
    2,
    3,
    4,
    5,
    8,
    12,
    16,
    64,
    100,
    4096,
    5000,
    65_536,
    1 << 20,
    (1 << 20) + 1,
    2 << 20,
    8 << 20,
    64 << 30,
    (64 << 30) + 1,
    u32::MAX as u64,
    u64::MAX,
];
const TEXTS: [&str; 8] = ["1", "true", "hex", "-7", "007", "", "no number", "18446744073709551616"];

/// A message of chance that may well make sense: ids are among those that the holder sees, names among
/// those that there are.
pub(super) fn make(sim: &Sim, holder: u32, bytes: [u8; RECORD_BYTES]) -> Message {
    Chance::new(sim, holder, bytes).draft().bytes
}

/// Choices, each by a byte, among what a holder knows of.
struct Chance<'a> {
    sim: &'a Sim,
    holder: u32,
    /// The holder's Ring.
    reader: u32,
    /// Instances that it sees, and those that it has power over.
    seen: Vec<u32>,
    below: Vec<u32>,
    ports: Vec<u32>,
    bytes: [u8; RECORD_BYTES],
}

impl<'a> Chance<'a> {
    fn new(sim: &'a Sim, holder: u32, bytes: [u8; RECORD_BYTES]) -> Self {
        let reader = sim.ring_of(holder);
        let (seen, ports) = (sim.list_instances(reader), sim.list_ports(reader));
        let mut chance = Self { sim, holder, reader, seen, below: Vec::new(), ports, bytes };
        let seen = chance.seen.iter().copied();
        chance.below = seen.filter(|own| chance.is_below(sim.ring_of(*own))).collect();
        chance
    }

    fn is_below(&self, ring: u32) -> bool {
        ring != self.reader && self.sim.plan.is_within(ring, self.reader)
    }

    fn id(&self, byte: u8, kind: Kind, known: &[u32]) -> u64 {
        match byte {
            252 => 0,
            253 => id(self.reader + 1, kind, known.first().copied().unwrap_or(0)),
            254 => id(self.reader, kind, u32::from(self.bytes[11])),
            255 => u64::MAX,
            _ if known.is_empty() => 0,
            _ => id(self.reader, kind, pick(known, byte)),
        }
    }

    /// One that the holder has power over, as a rule.
    fn ring(&self, byte: u8) -> u64 {
        let mut rings = self.sim.list_rings(self.reader);
        rings.retain(|ring| byte >= 160 || self.is_below(*ring));
        self.id(byte, Kind::Ring, &rings)
    }

    /// Among which a byte chooses: as above.
    fn instances(&self, byte: u8) -> &[u32] {
        if byte < 160 && !self.below.is_empty() { &self.below } else { &self.seen }
    }

    fn instance(&self, byte: u8) -> u64 {
        self.id(byte, Kind::Instance, self.instances(byte))
    }

    fn image(&self, byte: u8) -> u64 {
        let own = self.sim.images.iter().filter(|image| image.holder == self.holder);
        let own: Vec<u32> = own.map(|image| image.module).collect();
        if own.is_empty() { byte.into() } else { id(self.holder, Kind::Image, pick(&own, byte)) }
    }

    /// Name of a module that it may mount, or of something else.
    fn module(&self, byte: u8) -> &'a str {
        let granted = &at(&self.sim.plan.instances, self.holder).modules;
        let granted = granted.iter().map(|module| at(&self.sim.plan.modules, *module).as_str());
        let mut names: Vec<&str> = granted.collect();
        if byte >= 160 || names.is_empty() {
            names.extend(MODULES);
        }
        pick(&names, byte)
    }

    /// A port of an instance, as a rule of this direction; or one of nobody.
    fn port_name(&self, instance: u8, byte: u8, direction: Direction) -> &'a str {
        let instances = self.instances(instance);
        let own = instances.get(usize::from(instance) % instances.len().max(1));
        let ports = own.into_iter().flat_map(|own| &self.sim.interface_of(*own).ports);
        let ports = ports.filter(|port| byte >= 240 || port.direction == direction);
        let names: Vec<&str> = ports.map(|port| port.name.as_str()).collect();
        if byte == 255 || names.is_empty() { "no-port" } else { pick(&names, byte) }
    }

    fn draft(&self) -> Draft {
        let [operation, ring, from, _, port, name, module, .., element, size, more, how] =
            self.bytes;
        let operation = match operation {
            252.. => u32::from(operation % 4) * 17,
            _ => u32::from(operation) % 16 + 1,
        };
        let mut draft = Draft::new(operation);
        match operation {
            abi::CONTROL_CREATE => draft
                .number("ring", self.ring(ring))
                .text("name", pick(&NAMES, name))
                .number("memory_bytes", pick(&NUMBERS, size))
                .number("port_count", small(more))
                .number("thread_count", small(element)),
            abi::CONTROL_REMOUNT if how & 1 == 0 => {
                draft.number("ring", self.ring(ring)).number("from", self.instance(from))
            }
            abi::CONTROL_REMOUNT => {
                let names = if how & 2 == 0 { pick(&MODULES, module) } else { self.module(module) };
                draft.number("ring", self.ring(ring)).text("module", names)
            }
            abi::CONTROL_LOAD => draft
                .number("address", u64::from(more) << 12)
                .number("size_bytes", pick(&NUMBERS, size)),
            abi::CONTROL_MOUNT => self.mount(&mut draft),
            abi::CONTROL_PARAM => self.give(&mut draft),
            abi::CONTROL_WIRE => self.wire(&mut draft),
            abi::CONTROL_START | abi::CONTROL_END | abi::CONTROL_FORGET if how & 1 == 0 => {
                draft.number("from", self.instance(from))
            }
            abi::CONTROL_START | abi::CONTROL_END | abi::CONTROL_FORGET | abi::CONTROL_DESCRIBE => {
                draft.number("ring", self.ring(ring))
            }
            abi::CONTROL_RESTART => draft.number("from", self.instance(from)),
            abi::CONTROL_REPLACE => self.run(draft.number("from", self.instance(from))),
            abi::CONTROL_TRANSFER => self.transfer(&mut draft),
            _ => draft.number("port", self.id(port, Kind::Port, &self.ports)),
        };
        draft
    }

    /// What an instance is to run.
    fn run<'d>(&self, draft: &'d mut Draft) -> &'d mut Draft {
        let [.., module, _, _, element, _, _, how] = self.bytes;
        if how & 15 == 0 {
            draft.number("image", self.image(element))
        } else {
            draft.text("module", self.module(module))
        }
    }

    fn mount<'d>(&self, draft: &'d mut Draft) -> &'d mut Draft {
        let [_, ring, from, to, _, name, _, _, _, element, size, more, how] = self.bytes;
        draft.number("ring", self.ring(ring)).text("name", pick(&NAMES, name));
        self.run(draft).number("heap_bytes", pick(&NUMBERS, size));
        if how & 48 == 48 {
            draft.number("memory_bytes", pick(&NUMBERS, more));
        }
        if how & 192 == 192 {
            draft.number("restart", u64::from(element) % 4).number("restart_max", small(more) % 9);
            draft.number("restart_within_ns", pick(&NUMBERS, from));
            draft.number("restart_backoff_ns", pick(&NUMBERS, to));
        }
        draft
    }

    fn give<'d>(&self, draft: &'d mut Draft) -> &'d mut Draft {
        let [_, _, from, _, _, name, _, _, _, _, size, _, how] = self.bytes;
        // Few modules have parameters: the last that does.
        let has_params = |own: &&u32| !self.sim.interface_of(**own).params.is_empty();
        let tuned = self.below.iter().rfind(has_params).filter(|_| from < 160);
        let params = tuned.into_iter().flat_map(|own| &self.sim.interface_of(*own).params);
        let names: Vec<&str> = params.map(|param| param.name.as_str()).collect();
        let id = match tuned {
            Some(own) => id(self.reader, Kind::Instance, *own),
            None => self.instance(from),
        };
        let long = "x".repeat(usize::from(size));
        let value = if how & 15 == 0 { &*long } else { pick(&TEXTS, size) };
        let key = if names.is_empty() { "count" } else { pick(&names, name) };
        draft.number("from", id).text("name", key).text("text", value)
    }

    fn wire<'d>(&self, draft: &'d mut Draft) -> &'d mut Draft {
        let [_, _, from, to, _, _, _, from_port, to_port, element, size, more, how] = self.bytes;
        let mut end = |bits: u8, [instance, port]: [&str; 2], who, what, direction| {
            if how & bits == 0 {
                draft.text(port, pick(&BUILT_INS, what));
            } else {
                draft.number(instance, self.instance(who));
                draft.text(port, self.port_name(who, what, direction));
            }
        };
        end(6, ["from", "from_port"], from, from_port, Direction::Producer);
        end(24, ["to", "to_port"], to, to_port, Direction::Consumer);
        let side = if how & 1 == 0 { "from_element" } else { "to_element" };
        draft.number(
            side,
            match element {
                0..100 => 0,
                100..200 => u64::from(element) % 3,
                _ => u64::from(element),
            },
        );
        if how & 128 != 0 {
            draft.number("slot_count", small(size)).number("slot_size_bytes", small(more));
        }
        draft
    }

    fn transfer<'d>(&self, draft: &'d mut Draft) -> &'d mut Draft {
        let [_, _, from, _, port, _, _, _, to_port, element, .., how] = self.bytes;
        // Whose end it is, as a rule.
        let own = self.ports.get(usize::from(port) % self.ports.len().max(1));
        let own = own.map(|own| at(&self.sim.plan.ports, *own));
        let end = own.map(|own| if how & 2 == 0 { &own.producer } else { &own.consumer });
        let (owner, name) = match end {
            Some(PlanEnd::Instance { instance, .. }) if how & 1 == 0 => {
                let ports = &self.sim.interface_of(*instance).ports;
                let name = &ports[usize::from(to_port) % ports.len()].name;
                (id(self.reader, Kind::Instance, *instance), name.as_str())
            }
            _ => (self.instance(from), self.port_name(from, to_port, Direction::Consumer)),
        };
        let port = self.id(port, Kind::Port, &self.ports);
        draft.number("port", port).number("from", owner).text("to_port", name);
        draft.number("to_element", u64::from(element) % 3)
    }
}

fn pick<T: Copy>(list: &[T], byte: u8) -> T {
    list[usize::from(byte) % list.len()]
}

/// A number of 32 bits.
fn small(byte: u8) -> u64 {
    pick(&NUMBERS, byte) & u64::from(u32::MAX)
}

/// A message that is written.
struct Draft {
    bytes: Message,
}

impl Draft {
    fn new(operation: u32) -> Self {
        let mut draft = Self { bytes: [0; 512] };
        draft.number("correlation", 0x1234_5678_9abc).number("operation", operation.into());
        draft
    }

    fn number(&mut self, name: &str, value: u64) -> &mut Self {
        let field = find_field(name);
        assert!(field.size_bytes == 8 || value <= u32::MAX.into(), "`{name}` is too small");
        self.put(name, &value.to_le_bytes()[..field.size_bytes])
    }

    /// As much of a text as there is room for; `text` brings its length.
    fn text(&mut self, name: &str, text: &str) -> &mut Self {
        let mut length = text.len().min(find_field(name).size_bytes);
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        if name == "text" {
            self.number("text_length", u64::try_from(length).expect("it is small"));
        }
        self.put(name, &text.as_bytes()[..length])
    }

    fn put(&mut self, name: &str, value: &[u8]) -> &mut Self {
        let offset = find_field(name).offset_bytes;
        self.bytes[offset..offset + value.len()].copy_from_slice(value);
        self
    }

    fn end(&mut self, [instance, port, element]: [&str; 3], end: &EndName) -> &mut Self {
        self.number(instance, end.instance)
            .text(port, &end.port)
            .number(element, end.element.into())
    }

    fn target(&mut self, target: Target) -> &mut Self {
        match target {
            Target::Instance(id) => self.number("from", id),
            Target::Ring(id) => self.number("ring", id),
        }
    }

    fn module_name(&mut self, module: &ModuleName) -> &mut Self {
        match module {
            ModuleName::Image(id) => self.number("image", *id),
            ModuleName::Granted(name) => self.text("module", name),
        }
    }

    fn restart(&mut self, restart: &PlanRestart) -> &mut Self {
        let on = match restart.on {
            RestartOn::Never => CONTROL_RESTART_NEVER,
            RestartOn::Fault => CONTROL_RESTART_FAULT,
            RestartOn::Always => CONTROL_RESTART_ALWAYS,
        };
        self.number("restart", on.into())
            .number("restart_max", restart.max.into())
            .number("restart_within_ns", restart.within_ns)
            .number("restart_backoff_ns", restart.backoff_ns)
    }
}

fn find_field(name: &str) -> &'static FieldEntry {
    let field = ControlRequest::LAYOUT.fields.iter().find(|field| field.name == name);
    field.unwrap_or_else(|| panic!("there is no field `{name}`"))
}

/// The one message that says this: all that its operation does not name is zero (`CTL-2`).
pub(super) fn encode(request: &Request) -> Message {
    let mut draft = Draft { bytes: [0; 512] };
    let number = match &request.operation {
        Operation::Create { ring, name, memory_bytes, port_count, thread_count } => {
            draft.number("ring", *ring).text("name", name).number("memory_bytes", *memory_bytes);
            draft.number("port_count", (*port_count).into());
            draft.number("thread_count", (*thread_count).into());
            abi::CONTROL_CREATE
        }
        Operation::Remount { ring, what } => {
            draft.number("ring", *ring);
            match what {
                Remounted::Instance(id) => draft.number("from", *id),
                Remounted::BuiltIn(name) => draft.text("module", name),
            };
            abi::CONTROL_REMOUNT
        }
        Operation::Load { address, size_bytes } => {
            draft.number("address", *address).number("size_bytes", *size_bytes);
            abi::CONTROL_LOAD
        }
        Operation::Mount { ring, module, name, heap_bytes, memory_bytes, restart } => {
            draft.number("ring", *ring).module_name(module).text("name", name).restart(restart);
            draft.number("heap_bytes", *heap_bytes).number("memory_bytes", *memory_bytes);
            abi::CONTROL_MOUNT
        }
        Operation::Param { instance, name, value } => {
            draft.number("from", *instance).text("name", name).text("text", value);
            abi::CONTROL_PARAM
        }
        Operation::Wire(Wire { from, to, slot_count, slot_size_bytes }) => {
            draft.end(["from", "from_port", "from_element"], from);
            draft.end(["to", "to_port", "to_element"], to);
            draft.number("slot_count", (*slot_count).into());
            draft.number("slot_size_bytes", (*slot_size_bytes).into());
            abi::CONTROL_WIRE
        }
        Operation::Start(target) => (draft.target(*target), abi::CONTROL_START).1,
        Operation::End(target) => (draft.target(*target), abi::CONTROL_END).1,
        Operation::Forget(target) => (draft.target(*target), abi::CONTROL_FORGET).1,
        Operation::Restart(id) => (draft.number("from", *id), abi::CONTROL_RESTART).1,
        Operation::Replace { instance, module } => {
            draft.number("from", *instance).module_name(module);
            abi::CONTROL_REPLACE
        }
        Operation::Force(port) => (draft.number("port", *port), abi::CONTROL_FORCE).1,
        Operation::Allow(port) => (draft.number("port", *port), abi::CONTROL_ALLOW).1,
        Operation::Revoke(port) => (draft.number("port", *port), abi::CONTROL_REVOKE).1,
        Operation::Transfer { port, instance, to } => {
            assert_eq!(to.instance, *instance, "one field has both");
            draft.number("port", *port).end(["from", "to_port", "to_element"], to);
            abi::CONTROL_TRANSFER
        }
        Operation::Describe(ring) => (draft.number("ring", *ring), abi::CONTROL_DESCRIBE).1,
    };
    draft.number("operation", number.into()).number("correlation", request.correlation);
    draft.bytes
}
