//! The core's effects as operations of userfaultfd and memfds, in order, each complete before the
//! next (`KRN-9`).

use std::io;

use oro_kernel::{Effect, EndpointId, InstanceId, ThreadId};

use crate::StartError;
use crate::addresses::START_GATE;
use crate::memory::PAGE;
use crate::metadata;
use crate::restart::Awaited;
use crate::supervisor::Supervisor;
use crate::userfault::{Userfault, Wake};
use crate::world::ThreadPlace;

impl Supervisor<'_> {
    /// Carries effects out. Built-in ends that have got something to do are added to `woken`.
    pub(crate) fn carry_out(&mut self, effects: &[Effect], woken: &mut Vec<EndpointId>) {
        let mut skips_resume = false;
        for (index, effect) in effects.iter().enumerate() {
            // A grant that its thread's resumption follows does both in one call.
            let next = match effects.get(index + 1) {
                Some(Effect::Resume(thread)) => Some(*thread),
                _ => None,
            };
            if std::mem::take(&mut skips_resume) {
                continue;
            }
            match *effect {
                Effect::StartThread(thread) => self.start(thread),
                Effect::OpenCell { end, cell } => {
                    skips_resume = self.grant(end, next, |place, faults, wake| {
                        faults.open_pages(place.cell_address(cell), place.cell_bytes, wake)
                    });
                }
                Effect::ProtectCell { end, cell } => {
                    self.grant(end, None, |place, faults, _| {
                        faults.protect(place.cell_address(cell), place.cell_bytes)
                    });
                }
                Effect::CollectCell { end, cell, number } => self.collect(end, cell, number),
                Effect::DeliverCell { end, cell, number } => {
                    skips_resume = self.deliver(end, cell, Some(number), next);
                }
                Effect::DeliverZeros { end, cell } => {
                    skips_resume = self.deliver(end, cell, None, next);
                }
                Effect::WithdrawCell { end, cell } => self.withdraw(end, cell),
                Effect::OpenWord { end } => {
                    skips_resume = self.grant(end, next, |place, faults, wake| {
                        let address = place.word_address().ok_or_else(no_word)?;
                        faults.open_pages(address, PAGE, wake)
                    });
                }
                Effect::PublishCursor { end, value } => {
                    metadata::publish_cursor(&self.world, end, value);
                }
                Effect::PublishPeer { end, state, epoch } => {
                    metadata::publish_peer(&self.world, end, state, epoch);
                }
                Effect::PublishInstance(instance) => self.publish_instance(instance),
                Effect::PublishPort(port) => {
                    self.world.tables.publish_port(&self.kernel, port);
                }
                Effect::Resume(thread) => self.resume(thread),
                Effect::EndThread(thread) => self.take_down(thread),
                Effect::EndInstance { instance, end, restart } => {
                    self.end_instance(instance, end, restart);
                }
                Effect::ReplaceInstance(instance) => self.to_replace.push(Awaited::new(instance)),
                Effect::WakeKernelEnd(end) => woken.push(end),
                Effect::Finish => self.finish(),
                Effect::OpenCursor { .. }
                | Effect::ProtectCursor { .. }
                | Effect::ReadCursor { .. }
                | Effect::OpenQueue { .. }
                | Effect::CloseQueue { .. }
                | Effect::PublishMode { .. }
                | Effect::SetWord { .. }
                | Effect::ReportBrokenPort { .. }
                | Effect::OpenGate { .. }
                | Effect::StartTimer { .. }
                | Effect::PublishFirst { .. }
                | Effect::FinishRevocation(_)
                | Effect::MoveEnd { .. }
                | Effect::RefuseMove { .. }
                | Effect::StopTimer { .. } => skips_resume = self.carry_out_live(effect, next),
            }
        }
    }

    /// Those of the asynchronous mode, of gates and of time. True if one also resumed `next`.
    fn carry_out_live(&mut self, effect: &Effect, next: Option<ThreadId>) -> bool {
        match *effect {
            Effect::OpenCursor { end } => return self.open_cursor(end, next),
            Effect::OpenGate { .. } => return self.open_gate(effect, next),
            Effect::ProtectCursor { end } => self.protect_cursor(end),
            Effect::ReadCursor { end } => {
                let event = self.settle_cursor(end);
                self.settled.push_back(event);
            }
            Effect::OpenQueue { end } => self.open_queue(end),
            Effect::CloseQueue { end } => self.close_queue(end),
            Effect::PublishMode { end, mode } => self.publish_mode(end, mode),
            Effect::SetWord { end, value } => self.set_word(end, value),
            Effect::ReportBrokenPort { port, produced, consumed } => {
                self.report_broken_port(port, produced, consumed);
            }
            Effect::StartTimer { timer, after_ns } => self.timers.start(timer, after_ns),
            Effect::StopTimer { timer } => self.timers.stop(timer),
            Effect::PublishFirst { end, value } => {
                metadata::publish_first(&self.world, end, value);
            }
            Effect::FinishRevocation(port) => self.finish_revocation(port),
            Effect::MoveEnd { end, .. } => self.move_end(end),
            Effect::RefuseMove { end } => self.refuse_move(end),
            _ => unreachable!("`carry_out` names the others"),
        }
        false
    }

    /// Opens a thread's start gate.
    pub(crate) fn start(&mut self, thread: ThreadId) {
        if let Some(process) = &self.processes[thread.0 as usize] {
            let result = process.faults.open_pages(START_GATE, PAGE, Wake::Yes);
            self.check("UFFDIO_WRITEPROTECT", result);
        }
    }

    /// Changes what a thread's endpoint may touch. True if that also resumed `next`.
    pub(crate) fn grant(
        &mut self,
        end: EndpointId,
        next: Option<ThreadId>,
        change: impl FnOnce(&ThreadPlace, &Userfault, Wake) -> io::Result<()>,
    ) -> bool {
        let Some(place) = self.world.thread_place(end) else { return false };
        let Some(process) = &self.processes[place.thread.0 as usize] else { return false };
        let resumes = next == Some(place.thread);
        let wake = if resumes { Wake::Yes } else { Wake::No };
        let result = change(place, &process.faults, wake);
        self.check("UFFDIO_WRITEPROTECT", result);
        resumes
    }

    /// A protected cell's bytes become message `number`; the cell is zero again (`PORT-6`).
    fn collect(&mut self, end: EndpointId, cell: u32, number: u64) {
        let Some(place) = self.world.thread_place(end) else { return };
        let port = &self.world.ports[end.port.0 as usize];
        let from = place.cell_offset(cell);
        port.queue.copy_from(port.slot_offset(number), &place.cells, from, port.slot_size_bytes);
        place.cells.clear(from, place.cell_bytes);
    }

    /// A copy of message `number`, or zeros, appears in a consumer's cell (`PORT-5`). True if that
    /// also resumed `next`.
    fn deliver(
        &mut self,
        end: EndpointId,
        cell: u32,
        number: Option<u64>,
        next: Option<ThreadId>,
    ) -> bool {
        let Some(place) = self.world.thread_place(end) else { return false };
        let Some(process) = &self.processes[place.thread.0 as usize] else { return false };
        let port = &self.world.ports[end.port.0 as usize];
        let size_bytes = place.cell_bytes;
        let resumes = next == Some(place.thread);
        let wake = if resumes { Wake::Yes } else { Wake::No };
        let fills_pages = port.slot_size_bytes == size_bytes;
        let source = match number {
            // Nothing follows the message in its pages, so it can go straight from the queue.
            Some(number) if fills_pages => {
                port.queue.pointer(port.slot_offset(number), size_bytes).cast_const()
            }
            _ => stage(&mut self.staging, port, number, size_bytes),
        };
        let address = place.cell_address(cell);
        // SAFETY: `source` is good for `size_bytes`: by `pointer`, or by `stage`.
        let result = unsafe { process.faults.copy(address, source, size_bytes, wake) };
        self.check("UFFDIO_COPY", result);
        resumes
    }

    /// A consumer's cell vanishes. It exists in this thread's mapping alone, so this takes nothing
    /// from anybody else.
    fn withdraw(&mut self, end: EndpointId, cell: u32) {
        let Some(place) = self.world.thread_place(end) else { return };
        let result = place.cells.punch_hole(place.cell_offset(cell), place.cell_bytes);
        self.check("fallocate(PUNCH_HOLE)", result);
    }

    /// Protects the open word of a thread and reads it once (`MAN-5`).
    pub(crate) fn settle_word(&mut self, index: usize, end: EndpointId) -> Option<u64> {
        let place = self.world.thread_place(end)?;
        let word = place.word.as_ref()?;
        let process = self.processes[index].as_ref()?;
        let result = process.faults.protect(word.address, PAGE);
        let value = word.memory.load_u64(0);
        self.check("UFFDIO_WRITEPROTECT", result);
        Some(value)
    }

    /// Lets a thread repeat the access that it is stopped in.
    pub(crate) fn resume(&mut self, thread: ThreadId) {
        let index = thread.0 as usize;
        if let Some(process) = &self.processes[index] {
            let page = self.last_fault[index].address & !(PAGE - 1);
            let result = process.faults.wake(page, PAGE);
            self.check("UFFDIO_WAKE", result);
        }
    }

    /// A page that is to be there has gone, without anybody having touched what it may not.
    pub(crate) fn map_again(&mut self, index: usize, address: u64, is_protected: bool) {
        if let Some(process) = &self.processes[index] {
            let result = process.faults.map_again(address, is_protected);
            self.check("UFFDIO_CONTINUE", result);
        }
    }

    fn publish_instance(&mut self, instance: InstanceId) {
        let view = self.kernel.instance(instance);
        self.world.tables.publish_instance(instance.0, &view);
    }

    /// An operation on a process that is dying may fail; its end is reported elsewhere. Any other
    /// failure means that the system cannot go on.
    pub(crate) fn check(&mut self, call: &'static str, result: io::Result<()>) {
        match result {
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                self.fail(StartError::system(call, error));
            }
            _ => {}
        }
    }
}

/// The message with zeros up to the end of its pages, or zeros alone.
fn stage(
    staging: &mut Vec<u8>,
    port: &crate::world::PortMemory,
    number: Option<u64>,
    size_bytes: u64,
) -> *const u8 {
    let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    if staging.len() < bytes(size_bytes) {
        staging.resize(bytes(size_bytes), 0);
    }
    let staged = &mut staging[..bytes(size_bytes)];
    let message = if number.is_some() { bytes(port.slot_size_bytes) } else { 0 };
    if let Some(number) = number {
        port.queue.read(port.slot_offset(number), &mut staged[..message]);
    }
    staged[message..].fill(0);
    staged.as_ptr()
}

fn no_word() -> io::Error {
    io::Error::other("kernel bug: a naive endpoint has no commit word")
}
