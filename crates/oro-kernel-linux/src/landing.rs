//! Landings: a thread has been let through to store its cursor, and nothing tells when the store
//! retires (`BELL-2`). Until then its cursor is looked at again and again, at first without a pause.

use std::time::{Duration, Instant};

use oro_kernel::EndpointId;

use crate::supervisor::Supervisor;

/// How long the supervisor looks without a pause: such a store usually retires within a microsecond.
const SPIN: Duration = Duration::from_micros(50);
/// The first pause between two looks, then; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// The longest one.
const LAST_PAUSE: Duration = Duration::from_millis(1);

/// How the supervisor looks at landings.
#[derive(Debug)]
pub(crate) struct LandingWatch {
    /// Those that there were at the last look.
    watched: Vec<EndpointId>,
    /// Since when nothing has changed.
    since: Instant,
    pause: Duration,
}

impl LandingWatch {
    pub(crate) fn new() -> Self {
        Self { watched: Vec::new(), since: Instant::now(), pause: FIRST_PAUSE }
    }

    /// A landing has begun or ended, or a cursor has moved.
    fn restart(&mut self, landings: Vec<EndpointId>) {
        self.watched = landings;
        self.since = Instant::now();
        self.pause = FIRST_PAUSE;
    }
}

impl Supervisor<'_> {
    /// Looks at every cursor whose store may be under way. Whether one had moved.
    pub(crate) fn look_at_landings(&mut self) {
        let landings = self.kernel.landings();
        if landings.is_empty() {
            return;
        }
        let mut has_moved = false;
        for end in landings {
            has_moved |= self.look_for_change(end);
        }
        let left = self.kernel.landings();
        if has_moved || left != self.landing_watch.watched {
            self.landing_watch.restart(left);
        }
    }

    /// How long to wait before the next look; `None`: nothing is landing.
    pub(crate) fn choose_landing_pause(&mut self) -> Option<Duration> {
        let landings = self.kernel.landings();
        if landings.is_empty() {
            self.landing_watch.watched.clear();
            return None;
        }
        if landings != self.landing_watch.watched {
            self.landing_watch.restart(landings);
        }
        let watch = &mut self.landing_watch;
        if watch.since.elapsed() < SPIN {
            // On a single CPU the thread that is to store needs it.
            std::thread::yield_now();
            return Some(Duration::ZERO);
        }
        let pause = watch.pause;
        watch.pause = (pause * 2).min(LAST_PAUSE);
        Some(pause)
    }
}
