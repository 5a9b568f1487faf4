//! New Ports, and other owners for the ends of old ones (`CTL-3`, `CTL-6`, `CTL-8`, `CTL-11`).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec::Vec;

use oro_image::{Direction, Port};
use oro_sysabi::{
    CONTROL_BAD_REQUEST, CONTROL_BUSY, CONTROL_DENIED, CONTROL_PORT, CONTROL_QUOTA, CONTROL_TYPE,
    CONTROL_UNKNOWN, MAX_SLOT_COUNT,
};

use super::action::Action;
use super::reply::Refusal;
use super::request::{EndName, Wire};
use super::room::Need;
use super::scope::{Scope, find};
use super::words::{explain_pair, explain_size};
use super::world::{Asker, State, Usage, World};
use crate::names::{BUILT_IN_NAMES, is_valid_name};
use crate::rules::{
    BuiltInFault, Carries, check_pair, check_queue, choose_slot_size, find_built_in,
    is_system_wired, list_names, match_types, nearest_names, shorten, wire_bytes,
};
use crate::{BuiltIn, ENDPOINT_RULE, MAX_PORTS, PlanEnd, PlanGrant, PlanPort};

/// Slots of a Port whose request names no number.
const DEFAULT_SLOTS: u32 = 16;

/// Whose an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The kernel's.
    BuiltIn,
    /// The holder's.
    Holder(u32),
    /// Another instance's of the holder's own Ring.
    Beside(u32),
    /// An instance's of a descendant.
    Below(u32),
}

/// An end that is there.
type Claimed<'a> = (PlanEnd, Option<Carries<'a>>);

