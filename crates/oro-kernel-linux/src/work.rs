//! Turns of the built-in ends: how much each does before others are served, and how it waits.
//!
//! An end whose peer is a thread in asynchronous mode is told nothing when the peer goes on. It naps
//! and looks again while that shows progress; only then does it have the core arm a doorbell, which
//! costs the peer a fault (`BELL-*`).

use std::time::{Duration, Instant};

use oro_kernel::{EndpointId, Event, Side};
use oro_system::{BuiltIn, Plan, PlanEnd, RestartOn};
use rustix::event::epoll::{self, EventFlags};

use crate::built_in::{BuiltInEnd, Work};
use crate::fairness::Slice;
use crate::ring_control::Served;
use crate::supervisor::{Source, Supervisor};
use crate::world::{Place, World, planned_end};
use crate::{Options, StartError};

/// Bytes that a built-in end moves in one turn (but at least one message), so that nobody waits long
/// for the supervisor.
const TURN_BYTES: u64 = 1 << 20;
/// Messages that it moves in one turn.
const TURN_MESSAGES: u64 = 256;
/// How long it naps before it looks again at a peer in asynchronous mode.
const NAP: Duration = Duration::from_micros(50);
/// Looks without progress before it waits for a doorbell instead.
const LOOKS: u32 = 2;

/// Opens every end that is the kernel's own.
pub(crate) fn open_built_ins(
    world: &World,
    plan: &Plan,
    options: &Options,
    start: Instant,
) -> Result<Vec<Option<BuiltInEnd>>, StartError> {
    let mut built_ins = Vec::new();
    for end in world.ends() {
        if let Place::Kernel(built_in) = world.ports[end.port.0 as usize].place(end.side) {
            built_ins.push(Some(open_built_in(plan, end, built_in, options, start)?));
        }
    }
    Ok(built_ins)
}

/// Opens one.
pub(crate) fn open_built_in(
    plan: &Plan,
    end: EndpointId,
    built_in: &BuiltIn,
    options: &Options,
    start: Instant,
) -> Result<BuiltInEnd, StartError> {
    let port = &plan.ports[end.port.0 as usize];
    let peer = planned_end(port, end.side.peer());
    let (instance, name, may_restart) = match peer {
        PlanEnd::Instance { instance, .. } => {
            let planned = &plan.instances[*instance as usize];
            let may_restart = planned.restart.on != RestartOn::Never;
            (*instance as usize, plan.path(*instance as usize), may_restart)
        }
        PlanEnd::BuiltIn(_) => (0, String::new(), false),
    };
    BuiltInEnd::open(end, built_in, (instance, &name), may_restart, options, start)
}

/// A built-in end that looks again after a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nap {
    index: usize,
    /// Looks in a row that have found nothing to do.
    idle_looks: u32,
    until: Instant,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// There is more to do.
    Unfinished,
    /// No message, or no room.
    Starved,
    /// The descriptor is not ready, or the end has closed.
    Resting,
}

