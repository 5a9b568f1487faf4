//! Sleeps until a message comes. Its status is the median of the ticks that the messages took.
#![no_std]
#![no_main]

use oro::{Consumer, Producer, module};
use oro_bench_modules::{Stamp, read_counter};

/// Messages that are measured at most.
const MOST: usize = 1024;

module! {
    name: "sleeper",
    entry run {
        ports { there: Consumer<Stamp>, back: Producer<Stamp> }
        params {
            /// Messages that are not measured.
            warm_up: u64,
            /// Messages after those.
            measured: u64,
        }
    }
}

fn run(mut ports: run::Ports) -> u32 {
    let mut latencies = [0; MOST];
    let latencies = &mut latencies[..ports.params.measured as usize];
    for turn in 0..ports.params.warm_up + ports.params.measured {
        let stamp = ports.there.recv().expect("the sender goes on");
        let latency = read_counter() - stamp.ticks;
        if let Some(measured) = turn.checked_sub(ports.params.warm_up) {
            latencies[measured as usize] = latency;
        }
        ports.back.send(stamp).expect("the sender waits");
    }
    latencies.sort_unstable();
    ports.thread.exit(latencies[latencies.len() / 2])
}
