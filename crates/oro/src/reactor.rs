//! [`Reactor`]: what the tasks of `executor.rs` wait for, and the wakers that lead to it. It polls no
//! task.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, RawWaker, RawWakerVTable, Waker};

use oro_sysabi::{CONDITION_COUNT, Condition, NO_DEADLINE, WAIT_WORD};

use crate::managed::Spin;
use crate::wait::{Interest, holds};
use crate::{Instant, Thread};

/// Operations that may succeed in one round before the others have their turn.
const TURNS: u32 = 128;

/// Wake-ups of all wakers that were cloned; a clone outlives the executor that it came from.
static WAKES: AtomicU32 = AtomicU32::new(0);

/// What the tasks of one round wait for. It lies on the stack of `block_on`.
pub(crate) struct Reactor {
    thread: Thread,
    conditions: [Cell<Condition>; CONDITION_COUNT as usize],
    count: Cell<usize>,
    timer: Cell<Option<Instant>>,
    is_woken: Cell<bool>,
    turns: Cell<u32>,
    /// [`WAKES`] when the round began.
    wakes: Cell<u32>,
}

impl Reactor {
    pub(crate) fn new(thread: Thread) -> Self {
        Self {
            thread,
            conditions: [const { Cell::new(Condition { kind: 0, index: 0, value: 0 }) };
                CONDITION_COUNT as usize],
            count: Cell::new(0),
            timer: Cell::new(None),
            is_woken: Cell::new(false),
            turns: Cell::new(0),
            wakes: Cell::new(0),
        }
    }

    /// The one waker that tasks are polled with.
    ///
    /// # Safety
    ///
    /// The reactor stays where it is and outlives the result.
    pub(crate) unsafe fn make_waker(&self) -> Waker {
        let data = core::ptr::from_ref(self).cast();
        // SAFETY: the functions of `WAKER` keep the contract of a waker, whose data they do not use; a
        // clone has another table.
        unsafe { Waker::from_raw(RawWaker::new(data, &WAKER)) }
    }

    /// The reactor of the `block_on` that polls.
    ///
    /// # Panics
    ///
    /// If another executor does, or one of another thread.
    pub(crate) fn of<'context>(context: &'context Context<'_>, thread: Thread) -> &'context Self {
        let waker = context.waker();
        assert!(
            core::ptr::eq(waker.vtable(), &raw const WAKER),
            "an asynchronous operation of oro must be polled by oro::executor::block_on"
        );
        // SAFETY: the one waker with this table is `make_waker`'s, whose reactor outlives it, and it is
        // borrowed for as long as the context is.
        let reactor = unsafe { &*waker.data().cast::<Self>() };
        // Nor is it another thread that was lent the context: `thread` is the calling one.
        assert!(reactor.thread == thread, "an end of another thread");
        reactor
    }

    pub(crate) fn begin_round(&self) {
        self.count.set(0);
        self.timer.set(None);
        self.is_woken.set(false);
        self.turns.set(TURNS);
        self.wakes.set(WAKES.load(Ordering::Acquire));
    }

    /// Whether an operation may be tried now. If not, it is the others' turn, and another round comes.
    pub(crate) fn take_turn(&self) -> bool {
        let Some(left) = self.turns.get().checked_sub(1) else {
            self.is_woken.set(true);
            return false;
        };
        self.turns.set(left);
        true
    }

    pub(crate) fn add(&self, interest: Interest) {
        if interest == Interest::Now {
            self.is_woken.set(true);
        }
        interest.conditions().iter().for_each(|condition| self.add_condition(*condition));
    }

    fn add_condition(&self, condition: Condition) {
        let count = self.count.get();
        assert!(
            count < self.conditions.len(),
            "the tasks of a block_on wait for more than 128 things"
        );
        self.conditions[count].set(condition);
        self.count.set(count + 1);
    }

    pub(crate) fn add_timer(&self, moment: Instant) {
        let earliest = self.timer.get().map_or(moment, |earliest| earliest.min(moment));
        self.timer.set(Some(earliest));
    }

    /// Waits until a task can go on, or may.
    pub(crate) fn wait(&self) {
        if self.is_woken.get() || WAKES.load(Ordering::Acquire) != self.wakes.get() {
            if self.timer.get().is_some() {
                // Busy tasks do not keep timers waiting.
                self.thread.touch_gate(&[], 0);
            }
            return;
        }
        let mut conditions = [Condition::default(); CONDITION_COUNT as usize];
        let count = self.count.get();
        for (copy, condition) in conditions.iter_mut().zip(&self.conditions[..count]) {
            *copy = condition.get();
        }
        let conditions = &conditions[..count];
        let timer = self.timer.get();
        assert!(count > 0 || timer.is_some(), "every task waits, and for nothing that could come");
        // Words are not looked at here: a future that was dropped after its poll took its borrow along.
        let is_ready = || {
            let mut ends = conditions.iter().filter(|condition| condition.kind != WAIT_WORD);
            ends.any(|condition| holds(self.thread, condition))
        };
        let spins = if count > 0 { Spin::new().limit(self.thread) } else { 0 };
        for _ in 0..spins {
            if is_ready() {
                return;
            }
            core::hint::spin_loop();
        }
        let mut deadline_ns = NO_DEADLINE;
        if let Some(timer) = timer {
            // A request counts from its touch, and the last return may be long ago.
            deadline_ns = timer.as_ns().saturating_sub(self.thread.now().as_ns());
        }
        // Whatever it returns for, all tasks are polled again.
        self.thread.touch_gate(conditions, deadline_ns);
    }
}

/// Of the waker that tasks are polled with: its data point to the [`Reactor`].
static WAKER: RawWakerVTable = RawWakerVTable::new(clone, wake_round, wake_round, ignore);
/// Of its clones, which may live for ever and be sent to other threads: they have no data.
static CLONED_WAKER: RawWakerVTable = RawWakerVTable::new(clone, wake_all, wake_all, ignore);

fn clone(_: *const ()) -> RawWaker {
    RawWaker::new(core::ptr::null(), &CLONED_WAKER)
}

/// A shared waker may be lent to other threads, so that the reactor is not touched here either.
fn wake_round(data: *const ()) {
    wake_all(data);
}

fn wake_all(_: *const ()) {
    WAKES.fetch_add(1, Ordering::Release);
}

fn ignore(_: *const ()) {}