impl<W: World> Scope<'_, W> {
    pub(super) fn wire(&self, wire: &Wire) -> Result<Action, Refusal> {
        let (from, to) = (self.find_owner(wire.from.instance)?, self.find_owner(wire.to.instance)?);
        check_owners(from, to)?;
        let (producer, produced) = self.claim_end(&wire.from, from, to, Direction::Producer)?;
        let (consumer, consumed) = self.claim_end(&wire.to, to, from, Direction::Consumer)?;
        check_pair(&producer, &consumer).map_err(explain_pair)?;
        // Only the null sink carries anything, and it produces nothing.
        let produced = produced.ok_or_else(|| explain_pair(crate::rules::PairFault::BuiltIns))?;
        let (from_port, to_port) = (&wire.from.port, &wire.to.port);
        let carries = match_types(produced, consumed).map_err(|help| {
            let text = format!("`{from_port}` and `{to_port}` carry different types: {help}");
            Refusal::new(CONTROL_TYPE, text)
        })?;
        let wanted = (wire.slot_size_bytes != 0).then_some(wire.slot_size_bytes.into());
        let slot_size_bytes =
            choose_slot_size(carries, wanted).map_err(|fault| explain_size(fault, carries))?;
        let stride_bytes = carries.stride_bytes(slot_size_bytes);
        let slot_count = if wire.slot_count == 0 { DEFAULT_SLOTS } else { wire.slot_count };
        check_slots(slot_count, stride_bytes)?;
        let port = PlanPort {
            slot_size_bytes,
            stride_bytes,
            slot_count,
            is_forced_synchronous: false,
            drops_at_restart: false,
            layout: carries.layout.to_owned(),
            producer,
            consumer,
        };
        let mut over = self.take_element(&port.producer, from_port)?;
        over.extend(self.take_element(&port.consumer, to_port)?);
        over.sort_unstable();
        over.dedup();
        self.plan.check_more(&port, &over).map_err(|rule| {
            let code = if rule == ENDPOINT_RULE { CONTROL_QUOTA } else { CONTROL_BUSY };
            Refusal::new(code, format!("`{from_port}` to `{to_port}`: {rule}"))
        })?;
        self.check_room(core::slice::from_ref(&port), &over)?;
        Ok(Action::Wire { port, over })
    }

    /// Who it is that an id stands for in a wire.
    fn find_owner(&self, id: u64) -> Result<Owner, Refusal> {
        if id == 0 {
            return Ok(Owner::BuiltIn);
        }
        let (instance, own) = self.see_instance(id)?;
        if self.is_below(own.ring) {
            Ok(Owner::Below(instance))
        } else if self.asker == Asker::Holder(instance) {
            Ok(Owner::Holder(instance))
        } else if own.ring == self.own_ring {
            Ok(Owner::Beside(instance))
        } else {
            let text = format!(
                "`{}` is remounted onto your Ring, not in it: you may not wire it (CTL-3)",
                own.name
            );
            Err(Refusal::new(CONTROL_DENIED, text))
        }
    }

    fn claim_end(
        &self,
        name: &EndName,
        owner: Owner,
        other: Owner,
        direction: Direction,
    ) -> Result<Claimed<'_>, Refusal> {
        match owner {
            Owner::BuiltIn => self.claim_built_in(name, other, direction),
            Owner::Holder(instance) | Owner::Beside(instance) | Owner::Below(instance) => {
                let port = self.find_declared(instance, name)?;
                if port.direction != direction {
                    let (does, place) = match port.direction {
                        Direction::Producer => ("produces", "from"),
                        Direction::Consumer => ("consumes", "to"),
                    };
                    let text = format!(
                        "`{}` of `{}` {does}: it belongs in `{place}`",
                        port.name,
                        self.name(instance)
                    );
                    return Err(Refusal::new(CONTROL_PORT, text));
                }
                Ok((plan_end(instance, port, name.element), Some(Carries::of(port))))
            }
        }
    }

    /// A port of an instance that is not over, which the system does not wire itself.
    fn find_declared(&self, instance: u32, name: &EndName) -> Result<&Port, Refusal> {
        self.check_alive(instance)?;
        let (interface, own) = (self.interface(instance), self.name(instance));
        let Some(port) = interface.ports.iter().find(|port| port.name == name.port) else {
            let names = || interface.ports.iter().map(|port| port.name.as_str());
            let help = match nearest_names(&name.port, names()).first() {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("it has {}", list_names(names())),
            };
            let text = format!("`{own}` has no port `{}`: {help}", shorten(&name.port));
            return Err(Refusal::new(CONTROL_PORT, text));
        };
        let text = if name.element >= port.max.max(1) {
            format!(
                "`{own}.{}` has no element {}: they are 0 to {}",
                port.name,
                name.element,
                port.max.max(1) - 1
            )
        } else if is_system_wired(interface, port) {
            format!(
                "`{own}.{}` is wired by the system at START: give it parameters with PARAM",
                port.name
            )
        } else {
            return Ok(port);
        };
        Err(Refusal::new(CONTROL_PORT, text))
    }

    /// An end of the kernel's, which the Ring of the other one is granted (`CTL-6`).
    fn claim_built_in(
        &self,
        name: &EndName,
        other: Owner,
        direction: Direction,
    ) -> Result<Claimed<'_>, Refusal> {
        let shown = shorten(&name.port);
        let refuse = |help: &str| {
            Refusal::new(CONTROL_PORT, format!("`{shown}` is no built-in end: {help}"))
        };
        let Some((instance, port)) = name.port.split_once('.') else {
            return Err(refuse("write `console.log`, say, or give the instance's id"));
        };
        if name.element != 0 {
            let text = format!("`{shown}` is no array: leave the element 0");
            return Err(Refusal::new(CONTROL_PORT, text));
        }
        let (built_in, carries) =
            find_built_in(instance, port, direction).map_err(|fault| match fault {
                BuiltInFault::Direction => refuse("it belongs on the other side"),
                BuiltInFault::Unknown(ports) => {
                    refuse(&format!("`{instance}` has {}", list_names(ports.iter().copied())))
                }
                BuiltInFault::NoInstance => {
                    refuse(&format!("there are {}", list_names(BUILT_IN_NAMES)))
                }
            })?;
        if matches!(built_in, BuiltIn::FileRead(_) | BuiltIn::FileWrite(_)) && !is_valid_name(port)
        {
            return Err(refuse("after the dot is the name of a file (NOTE-6)"));
        }
        let grant = PlanGrant { name: instance.to_owned(), instance: None };
        let ring = match other {
            Owner::Below(other) => self.planned(other).map(|own| own.ring),
            Owner::BuiltIn | Owner::Holder(_) | Owner::Beside(_) => None,
        };
        if ring.is_some_and(|ring| self.plan.has(ring, &grant)) {
            return Ok((PlanEnd::BuiltIn(built_in), carries));
        }
        let whose = self.show_ring(ring.unwrap_or(self.own_ring));
        let text = format!("`{instance}` is not granted to {whose}: REMOUNT it there (CTL-6)");
        Err(Refusal::new(CONTROL_DENIED, text))
    }

    /// The Ports that are over and had this element; refused if it has one that is not (`CTL-8`).
    fn take_element(&self, end: &PlanEnd, name: &str) -> Result<Vec<u32>, Refusal> {
        let &PlanEnd::Instance { instance, port, .. } = end else { return Ok(Vec::new()) };
        let is_it = |end: &PlanEnd| match end {
            PlanEnd::Instance { instance: own, port: index, .. } => {
                (*own, *index) == (instance, port)
            }
            PlanEnd::BuiltIn(_) => false,
        };
        let had = (0_u32..).zip(&self.plan.ports);
        let had = had.filter(|(_, own)| is_it(&own.producer) || is_it(&own.consumer));
        let over: Vec<u32> = had.map(|(index, _)| index).collect();
        if self.world.is_free(instance, port) {
            return Ok(over);
        }
        let whose = self.name(instance);
        let text = if over.is_empty() {
            format!(
                "`{name}` of `{whose}` is not free: what it had is another thread's (RESTART it first), or a \
                 transfer that is under way gives it something (END-14)"
            )
        } else {
            format!(
                "`{name}` of `{whose}` is wired already, and its Port is not over; after a revoked or broken \
                 Port it is free once `{whose}` is restarted (CTL-8)"
            )
        };
        Err(Refusal::new(CONTROL_BUSY, text))
    }

    /// Whether there is room for more Ports, when some are forgotten (`RING-9`, `SYS-3`).
    pub(super) fn check_room(&self, ports: &[PlanPort], over: &[u32]) -> Result<(), Refusal> {
        let own = self.plan.ports.iter().filter(|port| !port.is_forgotten()).count();
        let count = own.saturating_sub(over.len()).saturating_add(ports.len());
        if u32::try_from(count).map_or(true, |count| count > MAX_PORTS) {
            let text = format!("a system has at most {MAX_PORTS} Ports: FORGET what has ended");
            return Err(Refusal::new(CONTROL_QUOTA, text));
        }
        let mut need = Need::default();
        for port in ports {
            self.each_cost(port, |ring, usage| need.add(ring, usage));
        }
        for port in over.iter().filter_map(|port| find(&self.plan.ports, *port)) {
            self.each_cost(port, |ring, usage| need.give_back(ring, usage));
        }
        need.check(self)
    }

    /// What a Port takes, of each Ring that has one of its ends.
    fn each_cost(&self, port: &PlanPort, mut take: impl FnMut(u32, Usage)) {
        let (queue_bytes, cell_bytes) = wire_bytes(port);
        for end in [&port.producer, &port.consumer] {
            let PlanEnd::Instance { instance, .. } = end else { continue };
            let Some(own) = self.planned(*instance).filter(|own| !own.is_forgotten()) else {
                continue;
            };
            let (memory_bytes, port_count) = if port.payer() == Some(*instance) {
                (cell_bytes.saturating_add(queue_bytes), 1)
            } else {
                (cell_bytes, 0)
            };
            take(own.ring, Usage { memory_bytes, port_count, thread_count: 0 });
        }
    }

    /// Gives an end of a Port to another thread of its instance (`END-14`).
    pub(super) fn transfer(
        &self,
        port: u64,
        instance: u64,
        to: &EndName,
    ) -> Result<Action, Refusal> {
        let instance = self.find_instance(instance)?;
        let state = self.world.state(instance);
        if state == State::Mounted {
            let help = "it can be given a Port by WIRE; an end is transferred while its threads run (END-14)";
            return Err(self.refuse_state(instance, state, help));
        }
        let number = self.find_port(port)?;
        let unknown = || Refusal::new(CONTROL_UNKNOWN, "there is no such Port");
        let own = find(&self.plan.ports, number).ok_or_else(unknown)?;
        let declared = self.find_declared(instance, to)?;
        let refuse = |code: u32, text| Err(Refusal::new(code, text));
        let shown = format!("`{}` of `{}`", declared.name, self.name(instance));
        let side = declared.direction;
        let (end, peer) = match side {
            Direction::Producer => (&own.producer, &own.consumer),
            Direction::Consumer => (&own.consumer, &own.producer),
        };
        let entry = match end {
            PlanEnd::Instance { instance: owner, entry, .. } if *owner == instance => *entry,
            PlanEnd::Instance { .. } | PlanEnd::BuiltIn(_) => {
                let what = if side == Direction::Producer { "producing" } else { "consuming" };
                return refuse(
                    CONTROL_PORT,
                    format!(
                        "{shown} is a {what} one, and that end of the Port is not its instance's"
                    ),
                );
            }
        };
        if matches!(peer, PlanEnd::BuiltIn(BuiltIn::Params(_))) {
            return refuse(
                CONTROL_PORT,
                format!("parameters come through the Port: {shown} cannot have it"),
            );
        }
        let fits = declared.is_flexible || declared.slot_size_bytes == own.slot_size_bytes;
        if declared.layout != own.layout || !fits {
            return refuse(
                CONTROL_TYPE,
                format!("{shown} carries another type than the Port (SYS-5)"),
            );
        }
        if declared.entry == entry {
            return refuse(
                CONTROL_PORT,
                format!("{shown} is of the thread that has the end: name one of another (END-14)"),
            );
        }
        let end = plan_end(instance, declared, to.element);
        let (producer, consumer) = match side {
            Direction::Producer => (&end, peer),
            Direction::Consumer => (peer, &end),
        };
        check_pair(producer, consumer).map_err(explain_pair)?;
        let over = self.take_element(&end, &declared.name)?;
        if over.contains(&number) {
            return refuse(CONTROL_BUSY, format!("{shown} has an end of this very Port"));
        }
        Ok(Action::Transfer { port: number, side, to: end, over })
    }
}

