//! Instances: `MOUNT`, `PARAM`, `START`, `END`, `RESTART`, `REPLACE`, `FORGET`.

use oro_sysabi as abi;
use oro_system::control::{Action, State};
use oro_system::{BuiltIn, PlanEnd, PlanInstance, PlanRestart, RestartOn};

use crate::fixture::{MINE, N, Sim, T, Value, mount, wire};

#[test]
fn ctl_6_an_instance_is_made() {
    let sim = Sim::new();
    let below = N(sim.ring_id("below"));
    let fields = [
        ("ring", below),
        ("module", T("relay")),
        ("name", T("n")),
        ("heap_bytes", N(5000)),
        ("memory_bytes", N(1 << 20)),
        ("restart", N(1)),
        ("restart_max", N(3)),
        ("restart_within_ns", N(4)),
    ];
    let restart = PlanRestart { on: RestartOn::Fault, max: 3, within_ns: 4, backoff_ns: 0 };
    let wanted = PlanInstance {
        name: "n".to_owned(),
        ring: sim.ring_named("below"),
        module: 2,
        heap_bytes: 8192,
        memory_bytes: 1 << 20,
        restart,
        modules: Vec::new(),
    };
    assert_eq!(sim.ask(abi::CONTROL_MOUNT, &fields), Ok(Action::Mount(wanted)));
    let base = [("ring", below), ("module", T("relay")), ("name", T("n"))];
    let refuse = |more: &[(&'static str, Value<'static>)], code, text: &str| {
        let fields: Vec<_> = base.iter().chain(more).copied().collect();
        sim.refuse(abi::CONTROL_MOUNT, &fields, code, text);
    };
    refuse(&[("heap_bytes", N((64 << 30) + 1))], abi::CONTROL_QUOTA, "64G");
    refuse(&[("heap_bytes", N(u64::MAX))], abi::CONTROL_QUOTA, "64G");
    refuse(&[("memory_bytes", N(131_071))], abi::CONTROL_QUOTA, "128K");
    refuse(&[("restart_max", N(1))], abi::CONTROL_BAD_REQUEST, "no numbers");
    refuse(&[("restart", N(2))], abi::CONTROL_BAD_REQUEST, "SYS-10");
    refuse(&[("name", T("x"))], abi::CONTROL_NAME, "an instance of Ring `below`");
    refuse(&[("name", T("deeper"))], abi::CONTROL_NAME, "a Ring of Ring `below`");
    refuse(&[("name", T("console"))], abi::CONTROL_NAME, "built-in");
    refuse(&[("name", T("a.b"))], abi::CONTROL_NAME, "NOTE-6");
}

#[test]
fn ctl_5_a_holder_mounts_what_it_may() {
    let mut sim = Sim::new();
    let below = N(sim.ring_id("below"));
    let mount = |module| [("ring", below), ("module", T(module)), ("name", T("n"))];
    sim.refuse(abi::CONTROL_MOUNT, &mount("rely"), abi::CONTROL_DENIED, "did you mean `relay`?");
    // There is one of this name, which is not granted.
    sim.refuse(abi::CONTROL_MOUNT, &mount("boss"), abi::CONTROL_DENIED, "you may mount");
    let image = |id| [("ring", below), ("image", N(id)), ("name", T("n"))];
    sim.refuse(abi::CONTROL_MOUNT, &image(5), abi::CONTROL_UNKNOWN, "no image");
    sim.run(abi::CONTROL_LOAD, &[("address", N(4096)), ("size_bytes", N(1))]);
    let id = *sim.images.keys().next().unwrap();
    let Ok(Action::Mount(new)) = sim.ask(abi::CONTROL_MOUNT, &image(id)) else { panic!() };
    assert_eq!(sim.plan.modules[new.module as usize], "relay-2");
}

#[test]
fn ctl_6_threads_and_memory_are_paid_for_by_all_around() {
    let mut sim = Sim::new();
    let fields = [("ring", N(sim.ring_id("deeper"))), ("module", T("relay")), ("name", T("n"))];
    let taken = 2 * 5;
    for (ring, text) in
        [("deeper", "Ring `deeper` has 2 of 3 threads"), (MINE, "your Ring has 10 of 11")]
    {
        let index = sim.ring_named(ring) as usize - 1;
        let before = sim.plan.rings[index].thread_count;
        sim.plan.rings[index].thread_count = if ring == MINE { taken + 1 } else { 3 };
        sim.refuse(abi::CONTROL_MOUNT, &fields, abi::CONTROL_QUOTA, text);
        sim.plan.rings[index].thread_count += 1;
        assert!(sim.ask(abi::CONTROL_MOUNT, &fields).is_ok());
        sim.plan.rings[index].thread_count = before;
    }
    sim.memory.insert(sim.ring_named(MINE), (8 << 20) - 131_072);
    assert!(sim.ask(abi::CONTROL_MOUNT, &fields).is_ok());
    sim.memory.insert(sim.ring_named(MINE), (8 << 20) - 131_071);
    sim.refuse(abi::CONTROL_MOUNT, &fields, abi::CONTROL_QUOTA, "needs 128K more");
    while sim.plan.instances.len() < 4096 {
        let name = format!("n{}", sim.plan.instances.len());
        sim.plan.instances.push(PlanInstance { name, ..PlanInstance::default() });
    }
    sim.refuse(abi::CONTROL_MOUNT, &fields, abi::CONTROL_QUOTA, "4096 instances");
}