impl Supervisor<'_> {
    /// Lets every built-in end do what it can.
    pub(crate) fn work_all(&mut self) {
        for index in 0..self.built_ins.len() {
            self.work(index);
        }
    }

    /// Lets those do what they can that have something to do, or have napped, fairly; for a slice of time.
    pub(crate) fn work_due(&mut self) {
        let now = Instant::now();
        for at in 0..self.naps.len() {
            if self.naps[at].until <= now {
                self.postpone(self.naps[at].index);
            }
        }
        let mut due: Vec<(usize, usize)> = std::mem::take(&mut self.unfinished)
            .into_iter()
            .filter_map(|index| Some((index, self.built_ins[index].as_ref()?.instance)))
            .collect();
        self.accounts.sort(&mut due);
        let slice = Slice::begin();
        for (index, instance) in due {
            if slice.is_over() {
                self.postpone(index);
                continue;
            }
            let start = Instant::now();
            self.work(index);
            self.accounts.charge(instance, start);
        }
    }

    /// Where the end is that serves this endpoint of the kernel's.
    pub(crate) fn find_built_in(&self, end: EndpointId) -> Option<usize> {
        self.built_ins.iter().position(|own| own.as_ref().is_some_and(|own| own.end == end))
    }

    /// Forgets ends that have closed, of Ports that are forgotten: others have their places.
    pub(crate) fn forget_built_ins(&mut self) {
        let ports = &self.plan.ports;
        for (index, place) in self.built_ins.iter_mut().enumerate() {
            let is_over =
                |own: &BuiltInEnd| own.is_closed() && ports[own.end.port.0 as usize].is_forgotten();
            if place.take_if(|own| is_over(own)).is_some() {
                self.naps.retain(|nap| nap.index != index);
                self.unfinished.retain(|unfinished| *unfinished != index);
            }
        }
    }

    /// When the next nap ends.
    pub(crate) fn next_nap(&self) -> Option<Instant> {
        self.naps.iter().map(|nap| nap.until).min()
    }

    /// Lets a built-in end do what it can in one turn.
    pub(crate) fn work(&mut self, index: usize) {
        let mut count = 0;
        let turn = self.take_turn(index, &mut count);
        let nap = self.naps.iter().position(|nap| nap.index == index);
        let nap = nap.map(|at| self.naps.swap_remove(at));
        match turn {
            Turn::Unfinished => self.postpone(index),
            Turn::Starved => {
                let idle_looks = match nap {
                    Some(nap) if count == 0 => nap.idle_looks + 1,
                    _ => 0,
                };
                self.rest(index, idle_looks);
            }
            Turn::Resting => {}
        }
        self.ask_for_readiness(index);
    }

    /// It has another turn when others have been served.
    pub(crate) fn postpone(&mut self, index: usize) {
        if !self.unfinished.contains(&index) {
            self.unfinished.push(index);
        }
    }

    fn take_turn(&mut self, index: usize, count: &mut u64) -> Turn {
        let Some(BuiltInEnd { end, .. }) = self.built_ins[index] else { return Turn::Resting };
        let slot_size_bytes = self.world.ports[end.port.0 as usize].slot_size_bytes;
        let most = (TURN_BYTES / slot_size_bytes).clamp(1, TURN_MESSAGES);
        let slice = Slice::begin();
        while *count < most {
            self.look_for_change(end.peer());
            // Before it closes, if its own Port has been taken.
            if self.is_answer_awaited(end) && self.serve_request(index) == Served::Nothing {
                return Turn::Resting;
            }
            let port = &self.world.ports[end.port.0 as usize];
            let Some(built_in) = &mut self.built_ins[index] else { return Turn::Resting };
            match built_in.work(port, &self.kernel) {
                Work::Event(event) => self.step(event),
                Work::Failure(event, why) => {
                    self.report.failed_built_ins.push(why);
                    self.step(event);
                }
                Work::Request => {
                    if self.serve_request(index) == Served::Nothing {
                        return Turn::Resting;
                    }
                }
                Work::Starved if built_in.is_replies() => {
                    // There is room, perhaps for the answer to a request that waits for it.
                    if self.kernel.available(end) > 0
                        && let Some(requests) = self.find_requests(index)
                    {
                        self.postpone(requests);
                    }
                    return Turn::Resting;
                }
                Work::Starved => return Turn::Starved,
                Work::Idle => return Turn::Resting,
            }
            *count += 1;
            if slice.is_over() {
                break;
            }
        }
        Turn::Unfinished
    }

    /// Nothing to do by the cursors, as far as they are known.
    fn rest(&mut self, index: usize, idle_looks: u32) {
        let Some(BuiltInEnd { end, .. }) = self.built_ins[index] else { return };
        if !self.kernel.has_live_cursor(end.peer()) {
            // A synchronous peer's faults tell when there is.
            return;
        }
        if idle_looks < LOOKS {
            let until = Instant::now() + NAP;
            self.naps.push(Nap { index, idle_looks, until });
        } else {
            self.step(Event::KernelWaits { end });
        }
    }

    fn ask_for_readiness(&mut self, index: usize) {
        let Some(built_in) = &self.built_ins[index] else { return };
        if let Some(fd) = built_in.pollable().filter(|_| built_in.wants_readiness) {
            let direction = match built_in.end.side {
                Side::Producer => EventFlags::IN,
                Side::Consumer => EventFlags::OUT,
            };
            let data = Source::BuiltIn(index).encode();
            let wanted = direction | EventFlags::ONESHOT;
            if let Err(error) = epoll::modify(&self.epoll, fd, data, wanted) {
                self.fail(StartError::system("epoll_ctl", error));
            }
        }
    }
}