/// Who may be joined to whom (`CTL-3`).
fn check_owners(from: Owner, to: Owner) -> Result<(), Refusal> {
    use Owner::{Below, Beside, BuiltIn, Holder};
    let text = match (from, to) {
        (Below(_), _) | (_, Below(_)) | (Holder(_), Holder(_)) => return Ok(()),
        (Holder(_), Beside(_)) | (Beside(_), Holder(_)) => return Ok(()),
        (BuiltIn, BuiltIn) => {
            let text = "`from` and `to` are 0: one end at least is an instance's (SYS-5)";
            return Err(Refusal::new(CONTROL_BAD_REQUEST, text));
        }
        (Beside(_), Beside(_)) => {
            "both ends are in your own Ring: one is to be yours, or below your Ring (CTL-3)"
        }
        (BuiltIn, Holder(_) | Beside(_)) | (Holder(_) | Beside(_), BuiltIn) => {
            "an instance of your own Ring is wired to yours, or to one below, not to a built-in (CTL-3)"
        }
    };
    Err(Refusal::new(CONTROL_DENIED, text))
}

fn check_slots(slot_count: u32, stride_bytes: u32) -> Result<(), Refusal> {
    if !slot_count.is_power_of_two() || slot_count > MAX_SLOT_COUNT {
        let text = format!(
            "`slot_count` is {slot_count}: a power of two, at most {MAX_SLOT_COUNT} (LIM-3)"
        );
        return Err(Refusal::new(CONTROL_BAD_REQUEST, text));
    }
    check_queue(slot_count, stride_bytes).map_err(|most| {
        let text = format!(
            "`slot_count` is {slot_count}: of slots of {stride_bytes} bytes a queue has at most \
             {most} (LIM-2)"
        );
        Refusal::new(CONTROL_QUOTA, text)
    })
}

fn plan_end(instance: u32, port: &Port, element: u32) -> PlanEnd {
    PlanEnd::Instance {
        instance,
        port: port.index.saturating_add(element),
        entry: port.entry,
        element,
    }
}