#[test]
fn ctl_6_parameters_are_given_before_the_start() {
    let mut sim = Sim::new();
    let t = mount(&mut sim, "below", "tuned", "t");
    let param = |name, value| [("from", N(t)), ("name", T(name)), ("text", T(value))];
    let given = |name, value| sim.ask(abi::CONTROL_PARAM, &param(name, value));
    let set = |key: &str, value: &str| {
        Ok(Action::SetParam {
            instance: sim.instance_named("t"),
            key: key.to_owned(),
            value: value.to_owned(),
        })
    };
    assert_eq!(given("encoding", "any \u{fc}"), set("encoding", "any \u{fc}"));
    assert_eq!(given("encoding", ""), set("encoding", ""));
    assert_eq!(given("count", "007"), set("count", "7"));
    assert_eq!(given("shift", "-5"), set("shift", "-5"));
    assert_eq!(given("fast", "true"), set("fast", "true"));
    for (name, value) in [
        ("count", "-1"),
        ("count", "+1"),
        ("count", ""),
        ("count", "18446744073709551616"),
        ("shift", "+1"),
        ("shift", "--1"),
        ("shift", "-"),
        ("fast", "yes"),
    ] {
        sim.refuse(abi::CONTROL_PARAM, &param(name, value), abi::CONTROL_BAD_REQUEST, "SYS-6");
    }
    sim.refuse(
        abi::CONTROL_PARAM,
        &param("cuont", "1"),
        abi::CONTROL_PORT,
        "did you mean `count`?",
    );
    sim.refuse(abi::CONTROL_PARAM, &param("other", "1"), abi::CONTROL_PORT, "it has `encoding`");
    sim.set_state("t", State::Running);
    sim.refuse(abi::CONTROL_PARAM, &param("count", "1"), abi::CONTROL_STATE, "before START");
}

