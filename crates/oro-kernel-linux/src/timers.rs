//! [`Timers`]: what waits for time to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use oro_kernel::Timer;

/// The timers that run, each with the time at which it expires.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Instant, Timer)>,
    by_timer: BTreeMap<Timer, Instant>,
}

impl Timers {
    /// Starts a timer, or starts it anew. One that would expire beyond what the clock can say never
    /// does.
    pub(crate) fn start(&mut self, timer: Timer, after_ns: u64) {
        self.stop(timer);
        if let Some(at) = Instant::now().checked_add(Duration::from_nanos(after_ns)) {
            self.by_time.insert((at, timer));
            self.by_timer.insert(timer, at);
        }
    }

    /// Forgets a timer.
    pub(crate) fn stop(&mut self, timer: Timer) {
        if let Some(at) = self.by_timer.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// Whether it runs.
    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.by_timer.contains_key(&timer)
    }

    /// When the next one expires.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// One that has expired by now, which is then forgotten.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.stop(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use oro_kernel::ThreadId;

    use super::*;

    #[test]
    fn the_earliest_timer_expires_first_and_once() {
        let mut timers = Timers::default();
        let [a, b, c] = [0, 1, 2].map(|thread| Timer::Gate(ThreadId(thread)));
        timers.start(a, 3_000);
        timers.start(b, 1_000);
        timers.start(c, 2_000);
        timers.start(c, 4_000); // anew
        let much_later = Instant::now() + Duration::from_secs(1);
        assert_eq!(timers.take_expired(Instant::now() - Duration::from_secs(1)), None);
        timers.stop(a);
        assert_eq!(timers.take_expired(much_later), Some(b));
        assert_eq!(timers.take_expired(much_later), Some(c));
        assert_eq!(timers.take_expired(much_later), None);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn gate_6_a_deadline_beyond_all_time_is_none() {
        // GATE-6
        let mut timers = Timers::default();
        timers.start(Timer::Gate(ThreadId(0)), u64::MAX - 1);
        assert_eq!(timers.take_expired(Instant::now() + Duration::from_secs(1000)), None);
    }
}
