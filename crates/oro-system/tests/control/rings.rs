//! Rings, grants, images: `CREATE`, `REMOUNT`, `LOAD`, `DESCRIBE`, `FORGET` of a Ring.

use oro_sysabi as abi;
use oro_system::control::{Action, Description, State, World};
use oro_system::{PlanGrant, PlanRing};

use crate::fixture::{MINE, N, Sim, T};

#[test]
fn ctl_4_a_ring_is_made_in_the_own_one_or_below() {
    let mut sim = Sim::new();
    for parent in [MINE, "below", "deeper"] {
        let fields = [("ring", N(sim.ring_id(parent))), ("name", T("new"))];
        let wanted = PlanRing {
            name: "new".to_owned(),
            parent: sim.ring_named(parent),
            ..PlanRing::default()
        };
        assert_eq!(sim.run(abi::CONTROL_CREATE, &fields), Action::CreateRing(wanted));
    }
    let create = |name| vec![("ring", N(sim.ring_id(MINE))), ("name", T(name))];
    for (name, text) in [
        ("", "NOTE-6"),
        ("a b", "NOTE-6"),
        ("entropy", "built-in"),
        ("below", "a Ring of your Ring has the name"),
        ("mate", "an instance of"),
        ("clock", "built-in"),
        ("main", "a grant of"),
    ] {
        sim.refuse(abi::CONTROL_CREATE, &create(name), abi::CONTROL_NAME, text);
    }
    // 31 bytes are a name, 32 are none.
    let long = "n".repeat(32);
    assert!(sim.ask(abi::CONTROL_CREATE, &create(&long[1..])).is_ok());
    sim.refuse(abi::CONTROL_CREATE, &create(&long), abi::CONTROL_NAME, "NOTE-6");
}

#[test]
fn ctl_4_quotas_are_none_larger_than_around() {
    let mut sim = Sim::new();
    let create = |sim: &Sim, ring: &str, quota, most| {
        vec![("ring", N(sim.ring_id(ring))), ("name", T("n")), (quota, N(most))]
    };
    // `below` has no quota of its own: that of `mine` counts.
    for ring in [MINE, "below", "deeper"] {
        for (quota, most, text) in [
            ("memory_bytes", 8 << 20, "more memory than your Ring, 8M"),
            ("port_count", 12, "more Ports than your Ring, 12"),
            ("thread_count", 20, "more threads than your Ring, 20"),
        ] {
            assert!(sim.ask(abi::CONTROL_CREATE, &create(&sim, ring, quota, most)).is_ok());
            let fields = create(&sim, ring, quota, most + 1);
            sim.refuse(abi::CONTROL_CREATE, &fields, abi::CONTROL_QUOTA, text);
        }
    }
    let below = sim.ring_named("below") as usize - 1;
    sim.plan.rings[below].port_count = 3;
    let fields = create(&sim, "deeper", "port_count", 4);
    sim.refuse(abi::CONTROL_CREATE, &fields, abi::CONTROL_QUOTA, "Ring `below`, 3");
}

#[test]
fn ctl_4_rings_are_bounded_in_depth_and_number() {
    let mut sim = Sim::new();
    let mut parent = "deeper".to_owned();
    for depth in 4..=8 {
        let name = format!("r{depth}");
        let fields = [("ring", N(sim.ring_id(&parent))), ("name", T(&name))];
        sim.run(abi::CONTROL_CREATE, &fields);
        parent = name;
    }
    let fields = [("ring", N(sim.ring_id(&parent))), ("name", T("n"))];
    sim.refuse(abi::CONTROL_CREATE, &fields, abi::CONTROL_QUOTA, "RING-1");
    let mine = sim.ring_named(MINE);
    while sim.plan.rings.len() < 1023 {
        let name = format!("n{}", sim.plan.rings.len());
        sim.plan.rings.push(PlanRing { name, parent: mine, ..PlanRing::default() });
    }
    let fields = [("ring", N(sim.ring_id(MINE))), ("name", T("n"))];
    sim.refuse(abi::CONTROL_CREATE, &fields, abi::CONTROL_QUOTA, "1024 Rings");
    // What is forgotten counts no more.
    sim.plan.rings[1022].forget();
    assert!(sim.ask(abi::CONTROL_CREATE, &fields).is_ok());
}

