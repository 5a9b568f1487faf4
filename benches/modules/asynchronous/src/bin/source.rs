//! Sends messages of the size that is wired.
#![no_std]
#![no_main]

use oro::{Producer, module};
use oro_bench_modules::{Block8, Block64, Block1024, Patience, produce};

module! {
    name: "source",
    entry run {
        ports {
            out8: Option<Producer<Block8>>,
            out64: Option<Producer<Block64>>,
            out1024: Option<Producer<Block1024>>,
        }
        params {
            /// How many messages.
            total: u64,
            /// Messages of a batch.
            batch: u64,
            /// Waiting is spinning, for ever.
            is_spinning: bool = true,
        }
    }
}

fn run(ports: run::Ports) {
    let (total, batch) = (ports.params.total, ports.params.batch);
    let patience = Patience::from_param(ports.params.is_spinning);
    if let Some(mut output) = ports.out8 {
        produce(&mut output, total, batch, patience);
    }
    if let Some(mut output) = ports.out64 {
        produce(&mut output, total, batch, patience);
    }
    if let Some(mut output) = ports.out1024 {
        produce(&mut output, total, batch, patience);
    }
}
