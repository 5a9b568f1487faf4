//! The goals, and whether they are met.

use crate::results::Results;
use crate::rows::{FLOOR, FUTEX, Group, ICEORYX, IN_PROCESS, ORO, RTRB};

/// What a goal is measured against.
enum Base {
    Row(&'static str),
    BestPeer,
}

/// How Oro must stand to the base.
enum Bound {
    /// The value is at most so many times the base's.
    AtMost(f64),
    /// The value is at least so many times the base's.
    AtLeast(f64),
    /// The base takes at least so many times as long.
    Faster(f64),
}

struct Goal {
    text: &'static str,
    group: Group,
    base: Base,
    bound: Bound,
}

const GOALS: [Goal; 8] = [
    Goal {
        text: "throughput / rtrb's, 64 bytes, one by one",
        group: Group::Single { bytes: 64 },
        base: Base::Row(RTRB),
        bound: Bound::Faster(1.0),
    },
    Goal {
        text: "throughput / the best peer's, 8 bytes, in batches",
        group: Group::Batch { bytes: 8 },
        base: Base::BestPeer,
        bound: Bound::Faster(1.5),
    },
    Goal {
        text: "throughput / the best peer's, 64 bytes, in batches",
        group: Group::Batch { bytes: 64 },
        base: Base::BestPeer,
        bound: Bound::Faster(1.5),
    },
    Goal {
        text: "throughput / the best peer's, 1024 bytes, in batches",
        group: Group::Batch { bytes: 1024 },
        base: Base::BestPeer,
        bound: Bound::Faster(1.5),
    },
    Goal {
        text: "round trip / the floor",
        group: Group::RoundTrip,
        base: Base::Row(FLOOR),
        bound: Bound::AtMost(1.5),
    },
    Goal {
        text: "round trip / iceoryx2",
        group: Group::RoundTrip,
        base: Base::Row(ICEORYX),
        bound: Bound::AtMost(0.3),
    },
    Goal {
        text: "wake-up from idle / futex, two CPUs",
        group: Group::WakeAcross,
        base: Base::Row(FUTEX),
        bound: Bound::AtMost(1.3),
    },
    Goal {
        text: "SHA-256 / in process",
        group: Group::Hash,
        base: Base::Row(IN_PROCESS),
        bound: Bound::AtLeast(0.95),
    },
];

/// A line for each goal.
pub(crate) fn judge(results: &Results) -> Vec<String> {
    GOALS.iter().map(|goal| goal.judge(results)).collect()
}

impl Goal {
    fn judge(&self, results: &Results) -> String {
        let base = match self.base {
            Base::Row(name) => results.find(self.group, name),
            Base::BestPeer => results.find_best_peer(self.group),
        };
        let oro = results.find(self.group, ORO);
        let (word, limit) = match self.bound {
            Bound::AtMost(limit) => ("most", limit),
            Bound::AtLeast(limit) | Bound::Faster(limit) => ("least", limit),
        };
        let ratio = oro.zip(base).and_then(|(oro, base)| match self.bound {
            Bound::Faster(_) => base.ratio(oro),
            Bound::AtMost(_) | Bound::AtLeast(_) => oro.ratio(base),
        });
        let (value, verdict) = match ratio {
            None => ("-".to_owned(), "not measured"),
            Some(ratio) => (format!("{ratio:.2}"), self.bound.word_verdict(ratio)),
        };
        let peer = match (&self.base, base) {
            (Base::BestPeer, Some(base)) => format!(" ({})", base.name),
            _ => String::new(),
        };
        let text = format!("{}{peer}", self.text);
        format!("  {text:<66} {value:>6} of at {word} {limit}: {verdict}")
    }
}

impl Bound {
    fn word_verdict(&self, ratio: f64) -> &'static str {
        let is_met = match *self {
            Self::AtMost(limit) => ratio <= limit,
            Self::AtLeast(limit) | Self::Faster(limit) => ratio >= limit,
        };
        if is_met { "met" } else { "missed" }
    }
}
