//! Ports: `WIRE` and `TRANSFER`.

use oro_sysabi as abi;
use oro_system::control::{Action, Refusal, State};
use oro_system::{BuiltIn, PlanEnd, PlanPort};

use crate::fixture::{N, Sim, T, Value, id, mount, wire};

/// A Port that a request comes to.
fn port_of(action: Result<Action, Refusal>) -> PlanPort {
    match action {
        Ok(Action::Wire { port, over }) if over.is_empty() => port,
        other => panic!("{other:?}"),
    }
}

fn with<'a>(
    mut fields: Vec<(&'a str, Value<'a>)>,
    more: (&'a str, u64),
) -> Vec<(&'a str, Value<'a>)> {
    fields.push((more.0, N(more.1)));
    fields
}

#[test]
fn ctl_6_a_wire_obeys_the_rules_of_a_manifest() {
    let mut sim = Sim::new();
    let z = mount(&mut sim, "below", "two", "z");
    let s = mount(&mut sim, "below", "server", "s");
    let t = mount(&mut sim, "below", "tuned", "t");
    let fields = wire((z, "a", 0), (s, "request", 2));
    let port = port_of(sim.ask(abi::CONTROL_WIRE, &fields));
    assert_eq!((port.slot_size_bytes, port.stride_bytes, port.slot_count), (8, 8, 16));
    let element =
        PlanEnd::Instance { instance: sim.instance_named("s"), port: 2, entry: 0, element: 2 };
    assert_eq!(port.consumer, element);
    let port = port_of(sim.ask(abi::CONTROL_WIRE, &with(fields.clone(), ("slot_count", 4))));
    assert_eq!(port.slot_count, 4);

    let refuse = |fields: &[(&str, Value<'_>)], code, text: &str| {
        sim.refuse(abi::CONTROL_WIRE, fields, code, text);
    };
    refuse(&wire((z, "aa", 0), (s, "request", 0)), abi::CONTROL_PORT, "did you mean `a`?");
    refuse(&wire((z, "nothing", 0), (s, "request", 0)), abi::CONTROL_PORT, "it has `a`");
    refuse(&wire((z, "a", 0), (s, "request", 3)), abi::CONTROL_PORT, "0 to 2");
    refuse(&wire((z, "a", 1), (s, "request", 0)), abi::CONTROL_PORT, "0 to 0");
    refuse(&wire((s, "request", 0), (z, "d", 0)), abi::CONTROL_PORT, "belongs in `to`");
    refuse(&wire((z, "a", 0), (z, "a", 0)), abi::CONTROL_PORT, "belongs in `from`");
    refuse(&wire((z, "b", 0), (z, "d", 0)), abi::CONTROL_PORT, "two threads");
    refuse(&wire((z, "c", 0), (s, "request", 0)), abi::CONTROL_TYPE, "different types");
    refuse(&wire((z, "c", 0), (t, "params", 0)), abi::CONTROL_PORT, "PARAM");
    refuse(&with(fields.clone(), ("slot_count", 3)), abi::CONTROL_BAD_REQUEST, "LIM-3");
    refuse(&with(fields.clone(), ("slot_count", 1 << 21)), abi::CONTROL_BAD_REQUEST, "LIM-3");
    refuse(&with(fields.clone(), ("slot_size_bytes", 8)), abi::CONTROL_TYPE, "leave it 0");
    let bytes = wire((z, "c", 0), (z, "e", 0));
    let size = |size| with(bytes.clone(), ("slot_size_bytes", size));
    assert_eq!(port_of(sim.ask(abi::CONTROL_WIRE, &bytes)).slot_size_bytes, 4096);
    assert_eq!(port_of(sim.ask(abi::CONTROL_WIRE, &size(12))).slot_size_bytes, 12);
    refuse(&size(8), abi::CONTROL_TYPE, "at least 12");
    refuse(&size(13), abi::CONTROL_TYPE, "12 or 16");
    refuse(&size((16 << 20) + 4), abi::CONTROL_TYPE, "16M");
    refuse(&with(size(16 << 20), ("slot_count", 32)), abi::CONTROL_QUOTA, "at most 16");
}

#[test]
fn ctl_6_a_built_in_end_needs_the_grant_of_the_other_ends_ring() {
    let mut sim = Sim::new();
    let z = mount(&mut sim, "below", "two", "z");
    let port = port_of(sim.ask(abi::CONTROL_WIRE, &wire((z, "c", 0), (0, "console.stdout", 0))));
    assert_eq!(port.consumer, PlanEnd::BuiltIn(BuiltIn::Stdout));
    let refuse = |from, to, code, text: &str| {
        sim.refuse(abi::CONTROL_WIRE, &wire(from, to), code, text);
    };
    // `mine` has it, `below` has not.
    refuse((z, "a", 0), (0, "null.bytes", 0), abi::CONTROL_DENIED, "not granted to Ring `below`");
    let y = sim.instance_id("y");
    refuse(
        (y, "c", 0),
        (0, "console.stdout", 0),
        abi::CONTROL_DENIED,
        "not granted to Ring `deeper`",
    );
    refuse((z, "c", 0), (0, "console.stdin", 0), abi::CONTROL_PORT, "other side");
    refuse((z, "c", 0), (0, "console.out", 0), abi::CONTROL_PORT, "`stdin`, `stdout`, `log`");
    refuse((z, "c", 0), (0, "console", 0), abi::CONTROL_PORT, "`console.log`");
    refuse((z, "c", 0), (0, "entropy.now", 0), abi::CONTROL_PORT, "there are");
    refuse((z, "c", 0), (0, "files.a/b", 0), abi::CONTROL_PORT, "NOTE-6");
    refuse((z, "c", 0), (0, "console.stdout", 1), abi::CONTROL_PORT, "no array");
    refuse((z, "a", 0), (0, "console.stdout", 0), abi::CONTROL_TYPE, "different types");
    // One wire to it.
    sim.run(abi::CONTROL_WIRE, &wire((z, "c", 0), (0, "console.stdout", 0)));
    let w = mount(&mut sim, "below", "two", "w");
    let fields = wire((w, "c", 0), (0, "console.stdout", 0));
    sim.refuse(abi::CONTROL_WIRE, &fields, abi::CONTROL_BUSY, "console.stdout");
    // Whatever it carries, where it is granted.
    sim.run(abi::CONTROL_REMOUNT, &[("ring", N(sim.ring_id("below"))), ("module", T("null"))]);
    assert!(sim.ask(abi::CONTROL_WIRE, &wire((w, "a", 0), (0, "null.bytes", 0))).is_ok());
}

#[test]
fn ctl_8_an_element_is_wired_again_when_its_port_is_over() {
    let mut sim = Sim::new();
    let z = mount(&mut sim, "below", "two", "z");
    let x = sim.instance_id("x");
    let fields = wire((z, "a", 0), (x, "in", 0));
    sim.refuse(abi::CONTROL_WIRE, &fields, abi::CONTROL_BUSY, "not over");
    sim.free.insert((sim.instance_named("x"), 0));
    let count = sim.plan.ports.len();
    let Action::Wire { port, over } = sim.run(abi::CONTROL_WIRE, &fields) else { panic!() };
    assert_eq!(over, [4], "that of `y`");
    assert_eq!((&sim.plan.ports[4], sim.plan.ports.len()), (&port, count), "in its place");
    sim.refuse(abi::CONTROL_WIRE, &fields, abi::CONTROL_BUSY, "wired already");
    // `y` has its element back.
    let y = sim.instance_id("y");
    let s = mount(&mut sim, "below", "server", "s");
    assert!(sim.ask(abi::CONTROL_WIRE, &wire((y, "a", 0), (s, "request", 0))).is_ok());
    // Not of one that has ended.
    for state in [State::Ended, State::Faulted] {
        sim.set_state("y", state);
        let fields = wire((y, "a", 0), (s, "request", 0));
        sim.refuse(abi::CONTROL_WIRE, &fields, abi::CONTROL_STATE, "it is over");
    }
}

#[test]
fn ctl_6_ports_are_paid_for() {
    let mut sim = Sim::new();
    let s = mount(&mut sim, "below", "server", "s");
    let wide = mount(&mut sim, "below", "wide", "wide");
    let below = sim.ring_named("below") as usize - 1;
    sim.plan.rings[below].port_count = 3;
    let fields = |element| wire((wide, "out", element), (s, "request", element));
    // It pays for that of `x`, and its descendant for that of `y`.
    sim.run(abi::CONTROL_WIRE, &fields(0));
    let text = "Ring `below` has 3 of 3 Ports, and needs 1 more";
    sim.refuse(abi::CONTROL_WIRE, &fields(1), abi::CONTROL_QUOTA, text);
    // Without a quota of its own, that of `mine` counts.
    sim.plan.rings[below].port_count = 0;
    let mine = below - 1;
    sim.plan.rings[mine].port_count = 6;
    assert!(
        sim.ask(abi::CONTROL_WIRE, &fields(1)).is_err(),
        "its own two, that of `pal`, and three"
    );
    sim.plan.rings[mine].port_count = 7;
    // The queue and two cells are a page each; the other end has cells too.
    sim.memory.insert(sim.ring_named("mine"), (8 << 20) - 5 * 4096);
    assert!(sim.ask(abi::CONTROL_WIRE, &fields(1)).is_ok());
    sim.memory.insert(sim.ring_named("mine"), (8 << 20) - 5 * 4096 + 1);
    sim.refuse(
        abi::CONTROL_WIRE,
        &fields(1),
        abi::CONTROL_QUOTA,
        "of 8M memory, and needs 20K more",
    );
}

#[test]
fn ctl_6_a_thread_has_so_many_endpoints() {
    let mut sim = Sim::new();
    let wide = mount(&mut sim, "below", "wide", "wide");
    sim.run(abi::CONTROL_REMOUNT, &[("ring", N(sim.ring_id("below"))), ("module", T("null"))]);
    let mine = sim.ring_named("mine") as usize - 1;
    sim.plan.rings[mine].port_count = 0;
    let fields = |element| wire((wide, "out", element), (0, "null.bytes", 0));
    (0..256).for_each(|element| drop(sim.run(abi::CONTROL_WIRE, &fields(element))));
    sim.refuse(abi::CONTROL_WIRE, &fields(256), abi::CONTROL_QUOTA, "LIM-5");
}

#[test]
fn ctl_1_each_end_of_ring_once_for_an_instance() {
    let mut sim = Sim::new();
    let b = mount_boss(&mut sim);
    sim.run(abi::CONTROL_REMOUNT, &[("ring", N(sim.ring_id("below"))), ("module", T("ring"))]);
    sim.run(abi::CONTROL_WIRE, &wire((b, "asks", 0), (0, "ring.requests", 0)));
    let start = [("from", N(b))];
    sim.refuse(abi::CONTROL_START, &start, abi::CONTROL_STATE, "`ring.replies`");
    sim.run(abi::CONTROL_WIRE, &wire((0, "ring.replies", 0), (b, "hears", 0)));
    assert!(sim.ask(abi::CONTROL_START, &start).is_ok());
    let number = sim.instance_named("b") as usize;
    let second = sim.plan.instances[number].module as usize;
    let mut more = sim.modules[second].ports[0].clone();
    (more.index, more.name) = (9, "again".to_owned());
    sim.modules[second].ports.push(more);
    let fields = wire((b, "again", 0), (0, "ring.requests", 0));
    sim.refuse(abi::CONTROL_WIRE, &fields, abi::CONTROL_BUSY, "CTL-1");
}

/// A second holder, below the first.
fn mount_boss(sim: &mut Sim) -> u64 {
    let number = sim.holder as usize;
    sim.plan.instances[number].modules.insert(0, 0);
    mount(sim, "below", "boss", "b")
}

#[test]
fn ctl_11_an_end_is_given_to_another_thread() {
    let mut sim = Sim::new();
    let y = sim.instance_id("y");
    let transfer =
        |port: u32, from, to| [("port", N(id(port))), ("from", N(from)), ("to_port", T(to))];
    let Ok(Action::Transfer { port: 4, to, over, .. }) =
        sim.ask(abi::CONTROL_TRANSFER, &transfer(4, y, "b"))
    else {
        panic!()
    };
    let wanted =
        PlanEnd::Instance { instance: sim.instance_named("y"), port: 1, entry: 1, element: 0 };
    assert_eq!((to, over), (wanted, vec![]));
    let refuse = |fields: &[(&str, Value<'_>)], code, text: &str| {
        sim.refuse(abi::CONTROL_TRANSFER, fields, code, text);
    };
    refuse(&transfer(4, y, "a"), abi::CONTROL_PORT, "END-14");
    refuse(&transfer(4, y, "c"), abi::CONTROL_TYPE, "SYS-5");
    refuse(&transfer(4, y, "d"), abi::CONTROL_PORT, "not its instance's");
    refuse(&transfer(4, y, "bb"), abi::CONTROL_PORT, "did you mean");
    refuse(&transfer(5, y, "b"), abi::CONTROL_PORT, "not its instance's");
    refuse(&transfer(3, y, "b"), abi::CONTROL_DENIED, "neither end");
    refuse(&transfer(0, y, "b"), abi::CONTROL_UNKNOWN, "no Port");
    refuse(&transfer(3, sim.instance_id("pal"), "b"), abi::CONTROL_DENIED, "power");
    sim.run(abi::CONTROL_TRANSFER, &transfer(4, y, "b"));
    // The old element is free once its instance has been restarted (END-14), the new one is not.
    let s = mount(&mut sim, "below", "server", "s");
    let fields = wire((y, "a", 0), (s, "request", 0));
    sim.taken_away.insert((sim.instance_named("y"), 0));
    sim.refuse(abi::CONTROL_WIRE, &fields, abi::CONTROL_BUSY, "RESTART it");
    sim.taken_away.clear();
    assert!(sim.ask(abi::CONTROL_WIRE, &wire((y, "a", 0), (s, "request", 0))).is_ok());
    let fields = wire((y, "b", 0), (s, "request", 0));
    sim.refuse(abi::CONTROL_WIRE, &fields, abi::CONTROL_BUSY, "wired already");
    sim.run(abi::CONTROL_WIRE, &wire((y, "a", 0), (s, "request", 0)));
    sim.refuse(abi::CONTROL_TRANSFER, &transfer(4, y, "a"), abi::CONTROL_BUSY, "wired already");
    // To the thread at the other end.
    let z = mount(&mut sim, "below", "two", "z");
    sim.run(abi::CONTROL_WIRE, &wire((z, "a", 0), (z, "d", 0)));
    sim.set_state("z", State::Running);
    let port = u32::try_from(sim.plan.ports.len() - 1).unwrap();
    sim.refuse(abi::CONTROL_TRANSFER, &transfer(port, z, "b"), abi::CONTROL_PORT, "two threads");
    sim.set_state("y", State::Ended);
    sim.refuse(abi::CONTROL_TRANSFER, &transfer(4, y, "a"), abi::CONTROL_STATE, "has ended");
    sim.set_state("y", State::Mounted);
    sim.refuse(abi::CONTROL_TRANSFER, &transfer(4, y, "a"), abi::CONTROL_STATE, "by WIRE");
}
