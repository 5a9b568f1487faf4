//! Whom a holder has power over (`CTL-3`).

use oro_sysabi as abi;
use oro_system::control::{Action, Asker, State};

use crate::fixture::{MINE, N, Sim, T, id, mount, wire};

/// Operations on an instance by `from`.
fn by_instance(id: u64) -> Vec<(u32, Vec<(&'static str, crate::fixture::Value<'static>)>)> {
    vec![
        (abi::CONTROL_PARAM, vec![("from", N(id)), ("name", T("n"))]),
        (abi::CONTROL_START, vec![("from", N(id))]),
        (abi::CONTROL_END, vec![("from", N(id))]),
        (abi::CONTROL_RESTART, vec![("from", N(id))]),
        (abi::CONTROL_REPLACE, vec![("from", N(id)), ("module", T("relay"))]),
        (abi::CONTROL_FORGET, vec![("from", N(id))]),
    ]
}

/// Operations on a Ring that has to be below the holder's.
fn by_ring(id: u64) -> Vec<(u32, Vec<(&'static str, crate::fixture::Value<'static>)>)> {
    vec![
        (abi::CONTROL_REMOUNT, vec![("ring", N(id)), ("module", T("clock"))]),
        (abi::CONTROL_MOUNT, vec![("ring", N(id)), ("module", T("relay")), ("name", T("n"))]),
        (abi::CONTROL_START, vec![("ring", N(id))]),
        (abi::CONTROL_END, vec![("ring", N(id))]),
        (abi::CONTROL_FORGET, vec![("ring", N(id))]),
    ]
}

#[test]
fn ctl_3_there_is_no_power_over_the_own_ring() {
    let sim = Sim::new();
    for (operation, fields) in by_ring(sim.ring_id(MINE)) {
        sim.refuse(operation, &fields, abi::CONTROL_DENIED, "your own Ring");
    }
    // Its own instances, itself, and one that is remounted onto its Ring.
    for name in ["mate", "sh", "main"] {
        for (operation, fields) in by_instance(sim.instance_id(name)) {
            sim.refuse(operation, &fields, abi::CONTROL_DENIED, "not in your power");
        }
    }
}

#[test]
fn ctl_3_what_is_not_seen_is_unknown() {
    let sim = Sim::new();
    // The sibling, the root and what is nothing at all are told apart by nothing but the id.
    for ring in [sim.ring_id("beside"), sim.ring_id(""), 0, 99, id(99)] {
        for (operation, fields) in by_ring(ring) {
            if ring == 0 && operation > abi::CONTROL_MOUNT {
                continue;
            }
            sim.refuse(operation, &fields, abi::CONTROL_UNKNOWN, "in your tables");
        }
        let fields = [("ring", N(ring)), ("name", T("n"))];
        sim.refuse(abi::CONTROL_CREATE, &fields, abi::CONTROL_UNKNOWN, "in your tables");
        sim.refuse(abi::CONTROL_DESCRIBE, &fields[..1], abi::CONTROL_UNKNOWN, "in your tables");
    }
    for instance in [sim.instance_id("other"), id(99), 99] {
        for (operation, fields) in by_instance(instance) {
            sim.refuse(operation, &fields, abi::CONTROL_UNKNOWN, "in your tables");
        }
    }
    for operation in [abi::CONTROL_FORCE, abi::CONTROL_ALLOW, abi::CONTROL_REVOKE] {
        // That of `other` and `main`; one that is nothing.
        sim.refuse(operation, &[("port", N(id(0)))], abi::CONTROL_UNKNOWN, "in your tables");
        sim.refuse(operation, &[("port", N(id(99)))], abi::CONTROL_UNKNOWN, "in your tables");
    }
}

#[test]
fn ctl_3_descendants_are_in_the_holders_power() {
    let mut sim = Sim::new();
    for name in ["x", "y"] {
        let from = [("from", N(sim.instance_id(name)))];
        let number = sim.instance_named(name);
        assert_eq!(sim.ask(abi::CONTROL_END, &from), Ok(Action::End(vec![number])));
        assert_eq!(sim.ask(abi::CONTROL_RESTART, &from), Ok(Action::Restart(number)));
    }
    let ring = [("ring", N(sim.ring_id("below")))];
    let both = vec![sim.instance_named("x"), sim.instance_named("y")];
    assert_eq!(sim.run(abi::CONTROL_END, &ring), Action::End(both));
    sim.refuse(abi::CONTROL_END, &ring, abi::CONTROL_STATE, "not ended");
}

