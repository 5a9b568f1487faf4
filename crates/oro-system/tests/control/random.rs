//! Whatever a holder asks: nothing panics, and nothing changes outside of its power (`CTL-3`).

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};

use oro_system::control::{Action, Asker, Request, decide};
use oro_system::{Plan, PlanEnd, PlanInstance, PlanPort};
use proptest::prelude::*;

use crate::fixture::{N, Sim, T, Value, id, message};

const NAMES: [&str; 14] = [
    "", "n", "m", "x", "below", "clock", "a b", "relay", "two", "server", "boss", "tuned",
    "console", "ring",
];
const BUILT_INS: [&str; 5] =
    ["console.stdout", "console.log", "ring.requests", "null.bytes", "clock.now"];

/// A request that may well make sense, from bytes of chance.
fn request(sim: &Sim, bytes: &[u8; 12]) -> [u8; 512] {
    let [operation, ring, from, to, port, name, module, from_port, to_port, element, size, how] =
        *bytes;
    let number = |byte: u8, count: usize| {
        N(if byte > 250 {
            byte.into()
        } else {
            id(u32::from(byte) % u32::try_from(count).expect("it is small"))
        })
    };
    let (instances, rings) = (sim.plan.instances.len() + 1, sim.plan.rings.len() + 2);
    let (ring, from_id) = (("ring", number(ring, rings)), number(from, instances));
    let (from_field, to_field) = (("from", from_id), ("to", number(to, instances)));
    let target = if how & 1 == 0 { from_field } else { ring };
    // What the instance has, if there is one.
    let interface = |byte: u8| {
        let instance = sim.plan.instances.get(usize::from(byte) % instances);
        &sim.modules[instance.map_or(0, |own| own.module as usize)]
    };
    let pick = |names: &[&'static str], byte: u8| T(names[usize::from(byte) % names.len()]);
    let own_port = |instance: u8, byte: u8| {
        let ports = &interface(instance).ports;
        T(&ports[usize::from(byte) % ports.len()].name)
    };
    let (name, granted) = (("name", pick(&NAMES, name)), ("module", pick(&NAMES, module)));
    let port_number = usize::from(port) % (sim.plan.ports.len() + 1);
    let port = ("port", N(id(u32::try_from(port_number).expect("it is small"))));
    let operation = u32::from(operation) % 17;
    let mut fields: Vec<(&str, Value<'_>)> = match operation {
        1 => vec![ring, name, ("port_count", N(u64::from(size) % 16))],
        2 if how & 1 == 0 => vec![ring, from_field],
        2 => vec![ring, granted],
        3 => vec![("address", N(4096)), ("size_bytes", N(size.into()))],
        4 if how & 7 == 0 => vec![ring, name, ("image", number(element, sim.plan.modules.len()))],
        4 => vec![ring, name, granted, ("heap_bytes", N(size.into()))],
        5 => {
            let key = ("name", pick(&["count", "fast"], element));
            // Few modules have parameters: one that does, if any.
            let has_params =
                |own: &PlanInstance| !sim.modules[own.module as usize].params.is_empty();
            let tuned = sim.plan.instances.iter().rposition(has_params);
            let tuned =
                tuned.map(|index| ("from", N(id(u32::try_from(index).expect("it is small")))));
            vec![tuned.unwrap_or(from_field), key, ("text", pick(&["1", "true"], how))]
        }
        6 => {
            let end = |field: (&'static str, Value<'static>), names: (u8, u8), bits: u8| {
                if how & bits == 0 {
                    ((field.0, N(0)), pick(&BUILT_INS, names.1))
                } else {
                    (field, own_port(names.0, names.1))
                }
            };
            let (from, from_port) = end(from_field, (from, from_port), 6);
            let (to, to_port) = end(to_field, (to, to_port), 24);
            let field = if how & 1 == 0 { "from_element" } else { "to_element" };
            let element = (field, N(u64::from(element) % 3));
            vec![from, to, ("from_port", from_port), ("to_port", to_port), element]
        }
        7 | 8 | 11 => vec![target],
        9 => vec![from_field],
        10 if how & 1 == 0 => {
            vec![from_field, ("image", number(element, sim.plan.modules.len()))]
        }
        10 => vec![from_field, granted],
        15 => vec![port, from_field, ("to_port", own_port(from, to_port))],
        16 => vec![ring],
        _ => vec![port],
    };
    if how == 255 {
        fields.push(("slot_count", N(size.into())));
    }
    message(operation, &fields)
}

/// Takes the Port of some element for over, as chance has it.
fn end_port(sim: &mut Sim, bytes: &[u8; 12]) {
    let index = usize::from(bytes[4]) % sim.plan.ports.len();
    if bytes[11] & 96 == 0 {
        let port = sim.plan.ports[index].clone();
        for end in [&port.producer, &port.consumer] {
            if let PlanEnd::Instance { instance, port, .. } = end {
                sim.free.insert((*instance, *port));
            }
        }
    }
}

/// What there is outside of the holder's power: instances, Rings, and Ports between them.
fn list_others(sim: &Sim, plan: &Plan) -> (Vec<String>, BTreeSet<String>) {
    let own = sim.plan.instances[sim.holder as usize].ring;
    let is_below = |ring: u32| ring != own && plan.is_within(ring, own);
    let rings = (1..).zip(&plan.rings).filter(|(number, _)| !is_below(*number));
    let rings = rings.map(|(number, ring)| format!("{number} {ring:?}"));
    let instances = plan.instances.iter().enumerate().filter(|(_, own)| !is_below(own.ring));
    let parts = rings.chain(instances.map(|(index, own)| format!("{index} {own:?}"))).collect();
    let is_other = |end: &PlanEnd| match end {
        PlanEnd::Instance { instance, .. } => !is_below(plan.instances[*instance as usize].ring),
        PlanEnd::BuiltIn(_) => true,
    };
    let ports = plan.ports.iter().enumerate();
    let ports = ports.filter(|(_, port)| {
        !port.is_forgotten() && is_other(&port.producer) && is_other(&port.consumer)
    });
    (parts, ports.map(|(index, port)| format!("{index} {port:?}")).collect())
}

/// Whether a new Port is one that the holder may make.
fn may_wire(sim: &Sim, port: &PlanPort) -> bool {
    let own = sim.plan.instances[sim.holder as usize].ring;
    let ends = [&port.producer, &port.consumer].map(|end| match end {
        PlanEnd::Instance { instance, .. } => {
            let ring = sim.plan.instances[*instance as usize].ring;
            (
                Some(*instance),
                sim.plan.is_within(ring, own),
                ring != own && sim.plan.is_within(ring, own),
            )
        }
        PlanEnd::BuiltIn(_) => (None, true, false),
    });
    let some_below = ends.iter().any(|(.., is_below)| *is_below);
    let is_holders = ends.iter().any(|(instance, ..)| *instance == Some(sim.holder));
    let has_built_in = ends.iter().any(|(instance, ..)| instance.is_none());
    ends.iter().all(|(_, is_seen, _)| *is_seen) && (some_below || is_holders && !has_built_in)
}

/// Carries a request out, if it is not refused; the kind of its action.
fn run(sim: &mut Sim, bytes: &[u8; 512]) -> Option<Discriminant<Action>> {
    let request = Request::decode(bytes).ok()?;
    let action = match decide(&sim.plan, sim, Asker::Holder(sim.holder), &request) {
        Ok(action) => action,
        Err(refusal) => {
            assert!((1..=12).contains(&refusal.code) && !refusal.text.is_empty(), "{refusal:?}");
            for name in ["other", "beside"] {
                assert!(!refusal.text.contains(&format!("`{name}`")), "it tells of {refusal}");
            }
            return None;
        }
    };
    let before = list_others(sim, &sim.plan);
    sim.carry_out(&action);
    let after = list_others(sim, &sim.plan);
    assert_eq!(before.0, after.0, "{action:?}");
    match &action {
        Action::Wire { port, .. } => assert!(may_wire(sim, port), "{port:?}"),
        _ => assert_eq!(before.1, after.1, "{action:?}"),
    }
    Some(discriminant(&action))
}

/// The chance that a test makes is not all refused: each kind of action comes of it.
#[test]
fn ctl_3_random_requests_do_everything() {
    let mut state = 1_u64;
    let mut kinds = std::collections::HashSet::new();
    for _ in 0..150 {
        let mut sim = Sim::new();
        for _ in 0..100 {
            let mut bytes = [0; 12];
            for byte in &mut bytes {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                *byte = state.to_be_bytes()[0];
            }
            end_port(&mut sim, &bytes);
            let request = request(&sim, &bytes);
            kinds.extend(run(&mut sim, &request));
        }
    }
    assert_eq!(kinds.len(), 17, "{kinds:?}");
}

proptest! {
    #[test]
    fn ctl_3_nothing_outside_changes(requests in proptest::collection::vec(any::<[u8; 12]>(), 1..60)) {
        let mut sim = Sim::new();
        for bytes in requests {
            end_port(&mut sim, &bytes);
            let request = request(&sim, &bytes);
            run(&mut sim, &request);
        }
    }

    #[test]
    fn ctl_2_no_bytes_are_too_odd(changes in proptest::collection::vec((0..512_usize, any::<u8>()), 0..20), operation in 0..18_u32) {
        let mut bytes = message(operation, &[]);
        for (offset, value) in changes {
            bytes[offset] = value;
        }
        run(&mut Sim::new(), &bytes);
    }
}
