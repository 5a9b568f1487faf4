//! `cargo bench -p oro-benches --bench asynchronous`: what asynchronous Ports cost, beside the queues
//! that Rust programs use within a process, iceoryx2 between processes, what Linux wakes processes
//! with, and the floor of the machine.
//!
//! A round measures every row once, in an order that moves on from round to round, so that what
//! disturbs the machine disturbs all of them. `-- --quick` takes few and short rounds,
//! `-- --size MIB` sets the size of the file that is hashed, `-- --only TEXT` leaves out the rows without
//! this text in "group: name", `-- --count MESSAGES` measures nothing and counts faults instead, and `-- --markdown PATH`,
//! `-- --json PATH` and `-- --svg PATH` also write the result to a file.
//!
//! What is measured is a list of [`rows::Row`]. Nothing here asserts a speed: the goals are printed
//! as met or missed.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "memory and modules are the other benchmarks'")]
mod common;
mod count;
mod goals;
mod hash;
mod iceoryx;
mod modules;
mod oro;
mod payload;
mod plot;
mod results;
mod rows;
mod streams;
mod table;
mod wake;

use std::rc::Rc;
use std::time::Instant;

use common::{Options, floor, machine, os};
use hash::Input;
use oro::{Modules, Patience};
use results::Results;
use rows::{Group, Kind, Row};
use streams::{Counts, Library};
use wake::Waker;

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    /// Streams of small messages; of larger ones fewer, see [`Effort::stream_counts`].
    small_messages: u64,
    round_trips: Counts,
    cache_line_round_trips: u32,
    wake_ups: u32,
    file_mib: u64,
}

impl Effort {
    // Many short measurements: one of a few milliseconds has a chance to be left alone on a machine
    // that has other work, and the median of the rounds drops those that were not.
    const FULL: Self = Self {
        rounds: 25,
        small_messages: 1 << 19,
        round_trips: Counts { warm_up: 2000, measured: 20_000 },
        cache_line_round_trips: 20_000,
        wake_ups: 200,
        file_mib: 1024,
    };
    const QUICK: Self = Self {
        rounds: 3,
        small_messages: 1 << 18,
        round_trips: Counts { warm_up: 1000, measured: 10_000 },
        cache_line_round_trips: 20_000,
        wake_ups: 100,
        file_mib: 64,
    };

    /// Messages of a stream: multiples of a batch, and several queues full to warm up.
    fn stream_counts(self, bytes: u32) -> Counts {
        let measured = match bytes {
            1024 => self.small_messages / 8,
            64 => self.small_messages / 2,
            _ => self.small_messages,
        };
        Counts { warm_up: 8192, measured }
    }
}

fn main() {
    let Some(options) =
        Options::read(&["--size", "--only", "--count", "--markdown", "--json", "--svg"])
    else {
        return;
    };
    if let Some(total) = options.value("--count") {
        print!("{}", count::count(total.parse().expect("--count is a number of messages")));
        return;
    }
    let mut effort = if options.is_quick { Effort::QUICK } else { Effort::FULL };
    if let Some(size) = options.value("--size") {
        effort.file_mib = size.parse().expect("--size is a number of MiB");
    }
    let mut rows = list_rows(effort);
    if let Some(part) = options.value("--only") {
        rows.retain(|row| format!("{}: {}", row.group.title(), row.name).contains(part));
    }
    let started = Instant::now();
    let results = Results::measure(&mut rows, effort.rounds);
    let machine = machine::describe();
    let footer = format!("{} rounds in {} s.", effort.rounds, started.elapsed().as_secs());
    let text = table::show(&results, &machine, &footer);
    print!("{text}");
    options.write_file("--markdown", || table::wrap_in_markdown(&text));
    options.write_file("--json", || table::to_json(&results, &machine));
    options.write_file("--svg", || plot::draw(&results, &machine));
}

