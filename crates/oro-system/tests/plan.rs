//! The plan as bytes: round trips, damage, and every promise broken once (`SYS-9`).

use oro_sysabi::{
    BYTES_LAYOUT, CONTROL_LAYOUT, CONTROL_REPLY_LAYOUT, LOG_LAYOUT, PARAMS_LAYOUT, TIME_LAYOUT,
};
use oro_system::{
    BuiltIn, DecodeError, Plan, PlanEnd, PlanError, PlanGrant, PlanInstance, PlanItem, PlanPort,
    PlanRestart, PlanRing, RestartOn,
};
use proptest::prelude::*;

fn end(instance: u32, port: u32, entry: u32) -> PlanEnd {
    PlanEnd::Instance { instance, port, entry, element: 0 }
}

fn port(layout: &str, producer: PlanEnd, consumer: PlanEnd) -> PlanPort {
    PlanPort {
        slot_size_bytes: 16,
        stride_bytes: 16,
        slot_count: 16,
        is_forced_synchronous: false,
        drops_at_restart: false,
        layout: layout.to_owned(),
        producer,
        consumer,
    }
}

fn grant(name: &str, instance: Option<u32>) -> PlanGrant {
    PlanGrant { name: name.to_owned(), instance }
}

/// A plan with every kind of end in it, and Rings.
fn sample() -> Plan {
    let built_in = PlanEnd::BuiltIn;
    let params = vec![("encoding".to_owned(), "hex".to_owned()), ("n".to_owned(), String::new())];
    Plan {
        modules: vec!["sha256".to_owned(), "parser".to_owned()],
        rings: vec![
            PlanRing {
                name: "outer".to_owned(),
                memory_bytes: 8 << 20,
                grants: vec![grant("clock", None), grant("hash", Some(0))],
                ..PlanRing::default()
            },
            PlanRing {
                name: "inner".to_owned(),
                parent: 1,
                port_count: 9,
                thread_count: 3,
                grants: vec![grant("hash", Some(0))],
                ..PlanRing::default()
            },
        ],
        instances: vec![
            PlanInstance {
                name: "hash".to_owned(),
                ring: 0,
                module: 0,
                heap_bytes: 256 << 10,
                memory_bytes: 0,
                restart: PlanRestart::default(),
                modules: vec![0, 1],
            },
            PlanInstance {
                name: "parse".to_owned(),
                ring: 2,
                module: 1,
                heap_bytes: 0,
                memory_bytes: 8 << 20,
                restart: PlanRestart {
                    on: RestartOn::Always,
                    max: 3,
                    within_ns: 60_000_000_000,
                    backoff_ns: 0,
                },
                modules: Vec::new(),
            },
        ],
        ports: vec![
            port(BYTES_LAYOUT, built_in(BuiltIn::Stdin), end(0, 0, 0)),
            port(BYTES_LAYOUT, end(0, 1, 0), built_in(BuiltIn::Stdout)),
            port("demo.num.v1{value:u64,}", end(0, 2, 0), end(1, 0, 0)),
            port(LOG_LAYOUT, end(1, 1, 1), built_in(BuiltIn::Log)),
            port(BYTES_LAYOUT, built_in(BuiltIn::FileRead("in".to_owned())), end(1, 2, 0)),
            port(BYTES_LAYOUT, end(1, 3, 0), built_in(BuiltIn::FileWrite("out".to_owned()))),
            port(BYTES_LAYOUT, built_in(BuiltIn::NullSource), end(1, 4, 0)),
            port("demo.num.v1{value:u64,}", end(1, 5, 0), built_in(BuiltIn::NullSink)),
            port(TIME_LAYOUT, built_in(BuiltIn::Clock), end(1, 6, 0)),
            port(PARAMS_LAYOUT, built_in(BuiltIn::Params(params)), end(0, 7, 0)),
            port("demo.num.v1{value:u64,}", end(0, 8, 1), end(0, 9, 0)),
            port(CONTROL_LAYOUT, end(0, 10, 0), built_in(BuiltIn::RingRequests)),
            port(CONTROL_REPLY_LAYOUT, built_in(BuiltIn::RingReplies), end(0, 11, 0)),
        ],
    }
}

/// Writes the checksum anew, so that what lies behind it is tried too.
fn reseal(bytes: &mut [u8]) {
    let hash = bytes[24..].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    bytes[16..24].copy_from_slice(&hash.to_le_bytes());
}

