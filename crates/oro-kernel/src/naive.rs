//! Naive threads in synchronous mode (`NAIVE-1` to `NAIVE-10`).
//!
//! Nothing here looks at a peer before the thread has been flushed: that is why a system of naive
//! threads has one outcome.

use alloc::vec::Vec;

use crate::kernel::{Hold, cell_of};
use crate::{Effect, EndpointId, Kernel, Mutant, Side, ThreadId, Violation};

impl Kernel {
    /// A touch of a cell that the thread does not hold: the next slot's, or a violation.
    pub(crate) fn touch_naive(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        cell: u32,
        effects: &mut Vec<Effect>,
    ) {
        let state = self.end(end);
        let is_held = state.hold != Hold::None;
        let next = state.cursor + u64::from(is_held);
        if cell != cell_of(next) {
            // Not held, or else it would be one or the other (NAIVE-4, NAIVE-7). A producer that
            // has committed has done so by touching another Port.
            let was_handed_over = end.side == Side::Producer && state.cursor > state.first;
            if self.breaks(Mutant::ServeAnyCell) {
                effects.extend([Effect::OpenCell { end, cell }, Effect::Resume(thread)]);
                return;
            }
            let violation = Violation::WrongCell { touched: cell, expected: next, was_handed_over };
            return self.violate(thread, end, violation, effects);
        }
        self.end_mut(end).fault_count.add(true);
        if self.breaks(Mutant::ReleaseAtOutput) && end.side == Side::Producer {
            self.release_inputs(thread, effects);
        }
        let skips_flush = self.breaks(Mutant::CommitOnBlock)
            && end.side == Side::Consumer
            && self.available(end) > u64::from(is_held);
        if !skips_flush {
            self.flush(thread, effects);
        }
        if end.side == Side::Consumer && is_held {
            self.release(end, effects);
        }
        self.serve(thread, end, false, effects);
    }

    /// Commits the producer slot that a naive thread holds (`NAIVE-1`); a managed one has none here.
    pub(crate) fn flush(&mut self, thread: ThreadId, effects: &mut Vec<Effect>) {
        if let Some(output) = self.thread_mut(thread).output.take() {
            self.commit(output, effects);
        }
    }

    /// What the mutant `ReleaseAtOutput` does.
    fn release_inputs(&mut self, thread: ThreadId, effects: &mut Vec<Effect>) {
        for index in 0..self.thread(thread).ends.len() {
            let end = self.thread(thread).ends[index];
            if end.side == Side::Consumer && self.end(end).hold != Hold::None {
                self.release(end, effects);
            }
        }
    }
}
