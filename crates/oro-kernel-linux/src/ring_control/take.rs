//! Ports that are taken from their threads: revocation and transfer (`CTL-11`, `END-13`, `END-14`). Both may
//! have to wait until a thread has left the queue, so their answers come later.

use std::borrow::Cow;

use oro_kernel::{BindingSetup, EndpointId, Event, PortId, Side, Upgrade};
use oro_sysabi as abi;
use oro_system::control::{Answer, Refusal};
use oro_system::{PlanEnd, PlanPort};

use super::over_quota;
use crate::metadata;
use crate::supervisor::Supervisor;
use crate::world::planned_end;

/// A request that has been carried out, or begun.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) from: From,
    pub(super) correlation: u64,
    pub(super) operation: u32,
    pub(super) what: Done,
}

/// Where a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// At this end.
    Holder(EndpointId),
    /// By this connection (`control.rs`).
    Operator(u64),
    /// Whoever has asked is forgotten.
    Nobody,
}

/// What a request came to, or is to come to.
#[derive(Debug)]
pub(super) enum Done {
    Answered(Answer),
    /// This Port is revoked, now or soon.
    Revoked(PortId),
    /// This end is moved, now or soon, or stays.
    Moved {
        move_number: u64,
    },
}

impl Done {
    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::Answered(Answer::Refused(refusal))
    }
}

/// An end that the core has been asked to move.
#[derive(Debug)]
pub(super) struct Moving {
    /// Who has asked for it knows it by this: the same end may be moved again before it has its answer.
    number: u64,
    end: EndpointId,
    to: PlanEnd,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Awaited,
    Moved,
    Refused,
}

