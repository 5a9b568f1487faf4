//! What holders of Ring control may well ask, as whole messages: seeds of the target `control`.
//!
//! Numbers are those of `src/control/systems`: new things have the next ones. Ids are as in `src/control/sim.rs`.

use oro_sysabi::{self as abi, ControlRequest};

use super::Seed;

enum Value {
    N(u64),
    T(&'static str),
}
use Value::{N, T};

const fn id(reader: u64, kind: u64, number: u64) -> Value {
    N((reader + 1) << 40 | kind << 32 | number)
}

/// A holder, by its place among all of a system, and the number of its Ring.
#[derive(Clone, Copy)]
struct Holder {
    place: u8,
    ring: u64,
}

impl Holder {
    const fn ring(self, number: u64) -> Value {
        id(self.ring, 1, number)
    }

    const fn instance(self, number: u64) -> Value {
        id(self.ring, 2, number)
    }

    const fn port(self, number: u64) -> Value {
        id(self.ring, 3, number)
    }

    /// A step: it asks this.
    fn asks(self, operation: u32, fields: &[(&str, Value)]) -> Vec<u8> {
        let mut message = vec![0; 512];
        let mut put = |name: &str, value: &[u8]| {
            let field = ControlRequest::LAYOUT.fields.iter().find(|field| field.name == name);
            let offset = field.unwrap().offset_bytes;
            message[offset..offset + value.len()].copy_from_slice(value);
        };
        put("correlation", &7_u64.to_le_bytes());
        put("operation", &operation.to_le_bytes());
        for (name, value) in fields {
            match value {
                N(number) if number >> 32 == 0 => put(name, &number.to_le_bytes()[..4]),
                N(number) => put(name, &number.to_le_bytes()),
                T(text) => put(name, text.as_bytes()),
            }
        }
        message.truncate(message.iter().rposition(|byte| *byte != 0).unwrap() + 1);
        let length = u16::try_from(message.len()).unwrap().to_le_bytes();
        [&[15, self.place, 0], &length[..], &message].concat()
    }

