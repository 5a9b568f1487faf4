//! A client of the store: puts some numbers, gets them again, checks the answers, reports, and ends.
#![no_std]
#![no_main]

#[path = "../../messages.rs"]
mod messages;

use messages::{Ask, GET, PUT, Report, Tell};
use oro::{Caller, Consumer, Error, Producer};

/// Numbers that each client keeps.
const COUNT: u64 = 10;

oro::module! {
    name: "client",
    entry run {
        ports { requests: Producer<Ask>, replies: Consumer<Tell>, report: Producer<Report> }
        params {
            /// Its own number, from which its keys are made.
            number: u64,
        }
    }
}

fn run(mut ports: run::Ports) -> Result<(), Error> {
    let number = ports.params.number;
    let mut caller: Caller<Ask, Tell> = Caller::new(ports.requests, ports.replies);
    let (mut requests, mut wrong) = (0, 0);
    let mut ask = |kind, key, value, expected: Option<u64>| {
        let ask = Ask { correlation: 0, kind, reserved: 0, key, value };
        let tell = caller.call(ask)?;
        let found = (tell.is_found == 1).then_some(tell.value);
        requests += 1;
        wrong += u64::from(found != expected);
        Ok::<(), Error>(())
    };
    for index in 0..COUNT {
        ask(PUT, number * COUNT + index, make_value(number, index), None)?;
    }
    for index in 0..COUNT {
        ask(GET, number * COUNT + index, 0, Some(make_value(number, index)))?;
    }
    // What nobody has put.
    ask(GET, u64::MAX - number, 0, None)?;
    Ok(ports.report.send(Report { number, requests, wrong })?)
}

fn make_value(number: u64, index: u64) -> u64 {
    number * 1_000_003 + index
}
