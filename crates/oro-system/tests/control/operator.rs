//! What an operator may do (`CTL-14`).

use oro_sysabi as abi;
use oro_system::PlanGrant;
use oro_system::control::{Action, State};

use crate::fixture::{N, Sim, T, Value, id, mount, wire};

fn operator() -> Sim {
    Sim { is_operator: true, ..Sim::new() }
}

#[test]
fn ctl_14_every_ring_and_instance_is_in_an_operators_power() {
    let sim = operator();
    for name in ["main", "other", "sh", "mate", "x", "y"] {
        let (from, number) = ([("from", N(sim.instance_id(name)))], sim.instance_named(name));
        assert_eq!(sim.ask(abi::CONTROL_END, &from), Ok(Action::End(vec![number])));
        assert_eq!(sim.ask(abi::CONTROL_RESTART, &from), Ok(Action::Restart(number)));
    }
    for port in 0..6 {
        let fields = [("port", N(id(port)))];
        assert_eq!(sim.ask(abi::CONTROL_REVOKE, &fields), Ok(Action::Revoke(port)));
    }
    let all: Vec<u32> = (0..7).collect();
    assert_eq!(sim.ask(abi::CONTROL_END, &[("ring", N(id(0)))]), Ok(Action::End(all)));
}

#[test]
fn ctl_14_an_operator_adds_to_the_root_and_below() {
    let mut sim = operator();
    let names = [("ring", N(id(0))), ("name", T("new"))];
    let Action::CreateRing(ring) = sim.run(abi::CONTROL_CREATE, &names) else { panic!() };
    assert_eq!((ring.parent, ring.name.as_str()), (0, "new"));
    // The root has what is built in, so a Ring of it may be granted that.
    let grant = [("ring", N(sim.ring_id("new"))), ("module", T("console"))];
    let ring = sim.ring_named("new");
    let expected = PlanGrant { name: "console".to_owned(), instance: None };
    assert_eq!(sim.run(abi::CONTROL_REMOUNT, &grant), Action::Grant { ring, grant: expected });
    let relay = mount(&mut sim, "new", "relay", "late");
    let source = mount(&mut sim, "", "source", "early");
    sim.run(abi::CONTROL_WIRE, &wire((source, "out", 0), (relay, "in", 0)));
    // Between instances that a manifest has mounted, in Rings that do not see each other.
    let [pal, main] = ["pal", "main"].map(|name| sim.instance_id(name));
    sim.run(abi::CONTROL_WIRE, &wire((relay, "out", 0), (main, "request", 2)));
    sim.refuse(
        abi::CONTROL_WIRE,
        &wire((pal, "a", 0), (main, "request", 1)),
        abi::CONTROL_BUSY,
        "wired already",
    );
    let ring = sim.ring_named("new");
    let both = vec![sim.instance_named("late"), sim.instance_named("early")];
    match sim.run(abi::CONTROL_START, &[("ring", N(id(0)))]) {
        Action::Start { instances, .. } => assert_eq!(instances, both),
        other => panic!("{other:?}"),
    }
    assert_eq!(sim.plan.instances[both[0] as usize].ring, ring);
}

fn fields(module: &str) -> [(&str, Value<'_>); 3] {
    [("ring", N(id(0))), ("module", T(module)), ("name", T("n"))]
}

#[test]
fn ctl_14_an_operator_mounts_what_the_manifest_names_or_it_brings() {
    let mut sim = operator();
    for (number, module) in (0..).zip(sim.plan.modules.clone()) {
        match sim.ask(abi::CONTROL_MOUNT, &fields(&module)) {
            Ok(Action::Mount(planned)) => assert_eq!(planned.module, number),
            other => panic!("{other:?}"),
        }
    }
    sim.refuse(abi::CONTROL_MOUNT, &fields("relya"), abi::CONTROL_DENIED, "did you mean `relay`?");
    let image = [("ring", N(id(0))), ("image", N(id(3))), ("name", T("n"))];
    sim.refuse(abi::CONTROL_MOUNT, &image, abi::CONTROL_UNKNOWN, "no image");
    sim.images.insert(id(3), 2);
    assert!(matches!(sim.ask(abi::CONTROL_MOUNT, &image), Ok(Action::Mount(_))));
    let load = [("address", N(4096)), ("size_bytes", N(9))];
    sim.refuse(abi::CONTROL_LOAD, &load, abi::CONTROL_DENIED, "brings an image along");
}

#[test]
fn ctl_14_the_root_is_not_forgotten_and_granted_nothing() {
    let mut sim = operator();
    let root = [("ring", N(id(0)))];
    sim.states.fill(State::Ended);
    sim.refuse(abi::CONTROL_FORGET, &root, abi::CONTROL_DENIED, "when its system does");
    let grant = [("ring", N(id(0))), ("module", T("console"))];
    sim.refuse(abi::CONTROL_REMOUNT, &grant, abi::CONTROL_DENIED, "nothing around it");
    let name = [("ring", N(id(0))), ("name", T("main"))];
    sim.refuse(abi::CONTROL_CREATE, &name, abi::CONTROL_NAME, "of the root Ring has the name");
    let below = [("ring", N(sim.ring_id("mine")))];
    let forgotten = Action::ForgetRing(sim.ring_named("mine"));
    assert_eq!(sim.ask(abi::CONTROL_FORGET, &below), Ok(forgotten));
}