#[test]
fn ctl_7_what_must_be_there_is_named_whole() {
    let mut sim = Sim::new();
    let t = mount(&mut sim, "below", "tuned", "t");
    let s = mount(&mut sim, "deeper", "server", "s");
    let all = [("ring", N(sim.ring_id("below")))];
    let text = "`t` lacks wires of `out`, params `count`; `s` lacks wires of `request` (CTL-7)";
    sim.refuse(abi::CONTROL_START, &all, abi::CONTROL_STATE, text);
    let y = sim.instance_id("y");
    sim.run(abi::CONTROL_WIRE, &wire((y, "b", 0), (s, "request", 1)));
    sim.refuse(
        abi::CONTROL_START,
        &[("from", N(t))],
        abi::CONTROL_STATE,
        "`out`, params `count` (",
    );
    sim.run(abi::CONTROL_WIRE, &wire((t, "out", 0), (0, "console.stdout", 0)));
    sim.refuse(abi::CONTROL_START, &all, abi::CONTROL_STATE, "`t` lacks params `count` (");
    for (name, value) in [("count", "1"), ("count", "2"), ("fast", "true")] {
        sim.run(abi::CONTROL_PARAM, &[("from", N(t)), ("name", T(name)), ("text", T(value))]);
    }
    let numbers = vec![sim.instance_named("t"), sim.instance_named("s")];
    let Action::Start { instances, ports } = sim.run(abi::CONTROL_START, &all) else { panic!() };
    assert_eq!(instances, numbers);
    let [port] = &ports[..] else { panic!("{ports:?}") };
    let pairs = [("encoding", "hex"), ("count", "2"), ("shift", "-1"), ("fast", "true")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(port.producer, PlanEnd::BuiltIn(BuiltIn::Params(pairs.to_vec())));
    let consumer = PlanEnd::Instance { instance: numbers[0], port: 0, entry: 0, element: 0 };
    assert_eq!(port.consumer, consumer);
    assert!(!port.drops_at_restart);
    sim.refuse(abi::CONTROL_START, &all, abi::CONTROL_STATE, "nothing in the Ring waits");
    sim.refuse(abi::CONTROL_START, &[("from", N(t))], abi::CONTROL_STATE, "`t` runs");
}

#[test]
fn ctl_7_ports_for_parameters_are_paid_for() {
    let mut sim = Sim::new();
    let t = mount(&mut sim, "deeper", "tuned", "t");
    let y = sim.instance_id("y");
    sim.run(abi::CONTROL_WIRE, &wire((t, "out", 0), (y, "e", 0)));
    sim.run(abi::CONTROL_PARAM, &[("from", N(t)), ("name", T("count")), ("text", T("1"))]);
    let index = sim.ring_named("deeper") as usize - 1;
    sim.plan.rings[index].port_count = 2;
    let start = [("from", N(t))];
    sim.refuse(abi::CONTROL_START, &start, abi::CONTROL_QUOTA, "2 of 2 Ports");
    sim.plan.rings[index].port_count = 3;
    assert!(sim.ask(abi::CONTROL_START, &start).is_ok());
}

#[test]
fn ctl_9_states_that_an_instance_must_be_in() {
    use State::{Ended, Faulted, Mounted, Restarting, Running};
    let mut sim = Sim::new();
    let from = [("from", N(sim.instance_id("x")))];
    let replace = [from[0], ("module", T("relay"))];
    let states = [
        (Mounted, [true, false, false, false]),
        (Running, [true, true, true, false]),
        (Restarting, [true, true, true, false]),
        (Ended, [false, false, false, true]),
        (Faulted, [false, false, false, true]),
    ];
    for (state, wanted) in states {
        sim.set_state("x", state);
        let operations = [
            (abi::CONTROL_END, &from[..]),
            (abi::CONTROL_RESTART, &from[..]),
            (abi::CONTROL_REPLACE, &replace[..]),
            (abi::CONTROL_FORGET, &from[..]),
        ];
        for ((operation, fields), is_right) in operations.into_iter().zip(wanted) {
            match sim.ask(operation, fields) {
                Ok(action) => assert!(is_right, "{state:?}: {action:?}"),
                Err(refusal) => {
                    assert_eq!(refusal.code, abi::CONTROL_STATE, "{refusal}");
                    assert!(!is_right, "{state:?}, {operation}: {refusal}");
                }
            }
        }
    }
}

#[test]
fn ctl_9_another_image_declares_the_same() {
    let mut sim = Sim::new();
    sim.run(abi::CONTROL_LOAD, &[("address", N(4096)), ("size_bytes", N(1))]);
    let (id, module) = sim.images.iter().next().map(|(id, module)| (*id, *module)).unwrap();
    let fields = [("from", N(sim.instance_id("x"))), ("image", N(id))];
    let x = sim.instance_named("x");
    // Where its entry points are is the image's own affair.
    sim.modules[module as usize].entries[0].address = 0x1234;
    let wanted = Action::Replace { instance: x, module };
    assert_eq!(sim.ask(abi::CONTROL_REPLACE, &fields), Ok(wanted));
    let same = sim.modules[module as usize].clone();
    type Change = fn(&mut oro_image::Interface);
    let changes: [(Change, &str); 5] = [
        (|new| new.entries[0].is_managed = true, "entry points"),
        (|new| drop(new.entries.pop()), "entry points"),
        (|new| new.ports[0].is_optional = true, "ports"),
        (|new| drop(new.ports.pop()), "ports"),
        (
            |new| {
                let (name, kind) = ("n".to_owned(), oro_image::ParamKind::Text);
                let (default, help) = (None, String::new());
                new.params.push(oro_image::Param { name, kind, default, help, port: 0 });
            },
            "parameters",
        ),
    ];
    for (change, text) in changes {
        change(&mut sim.modules[module as usize]);
        sim.refuse(abi::CONTROL_REPLACE, &fields, abi::CONTROL_IMAGE, text);
        sim.modules[module as usize] = same.clone();
    }
    sim.run(abi::CONTROL_REPLACE, &fields);
    assert_eq!(sim.plan.instances[x as usize].module, module);
}

#[test]
fn ctl_10_an_instance_is_forgotten() {
    let mut sim = Sim::new();
    sim.set_state("y", State::Ended);
    let y = sim.instance_named("y");
    let fields = [("from", N(sim.instance_id("y")))];
    assert_eq!(sim.run(abi::CONTROL_FORGET, &fields), Action::ForgetInstance(y));
    sim.refuse(abi::CONTROL_FORGET, &fields, abi::CONTROL_UNKNOWN, "in your tables");
    assert!(!sim.plan.ports[4].is_forgotten(), "`x` has an end of it");
    // Its name is free.
    mount(&mut sim, "deeper", "two", "y");
    assert_ne!(sim.instance_named("y"), y);
    // A grant of what is no more is none.
    let z = mount(&mut sim, "below", "two", "z");
    let remount = [("ring", N(sim.ring_id("deeper"))), ("from", N(z))];
    sim.run(abi::CONTROL_REMOUNT, &remount);
    sim.run(abi::CONTROL_END, &[("from", N(z))]);
    sim.run(abi::CONTROL_FORGET, &[("from", N(z))]);
    assert_eq!(sim.plan.rings[sim.ring_named("deeper") as usize - 1].grants, []);
}
