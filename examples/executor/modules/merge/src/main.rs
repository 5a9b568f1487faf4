//! Several tasks in one thread, without a heap: `merge` reads two streams of numbers, each at its own
//! pace, and tells of its progress by a timer. The streams come from two more threads of the module.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::time::Duration;

use oro::executor::{block_on, join, race, sleep};
use oro::{ByteWriter, Consumer, Log, Producer, SendErrorKind, Thread};

oro::message! {
    /// A number on its way.
    "merge.number.v1" struct Number { value: u64 }
}

oro::module! {
    name: "merge",
    entry slow {
        ports { slow_numbers: Producer<Number> }
    }
    entry fast {
        ports { fast_numbers: Producer<Number> }
    }
    entry merge {
        ports { left: Consumer<Number>, right: Consumer<Number>, log: Producer<Log>, text: ByteWriter }
    }
}

fn slow(ports: slow::Ports) -> Result<(), SendErrorKind> {
    send_numbers(ports.thread, ports.slow_numbers, 20, Duration::from_millis(5))
}

fn fast(ports: fast::Ports) -> Result<(), SendErrorKind> {
    send_numbers(ports.thread, ports.fast_numbers, 100, Duration::from_millis(1))
}

fn send_numbers(
    thread: Thread,
    mut to: Producer<Number>,
    count: u64,
    pause: Duration,
) -> Result<(), SendErrorKind> {
    for value in 1..=count {
        thread.sleep(pause);
        to.send(Number { value })?;
    }
    Ok(())
}

fn merge(mut ports: merge::Ports) -> Result<(), SendErrorKind> {
    let (sum, count) = (Cell::new(0), Cell::new(0));
    let add = async |mut from: Consumer<Number>| {
        while let Ok(number) = from.recv_async().await {
            sum.set(sum.get() + number.value);
            count.set(count.get() + 1);
        }
    };
    let tell = async {
        loop {
            sleep(ports.thread, Duration::from_millis(20)).await;
            // Whoever reads the log may have ended; the sum is wanted all the same.
            let _ = ports.log.info(format_args!("{} numbers so far", count.get()));
        }
    };
    // `tell` never ends: the race is over when both streams are.
    block_on(ports.thread, race(join(add(ports.left), add(ports.right)), tell));
    writeln!(ports.text, "{} numbers, sum {}", count.get(), sum.get())?;
    ports.text.finish()
}