#[test]
fn sys_9_a_plan_survives_the_round_trip() {
    for plan in [Plan::default(), sample()] {
        let bytes = plan.encode().unwrap();
        assert_eq!(Plan::decode(&bytes), Ok(plan));
    }
}

#[test]
fn sys_9_equal_layouts_are_stored_once() {
    let bytes = sample().encode().unwrap();
    let text = b"oro.bytes.v1{";
    assert_eq!(bytes.windows(text.len()).filter(|window| window == text).count(), 1);
    assert!(bytes.len() < 1700, "{} bytes", bytes.len());
}

#[test]
fn sys_9_a_layout_that_is_stored_twice_is_refused() {
    let mut plan = sample();
    plan.ports[2].layout = "demo.a.v1{}".to_owned();
    plan.ports[7].layout = "demo.b.v1{}".to_owned();
    let mut bytes = plan.encode().unwrap();
    let at = bytes.windows(6).position(|window| window == b"demo.b").unwrap();
    bytes[at + 5] = b'a';
    reseal(&mut bytes);
    let error = Plan::decode(&bytes).unwrap_err();
    assert!(error.to_string().contains("stored once"), "{error}");
}

#[test]
fn sys_9_every_changed_byte_is_noticed() {
    let bytes = sample().encode().unwrap();
    for offset in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[offset] ^= 1 << bit;
            assert!(Plan::decode(&damaged).is_err(), "byte {offset}, bit {bit}");
        }
    }
}

#[test]
fn sys_9_every_truncation_is_noticed() {
    let bytes = sample().encode().unwrap();
    for length in 0..bytes.len() {
        assert!(Plan::decode(&bytes[..length]).is_err(), "{length} bytes");
        // As if it had been written that short.
        if length >= 24 {
            let mut short = bytes[..length].to_vec();
            short[12..16].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
            reseal(&mut short);
            assert!(
                matches!(Plan::decode(&short), Err(DecodeError::Form { .. })),
                "{length} bytes, resealed"
            );
        }
    }
    let mut long = bytes.clone();
    long.push(0);
    assert!(matches!(Plan::decode(&long), Err(DecodeError::Size { .. })));
}

