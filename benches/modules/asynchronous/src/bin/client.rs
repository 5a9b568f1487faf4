//! Sends requests and waits for each one's reply. Its status is the ticks that the measured ones took.
#![no_std]
#![no_main]

use oro::{Consumer, Producer, module};
use oro_bench_modules::{Block64, Patience, consume, receive, send};

module! {
    name: "client",
    entry run {
        ports { request: Producer<Block64>, reply: Consumer<Block64> }
        params {
            /// Round trips that are not measured.
            warm_up: u64,
            /// Round trips after those.
            measured: u64,
            /// Waiting is spinning, for ever.
            is_spinning: bool = true,
        }
    }
}

fn run(mut ports: run::Ports) -> u32 {
    let patience = Patience::from_param(ports.params.is_spinning);
    let exchange = |number| {
        send(&mut ports.request, number, patience);
        receive(&mut ports.reply, number + 1, patience);
    };
    let counts = [ports.params.warm_up, ports.params.measured];
    let ticks = consume(counts, 1, exchange);
    let are_asynchronous = ports.request.is_asynchronous() && ports.reply.is_asynchronous();
    assert!(are_asynchronous, "the Ports have not become asynchronous");
    ports.thread.exit(ticks)
}
