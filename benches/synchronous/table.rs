//! The results as text, Markdown and JSON.

use std::fmt::Write as _;

use crate::common::put;
use crate::common::stats::{median, range, ratio};

/// Names that others look up.
pub(crate) const PIPE: &str = "pipe";
pub(crate) const PORT: &str = "Port, naive";
pub(crate) const CACHE_LINE: &str = "cache line, there and back";
pub(crate) const FORK: &str = "fork + execve";
pub(crate) const SEALED: &str = "sealed instance";

/// A part of the table. Within one, times are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Floor,
    RoundTripSame,
    OneWaySame,
    RoundTripCross,
    OneWayCross,
    Start,
}

impl Section {
    pub(crate) const SAME_CORE: [Self; 2] = [Self::RoundTripSame, Self::OneWaySame];
    pub(crate) const CROSS_CORE: [Self; 2] = [Self::RoundTripCross, Self::OneWayCross];
    const ALL: [Self; 6] = [
        Self::Floor,
        Self::RoundTripSame,
        Self::OneWaySame,
        Self::RoundTripCross,
        Self::OneWayCross,
        Self::Start,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Floor => "Floor: a cache line between two CPUs, both spinning",
            Self::RoundTripSame => "Round trip of 64 bytes, one CPU",
            Self::OneWaySame => "One way, a stream of messages of 64 bytes, one CPU",
            Self::RoundTripCross => "Round trip of 64 bytes, two CPUs",
            Self::OneWayCross => "One way, a stream of messages of 64 bytes, two CPUs",
            Self::Start => "Start to end of a program that does nothing, one CPU",
        }
    }

    /// What the times of a section are compared with.
    fn bases(self) -> Vec<Base> {
        let pipe = |heading, section, part| {
            let column = Column { section, name: PIPE };
            Base { heading, column, part }
        };
        let one_way = |round_trip| {
            vec![pipe("x pipe, handed over", round_trip, 0.5), pipe("x pipe, buffered", self, 1.0)]
        };
        match self {
            Self::Floor => Vec::new(),
            Self::RoundTripSame | Self::RoundTripCross => vec![pipe("x pipe", self, 1.0)],
            Self::OneWaySame => one_way(Self::RoundTripSame),
            Self::OneWayCross => one_way(Self::RoundTripCross),
            Self::Start => {
                let column = Column { section: Self::Start, name: FORK };
                vec![Base { heading: "x fork + execve", column, part: 1.0 }]
            }
        }
    }
}

/// A part of a measured time that others are compared with.
struct Base {
    heading: &'static str,
    column: Column,
    part: f64,
}

/// A contender's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) section: Section,
    pub(crate) name: &'static str,
}

/// A goal: the first at most so many times the second.
struct Goal {
    text: &'static str,
    column: Column,
    base: usize,
    limit: f64,
}

const GOALS: [Goal; 4] = [
    Goal {
        text: "Port one way / pipe, each message handed over (half a round trip)",
        column: Column { section: Section::OneWaySame, name: PORT },
        base: 0,
        limit: 3.0,
    },
    Goal {
        text: "Port one way / pipe, buffered stream",
        column: Column { section: Section::OneWaySame, name: PORT },
        base: 1,
        limit: 3.0,
    },
    Goal {
        text: "Port round trip / pipe round trip",
        column: Column { section: Section::RoundTripSame, name: PORT },
        base: 0,
        limit: 3.0,
    },
    Goal {
        text: "sealed instance / fork + execve",
        column: Column { section: Section::Start, name: SEALED },
        base: 0,
        limit: 1.5,
    },
];

/// Nanoseconds of every contender in every round.
pub(crate) struct Results {
    columns: Vec<(Column, Vec<f64>)>,
}

impl Results {
    pub(crate) fn new(columns: impl Iterator<Item = Column>) -> Self {
        Self { columns: columns.map(|column| (column, Vec::new())).collect() }
    }

    /// A contender's time in this round.
    pub(crate) fn add(&mut self, index: usize, nanoseconds: f64) {
        self.columns[index].1.push(nanoseconds);
    }

    fn values(&self, column: Column) -> &[f64] {
        let found = self.columns.iter().find(|(other, _)| *other == column);
        &found.expect("every base is a contender").1
    }

    fn compare(&self, column: Column, base: &Base) -> f64 {
        ratio(self.values(column), self.values(base.column)) / base.part
    }

    /// The whole table.
    pub(crate) fn show(&self, machine: &[String], footer: &str) -> String {
        let mut text = String::new();
        for line in machine {
            put(&mut text, line);
        }
        for section in Section::ALL {
            if self.columns.iter().any(|(column, _)| column.section == section) {
                self.show_section(&mut text, section);
            }
        }
        put(&mut text, "\nGoals, on one CPU");
        for goal in &GOALS {
            let value = self.compare(goal.column, &goal.column.section.bases()[goal.base]);
            let verdict = if value <= goal.limit { "met" } else { "missed" };
            let line =
                format!("  {:<66} {value:>6.2} of at most {}: {verdict}", goal.text, goal.limit);
            put(&mut text, &line);
        }
        put(&mut text, &format!("\n{footer} {NOTES}"));
        text
    }

    fn show_section(&self, text: &mut String, section: Section) {
        let mut head =
            format!("\n{:<52} {:>10} {:>21}", section.title(), "median us", "min .. max us");
        for base in section.bases() {
            write!(head, " {:>20}", base.heading).expect("a text");
        }
        put(text, &head);
        for (column, values) in self.columns.iter().filter(|(column, _)| column.section == section)
        {
            let (low, high) = range(values);
            let span = format!("{:.2} .. {:.2}", low / 1e3, high / 1e3);
            let mut line =
                format!("  {:<50} {:>10.2} {span:>21}", column.name, median(values) / 1e3);
            for base in section.bases() {
                write!(line, " {:>20.2}", self.compare(*column, &base)).expect("a text");
            }
            put(text, &line);
        }
    }

    /// The same for programs: every contender with its nanoseconds, round by round.
    pub(crate) fn to_json(&self, machine: &[String]) -> String {
        let rows = self.columns.iter().map(|(column, values)| {
            let section = format!("{:?}", column.section);
            let name = column.name;
            format!("{{\"section\":{section:?},\"name\":{name:?},\"nanoseconds\":{values:?}}}")
        });
        let rows = rows.collect::<Vec<_>>().join(",\n");
        format!("{{\"schema\":\"oro.bench.v1\",\"machine\":{machine:?},\"rows\":[\n{rows}\n]}}\n")
    }
}

const NOTES: &str = "Medians of the rounds; ratios are medians of the ratios within a round.
A Port without a number of slots has 16. A stream through a Port takes a fault at each end for each
message, so it is compared with a pipe that hands each message over (half a round trip) as well as
with one that buffers what its writer has to say. On two CPUs the supervisor is where the producer,
or the client, is. A sealed instance is what each costs more in a system of 33 than in one of 1.";

/// A document of its own.
pub(crate) fn wrap_in_markdown(text: &str) -> String {
    format!(
        "# Synchronous Ports and starts\n\n\
         Written by `cargo bench --bench synchronous -- --markdown docs/benchmarks/synchronous.md`;\n\
         what it says about the goals, and what was tried, is in [README.md](README.md).\n\n```text\n{text}```\n"
    )
}