impl Supervisor<'_> {
    /// The request at this end that has been begun.
    pub(super) fn take_awaited(&mut self, requests: EndpointId) -> Option<Asked> {
        let awaited = &mut self.holders.awaited;
        let index = awaited.iter().position(|asked| asked.from == From::Holder(requests))?;
        Some(awaited.swap_remove(index))
    }

    /// What is to be answered, or the request back.
    pub(super) fn find_answer(&mut self, asked: Asked) -> Result<Answer, Asked> {
        match asked.what {
            Done::Answered(answer) => Ok(answer),
            Done::Revoked(port) if self.kernel.is_revoked(port) => Ok(Answer::Done { id: 0 }),
            Done::Revoked(_) => Err(asked),
            Done::Moved { move_number } => {
                let moves = &mut self.holders.moves;
                let index = moves.iter().position(|moving| moving.number == move_number);
                let index = index.expect("kernel bug: a move is awaited that nobody has asked for");
                match moves[index].progress {
                    Progress::Awaited => Err(asked),
                    Progress::Moved => {
                        moves.swap_remove(index);
                        Ok(Answer::Done { id: 0 })
                    }
                    Progress::Refused => {
                        moves.swap_remove(index);
                        Ok(Answer::Refused(Refusal::new(
                            abi::CONTROL_BUSY,
                            "its thread did not leave the queue in time, or it, the new owner or the Port \
                             has ended meanwhile: nothing has moved (END-14)",
                        )))
                    }
                }
            }
        }
    }

    /// Whoever waits for an answer that is known now has a turn.
    fn go_on(&mut self, is_it: impl Fn(&Done) -> bool) {
        for asked in std::mem::take(&mut self.holders.awaited) {
            if !is_it(&asked.what) {
                self.holders.awaited.push(asked);
                continue;
            }
            match asked.from {
                From::Holder(end) => {
                    if let Some(index) = self.find_built_in(end) {
                        self.postpone(index);
                    }
                    self.holders.awaited.push(asked);
                }
                From::Nobody => {
                    if let Err(asked) = self.find_answer(asked) {
                        self.holders.awaited.push(asked);
                    }
                }
                From::Operator(connection) => match self.find_answer(asked) {
                    Ok(answer) => self.holders.known.push((connection, answer)),
                    Err(asked) => self.holders.awaited.push(asked),
                },
            }
        }
    }

    /// [`Effect::FinishRevocation`](oro_kernel::Effect::FinishRevocation): the queue vanishes wherever it is
    /// mapped, and is not needed any more.
    pub(crate) fn finish_revocation(&mut self, port: PortId) {
        let queue = &self.world.ports[port.0 as usize].queue;
        let result = queue.punch_hole(0, queue.size_bytes());
        self.check("fallocate(PUNCH_HOLE)", result);
        self.go_on(|what| matches!(what, Done::Revoked(of) if *of == port));
    }

    /// Begins to give an end to another thread of its instance, whose element is free but for Ports that are
    /// over.
    pub(super) fn transfer(
        &mut self,
        end: EndpointId,
        to: &PlanEnd,
        over: &[u32],
    ) -> Result<Done, Refusal> {
        let old = &self.plan.ports[end.port.0 as usize];
        let planned = with_end(old, end.side, to.clone());
        let Some((thread, index)) = self.thread_of(&planned, end.side) else {
            unreachable!("decided: the new owner is a thread")
        };
        if !self.kernel.can_transfer(end, thread) {
            let text = "the end, its Port or the thread that is to have it has ended, or it is being taken \
                        already (END-14)";
            return Err(Refusal::new(abi::CONTROL_STATE, text));
        }
        self.check_place(&planned, end.side)?;
        let mut plan = self.plan.clone().into_owned();
        let mut charges = self.world.charges.clone();
        for old in over {
            charges.remove_port(&plan, &self.images, &plan.ports[*old as usize]);
        }
        charges.add_end(&plan, &self.images, &planned, to);
        charges.check(&plan).map_err(|error| over_quota(&error))?;
        self.world.charges = charges;
        let epoch = self.drop_old_end(thread, index, over);
        self.forget_over(&mut plan, over);
        self.adopt(plan);
        let number = self.holders.move_count;
        self.holders.move_count += 1;
        let progress = Progress::Awaited;
        self.holders.moves.push(Moving { number, end, to: to.clone(), progress });
        let binding = BindingSetup { index, epoch };
        // Where it goes there is no place for the queue.
        let upgrade = Upgrade::Unsupported;
        self.step(Event::TransferEnd { end, to: thread, binding, upgrade });
        self.tell_generations();
        Ok(Done::Moved { move_number: number })
    }

    /// [`Effect::MoveEnd`](oro_kernel::Effect::MoveEnd): cells, word and cursors at the new thread's place, and
    /// nothing at the old one's.
    pub(crate) fn move_end(&mut self, end: EndpointId) {
        let port = end.port.0 as usize;
        let is_it =
            |moving: &&mut Moving| moving.end == end && moving.progress == Progress::Awaited;
        let Some(moving) = self.holders.moves.iter_mut().find(is_it) else {
            unreachable!("an end moves that nobody has asked for")
        };
        moving.progress = Progress::Moved;
        let (to, number) = (moving.to.clone(), moving.number);
        let mut plan = std::mem::take(&mut self.plan).into_owned();
        let old = &plan.ports[port];
        self.world.charges.remove_end(&plan, &self.images, old, planned_end(old, end.side));
        plan.ports[port] = with_end(old, end.side, to);
        self.plan = Cow::Owned(plan);
        self.forget_names();
        let was_opened = std::mem::take(&mut self.opened_queues[port][end.side as usize]);
        if was_opened && end.side == Side::Consumer {
            self.unmap_queue(end);
        }
        let old = match self.world.move_end(&self.plan, &self.images, end) {
            Ok(old) => old,
            Err(error) => return self.fail(error),
        };
        if let (Some(process), Some(word)) =
            (&self.processes[old.thread.0 as usize], old.word_address())
        {
            let result = process.faults.protect(word, crate::memory::PAGE);
            self.check("UFFDIO_WRITEPROTECT", result);
        }
        metadata::publish_foreign(&self.world, &old);
        self.show_end(end);
        // Its new owner sees the peer in a page of its own.
        let peer = end.peer();
        let cursor = if self.kernel.has_live_cursor(peer) {
            self.read_cursor(peer)
        } else {
            self.kernel.cursor(peer)
        };
        self.world.ports[port].show_cursor(peer.side, cursor);
        if let Some(place) = self.world.thread_place(end).cloned() {
            self.world.tables.move_end(&self.plan, end, &place);
            self.pending.extend(self.list_changes());
        }
        self.go_on(|what| matches!(what, Done::Moved { move_number } if *move_number == number));
    }

    /// [`Effect::RefuseMove`](oro_kernel::Effect::RefuseMove): it stays where it is.
    pub(crate) fn refuse_move(&mut self, end: EndpointId) {
        let is_it =
            |moving: &&mut Moving| moving.end == end && moving.progress == Progress::Awaited;
        let Some(moving) = self.holders.moves.iter_mut().find(is_it) else { return };
        moving.progress = Progress::Refused;
        let number = moving.number;
        let port = &self.plan.ports[end.port.0 as usize];
        self.world.charges.remove_end(&self.plan, &self.images, port, &moving.to);
        self.go_on(|what| matches!(what, Done::Moved { move_number } if *move_number == number));
    }

    /// Whether a transfer waits that is to give something to this element.
    pub(super) fn is_to_get(&self, instance: u32, port: u32) -> bool {
        self.holders.moves.iter().any(|moving| {
            let PlanEnd::Instance { instance: of, port: index, .. } = moving.to else {
                return false;
            };
            moving.progress == Progress::Awaited && (of, index) == (instance, port)
        })
    }

    /// Whether an answer that is awaited, or an end that is being moved, names a Port.
    pub(super) fn names_port(&self, port: PortId) -> bool {
        let mut awaited = self.holders.awaited.iter();
        let is_awaited = |asked: &Asked| {
            matches!(asked.from, From::Holder(end) if end.port == port)
                || matches!(asked.what, Done::Revoked(of) if of == port)
        };
        awaited.any(is_awaited) || self.holders.moves.iter().any(|moving| moving.end.port == port)
    }

    /// Whether an end is being moved to a thread of an instance.
    pub(super) fn names_instance(&self, instance: u32) -> bool {
        let mut moves = self.holders.moves.iter();
        moves.any(
            |moving| matches!(moving.to, PlanEnd::Instance { instance: of, .. } if of == instance),
        )
    }

    /// Whether a request at this end waits for its answer.
    pub(crate) fn is_answer_awaited(&self, requests: EndpointId) -> bool {
        self.holders.awaited.iter().any(|asked| asked.from == From::Holder(requests))
    }
}

/// A Port with another one's end.
fn with_end(port: &PlanPort, side: Side, end: PlanEnd) -> PlanPort {
    match side {
        Side::Producer => PlanPort { producer: end, ..port.clone() },
        Side::Consumer => PlanPort { consumer: end, ..port.clone() },
    }
}
