//! Answers requests.
#![no_std]
#![no_main]

use oro::{Consumer, Producer, module};
use oro_bench_modules::{Block64, Patience, receive, send};

module! {
    name: "server",
    entry run {
        ports { request: Consumer<Block64>, reply: Producer<Block64> }
        params {
            /// How many requests.
            total: u64,
            /// Waiting is spinning, for ever.
            is_spinning: bool = true,
        }
    }
}

fn run(mut ports: run::Ports) {
    let patience = Patience::from_param(ports.params.is_spinning);
    for number in 0..ports.params.total {
        receive(&mut ports.request, number, patience);
        send(&mut ports.reply, number + 1, patience);
    }
}
