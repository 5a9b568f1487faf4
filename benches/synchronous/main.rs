//! `cargo bench --bench synchronous`: what synchronous Ports and sealed instances cost, beside what
//! Linux offers for the same, and beside the floor of the machine.
//!
//! A round measures every contender once, in an order that moves on from round to round, so that
//! what disturbs the machine disturbs all of them. Medians of the rounds are printed, with ratios
//! taken round by round. `-- --quick` takes few and short rounds, `-- --markdown PATH` and
//! `-- --json PATH` also write the result to a file.
//!
//! What is measured is in `peers` and `ports`, what is printed in `table`. Nothing here asserts a
//! speed: the goals are printed as met or missed.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "memory and modules are the other benchmarks'")]
mod common;
mod os;
mod peers;
mod ports;
mod table;

use std::path::PathBuf;
use std::time::Instant;

use common::os::list_cpus;
use common::{Options, floor, machine, stats};
use peers::Peer;
use ports::Modules;
use table::{Column, Results, Section};

/// Messages of one measurement.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) warm_up: u64,
    pub(crate) measured: u64,
}

impl Counts {
    /// The share of one message in `nanoseconds`.
    pub(crate) fn share(self, nanoseconds: u64) -> f64 {
        stats::to_float(nanoseconds) / stats::to_float(self.measured)
    }
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    /// For Ports, and for round trips.
    counts: Counts,
    /// For the streams of peers, which are faster.
    stream_counts: Counts,
    cache_line_round_trips: u32,
    exec_count: u32,
}

/// A system of this many instances is compared with one of a single instance.
const MANY_INSTANCES: u32 = 33;

impl Effort {
    const FULL: Self = Self {
        rounds: 15,
        counts: Counts { warm_up: 1000, measured: 4000 },
        stream_counts: Counts { warm_up: 2000, measured: 40_000 },
        cache_line_round_trips: 100_000,
        exec_count: 64,
    };
    const QUICK: Self = Self {
        rounds: 3,
        counts: Counts { warm_up: 800, measured: 800 },
        stream_counts: Counts { warm_up: 1000, measured: 8000 },
        cache_line_round_trips: 10_000,
        exec_count: 16,
    };
}

fn main() {
    let Some(options) = Options::read(&["--markdown", "--json"]) else {
        return;
    };
    let effort = if options.is_quick { Effort::QUICK } else { Effort::FULL };
    let started = Instant::now();
    let contenders = list_contenders(effort);
    let mut results = Results::new(contenders.iter().map(|contender| contender.column));
    for round in 0..effort.rounds {
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            results.add(index, (contenders[index].measure)());
        }
    }
    let machine = machine::describe();
    let footer = format!("{} rounds in {} s.", effort.rounds, started.elapsed().as_secs());
    let text = results.show(&machine, &footer);
    print!("{text}");
    options.write_file("--markdown", || table::wrap_in_markdown(&text));
    options.write_file("--json", || results.to_json(&machine));
}

/// One thing that is measured.
struct Contender {
    column: Column,
    measure: Box<dyn Fn() -> f64>,
}

fn list_contenders(effort: Effort) -> Vec<Contender> {
    let cpus = list_cpus();
    let naive = &*Box::leak(Box::new(Modules::build(false, effort.counts)));
    let managed = &*Box::leak(Box::new(Modules::build(true, effort.counts)));
    let mut contenders = Vec::new();
    let same = [cpus[0], cpus[0]];
    add_pairs(&mut contenders, effort, [naive, managed], same, Section::SAME_CORE);
    if let Some(&other) = cpus.get(1) {
        let cross = [cpus[0], other];
        add(&mut contenders, Section::Floor, table::CACHE_LINE, move || {
            floor::measure_cache_line(cross, effort.cache_line_round_trips)
        });
        add_pairs(&mut contenders, effort, [naive, managed], cross, Section::CROSS_CORE);
    }
    add_starts(&mut contenders, effort, naive, cpus[0]);
    contenders
}

fn add(
    contenders: &mut Vec<Contender>,
    section: Section,
    name: &'static str,
    measure: impl Fn() -> f64 + 'static,
) {
    contenders.push(Contender { column: Column { section, name }, measure: Box::new(measure) });
}

/// Everything between two processes on two CPUs, or on one.
fn add_pairs(
    contenders: &mut Vec<Contender>,
    effort: Effort,
    [naive, managed]: [&'static Modules; 2],
    cpus: [usize; 2],
    [round_trips, one_ways]: [Section; 2],
) {
    let peers = [
        (Peer::Pipe, table::PIPE),
        (Peer::SocketPair, "socketpair"),
        (Peer::Futex, "shared queue + futex"),
    ];
    for (peer, name) in peers {
        add(contenders, round_trips, name, move || {
            peers::measure_round_trip(peer, cpus, effort.counts)
        });
        add(contenders, one_ways, name, move || {
            peers::measure_stream(peer, cpus, effort.stream_counts)
        });
    }
    for (modules, name) in [(naive, table::PORT), (managed, "Port, managed")] {
        add(contenders, round_trips, name, move || modules.measure_round_trip(cpus));
        add(contenders, one_ways, name, move || modules.measure_stream(16, cpus));
    }
    for (slots, name) in [(1, "Port, naive, 1 slot"), (64, "Port, naive, 64 slots")] {
        add(contenders, one_ways, name, move || naive.measure_stream(slots, cpus));
    }
}

/// The whole life of a program, and of a sealed instance: what each one costs more in a system of
/// many.
fn add_starts(
    contenders: &mut Vec<Contender>,
    effort: Effort,
    modules: &'static Modules,
    cpu: usize,
) {
    let program: &'static PathBuf = Box::leak(Box::new(ports::build_exit_program()));
    for (is_fork, name) in [(true, table::FORK), (false, "posix_spawn")] {
        add(contenders, Section::Start, name, move || {
            peers::measure_exec(program, is_fork, cpu, effort.exec_count)
        });
    }
    for (without_ptrace, name) in
        [(false, table::SEALED), (true, "sealed instance, --without-ptrace")]
    {
        add(contenders, Section::Start, name, move || {
            let one = modules.measure_life(1, without_ptrace, cpu);
            let many = modules.measure_life(MANY_INSTANCES, without_ptrace, cpu);
            (many - one) / f64::from(MANY_INSTANCES - 1)
        });
    }
    add(contenders, Section::Start, "system of one instance", move || {
        modules.measure_life(1, false, cpu)
    });
}
