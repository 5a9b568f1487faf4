//! What the machine itself costs: nothing between two CPUs is faster.

use std::sync::atomic::{AtomicU64, Ordering};

use super::os::{self, Child, Shared};
use super::stats;

/// Nanoseconds for a cache line to go to the other CPU and back, both sides spinning.
pub(crate) fn measure_cache_line(cpus: [usize; 2], round_trips: u32) -> f64 {
    let [line, result] = [Shared::<AtomicU64>::new(), Shared::<AtomicU64>::new()];
    let other = Child::start(cpus[1], || {
        for number in 0..u64::from(round_trips) {
            while line.load(Ordering::Acquire) != 2 * number + 1 {
                core::hint::spin_loop();
            }
            line.store(2 * number + 2, Ordering::Release);
        }
    });
    let one = Child::start(cpus[0], || {
        let mut start = 0;
        for number in 0..u64::from(round_trips) {
            line.store(2 * number + 1, Ordering::Release);
            while line.load(Ordering::Acquire) != 2 * number + 2 {
                core::hint::spin_loop();
            }
            if number == 0 {
                start = os::now_ns();
            }
        }
        result.store(os::now_ns() - start, Ordering::Relaxed);
    });
    one.wait();
    other.wait();
    stats::to_float(result.load(Ordering::Relaxed)) / f64::from(round_trips - 1)
}