/// Behind the checksum: a change is refused, or is another plan that is written just so.
#[test]
fn sys_9_resealed_damage_is_refused_or_canonical() {
    let bytes = sample().encode().unwrap();
    let mut refused = 0;
    for offset in 24..bytes.len() {
        for value in [0, 1, 2, 9, 10, 12, 0x7f, 0x80, 0xff, bytes[offset] ^ 1] {
            let mut changed = bytes.clone();
            changed[offset] = value;
            reseal(&mut changed);
            match Plan::decode(&changed) {
                Ok(plan) => assert_eq!(plan.encode(), Ok(changed), "byte {offset} as {value}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 1000, "only {refused} refused");
}

#[test]
fn sys_9_headers_are_told_apart() {
    let bytes = sample().encode().unwrap();
    let with = |offset: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[offset] = value;
        Plan::decode(&changed)
    };
    assert_eq!(Plan::decode(b""), Err(DecodeError::Magic));
    assert_eq!(with(0, b'o'), Err(DecodeError::Magic));
    assert_eq!(with(8, 5), Err(DecodeError::Version(5)));
    assert!(matches!(with(15, 1), Err(DecodeError::Size { .. })));
    assert_eq!(with(24, 0xee), Err(DecodeError::Checksum));
}

/// Every promise of a plan is checked: on the way out and on the way in.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn sys_9_every_broken_promise_is_named() {
    type Break = fn(&mut Plan);
    let item = |item, rule| (item, rule);
    let breaks: Vec<(Break, (PlanItem, &str))> = vec![
        (|plan| plan.modules[1] = "sha256".into(), item(PlanItem::Module(1), "same name")),
        (|plan| plan.modules[0].clear(), item(PlanItem::Module(0), "NOTE-6")),
        (|plan| plan.instances[1].name = "hash".into(), item(PlanItem::Ring(2), "same name")),
        (|plan| plan.instances[0].name = "outer".into(), item(PlanItem::Instance(0), "same name")),
        (|plan| plan.instances[0].ring = 3, item(PlanItem::Instance(0), "no such Ring")),
        (|plan| plan.rings[1].port_count = 5, item(PlanItem::Ring(2), "RING-9")),
        // Those of a Ring's descendants are its own as well.
        (|plan| plan.rings[0].port_count = 5, item(PlanItem::Ring(1), "RING-9")),
        (|plan| plan.rings[0].name = "clock".into(), item(PlanItem::Ring(1), "built-in")),
        (|plan| plan.rings[0].name = "a/b".into(), item(PlanItem::Ring(1), "NOTE-6")),
        (|plan| plan.rings[0].parent = 1, item(PlanItem::Ring(1), "comes before")),
        (|plan| plan.rings[0].grants.reverse(), item(PlanItem::Ring(1), "order of names")),
        (|plan| plan.rings[0].grants[0].name = "bell".into(), item(PlanItem::Ring(1), "built-in")),
        (
            |plan| plan.rings[0].grants[1].instance = Some(7),
            item(PlanItem::Ring(1), "no such instance"),
        ),
        (|plan| plan.rings[0].grants[1].instance = Some(1), item(PlanItem::Ring(1), "RING-6")),
        (|plan| plan.rings[1].grants[0] = grant("null", None), item(PlanItem::Ring(2), "RING-6")),
        (
            |plan| {
                for parent in 2..9 {
                    let name = format!("r{parent}");
                    plan.rings.push(PlanRing { name, parent, ..PlanRing::default() });
                }
            },
            item(PlanItem::Ring(9), "RING-1"),
        ),
        (|plan| plan.instances[0].name = "files".into(), item(PlanItem::Instance(0), "SYS-3")),
        (|plan| plan.instances[0].name = "a b".into(), item(PlanItem::Instance(0), "NOTE-6")),
        (|plan| plan.instances[0].module = 2, item(PlanItem::Instance(0), "no such module")),
        (|plan| plan.instances[0].modules = vec![2], item(PlanItem::Instance(0), "no such module")),
        (|plan| plan.instances[0].modules = vec![1, 0], item(PlanItem::Instance(0), "ascending")),
        (|plan| plan.instances[0].modules = vec![1, 1], item(PlanItem::Instance(0), "ascending")),
        (|plan| plan.ports.truncate(12), item(PlanItem::Instance(0), "CTL-1")),
        (|plan| drop(plan.ports.remove(11)), item(PlanItem::Instance(0), "CTL-1")),
        (
            |plan| {
                let again = port(CONTROL_LAYOUT, end(0, 12, 0), plan.ports[11].consumer.clone());
                plan.ports.push(again);
            },
            item(PlanItem::Port(13), "wired once"),
        ),
        (
            |plan| plan.ports[11].layout = BYTES_LAYOUT.into(),
            item(PlanItem::Port(11), "its own type"),
        ),
        (
            |plan| plan.ports[0].producer = PlanEnd::BuiltIn(BuiltIn::RingRequests),
            item(PlanItem::Port(0), "wrong side"),
        ),
        (|plan| plan.rings[1].forget(), item(PlanItem::Ring(2), "NOTE-6")),
        (|plan| plan.instances[1].forget(), item(PlanItem::Instance(1), "NOTE-6")),
        (|plan| plan.ports[12].forget(), item(PlanItem::Port(12), "LIM-1")),
        (|plan| plan.instances[0].heap_bytes = 1, item(PlanItem::Instance(0), "whole pages")),
        (|plan| plan.instances[0].heap_bytes = 1 << 40, item(PlanItem::Instance(0), "64 GiB")),
        (|plan| plan.ports[0].slot_size_bytes = 0, item(PlanItem::Port(0), "LIM-1")),
        (|plan| plan.ports[0].slot_size_bytes = 1 << 25, item(PlanItem::Port(0), "LIM-1")),
        (|plan| plan.ports[0].stride_bytes = 15, item(PlanItem::Port(0), "LIM-4")),
        (|plan| plan.ports[0].stride_bytes = 16 + 4096, item(PlanItem::Port(0), "LIM-4")),
        (|plan| plan.ports[0].slot_count = 0, item(PlanItem::Port(0), "LIM-3")),
        (|plan| plan.ports[0].slot_count = 3, item(PlanItem::Port(0), "LIM-3")),
        (|plan| plan.ports[0].slot_count = 1 << 21, item(PlanItem::Port(0), "LIM-3")),
        (
            |plan| {
                plan.ports[0].slot_count = 1 << 20;
                plan.ports[0].slot_size_bytes = 512;
                plan.ports[0].stride_bytes = 512;
            },
            item(PlanItem::Port(0), "LIM-2"),
        ),
        (|plan| plan.ports[2].layout.clear(), item(PlanItem::Port(2), "LIM-9")),
        (|plan| plan.ports[2].layout = "a".repeat(4096), item(PlanItem::Port(2), "LIM-9")),
        (|plan| plan.ports[2].layout = "a b".into(), item(PlanItem::Port(2), "TYPE-1")),
        (|plan| plan.ports[2].producer = end(2, 2, 0), item(PlanItem::Port(2), "no such instance")),
        (|plan| plan.ports[2].producer = end(0, 2, 64), item(PlanItem::Port(2), "LIM-7")),
        (|plan| plan.ports[2].producer = end(0, 1, 0), item(PlanItem::Port(2), "wired twice")),
        (|plan| plan.ports[10].producer = end(0, 8, 0), item(PlanItem::Port(10), "two threads")),
        (
            |plan| {
                plan.ports[2].producer =
                    PlanEnd::Instance { instance: 0, port: 2, entry: 0, element: 3 };
            },
            item(PlanItem::Port(2), "element"),
        ),
        (
            |plan| plan.ports[0].consumer = PlanEnd::BuiltIn(BuiltIn::Stdout),
            item(PlanItem::Port(0), "one end at least"),
        ),
        (
            |plan| plan.ports[0].producer = PlanEnd::BuiltIn(BuiltIn::Stdout),
            item(PlanItem::Port(0), "wrong side"),
        ),
        (
            |plan| plan.ports[0].producer = PlanEnd::BuiltIn(BuiltIn::Clock),
            item(PlanItem::Port(0), "its own type"),
        ),
        (
            |plan| plan.ports[4].producer = PlanEnd::BuiltIn(BuiltIn::Stdin),
            item(PlanItem::Port(4), "console.stdin"),
        ),
        (
            |plan| plan.ports[5].consumer = PlanEnd::BuiltIn(BuiltIn::Stdout),
            item(PlanItem::Port(5), "console.stdout"),
        ),
        (
            |plan| plan.ports[5].consumer = PlanEnd::BuiltIn(BuiltIn::FileWrite("in".into())),
            item(PlanItem::Port(5), "BUILTIN-3"),
        ),
        (
            |plan| plan.ports[5].consumer = PlanEnd::BuiltIn(BuiltIn::FileWrite("../x".into())),
            item(PlanItem::Port(5), "NOTE-6"),
        ),
        (
            |plan| {
                let long = vec![("key".to_owned(), "v".repeat(246))];
                plan.ports[9].producer = PlanEnd::BuiltIn(BuiltIn::Params(long));
            },
            item(PlanItem::Port(9), "TYPE-11"),
        ),
        (
            |plan| {
                let twice = vec![("key".to_owned(), String::new()); 2];
                plan.ports[9].producer = PlanEnd::BuiltIn(BuiltIn::Params(twice));
            },
            item(PlanItem::Port(9), "given twice"),
        ),
        (
            |plan| {
                plan.ports.clear();
                for index in 0..=256 {
                    let sink = PlanEnd::BuiltIn(BuiltIn::NullSink);
                    plan.ports.push(port("a{}", end(0, index, 0), sink));
                }
            },
            item(PlanItem::Port(256), "LIM-5"),
        ),
        (|plan| plan.modules = vec![String::new(); 4097], item(PlanItem::Plan, "4096 modules")),
    ];
    for (index, (break_it, (item, rule))) in breaks.into_iter().enumerate() {
        let mut plan = sample();
        break_it(&mut plan);
        let PlanError { item: found, rule: text } = plan.encode().unwrap_err();
        assert_eq!(found, item, "break {index}: {text}");
        assert!(text.contains(rule), "break {index}: `{text}` lacks `{rule}`");
    }
}

/// What is forgotten stays where it was, and says nothing: a system that runs may have it, a plan that
/// is stored may not.
/// What one holder loads makes no difference to the names of another's (`CTL-13`).
#[test]
fn ctl_5_loaded_images_may_have_one_name() {
    let mut plan = sample();
    plan.modules.push(plan.modules[0].clone());
    assert_eq!(plan.check_running(), Ok(()));
    assert!(plan.check().is_err() && plan.encode().is_err());
    plan.modules.push("no name".to_owned());
    assert_eq!(plan.check_running().unwrap_err().item, PlanItem::Module(plan.modules.len() - 1));
}

#[test]
fn ctl_10_what_is_forgotten_keeps_its_place() {
    let mut plan = sample();
    plan.rings[1].forget();
    plan.instances[1].forget();
    for port in [2, 3, 4, 5, 6, 7, 8] {
        plan.ports[port].forget();
    }
    assert_eq!(plan.check_running(), Ok(()));
    assert!(plan.encode().is_err());
    assert_eq!((plan.path(0), plan.path(1)), ("hash".to_owned(), String::new()));
    assert_eq!(plan.ancestry(2).collect::<Vec<_>>(), [2, 1, 0]);
    // Its name is free again, and its number is not.
    plan.rings.push(PlanRing { name: "inner".to_owned(), parent: 1, ..PlanRing::default() });
    let parse = PlanInstance { ring: 3, ..sample().instances[1].clone() };
    plan.instances.push(parse);
    assert_eq!(plan.check_running(), Ok(()));
    // What there is obeys the rules as ever.
    plan.instances[2].ring = 1;
    plan.instances[2].name = "inner".to_owned();
    assert_eq!(plan.check_running().unwrap_err().item, PlanItem::Instance(2));
}

#[test]
fn errors_say_where_and_what_would_be_right() {
    let mut plan = sample();
    plan.ports[3].slot_count = 3;
    let error = plan.check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "plan, Port 3: a slot count is a power of two, at most 2^20 (LIM-3)"
    );
    let error = Plan::decode(b"OroPlan\0\x04\0\0\0").unwrap_err();
    assert_eq!(error.to_string(), "plan, byte 12: the plan ends too early");
}

proptest! {
    #[test]
    fn sys_9_random_plans_survive_the_round_trip(
        names in proptest::collection::btree_set("[a-zA-Z0-9_-]{1,27}", 1..8),
        wires in proptest::collection::vec((any::<u8>(), any::<u8>(), 0..9_u32, 1..5000_u32, any::<bool>()), 0..40),
        params in proptest::collection::btree_map("[a-z]{1,20}", "\\PC{0,50}", 0..5),
    ) {
        let modules: Vec<_> = names.into_iter().collect();
        let mut instances = Vec::new();
        for (index, name) in modules.iter().enumerate() {
            instances.push(PlanInstance {
                name: format!("i-{name}"),
                ring: u32::try_from(index).unwrap() % 3,
                module: u32::try_from(index).unwrap(),
                heap_bytes: 4096 * u64::try_from(index).unwrap(),
                memory_bytes: u64::MAX - u64::try_from(index).unwrap(),
                restart: PlanRestart::default(),
                modules: (0..u32::try_from(index).unwrap()).collect(),
            });
        }
        let count = u32::try_from(instances.len()).unwrap();
        let mut ports = vec![PlanPort {
            slot_count: 4,
            ..port(
                PARAMS_LAYOUT,
                PlanEnd::BuiltIn(BuiltIn::Params(params.into_iter().collect())),
                end(0, 1000, 0),
            )
        }];
        for (index, (from, to, power, size, forced)) in wires.into_iter().enumerate() {
            let index = u32::try_from(index).unwrap();
            ports.push(PlanPort {
                slot_size_bytes: size,
                stride_bytes: size.next_multiple_of(8),
                slot_count: 1 << power,
                is_forced_synchronous: forced,
                drops_at_restart: size % 3 == 0,
                layout: format!("demo.t{}.v1{{x:u8,}}", size % 5),
                producer: end(u32::from(from) % count, 2 * index, 0),
                consumer: end(u32::from(to) % count, 2 * index + 1, 1),
            });
        }
        let mut rings = sample().rings;
        rings.iter_mut().for_each(|ring| ring.grants.retain(|grant| grant.instance.is_none()));
        rings.iter_mut().for_each(|ring| ring.port_count = 0);
        let plan = Plan { modules, rings, instances, ports };
        let bytes = plan.encode().unwrap();
        prop_assert_eq!(Plan::decode(&bytes), Ok(plan));
    }

    #[test]
    fn sys_9_no_bytes_make_the_decoder_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = sample().encode().unwrap();
        bytes.truncate(24 + cut.index(bytes.len() - 24 + 1));
        for (index, value) in changes {
            let offset = index.index(bytes.len());
            bytes[offset] = value;
        }
        let size = u32::try_from(bytes.len()).unwrap();
        bytes[..12].copy_from_slice(b"OroPlan\0\x04\0\0\0");
        bytes[12..16].copy_from_slice(&size.to_le_bytes());
        reseal(&mut bytes);
        if let Ok(plan) = Plan::decode(&bytes) {
            prop_assert_eq!(plan.encode(), Ok(bytes));
        }
    }
}