#[test]
fn ctl_3_ports_are_in_its_power_by_a_descendants_end() {
    let sim = Sim::new();
    // `y` to `x`, and `x` to the root's `main`.
    for port in [4, 5] {
        let fields = [("port", N(id(port)))];
        assert_eq!(sim.ask(abi::CONTROL_FORCE, &fields), Ok(Action::Force(port)));
        assert_eq!(sim.ask(abi::CONTROL_ALLOW, &fields), Ok(Action::Allow(port)));
        assert_eq!(sim.ask(abi::CONTROL_REVOKE, &fields), Ok(Action::Revoke(port)));
    }
    // Its own, and two of its own Ring.
    for port in [1, 2, 3] {
        for operation in [abi::CONTROL_FORCE, abi::CONTROL_ALLOW, abi::CONTROL_REVOKE] {
            let fields = [("port", N(id(port)))];
            sim.refuse(operation, &fields, abi::CONTROL_DENIED, "neither end");
        }
    }
}

/// The one exception: a free element of the own Ring, wired to a descendant or to the holder itself.
#[test]
fn ctl_3_free_elements_of_the_own_ring_are_wired_downwards_or_to_the_holder() {
    let mut sim = Sim::new();
    let [sh, mate, pal, main] = ["sh", "mate", "pal", "main"].map(|name| sim.instance_id(name));
    let z = mount(&mut sim, "below", "two", "z");
    let ask = |from, to| sim.ask(abi::CONTROL_WIRE, &wire(from, to));
    assert!(ask((z, "a", 0), (mate, "request", 1)).is_ok());
    assert!(ask((mate, "answer", 0), (z, "d", 0)).is_ok());
    assert!(ask((sh, "feed", 0), (mate, "request", 1)).is_ok());
    assert!(ask((mate, "answer", 0), (sh, "told", 1)).is_ok());
    assert!(ask((sh, "feed", 0), (z, "d", 0)).is_ok());
    assert!(ask((sh, "feed", 1), (sh, "told", 0)).is_ok(), "of its own two threads");

    let refuse = |from, to, code, text: &str| {
        sim.refuse(abi::CONTROL_WIRE, &wire(from, to), code, text);
    };
    // The element is not free: `pal` feeds it.
    refuse((z, "a", 0), (mate, "request", 0), abi::CONTROL_BUSY, "wired already");
    refuse((pal, "b", 0), (mate, "request", 1), abi::CONTROL_DENIED, "your own Ring");
    refuse((0, "clock.now", 0), (mate, "request", 1), abi::CONTROL_DENIED, "not to a built-in");
    refuse((sh, "feed", 0), (0, "null.bytes", 0), abi::CONTROL_DENIED, "not to a built-in");
    // The root's is remounted onto the holder's Ring: it is seen, and is not in it.
    refuse((z, "a", 0), (main, "request", 2), abi::CONTROL_DENIED, "remounted");
    refuse((sh, "feed", 0), (main, "request", 2), abi::CONTROL_DENIED, "remounted");
    let other = sim.instance_id("other");
    refuse((z, "a", 0), (other, "in", 0), abi::CONTROL_UNKNOWN, "in your tables");
    refuse((0, "clock.now", 0), (0, "null.bytes", 0), abi::CONTROL_BAD_REQUEST, "SYS-5");
}

#[test]
fn ctl_3_who_is_no_more_holds_nothing() {
    let mut sim = Sim::new();
    let number = sim.instance_named("sh") as usize;
    sim.plan.instances[number].forget();
    let fields = [("ring", N(sim.ring_id("below")))];
    sim.refuse(abi::CONTROL_END, &fields, abi::CONTROL_STATE, "no more");
    sim.holder = 99;
    assert_eq!(sim.plan.path(number), "");
    let request = crate::fixture::message(abi::CONTROL_END, &fields);
    let request = oro_system::control::Request::decode(&request).unwrap();
    let refusal =
        oro_system::control::decide(&sim.plan, &sim, Asker::Holder(99), &request).unwrap_err();
    assert_eq!(refusal.code, abi::CONTROL_STATE);
}

/// What a Ring around the holder's is called, has, or may have, no refusal says (`RING-2`).
#[test]
fn ctl_13_refusals_say_nothing_of_what_is_around() {
    let mut sim = Sim::new();
    sim.holder = {
        // A holder one deeper: `mine` is around it.
        let x = sim.instance_named("x");
        sim.plan.instances[x as usize].modules = vec![2];
        x
    };
    let deeper = N(sim.ring_id("deeper"));
    let fields = [("ring", deeper), ("name", T("n")), ("port_count", N(13))];
    sim.refuse(abi::CONTROL_CREATE, &fields, abi::CONTROL_QUOTA, "a Ring around yours");
    sim.memory.insert(sim.ring_named(MINE), 8 << 20);
    let fields = [("ring", deeper), ("module", T("relay")), ("name", T("n"))];
    sim.refuse(abi::CONTROL_MOUNT, &fields, abi::CONTROL_QUOTA, "a Ring around yours has no room");
    sim.set_state("y", State::Faulted);
    let fields = [("ring", deeper), ("module", T("source")), ("name", T("n"))];
    sim.refuse(abi::CONTROL_MOUNT, &fields, abi::CONTROL_DENIED, "you may mount `relay`");
}
