//! One module, three entry points, three threads that share its memory (`ENTRY-7`): `deal` hands out
//! ranges of numbers, `count` looks for primes in them, `report` writes what came out. Ranges and
//! answers go through Ports between the instance's own threads; the histogram lies in a static that
//! all of them see. A message orders what was stored before it: who has it sees that too.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use oro::{ByteWriter, Consumer, NaiveConsumer, NaiveProducer, Producer, SendErrorKind};

/// Numbers below this one are looked at, in ranges of `RANGE`.
const END: u32 = 10_000;
const RANGE: u32 = 250;

/// Primes found, by their last digit. Written by `count`, read by `report`.
static PRIMES_BY_LAST_DIGIT: [AtomicU32; 10] = [const { AtomicU32::new(0) }; 10];

oro::message! {
    /// Numbers to be looked at: `start..end`.
    "threads.range.v1" struct Range { start: u32, end: u32 }
}

oro::message! {
    /// How many primes a range had.
    "threads.count.v1" struct Count { primes: u32, numbers: u32 }
}

oro::module! {
    name: "threads",
    entry deal {
        ports { ranges: Producer<Range> }
    }
    entry count {
        ports { work: NaiveConsumer<Range>, counts: NaiveProducer<Count> }
    }
    entry report {
        ports { results: Consumer<Count>, text: ByteWriter }
    }
}

/// Managed: returns when all is handed out, and hears of it if `count` ends early.
fn deal(mut ports: deal::Ports) -> Result<(), SendErrorKind> {
    for start in (0..END).step_by(RANGE as usize) {
        let range = Range { start, end: start + RANGE };
        ports.ranges.send(range).map_err(|error| error.kind)?;
    }
    Ok(())
}

/// Naive: a plain loop, which the end of `deal` ends (`NAIVE-6`).
fn count(mut ports: count::Ports) {
    for range in ports.work {
        let mut primes = 0;
        for number in (range.start..range.end).filter(|&number| is_prime(number)) {
            PRIMES_BY_LAST_DIGIT[(number % 10) as usize].fetch_add(1, Relaxed);
            primes += 1;
        }
        ports.counts.put(Count { primes, numbers: range.end - range.start });
    }
}

/// Managed: goes on after `count` has ended.
fn report(mut ports: report::Ports) -> Result<(), SendErrorKind> {
    let (mut primes, mut numbers) = (0, 0);
    while let Ok(count) = ports.results.recv() {
        primes += count.primes;
        numbers += count.numbers;
    }
    // Relaxed suffices: each count was committed after the additions that it tells of.
    let last_digits = [1, 3, 7, 9].map(|digit: usize| PRIMES_BY_LAST_DIGIT[digit].load(Relaxed));
    writeln!(
        ports.text,
        "{primes} of {numbers} numbers are primes; ending in 1, 3, 7, 9: {last_digits:?}"
    )?;
    ports.text.finish()
}

fn is_prime(number: u32) -> bool {
    number >= 2 && (2..).take_while(|d| d * d <= number).all(|d| !number.is_multiple_of(d))
}
