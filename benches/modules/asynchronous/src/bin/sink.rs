//! Takes messages of the size that is wired. Its status is the ticks that the measured ones took.
#![no_std]
#![no_main]

use oro::{Consumer, module};
use oro_bench_modules::{Block8, Block64, Block1024, Patience, take_all};

module! {
    name: "sink",
    entry run {
        ports {
            in8: Option<Consumer<Block8>>,
            in64: Option<Consumer<Block64>>,
            in1024: Option<Consumer<Block1024>>,
        }
        params {
            /// Messages that are not measured.
            warm_up: u64,
            /// Messages after those.
            measured: u64,
            /// Messages of a batch.
            batch: u64,
            /// Waiting is spinning, for ever.
            is_spinning: bool = true,
        }
    }
}

fn run(ports: run::Ports) -> u32 {
    let counts = [ports.params.warm_up, ports.params.measured];
    let batch = ports.params.batch;
    let patience = Patience::from_param(ports.params.is_spinning);
    let mut ticks = 0;
    if let Some(mut input) = ports.in8 {
        ticks += take_all(&mut input, counts, batch, patience);
    }
    if let Some(mut input) = ports.in64 {
        ticks += take_all(&mut input, counts, batch, patience);
    }
    if let Some(mut input) = ports.in1024 {
        ticks += take_all(&mut input, counts, batch, patience);
    }
    ports.thread.exit(ticks)
}
