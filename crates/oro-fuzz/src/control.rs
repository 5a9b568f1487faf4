//! The target `control`.
//!
//! `sim.rs` has the system that runs, as far as decisions go, `message.rs` what turns bytes to messages, `checks.rs`
//! what must hold, `systems/` the manifests that it begins with.

use std::sync::{Arc, LazyLock};

use oro_sysabi::{CONTROL_QUOTA, CONTROL_STATE, ControlReply};
use oro_system::control::{
    Action, Answer, Asker, Description, Refusal, Reply, Request, State, decide,
};

use self::checks::{Case, check_sim, find_excess};
use self::message::{Message, RECORD_BYTES};
use self::sim::{Kind, Sim, id};
use crate::bytes::Bytes;
use crate::system_modules::{check, interfaces};

mod checks;
mod message;
mod sim;

/// So that one input takes little time.
const MAX_STEPS: usize = 64;

/// The systems, each with the names that its author has chosen: no words of a refusal.
static SYSTEMS: LazyLock<[(Sim, Vec<String>); 3]> = LazyLock::new(|| {
    [
        include_str!("control/systems/family.toml"),
        include_str!("control/systems/deep.toml"),
        include_str!("control/systems/tight.toml"),
    ]
    .map(make_system)
});

fn make_system(manifest: &str) -> (Sim, Vec<String>) {
    let (plan, findings) = check(manifest.as_bytes());
    let plan = plan.unwrap_or_else(|| panic!("{findings:#?}"));
    let all = interfaces();
    let modules = plan.modules.iter().map(|name| Arc::new(all[name].clone())).collect();
    let names = plan.instances.iter().map(|own| own.name.clone());
    let names = names.chain(plan.rings.iter().map(|ring| ring.name.clone())).collect();
    (Sim::new(plan, modules), names)
}

/// Any bytes as a system and what its holders of Ring control ask (`CTL-2`): well-formed requests, spoilt ones, and
/// whole messages; and what happens to instances and Ports meanwhile.
///
/// # Panics
///
/// If a request panics, is taken apart otherwise than it was written, does something that its holder has no power
/// to do, leaves a system that breaks a rule, or is refused with words about what its holder cannot see.
#[must_use]
pub fn control(bytes: &[u8]) -> bool {
    let mut bytes = Bytes(bytes);
    let Some((mut sim, names)) = choose_system(&mut bytes) else { return false };
    let mut is_any_done = false;
    for _ in 0..MAX_STEPS {
        let Some(outcome) = step(&mut sim, names, &mut bytes) else { break };
        is_any_done |= outcome.is_some_and(|outcome| outcome.is_ok());
    }
    is_any_done
}

/// The system that the first byte says.
fn choose_system(bytes: &mut Bytes<'_>) -> Option<(Sim, &'static [String])> {
    let (sim, names) = &SYSTEMS[usize::from(bytes.u8()?) % SYSTEMS.len()];
    Some((sim.clone(), names))
}

/// What came of a request: what was carried out, or the code of its refusal.
type Outcome = Result<Action, u32>;

/// One thing that happens, and what came of it if it was a request. Nothing when the bytes have ended.
fn step(sim: &mut Sim, names: &[String], bytes: &mut Bytes<'_>) -> Option<Option<Outcome>> {
    let kind = bytes.u8()?;
    let [number, how] = bytes.take()?;
    let choose = |count: usize| u32::try_from(usize::from(number) % count).expect("few");
    let (instance_count, port_count) = (sim.plan.instances.len(), sim.plan.ports.len());
    match kind & 15 {
        14 => sim.end_by_itself(choose(instance_count), how),
        13 => sim.end_port(choose(port_count), how),
        kind_of_message => {
            let holders = sim.list_holders();
            // Also one that has ended, or does not hold anything: it has asked before.
            let holder = match holders.len() {
                0 => u32::from(how),
                _ if number >= 240 => u32::from(how),
                count => holders[usize::from(number) % count],
            };
            let mut message = if kind_of_message == 15 {
                let [low, high] = bytes.take()?;
                let length = usize::from(u16::from_le_bytes([low, high])).min(512);
                let (given, rest) = bytes.0.split_at(length.min(bytes.0.len()));
                bytes.0 = rest;
                let mut message = [0; 512];
                message[..given.len()].copy_from_slice(given);
                message
            } else {
                let record: [u8; RECORD_BYTES] = bytes.take()?;
                match sim.plan.instances.get(holder as usize) {
                    Some(_) => message::make(sim, holder, record),
                    None => [0; 512],
                }
            };
            for _ in 0..(kind >> 4).saturating_sub(11) {
                let [low, high, value] = bytes.take()?;
                message[usize::from(u16::from_le_bytes([low, high])) % 512] = value;
            }
            check_exact(&message, number, how);
            return Some(Some(ask(sim, names, holder, &message)));
        }
    }
    Some(None)
}

/// `CTL-2`: what is taken apart says all that the message does; so a byte more, and it says another thing, or none.
fn check_exact(message: &Message, place: u8, value: u8) {
    let check = |message: &Message| match Request::decode(message) {
        Ok(request) => assert_eq!(&message::encode(&request), message, "CTL-2: {request:?}"),
        Err(refusal) => check_reply(message, Answer::Refused(refusal)),
    };
    check(message);
    let mut other = *message;
    other[usize::from(place) * 2 + usize::from(value & 1)] ^= value | 1;
    check(&other);
}

