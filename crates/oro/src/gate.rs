//! Waiting at gates (`GATE-1` to `GATE-7`): [`Instant`], and what a [`Thread`] can wait for by
//! itself: time and words of its instance's memory. Waiting for ends is in `wait.rs` and `managed.rs`.

use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use oro_sysabi::{
    CONDITION_COUNT, Condition, NO_DEADLINE, Request, Response, WAIT_WORD, WAKE_WORD,
};

use crate::Thread;
use crate::shared::{order_accesses, pointer};

/// A moment: nanoseconds since the system's start, as gates tell them (`GATE-4`). All threads of a
/// system share the origin.
///
/// ```
/// use core::time::Duration;
/// use oro::Instant;
/// let start = Instant::from_ns(5_000);
/// assert_eq!(start + Duration::from_micros(2), Instant::from_ns(7_000));
/// assert_eq!(Instant::from_ns(7_000) - start, Duration::from_micros(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment this many nanoseconds after the system's start.
    #[must_use]
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the system's start.
    #[must_use]
    pub const fn as_ns(self) -> u64 {
        self.0
    }
}

/// A sum beyond 2^64 nanoseconds, some 584 years, is that moment.
impl core::ops::Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The time since an earlier moment; zero since a later one.
impl core::ops::Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Thread {
    /// The time. Costs a touch of a gate, a page fault.
    #[must_use]
    pub fn now(self) -> Instant {
        self.touch_gate(&[], 0);
        self.load_last_time()
    }

    /// Sleeps for this long, at least.
    pub fn sleep(self, duration: Duration) {
        self.sleep_until(self.now() + duration);
    }

    /// Sleeps until this moment, at least.
    pub fn sleep_until(self, moment: Instant) {
        self.block(&[], Some(moment), 0, || false);
    }

    /// Waits until `word` is not `expected`, for other threads of the instance to change it; or until
    /// the deadline. Whether it is not `expected`.
    ///
    /// Who changes the word must call [`wake_word`](Self::wake_word) after it (`GATE-7`). The load that
    /// sees the change acquires: store with release.
    pub fn wait_word(self, word: &AtomicU32, expected: u32, deadline: Option<Instant>) -> bool {
        let condition = make_word_condition(word, expected);
        self.block(&[condition], deadline, 0, || word.load(Ordering::Acquire) != expected)
    }

    /// Wakes the instance's threads that wait for `word`, which was changed before (`GATE-7`). Costs a
    /// touch of a gate, a page fault.
    pub fn wake_word(self, word: &AtomicU32) {
        let value = make_word_condition(word, 0).value;
        self.touch_gate(&[Condition { kind: WAKE_WORD, index: 0, value }], 0);
    }

    /// Waits until `is_done` says so or the deadline passes: spins `spins` times, then blocks at the
    /// gate until a condition holds, and looks again. What it has said in the end.
    pub(crate) fn block(
        self,
        conditions: &[Condition],
        deadline: Option<Instant>,
        spins: u32,
        mut is_done: impl FnMut() -> bool,
    ) -> bool {
        for _ in 0..spins {
            if is_done() {
                return true;
            }
            core::hint::spin_loop();
        }
        let mut now = None;
        loop {
            if is_done() {
                return true;
            }
            let deadline_ns = match deadline {
                None => NO_DEADLINE,
                Some(deadline) => {
                    // A request counts from its touch, and a wait may take several (`GATE-4`).
                    let now = now.unwrap_or_else(|| self.now());
                    if now >= deadline {
                        return is_done();
                    }
                    deadline.0 - now.0
                }
            };
            self.touch_gate(conditions, deadline_ns);
            now = Some(self.load_last_time());
        }
    }

