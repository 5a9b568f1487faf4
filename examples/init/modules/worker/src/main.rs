//! A worker that tells some numbers, and then ends as it should, or does not.
#![no_std]
#![no_main]

#[path = "../../answer.rs"]
mod answer;

use answer::Answer;
use oro::{Log, Producer, SendErrorKind};

oro::module! {
    name: "worker",
    entry run {
        ports { answers: Producer<Answer>, log: Producer<Log> }
        params {
            /// How many numbers it tells.
            count: u64 = 2,
            /// Whether it panics after that.
            crashes: bool = false,
        }
    }
}

fn run(mut ports: run::Ports) -> Result<(), SendErrorKind> {
    for value in 1..=ports.params.count {
        ports.answers.send(Answer { value })?;
    }
    assert!(!ports.params.crashes, "the worker has lost its way, as it was told to");
    ports.log.info(format_args!("well done"))
}
