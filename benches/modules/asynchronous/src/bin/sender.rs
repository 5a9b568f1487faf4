//! Idles, sends the time, and waits for an answer, again and again.
#![no_std]
#![no_main]

use oro::{Consumer, Producer, module};
use oro_bench_modules::{Stamp, read_counter};

module! {
    name: "sender",
    entry run {
        ports { there: Producer<Stamp>, back: Consumer<Stamp> }
        params {
            /// Messages that are sent at once.
            prelude: u64,
            /// Messages that are sent after an idle time.
            total: u64,
            /// The idle time.
            idle_ticks: u64,
        }
    }
}

fn run(mut ports: run::Ports) {
    for turn in 0..ports.params.prelude + ports.params.total {
        if turn >= ports.params.prelude {
            let start = read_counter();
            while read_counter() - start < ports.params.idle_ticks {
                core::hint::spin_loop();
            }
        }
        ports.there.send(Stamp { ticks: read_counter() }).expect("the sleeper listens");
        ports.back.recv().expect("the sleeper answers");
    }
    let are_asynchronous = ports.there.is_asynchronous() && ports.back.is_asynchronous();
    assert!(are_asynchronous, "the Ports have not become asynchronous");
}
