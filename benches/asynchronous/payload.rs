//! What all contenders' messages say: every word is the message's number, all of them are written,
//! and all of them are read. The program for iceoryx2 includes this file too.

/// Slots of a queue, whoever's it is.
pub(crate) const SLOTS: usize = 1024;

/// Message number `number`.
#[inline(always)]
pub(crate) fn write<const WORDS: usize>(number: u64) -> [u64; WORDS] {
    [number; WORDS]
}

/// Reads a whole message, which must be number `number`.
#[inline(always)]
pub(crate) fn check<const WORDS: usize>(message: &[u64; WORDS], number: u64) {
    let sum = message.iter().fold(0, |sum: u64, word| sum.wrapping_add(*word));
    assert_eq!(sum, number.wrapping_mul(WORDS as u64), "message {number} is another one");
}

/// Receives messages, `batch` at once, and measures the nanoseconds of those after the first
/// `warm_up`. `receive` is given the number of the first message that it must find.
#[inline(always)]
pub(crate) fn consume(
    [warm_up, measured]: [u64; 2],
    batch: u64,
    mut receive: impl FnMut(u64),
    now_ns: impl Fn() -> u64,
) -> u64 {
    let mut number = 0;
    while number < warm_up {
        receive(number);
        number += batch;
    }
    let start = now_ns();
    while number < warm_up + measured {
        receive(number);
        number += batch;
    }
    now_ns() - start
}