#[test]
fn ctl_4_a_grant_is_what_the_parent_has() {
    let mut sim = Sim::new();
    let below = sim.ring_named("below");
    let grant = |name: &str, instance| Action::Grant {
        ring: below,
        grant: PlanGrant { name: name.to_owned(), instance },
    };
    let built_in =
        |sim: &Sim, ring: &str, name| [("ring", N(sim.ring_id(ring))), ("module", T(name))];
    let fields = built_in(&sim, "below", "clock");
    assert_eq!(sim.ask(abi::CONTROL_REMOUNT, &fields), Ok(grant("clock", None)));
    // One of the own Ring; one that is granted to it.
    for name in ["mate", "main"] {
        let fields = [("ring", N(sim.ring_id("below"))), ("from", N(sim.instance_id(name)))];
        let number = Some(sim.instance_named(name));
        assert_eq!(sim.run(abi::CONTROL_REMOUNT, &fields), grant(name, number));
        sim.refuse(abi::CONTROL_REMOUNT, &fields, abi::CONTROL_NAME, "a grant of Ring `below`");
    }
    let names: Vec<_> =
        sim.plan.rings[below as usize - 1].grants.iter().map(|own| own.name.clone()).collect();
    assert_eq!(names, ["console", "main", "mate"], "in the order of names");

    let refuse = |fields: &[(&str, crate::fixture::Value<'_>)], code, text: &str| {
        sim.refuse(abi::CONTROL_REMOUNT, fields, code, text);
    };
    refuse(&built_in(&sim, "below", "files"), abi::CONTROL_DENIED, "RING-6");
    refuse(&built_in(&sim, "deeper", "clock"), abi::CONTROL_DENIED, "not in Ring `below`");
    refuse(&built_in(&sim, "below", "clok"), abi::CONTROL_NAME, "`clock`?");
    refuse(&built_in(&sim, "below", "entropy"), abi::CONTROL_NAME, "there are");
    let fields = [("ring", N(sim.ring_id("deeper"))), ("from", N(sim.instance_id("sh")))];
    refuse(&fields, abi::CONTROL_DENIED, "not in Ring `below`");
    let fields = [("ring", N(sim.ring_id("below"))), ("from", N(sim.instance_id("other")))];
    refuse(&fields, abi::CONTROL_UNKNOWN, "in your tables");
}

#[test]
fn ctl_5_an_image_is_bounded() {
    let sim = Sim::new();
    let load = |address, size| [("address", N(address)), ("size_bytes", N(size))];
    let most = u64::from(abi::MAX_LOADED_IMAGE_BYTES);
    assert_eq!(
        sim.ask(abi::CONTROL_LOAD, &load(4096, most)),
        Ok(Action::Load { address: 4096, size_bytes: most })
    );
    sim.refuse(abi::CONTROL_LOAD, &load(4096, 0), abi::CONTROL_BAD_REQUEST, "is 0");
    sim.refuse(abi::CONTROL_LOAD, &load(0, most + 1), abi::CONTROL_QUOTA, "16M");
    sim.refuse(abi::CONTROL_LOAD, &load(u64::MAX, 2), abi::CONTROL_BAD_REQUEST, "past the end");
    let mut sim = Sim::new();
    sim.plan.modules = (0..4096).map(|index| format!("m{index}")).collect();
    sim.refuse(abi::CONTROL_LOAD, &load(4096, 1), abi::CONTROL_QUOTA, "4096 modules");
}

#[test]
fn ctl_5_a_loaded_image_has_a_name_of_its_own() {
    let mut sim = Sim::new();
    let all = |sim: &Sim| (0_u32..).take(sim.plan.modules.len()).collect::<Vec<_>>();
    let name = |sim: &Sim, wanted: &str| sim.plan.free_module_name(wanted, &all(sim));
    assert_eq!(name(&sim, "new"), "new");
    assert_eq!(name(&sim, "relay"), "relay-2");
    sim.plan.modules.push("relay-2".to_owned());
    assert_eq!(name(&sim, "relay"), "relay-3");
    assert_eq!(name(&sim, ""), "image");
    let long = "n".repeat(31);
    sim.plan.modules.push(long.clone());
    assert!(oro_system::is_valid_name(&name(&sim, &long)));
    // What others have loaded shows in no name.
    assert_eq!(sim.plan.free_module_name("relay", &[]), "relay");
}

#[test]
fn ctl_10_a_ring_is_forgotten_with_all_that_is_in_it() {
    let mut sim = Sim::new();
    let fields = [("ring", N(sim.ring_id("below")))];
    sim.refuse(abi::CONTROL_FORGET, &fields, abi::CONTROL_STATE, "`x` has not ended");
    sim.set_state("x", State::Ended);
    sim.refuse(abi::CONTROL_FORGET, &fields, abi::CONTROL_STATE, "`y` has not ended");
    sim.set_state("y", State::Faulted);
    let (below, deeper) = (sim.ring_named("below"), sim.ring_named("deeper"));
    let (x, y) = (sim.instance_named("x"), sim.instance_named("y"));
    let before = sim.plan.clone();
    assert_eq!(sim.run(abi::CONTROL_FORGET, &fields), Action::ForgetRing(below));
    for ring in [below, deeper] {
        assert!(sim.plan.rings[ring as usize - 1].is_forgotten());
    }
    for instance in [x, y] {
        assert!(sim.plan.instances[instance as usize].is_forgotten());
    }
    assert!(sim.plan.ports[4].is_forgotten(), "nobody has it any more");
    assert!(!sim.plan.ports[5].is_forgotten(), "`main` has an end of it");
    assert_eq!(sim.plan.ports[..4], before.ports[..4]);
    sim.refuse(abi::CONTROL_FORGET, &fields, abi::CONTROL_UNKNOWN, "in your tables");
    // The name is free again.
    let fields = [("ring", N(sim.ring_id(MINE))), ("name", T("below"))];
    sim.run(abi::CONTROL_CREATE, &fields);
    assert_eq!(sim.ring_named("below"), below, "the first free place");
}

#[test]
fn ctl_12_the_own_ring_and_those_below_are_described() {
    let sim = Sim::new();
    for name in [MINE, "below", "deeper"] {
        let fields = [("ring", N(sim.ring_id(name)))];
        let number = sim.ring_named(name);
        assert_eq!(sim.ask(abi::CONTROL_DESCRIBE, &fields), Ok(Action::Describe(number)));
        let most = Description::new(&sim.plan, number, sim.taken(number)).most;
        let wanted = if name == MINE { (8 << 20, 12, 20) } else { (0, 0, 0) };
        assert_eq!((most.memory_bytes, most.port_count, most.thread_count), wanted);
    }
}