    fn wires(
        self,
        from: (Value, &'static str),
        to: (Value, &'static str),
        element: u64,
    ) -> Vec<u8> {
        let ends = [("from", from.0), ("from_port", T(from.1)), ("to", to.0), ("to_port", T(to.1))];
        let mut fields = Vec::from(ends);
        fields.push(("to_element", N(element)));
        self.asks(abi::CONTROL_WIRE, &fields)
    }
}

const FAMILY: u8 = 0;
const DEEP: u8 = 1;
const TIGHT: u8 = 2;
const SIBLING: Holder = Holder { place: 1, ring: 1 };
const HOUSE: Holder = Holder { place: 2, ring: 3 };
const CELLAR: Holder = Holder { place: 3, ring: 4 };
const DEEPEST: Holder = Holder { place: 1, ring: 5 };
const ROOMY: Holder = Holder { place: 1, ring: 1 };

/// A Ring from its beginning to its end.
fn live() -> Vec<Vec<u8>> {
    let by = HOUSE;
    let alpha = || ("ring", by.ring(6));
    let mount = |module, name| {
        by.asks(abi::CONTROL_MOUNT, &[alpha(), ("module", T(module)), ("name", T(name))])
    };
    vec![
        by.asks(
            abi::CONTROL_CREATE,
            &[("ring", by.ring(3)), ("name", T("alpha")), ("port_count", N(4))],
        ),
        by.asks(abi::CONTROL_REMOUNT, &[alpha(), ("module", T("console"))]),
        mount("two", "first"),
        by.asks(
            abi::CONTROL_MOUNT,
            &[
                alpha(),
                ("module", T("relay")),
                ("name", T("second")),
                ("heap_bytes", N(4096)),
                ("restart", N(2)),
                ("restart_max", N(3)),
                ("restart_within_ns", N(9)),
            ],
        ),
        mount("tuned", "third"),
        by.asks(
            abi::CONTROL_PARAM,
            &[
                ("from", by.instance(13)),
                ("name", T("count")),
                ("text_length", N(1)),
                ("text", T("7")),
            ],
        ),
        by.wires((by.instance(11), "a"), (by.instance(12), "in"), 0),
        by.wires((by.instance(12), "out"), (by.instance(6), "request"), 1),
        by.wires((by.instance(13), "out"), (N(0), "console.stdout"), 0),
        by.asks(abi::CONTROL_START, &[alpha()]),
        by.asks(abi::CONTROL_DESCRIBE, &[alpha()]),
        by.asks(abi::CONTROL_FORCE, &[("port", by.port(14))]),
        by.asks(abi::CONTROL_ALLOW, &[("port", by.port(14))]),
        by.asks(
            abi::CONTROL_TRANSFER,
            &[("port", by.port(14)), ("from", by.instance(11)), ("to_port", T("b"))],
        ),
        by.asks(abi::CONTROL_RESTART, &[("from", by.instance(12))]),
        by.asks(abi::CONTROL_REPLACE, &[("from", by.instance(12)), ("module", T("relay"))]),
        by.asks(abi::CONTROL_REVOKE, &[("port", by.port(15))]),
        by.asks(abi::CONTROL_END, &[("from", by.instance(13))]),
        by.asks(abi::CONTROL_FORGET, &[("from", by.instance(13))]),
        by.asks(abi::CONTROL_END, &[alpha()]),
        by.asks(abi::CONTROL_FORGET, &[alpha()]),
    ]
}

/// Images of two holders, which have one name.
fn load() -> Vec<Vec<u8>> {
    let image = ("image", id(5, 4, 11));
    let load =
        |by: Holder| by.asks(abi::CONTROL_LOAD, &[("address", N(0x3000)), ("size_bytes", N(5000))]);
    vec![
        load(HOUSE),
        load(SIBLING),
        HOUSE.asks(abi::CONTROL_MOUNT, &[("ring", HOUSE.ring(4)), image, ("name", T("loaded"))]),
        HOUSE.asks(abi::CONTROL_REPLACE, &[("from", HOUSE.instance(9)), ("image", id(5, 4, 11))]),
        // Another holder's, and none.
        SIBLING.asks(
            abi::CONTROL_MOUNT,
            &[("ring", SIBLING.ring(2)), ("image", id(5, 4, 11)), ("name", T("loaded"))],
        ),
        HOUSE.asks(abi::CONTROL_LOAD, &[("address", N(0x1000)), ("size_bytes", N(0xffff_ffff))]),
    ]
}

/// Elements whose Port is over are wired again; and a holder is made, which asks.
fn again() -> Vec<Vec<u8>> {
    let by = HOUSE;
    let made = Holder { place: 4, ring: 5 };
    vec![
        vec![14, 9, 1],
        vec![13, 12, 1],
        by.wires((by.instance(10), "a"), (by.instance(6), "request"), 1),
        vec![14, 6, 2],
        vec![14, 6, 3],
        by.asks(abi::CONTROL_REMOUNT, &[("ring", by.ring(4)), ("from", by.instance(6))]),
        CELLAR.asks(abi::CONTROL_REMOUNT, &[("ring", CELLAR.ring(5)), ("module", T("ring"))]),
        CELLAR.asks(abi::CONTROL_END, &[("ring", CELLAR.ring(5))]),
        made.asks(abi::CONTROL_DESCRIBE, &[("ring", made.ring(5))]),
    ]
}

/// What a holder has no power over, and what it does not see.
fn attack() -> Vec<Vec<u8>> {
    let by = SIBLING;
    let mut steps = Vec::new();
    for ring in [0, 1, 3, 4, 99] {
        let ring = || ("ring", by.ring(ring));
        steps.push(by.asks(abi::CONTROL_END, &[ring()]));
        steps.push(by.asks(abi::CONTROL_CREATE, &[ring(), ("name", T("alpha"))]));
        steps
            .push(by.asks(abi::CONTROL_MOUNT, &[ring(), ("module", T("tuned")), ("name", T("a"))]));
    }
    for instance in [0, 1, 2, 3, 5, 99] {
        let from = || ("from", by.instance(instance));
        steps.push(by.asks(abi::CONTROL_RESTART, &[from()]));
        steps.push(by.asks(abi::CONTROL_REMOUNT, &[("ring", by.ring(2)), from()]));
        steps.push(by.wires((by.instance(2), "feed"), (by.instance(instance), "request"), 1));
    }
    for port in [0, 3, 5, 6, 7, 99] {
        steps.push(by.asks(abi::CONTROL_REVOKE, &[("port", by.port(port))]));
    }
    steps.push(by.asks(abi::CONTROL_REVOKE, &[("port", HOUSE.port(13))]));
    steps
}

/// What is no request.
fn spoil() -> Vec<Vec<u8>> {
    let by = HOUSE;
    let ring = || ("ring", by.ring(4));
    vec![
        by.asks(0, &[]),
        by.asks(17, &[]),
        by.asks(abi::CONTROL_DESCRIBE, &[ring(), ("flags", N(1))]),
        by.asks(abi::CONTROL_DESCRIBE, &[ring(), ("reserved1", N(1))]),
        by.asks(abi::CONTROL_START, &[ring(), ("from", by.instance(9))]),
        by.asks(abi::CONTROL_CREATE, &[ring(), ("name", T("a\0b"))]),
        by.asks(abi::CONTROL_CREATE, &[ring(), ("name", T("clock"))]),
        by.asks(
            abi::CONTROL_PARAM,
            &[("from", by.instance(9)), ("name", T("count")), ("text_length", N(193))],
        ),
        by.asks(abi::CONTROL_DESCRIBE, &[ring()]),
    ]
}

/// As deep as it goes.
fn deepen() -> Vec<Vec<u8>> {
    let by = DEEPEST;
    let create =
        |ring| by.asks(abi::CONTROL_CREATE, &[("ring", by.ring(ring)), ("name", T("alpha"))]);
    vec![create(6), create(7), create(8), create(5), create(5)]
}

/// Until there is no room.
fn fill() -> Vec<Vec<u8>> {
    let by = ROOMY;
    let ring = |number| ("ring", by.ring(number));
    let quota =
        [ring(2), ("name", T("alpha")), ("memory_bytes", N(400_000)), ("thread_count", N(8))];
    let mut steps = vec![by.asks(abi::CONTROL_CREATE, &quota)];
    for (number, name) in [(3, "a"), (3, "b"), (2, "c"), (2, "d"), (2, "e")] {
        let fields =
            [ring(number), ("module", T("two")), ("name", T(name)), ("heap_bytes", N(4096))];
        steps.push(by.asks(abi::CONTROL_MOUNT, &fields));
    }
    for (from, to) in [("a", "d"), ("b", "d"), ("c", "e")] {
        steps.push(by.wires((by.instance(4), from), (by.instance(5), to), 0));
    }
    let large = [
        ("from", by.instance(5)),
        ("from_port", T("b")),
        ("to", by.instance(4)),
        ("to_port", T("d")),
        ("slot_count", N(0x10000)),
    ];
    steps.push(by.asks(abi::CONTROL_WIRE, &large));
    steps
}

/// A Ring that has room for the stacks of an instance and for no page more: not for cells either.
fn brim() -> Vec<Vec<u8>> {
    let by = ROOMY;
    let quota = ("memory_bytes", N(0x20000));
    vec![
        by.asks(abi::CONTROL_CREATE, &[("ring", by.ring(1)), ("name", T("alpha")), quota]),
        by.asks(
            abi::CONTROL_MOUNT,
            &[("ring", by.ring(4)), ("module", T("two")), ("name", T("a"))],
        ),
        by.wires((by.instance(1), "feed"), (by.instance(4), "d"), 0),
        by.wires((by.instance(4), "a"), (by.instance(1), "told"), 0),
        by.asks(abi::CONTROL_START, &[("ring", by.ring(4))]),
    ]
}

pub(crate) fn make_control() -> Vec<Seed> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    let real = [
        ("live", FAMILY, live()),
        ("load", FAMILY, load()),
        ("again", FAMILY, again()),
        ("attack", FAMILY, attack()),
        ("spoil", FAMILY, spoil()),
        ("deepen", DEEP, deepen()),
        ("fill", TIGHT, fill()),
        ("brim", TIGHT, brim()),
    ];
    let mut seeds: Vec<Seed> = real
        .into_iter()
        .map(|(name, system, steps)| {
            (format!("seed-{name}"), [vec![system], steps.concat()].concat())
        })
        .collect();
    // Requests by small numbers, whose form a fuzzer fills with sense.
    for index in 0..12_u8 {
        let steps = (0..60).flat_map(|_| {
            let kind = next() % 13;
            [kind].into_iter().chain((0..15).map(|_| next())).collect::<Vec<u8>>()
        });
        seeds.push((format!("seed-{index}"), [index].into_iter().chain(steps).collect()));
    }
    seeds
}
