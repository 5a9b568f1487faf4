//! The values of all rounds, and what follows from them.

use crate::common::stats;
use crate::rows::{Group, Kind, Row, Unit};

/// A row's values, round by round.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    pub(crate) kind: Kind,
    pub(crate) values: Vec<Option<f64>>,
}

impl Series {
    pub(crate) fn list_values(&self) -> Vec<f64> {
        self.values.iter().flatten().copied().collect()
    }

    /// `None` if there is no value.
    pub(crate) fn median(&self) -> Option<f64> {
        let values = self.list_values();
        (!values.is_empty()).then(|| stats::median(&values))
    }

    /// The median of the ratios within a round.
    pub(crate) fn ratio(&self, base: &Self) -> Option<f64> {
        let rounds = self.values.iter().zip(&base.values);
        let pairs = rounds.filter_map(|(value, base)| Some(((*value)?, (*base)?)));
        let (values, bases): (Vec<_>, Vec<_>) = pairs.unzip();
        (!values.is_empty()).then(|| stats::ratio(&values, &bases))
    }
}

/// Everything that was measured.
pub(crate) struct Results {
    pub(crate) series: Vec<Series>,
}

impl Results {
    /// Runs every row once a round, in an order that moves on from round to round.
    pub(crate) fn measure(rows: &mut [Row], rounds: usize) -> Self {
        let mut series = Vec::new();
        for row in rows.iter() {
            let Row { name, group, kind, .. } = *row;
            series.push(Series { name, group, kind, values: vec![None; rounds] });
        }
        for round in 0..rounds {
            for turn in 0..rows.len() {
                let index = (turn + round) % rows.len();
                series[index].values[round] = (rows[index].run)(round);
            }
        }
        Self { series }
    }

    pub(crate) fn list_group(&self, group: Group) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| series.group == group)
    }

    pub(crate) fn find(&self, group: Group, name: &str) -> Option<&Series> {
        self.list_group(group).find(|series| series.name == name)
    }

    /// The best of a group beside Oro.
    pub(crate) fn find_best_peer(&self, group: Group) -> Option<&Series> {
        let peers = self.list_group(group).filter(|series| {
            !matches!(series.kind, Kind::Oro | Kind::Floor) && series.median().is_some()
        });
        let sign = if group.unit() == Unit::Megabytes { -1.0 } else { 1.0 };
        let key = |series: &Series| sign * series.median().unwrap_or(f64::INFINITY);
        peers.min_by(|one, other| key(one).total_cmp(&key(other)))
    }
}
