//! Managed threads in synchronous mode, state S (`MAN-1` to `MAN-7`). The other mode is in `live.rs`.
//!
//! The own cursor is a commit word. A store to it faults; the core decides, moves the shadow
//! cursor, and opens the word for that store. At the thread's next fault the platform protects the
//! word and reports what it holds. Then there are three cases:
//!
//! - The new cursor: the store has landed.
//! - The old cursor: the store has not landed, since its fault was reported again before it could;
//!   or the thread has stored the old value. In the first case the store is still the thread's next
//!   act and faults again: the word opens again and nothing is committed twice. Any other act
//!   proves the second case, a violation. A thread that stores the old value and then stores to
//!   the same word again gains nothing: that store is let through as the first one was.
//! - Anything else: a violation.

use alloc::vec::Vec;

use crate::kernel::{Hold, Waiting, Word};
use crate::{
    Effect, EndpointId, FaultCause, InstanceEnd, Kernel, Mode, Mutant, Side, ThreadId, Violation,
};

impl Kernel {
    /// A touch of a cell that the thread does not hold (`MAN-2`, `MAN-4`).
    pub(crate) fn touch_managed(
        &mut self,
        thread: ThreadId,
        end: EndpointId,
        cell: u32,
        effects: &mut Vec<Effect>,
    ) {
        let state = self.end(end);
        if state.hold != Hold::None || cell != state.cell() {
            let violation = Violation::WrongCell {
                touched: cell,
                expected: state.cursor,
                was_handed_over: false,
            };
            return self.violate(thread, end, violation, effects);
        }
        self.end_mut(end).fault_count.add(true);
        self.serve(thread, end, false, effects);
    }

    /// A store to a protected commit word: commits or releases one slot (`MAN-5`, `MAN-6`).
    pub(crate) fn touch_word(&mut self, end: EndpointId, effects: &mut Vec<Effect>) {
        let thread = self.owner_thread(end);
        if !self.thread(thread).is_live {
            return;
        }
        if !self.thread(thread).is_managed {
            // A naive thread's cursor is memory that it can only read (META-1, END-5).
            let how = InstanceEnd::Faulted { thread, cause: FaultCause::Trap };
            return self.fault_instance(self.thread(thread).instance, how, effects);
        }
        self.end_landings(thread, None, effects);
        if let Word::NotLanded { end: last, expected } | Word::Open { end: last, expected } =
            self.thread(thread).word
            && last == end
            && !self.breaks(Mutant::CommitRepeatedWord)
        {
            self.thread_mut(thread).word = Word::Open { end, expected };
            effects.extend([Effect::OpenWord { end }, Effect::Resume(thread)]);
            return;
        }
        if !self.breaks(Mutant::CommitRepeatedWord) && !self.is_word_landed(thread, effects) {
            return;
        }
        if self.is_dead(end) {
            effects.extend([Effect::OpenWord { end }, Effect::Resume(thread)]);
            return;
        }
        if self.end(end).live.is_some() {
            return self.violate(
                thread,
                end,
                Violation::WrongMode { mode: Mode::Asynchronous },
                effects,
            );
        }
        if self.available(end) == 0 && self.end(end.peer()).was_live {
            // The peer may have shown what it has taken back (ASYNC-6).
            let value = self.end(end).cursor.wrapping_add(1);
            self.break_port(end, value, effects);
            effects.extend([Effect::OpenWord { end }, Effect::Resume(thread)]);
            return;
        }
        if self.available(end) == 0 {
            let cursor = self.end(end).cursor;
            let peer = self.end(end.peer()).cursor;
            let violation = Violation::CursorPastQueue { cursor, peer };
            return self.violate(thread, end, violation, effects);
        }
        let was_touched = self.end(end).hold == Hold::Slot;
        let state = self.end_mut(end);
        state.streak = if was_touched { state.streak.saturating_add(1) } else { 0 };
        state.fault_count.add(true);
        let expected = state.cursor.wrapping_add(1);
        let thread_state = self.thread_mut(thread);
        thread_state.waiting = Waiting::No;
        thread_state.word = Word::Open { end, expected };
        match end.side {
            Side::Producer => self.commit(end, effects),
            Side::Consumer => self.release(end, effects),
        }
        self.upgrade_if_earned(end, effects);
        effects.extend([Effect::OpenWord { end }, Effect::Resume(thread)]);
    }

    /// The open word of a thread that has faulted again has been protected and read.
    pub(crate) fn settle_word(&mut self, end: EndpointId, value: u64, effects: &mut Vec<Effect>) {
        let thread = self.owner_thread(end);
        if !self.thread(thread).is_live {
            return;
        }
        let word = self.thread(thread).word;
        let Word::Open { end: open, expected } = word else {
            panic!("platform: a settled word that was not open: {end:?}")
        };
        assert_eq!(open, end, "platform: a settled word that was not open");
        if self.breaks(Mutant::AdoptStoredCursor) {
            self.end_mut(end).cursor = value;
            self.thread_mut(thread).word = Word::Protected;
        } else if value == expected {
            self.thread_mut(thread).word = Word::Protected;
        } else if value == expected.wrapping_sub(1) {
            self.thread_mut(thread).word = Word::NotLanded { end, expected };
        } else {
            let violation = Violation::WrongCursor { stored: value, expected };
            self.violate(thread, end, violation, effects);
        }
    }

    /// Whether a thread that does something else than repeat its last store to a commit word has
    /// stored what it had to. If not, its instance ends.
    pub(crate) fn is_word_landed(&mut self, thread: ThreadId, effects: &mut Vec<Effect>) -> bool {
        match self.thread(thread).word {
            Word::Protected => true,
            Word::Open { end, .. } => {
                panic!("platform: a fault of {thread:?} before its open word was settled: {end:?}")
            }
            Word::NotLanded { end, expected } => {
                let violation =
                    Violation::WrongCursor { stored: expected.wrapping_sub(1), expected };
                self.violate(thread, end, violation, effects);
                false
            }
        }
    }
}
