//! Places of what is forgotten are used again: `CREATE`, `LOAD`, `MOUNT`, `WIRE`, `START`, `FORGET` (`CTL-13`).

use oro_sysabi as abi;
use oro_system::control::State;

use crate::fixture::{MINE, N, Sim, T, id, mount, wire};

/// How many entries the plan's lists have.
fn sizes(sim: &Sim) -> [usize; 4] {
    let plan = &sim.plan;
    [plan.modules.len(), plan.rings.len(), plan.instances.len(), plan.ports.len()]
}

/// A Ring with a filter, wired to the server beside the holder at both ends; all of it forgotten again.
fn run_client(sim: &mut Sim, ring: &str, module: &str) {
    let parent = sim.ring_id(MINE);
    sim.run(abi::CONTROL_CREATE, &[("ring", N(parent)), ("name", T(ring))]);
    let client = mount(sim, ring, module, "client");
    let source = mount(sim, ring, "source", "feed");
    let port = if module == "relay" { "in" } else { "value" };
    sim.run(abi::CONTROL_WIRE, &wire((source, "out", 0), (client, port, 0)));
    let ring = [("ring", N(sim.ring_id(ring)))];
    for operation in [abi::CONTROL_END, abi::CONTROL_FORGET] {
        sim.run(operation, &ring);
    }
}

#[test]
fn ctl_13_a_plan_has_one_size_whatever_comes_and_goes() {
    let mut sim = Sim::new();
    run_client(&mut sim, "guest", "relay");
    let after_one = sizes(&sim);
    for _ in 0..100 {
        run_client(&mut sim, "guest", "relay");
        assert_eq!(sizes(&sim), after_one);
    }
}

#[test]
fn ctl_13_a_number_stays_taken_while_a_port_names_it() {
    let mut sim = Sim::new();
    let y = sim.instance_named("y");
    sim.set_state("y", State::Ended);
    sim.run(abi::CONTROL_FORGET, &[("from", N(id(y)))]);
    // `x` has an end of a Port of it yet.
    mount(&mut sim, "deeper", "two", "first");
    assert_ne!(sim.instance_named("first"), y);
    let x = sim.instance_named("x");
    sim.set_state("x", State::Ended);
    sim.run(abi::CONTROL_FORGET, &[("from", N(id(x)))]);
    mount(&mut sim, "deeper", "two", "second");
    assert_eq!(sim.instance_named("second"), y);
    // `main` in the root has one of a Port of `x`.
    mount(&mut sim, "deeper", "relay", "third");
    assert_ne!(sim.instance_named("third"), x);
}

#[test]
fn ctl_13_a_ring_comes_after_its_parent_in_any_place() {
    let mut sim = Sim::new();
    let create = |sim: &mut Sim, parent: &str, name| {
        let fields = [("ring", N(sim.ring_id(parent))), ("name", T(name))];
        sim.run(abi::CONTROL_CREATE, &fields);
        sim.ring_named(name)
    };
    let [a, b] = ["a", "b"].map(|name| create(&mut sim, MINE, name));
    sim.run(abi::CONTROL_FORGET, &[("ring", N(id(a)))]);
    let inner = create(&mut sim, "b", "c");
    assert!(inner > b, "not the place before its parent");
    assert_eq!(create(&mut sim, MINE, "d"), a);
}

#[test]
fn ctl_13_modules_that_nobody_can_name_are_forgotten() {
    let mut sim = Sim::new();
    let load = [("address", N(4096)), ("size_bytes", N(10))];
    sim.run(abi::CONTROL_LOAD, &load);
    let module = u32::try_from(sim.plan.modules.len()).expect("few") - 1;
    let fields =
        [("ring", N(sim.ring_id("below"))), ("image", N(id(module))), ("name", T("loaded"))];
    sim.run(abi::CONTROL_MOUNT, &fields);
    let before = sim.plan.modules.clone();
    sim.plan.forget_modules(|own| own == module);
    sim.plan.forget_modules(|_| false);
    assert_eq!(sim.plan.modules, before, "an instance has it");
    let loaded = sim.instance_id("loaded");
    for operation in [abi::CONTROL_END, abi::CONTROL_FORGET] {
        sim.run(operation, &[("from", N(loaded))]);
    }
    sim.plan.forget_modules(|own| own == module);
    assert_eq!(sim.plan.modules, before, "its holder may mount it");
    sim.plan.forget_modules(|_| false);
    assert_eq!(sim.plan.modules[module as usize], "");
    assert_eq!(sim.plan.modules[..module as usize], before[..module as usize]);
    assert_eq!(sim.plan.check_running(), Ok(()));
    // The next one has its place.
    sim.run(abi::CONTROL_LOAD, &load);
    assert_eq!(sim.plan.modules.len(), before.len());
}
