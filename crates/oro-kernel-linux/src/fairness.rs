//! Who is served next: whoever causes work pays for it with its turn (`KRN-11`).
//!
//! Each instance has an account of the time that the supervisor has spent on it: on faults of its
//! threads, on their ends and its replacements, and on built-in ends for what it has put there. Of those
//! that want something, the one with the least is served first, and after a slice of time it is looked
//! anew who wants something. So an instance whose faults cost much waits longer for each, and one that
//! asks for little is served at once.

use std::time::{Duration, Instant};

use crate::world::put;

/// How long the supervisor serves before it looks again who is ready.
const SLICE: Duration = Duration::from_micros(50);
/// How far behind the others an account may be: who has wanted nothing for long saves no more than that.
const CREDIT_NS: u64 = 1_000_000;

/// The accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// By instance, in nanoseconds.
    spent_ns: Vec<u64>,
    /// The most that one had when it was served. It never falls: else each of many that wake would begin
    /// a credit below the one before it.
    level_ns: u64,
}

impl Accounts {
    pub(crate) fn new(instance_count: usize) -> Self {
        Self { spent_ns: vec![0; instance_count], level_ns: 0 }
    }

    /// Opens an account for one instance more; it begins where the others are.
    pub(crate) fn add(&mut self, instance: usize) {
        put(&mut self.spent_ns, instance, self.level_ns);
    }

    /// Puts what waits to be served into order; each is given by what it is and its instance.
    pub(crate) fn sort<T>(&self, waiting: &mut [(T, usize)]) {
        waiting.sort_by_key(|(_, instance)| self.standing(*instance));
    }

    /// What counts as spent: nobody has saved more than the credit.
    fn standing(&self, instance: usize) -> u64 {
        self.spent_ns[instance].max(self.level_ns.saturating_sub(CREDIT_NS))
    }

    /// An instance has been served since then.
    pub(crate) fn charge(&mut self, instance: usize, since: Instant) {
        let cost_ns = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let standing = self.standing(instance);
        self.level_ns = self.level_ns.max(standing);
        self.spent_ns[instance] = standing.saturating_add(cost_ns);
    }
}

/// A slice of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    start: Instant,
}

impl Slice {
    pub(crate) fn begin() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.start.elapsed() >= SLICE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn krn_11_who_has_had_the_least_comes_first() {
        // KRN-11
        let mut accounts = Accounts { spent_ns: vec![500, 100, 300], level_ns: 0 };
        let mut waiting = [(7, 0), (8, 1), (9, 2), (6, 1)];
        accounts.sort(&mut waiting);
        assert_eq!(waiting, [(8, 1), (6, 1), (9, 2), (7, 0)]);
        let before = Instant::now();
        std::thread::sleep(Duration::from_millis(2));
        accounts.charge(1, before);
        assert!(accounts.spent_ns[1] >= 2_000_100);
        accounts.sort(&mut waiting);
        assert_eq!(waiting[0].1, 2);
    }

    #[test]
    fn krn_11_nobody_saves_for_later() {
        // KRN-11: one that begins late has the others' level but for a credit.
        let mut accounts = Accounts { spent_ns: vec![50 * CREDIT_NS, 0], level_ns: 0 };
        accounts.charge(0, Instant::now());
        accounts.charge(1, Instant::now());
        assert!(accounts.spent_ns[1] >= 49 * CREDIT_NS);
    }

    #[test]
    fn krn_11_many_that_begin_late_have_one_credit_each() {
        // KRN-11: and not the credits of those that began before them besides.
        let mut accounts = Accounts { spent_ns: vec![0; 101], level_ns: 0 };
        accounts.spent_ns[0] = 200 * CREDIT_NS;
        accounts.charge(0, Instant::now());
        for late in 1..=100 {
            accounts.charge(late, Instant::now());
            assert!(accounts.spent_ns[late] >= 199 * CREDIT_NS, "number {late}");
        }
    }

    #[test]
    fn krn_11_among_those_that_begin_late_none_is_first_by_what_it_saved() {
        // KRN-11: all of them are as far behind as one may be, whatever their accounts say.
        let mut accounts = Accounts { spent_ns: vec![90, 50, 10], level_ns: 0 };
        accounts.level_ns = 2 * CREDIT_NS;
        let mut waiting = [(7, 0), (8, 1), (9, 2)];
        accounts.sort(&mut waiting);
        assert_eq!(waiting, [(7, 0), (8, 1), (9, 2)], "in the order in which they came");
    }
}