/// All rows, in the order of the table. What takes two CPUs is left out where there is one.
fn list_rows(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    let cpus = os::list_cpus();
    let modules = Rc::new(Modules::build());
    if let [first, second, ..] = *cpus {
        let pair = [first, second];
        let iceoryx = iceoryx::Program::build().map(Rc::new);
        for bytes in [8, 64, 1024] {
            add_streams(&mut rows, effort, (&modules, iceoryx.as_ref()), bytes, pair);
        }
        add_round_trips(&mut rows, effort, (&modules, iceoryx), pair);
        add_wake_ups(&mut rows, effort, &modules, Group::WakeAcross, pair);
    }
    add_wake_ups(&mut rows, effort, &modules, Group::WakeSame, [cpus[0], cpus[0]]);
    let input = Rc::new(Input::create(effort.file_mib));
    let (same_input, cpu) = (Rc::clone(&input), cpus[0]);
    add(&mut rows, Group::Hash, rows::ORO, Kind::Oro, move || {
        Some(modules.measure_hash(&same_input, cpu))
    });
    add(&mut rows, Group::Hash, rows::IN_PROCESS, Kind::Thread, move || {
        Some(input.measure_in_process(cpu))
    });
    rows
}

fn add(
    rows: &mut Vec<Row>,
    group: Group,
    name: &'static str,
    kind: Kind,
    mut measure: impl FnMut() -> Option<f64> + 'static,
) {
    rows.push(Row { name, group, kind, run: Box::new(move |_round| measure()) });
}

const LIBRARIES: [(Library, &str); 3] = [
    (Library::Rtrb, rows::RTRB),
    (Library::Ringbuf, "ringbuf"),
    (Library::Crossbeam, "crossbeam-channel"),
];

const PATIENCES: [(Patience, &str); 2] =
    [(Patience::Spins, rows::ORO), (Patience::Sleeps, rows::ORO_SLEEPING)];

fn add_streams(
    rows: &mut Vec<Row>,
    effort: Effort,
    (modules, iceoryx): (&Rc<Modules>, Option<&Rc<iceoryx::Program>>),
    bytes: u32,
    cpus: [usize; 2],
) {
    let counts = effort.stream_counts(bytes);
    for (group, batch) in [(Group::Single { bytes }, 1), (Group::Batch { bytes }, rows::BATCH)] {
        for (patience, name) in PATIENCES {
            let modules = Rc::clone(modules);
            add(rows, group, name, Kind::Oro, move || {
                Some(modules.measure_stream([bytes, batch], patience, cpus, counts))
            });
        }
        for (library, name) in LIBRARIES {
            if batch > 1 && library == Library::Crossbeam {
                continue; // It has none.
            }
            add(rows, group, name, Kind::Thread, move || {
                streams::measure_stream(library, [bytes, batch], cpus, counts)
            });
        }
        if batch == 1 {
            let iceoryx = iceoryx.cloned();
            add(rows, group, rows::ICEORYX, Kind::Process, move || {
                iceoryx.as_ref()?.measure("stream", bytes, cpus, counts)
            });
        }
    }
}

fn add_round_trips(
    rows: &mut Vec<Row>,
    effort: Effort,
    (modules, iceoryx): (&Rc<Modules>, Option<Rc<iceoryx::Program>>),
    cpus: [usize; 2],
) {
    add(rows, Group::RoundTrip, rows::FLOOR, Kind::Floor, move || {
        Some(floor::measure_cache_line(cpus, effort.cache_line_round_trips))
    });
    for (patience, name) in PATIENCES {
        let modules = Rc::clone(modules);
        add(rows, Group::RoundTrip, name, Kind::Oro, move || {
            Some(modules.measure_round_trip(patience, cpus, effort.round_trips))
        });
    }
    for (library, name) in LIBRARIES {
        add(rows, Group::RoundTrip, name, Kind::Thread, move || {
            Some(streams::measure_round_trip(library, cpus, effort.round_trips))
        });
    }
    add(rows, Group::RoundTrip, rows::ICEORYX, Kind::Process, move || {
        iceoryx.as_ref()?.measure("round-trip", 64, cpus, effort.round_trips)
    });
}

fn add_wake_ups(
    rows: &mut Vec<Row>,
    effort: Effort,
    modules: &Rc<Modules>,
    group: Group,
    cpus: [usize; 2],
) {
    let modules = Rc::clone(modules);
    add(rows, group, rows::ORO, Kind::Oro, move || {
        Some(modules.measure_wake_up(cpus, effort.wake_ups))
    });
    let wakers = [(Waker::Futex, rows::FUTEX), (Waker::EventFd, "eventfd"), (Waker::Pipe, "pipe")];
    for (waker, name) in wakers {
        add(rows, group, name, Kind::Kernel, move || {
            Some(wake::measure_wake_up(waker, cpus, effort.wake_ups))
        });
    }
}