/// A request of a holder, decided and carried out.
fn ask(sim: &mut Sim, names: &[String], holder: u32, message: &Message) -> Outcome {
    let request = Request::decode(message).map_err(|refusal| refusal.code)?;
    let is_there = sim.states.get(holder as usize).is_some_and(|own| *own != State::Forgotten);
    if !is_there {
        let refusal =
            decide(&sim.plan, sim, Asker::Holder(holder), &request).expect_err("nobody has asked");
        assert_eq!(refusal.code, CONTROL_STATE, "{refusal:?}");
        return Err(refusal.code);
    }
    let decided = decide(&sim.plan, sim, Asker::Holder(holder), &request);
    let case = Case::new(sim, holder);
    case.check_silence(&request, message, &decided, names);
    let action = match decided {
        Ok(action) => action,
        Err(refusal) => {
            assert!((1..=12).contains(&refusal.code) && !refusal.text.is_empty(), "{refusal:?}");
            let code = refusal.code;
            check_reply(message, Answer::Refused(refusal));
            return Err(code);
        }
    };
    case.check_power(&action);
    let mut after = sim.clone();
    after.carry_out(holder, &action);
    if matches!(action, Action::Load { .. }) && find_excess(&after).is_some() {
        // Whose memory it is the kernel finds when it has the image (`CTL-5`).
        return Err(CONTROL_QUOTA);
    }
    case.check_others(&after.plan, &action);
    check_sim(&after, &action);
    check_reply(message, answer(&after, holder, &action));
    *sim = after;
    Ok(action)
}

/// What is answered to what has been carried out.
fn answer(sim: &Sim, holder: u32, action: &Action) -> Answer {
    let last = |count: usize| u32::try_from(count).expect("few");
    let reader = sim.ring_of(holder);
    let id = match action {
        Action::Describe(ring) => {
            let description = Description::new(&sim.plan, *ring, sim.count_usage(*ring));
            return Answer::Described(description);
        }
        Action::CreateRing(_) => id(reader, Kind::Ring, last(sim.plan.rings.len())),
        Action::Mount(_) => id(reader, Kind::Instance, last(sim.plan.instances.len() - 1)),
        Action::Wire { .. } => id(reader, Kind::Port, last(sim.plan.ports.len() - 1)),
        Action::Load { .. } => id(holder, Kind::Image, last(sim.modules.len() - 1)),
        _ => 0,
    };
    Answer::Done { id }
}

/// A reply repeats what it answers, and its text is a text of at most 192 bytes, as much of it as there is room for.
fn check_reply(message: &Message, answer: Answer) {
    let (correlation, operation) = Request::header(message);
    let bytes = Reply { correlation, operation, answer: answer.clone() }.encode();
    let field = |name: &str| {
        let mut fields = ControlReply::LAYOUT.fields.iter();
        let field = fields.find(|field| field.name == name).expect("it has that");
        &bytes[field.offset_bytes..field.offset_bytes + field.size_bytes]
    };
    let number = |name: &str| {
        let mut value = [0; 8];
        let field = field(name);
        value[..field.len()].copy_from_slice(field);
        u64::from_le_bytes(value)
    };
    assert_eq!((number("correlation"), number("operation")), (correlation, operation.into()));
    let Answer::Refused(Refusal { code, text }) = answer else {
        assert_eq!((number("code"), number("text_length")), (0, 0));
        return;
    };
    assert_eq!(number("code"), u64::from(code));
    let length = usize::try_from(number("text_length")).expect("it is small");
    let (told, rest) = field("text").split_at(length);
    let told = str::from_utf8(told).expect("a text is UTF-8");
    assert!(text.starts_with(told) && rest.iter().all(|byte| *byte == 0), "{text}");
    let is_cut_late = length < text.len() && length + 4 <= 192;
    assert!(!is_cut_late, "only {length} bytes of `{text}`");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::mem::discriminant;

    use super::*;

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/control");

    fn list_outcomes(bytes: &[u8]) -> Vec<Outcome> {
        let mut bytes = Bytes(bytes);
        let (mut sim, names) = choose_system(&mut bytes).expect("there is a byte");
        let steps = (0..MAX_STEPS).map_while(|_| step(&mut sim, names, &mut bytes));
        steps.flatten().collect()
    }

    /// A life of a Ring is what the model takes it for, to the end.
    #[test]
    fn ctl_2_what_makes_sense_is_done() {
        let bytes = std::fs::read(format!("{CORPUS}/seed-live")).expect("it is committed");
        let outcomes = list_outcomes(&bytes);
        assert!(outcomes.len() == 21 && outcomes.iter().all(Result::is_ok), "{outcomes:#?}");
    }

    /// The corpus gets to every kind of action, and to refusals for each reason that a decision has.
    #[test]
    fn ctl_2_all_is_reached() {
        let (mut actions, mut codes) = (HashSet::new(), HashSet::new());
        for entry in std::fs::read_dir(CORPUS).expect("it is committed") {
            let bytes = std::fs::read(entry.expect("it can be read").path());
            for outcome in list_outcomes(&bytes.expect("it can be read")) {
                match outcome {
                    Ok(action) => drop(actions.insert(discriminant(&action))),
                    Err(code) => drop(codes.insert(code)),
                }
            }
        }
        assert_eq!(actions.len(), 17);
        assert!(codes.len() >= 10, "{codes:?}");
    }
}