    /// Touches the armed gate with a request (`GATE-1`); blocks until a condition holds or
    /// `deadline_ns` after the touch, and perhaps for less (`GATE-4`).
    ///
    /// # Panics
    ///
    /// If there are more than 128 conditions.
    #[cold]
    pub(crate) fn touch_gate(self, conditions: &[Condition], deadline_ns: u64) {
        assert!(conditions.len() <= CONDITION_COUNT as usize, "a wait has at most 128 conditions");
        let root = self.root_page();
        let request = pointer(root.request);
        let place = request.wrapping_byte_add(offset_of!(Request, conditions)).cast::<Condition>();
        for (index, condition) in conditions.iter().enumerate() {
            // SAFETY: inside `conditions`, since there are at most 128; the page is this thread's to
            // write (`META-1`) and behind no reference.
            unsafe { place.wrapping_add(index).write_volatile(*condition) };
        }
        let count = request.wrapping_byte_add(offset_of!(Request, count)).cast::<u32>();
        #[expect(clippy::cast_possible_truncation, reason = "at most 128")]
        // SAFETY: an aligned field of the request page; else as above.
        unsafe {
            count.write_volatile(conditions.len() as u32);
        }
        let deadline = request.wrapping_byte_add(offset_of!(Request, deadline_ns)).cast::<u64>();
        // SAFETY: as above.
        unsafe { deadline.write_volatile(deadline_ns) };

        let armed = pointer(root.response).wrapping_byte_add(offset_of!(Response, armed));
        // SAFETY: an aligned field of the response page, which only the kernel writes, and only while
        // this thread is inside a gate (`GATE-4`).
        let armed = unsafe { armed.cast::<u32>().read_volatile() };
        let gate = pointer(root.gates + u64::from(armed & 1) * u64::from(root.page_size_bytes));
        order_accesses();
        // SAFETY: the armed one of the two gate pages: the store has no effect on memory (`GATE-1`).
        unsafe { gate.cast::<u32>().write_volatile(1) };
        order_accesses();
    }

    /// The time of the last return from a gate; the system's start before the first.
    pub(crate) fn load_last_time(self) -> Instant {
        let at = pointer(self.root_page().response).wrapping_byte_add(offset_of!(Response, now_ns));
        // SAFETY: as the other field of the response page.
        Instant(unsafe { at.cast::<u64>().read_volatile() })
    }
}

/// The condition that a word is not `expected`.
pub(crate) fn make_word_condition(word: &AtomicU32, expected: u32) -> Condition {
    let value = word.as_ptr().expose_provenance() as u64;
    Condition { kind: WAIT_WORD, index: expected, value }
}

#[cfg(test)]
mod tests {
    use super::Instant;
    use crate::test_memory::TestThread;
    use core::sync::atomic::{AtomicU32, Ordering::Release};
    use core::time::Duration;
    use oro_sysabi::{Condition, NO_DEADLINE, WAIT_WORD, WAKE_WORD};

    #[test]
    fn gate_1_only_the_armed_page_is_touched() {
        // GATE-1
        let memory = TestThread::new(0);
        assert_eq!(memory.gate_touches(), [0, 0]);
        let _ = memory.thread().now();
        assert_eq!(memory.gate_touches(), [1, 0]);
        memory.set_response(|response| (response.armed, response.now_ns) = (1, 77));
        assert_eq!(memory.thread().now(), Instant::from_ns(77));
        assert_eq!(memory.gate_touches(), [1, 1]);
        let request = memory.request();
        assert_eq!((request.count, request.deadline_ns), (0, 0));
    }

    #[test]
    fn gate_4_a_return_without_a_cause_waits_on() {
        // GATE-4, GATE-6: the fake gate returns at once; time goes on beside it.
        let memory = TestThread::new(0);
        let clock = memory.run_clock(1000);
        let before = memory.thread().now();
        memory.thread().sleep(Duration::from_micros(50));
        assert!(memory.thread().now() - before >= Duration::from_micros(50));
        memory.thread().sleep_until(before);
        drop(clock);
    }

    #[test]
    fn gate_7_a_word_is_waited_for_and_woken() {
        // GATE-7
        let memory = TestThread::new(0);
        let word = AtomicU32::new(5);
        let address = word.as_ptr().expose_provenance() as u64;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(2));
                word.store(6, Release);
            });
            assert!(memory.thread().wait_word(&word, 5, None));
        });
        let request = memory.request();
        assert_eq!((request.count, request.deadline_ns), (1, NO_DEADLINE));
        let expected = Condition { kind: WAIT_WORD, index: 5, value: address };
        assert_eq!(request.conditions[0], expected);
        assert!(!memory.thread().wait_word(&word, 6, Some(Instant::from_ns(0))));
        memory.thread().wake_word(&word);
        let request = memory.request();
        let expected = Condition { kind: WAKE_WORD, index: 0, value: address };
        assert_eq!((request.conditions[0], request.deadline_ns), (expected, 0));
    }
}
