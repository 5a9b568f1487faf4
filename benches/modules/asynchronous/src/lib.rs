//! What the benchmark's modules agree on.
#![no_std]

use core::hint::spin_loop;

use oro::{
    Consumer, Message, Producer, RecvError, SendError, SendErrorKind, Slot, SlotMut, TryRecvError,
};

#[path = "../../../asynchronous/payload.rs"]
#[allow(dead_code, reason = "shared with others who use other parts of it")]
mod payload;

/// Messages whose words all hold the message's number.
pub trait Block: Message {
    /// Message number `number`.
    fn make(number: u64) -> Self;

    /// Panics if this is not message number `number`.
    fn check(&self, number: u64);

    /// Writes message number `number` in place.
    fn write(slot: SlotMut<'_, Self>, number: u64);

    /// Panics if this is not message number `number`, which is read in place.
    fn check_in_place(slot: Slot<'_, Self>, number: u64);
}

macro_rules! block {
    ($name:ident, $layout:literal, $words:literal, $part:literal) => {
        oro::message! { $layout pub struct $name { words: [u64; $words] } }

        impl Block for $name {
            #[inline(always)]
            fn make(number: u64) -> Self {
                Self { words: payload::write(number) }
            }

            #[inline(always)]
            fn check(&self, number: u64) {
                payload::check(&self.words, number);
            }

            #[inline(always)]
            fn write(mut slot: SlotMut<'_, Self>, number: u64) {
                for part in 0..$words / $part {
                    slot.write_field::<[u64; $part]>(8 * $part * part, [number; $part]);
                }
            }

            #[inline(always)]
            fn check_in_place(slot: Slot<'_, Self>, number: u64) {
                let sum = (0..$words / $part).fold(0_u64, |sum, part| {
                    let words = slot.read_field::<[u64; $part]>(8 * $part * part);
                    words.iter().fold(sum, |sum, word| sum.wrapping_add(*word))
                });
                payload::check(&[sum], number.wrapping_mul($words));
            }
        }
    };
}

block!(Block8, "bench.block8.v1", 1, 1);
block!(Block64, "bench.block64.v1", 8, 8);
block!(Block1024, "bench.block1024.v1", 128, 8);

oro::message! {
    /// When a message was sent, in ticks.
    "bench.stamp.v1" pub struct Stamp { ticks: u64 }
}

/// The processor's time-stamp counter.
#[inline(always)]
pub fn read_counter() -> u64 {
    // SAFETY: every x86_64 processor has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// What an end does when there is nothing to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It looks again and again, as the peers of the benchmark do.
    Spins,
    /// It spins for a while, then sleeps.
    Sleeps,
}

impl Patience {
    /// What a parameter says.
    pub fn from_param(is_spinning: bool) -> Self {
        if is_spinning { Self::Spins } else { Self::Sleeps }
    }
}

/// Sends `total` messages, `batch` at once.
#[inline(always)]
pub fn produce<T: Block>(output: &mut Producer<T>, total: u64, batch: u64, patience: Patience) {
    if batch == 1 {
        (0..total).for_each(|number| send(output, number, patience));
        return;
    }
    let mut number = 0;
    while number < total {
        let most = batch.min(total - number) as usize;
        let slots = match patience {
            Patience::Sleeps => output.reserve(most),
            Patience::Spins => output.try_reserve(most),
        };
        let mut slots = match slots {
            Ok(slots) => slots,
            Err(SendErrorKind::Full) => {
                spin_loop();
                continue;
            }
            Err(error) => panic!("message {number}: {error:?}"),
        };
        while !slots.is_full() {
            T::write(slots.push_in_place(), number);
            number += 1;
        }
        slots.commit();
    }
}

/// Receives `warm_up` messages and then `measured` ones, `batch` at once: the ticks of the latter.
#[inline(always)]
pub fn take_all<T: Block>(
    input: &mut Consumer<T>,
    counts: [u64; 2],
    batch: u64,
    patience: Patience,
) -> u64 {
    let ticks = if batch == 1 {
        consume(counts, 1, |number| receive(input, number, patience))
    } else {
        consume(counts, batch, |number| receive_batch(input, number, batch, patience))
    };
    assert!(input.is_asynchronous(), "the Port has not become asynchronous");
    ticks
}

/// Receives messages until it has `counts[0]` and then `counts[1]`, `batch` at once: the ticks of the
/// latter.
#[inline(always)]
pub fn consume(counts: [u64; 2], batch: u64, receive: impl FnMut(u64)) -> u64 {
    payload::consume(counts, batch, receive, read_counter)
}

#[inline(always)]
fn receive_batch<T: Block>(input: &mut Consumer<T>, number: u64, batch: u64, patience: Patience) {
    let mut left = batch;
    while left > 0 {
        let messages = match patience {
            Patience::Sleeps => input.peek().map_err(widen),
            Patience::Spins => input.try_peek(),
        };
        let messages = match messages {
            Ok(messages) => messages,
            Err(TryRecvError::Empty) => {
                spin_loop();
                continue;
            }
            Err(error) => panic!("message {number}: {error:?}"),
        };
        let taken = messages.len().min(left as usize);
        for (slot, number) in messages.iter().take(taken).zip(number + batch - left..) {
            T::check_in_place(slot, number);
        }
        messages.release(taken);
        left -= taken as u64;
    }
}

/// Sends message number `number`.
#[inline(always)]
pub fn send<T: Block>(output: &mut Producer<T>, number: u64, patience: Patience) {
    let mut message = T::make(number);
    loop {
        let result = match patience {
            Patience::Sleeps => output.send(message),
            Patience::Spins => output.try_send(message),
        };
        match result {
            Ok(()) => return,
            Err(SendError { message: same, kind: SendErrorKind::Full }) => message = same,
            Err(SendError { kind, .. }) => panic!("message {number}: {kind:?}"),
        }
        spin_loop();
    }
}

/// Receives a message, which must be number `number`.
#[inline(always)]
pub fn receive<T: Block>(input: &mut Consumer<T>, number: u64, patience: Patience) {
    loop {
        let result = match patience {
            Patience::Sleeps => input.recv().map_err(widen),
            Patience::Spins => input.try_recv(),
        };
        match result {
            Ok(message) => return message.check(number),
            Err(TryRecvError::Empty) => spin_loop(),
            Err(error) => panic!("message {number}: {error:?}"),
        }
    }
}

fn widen(error: RecvError) -> TryRecvError {
    match error {
        RecvError::Closed => TryRecvError::Closed,
        RecvError::PeerMisbehaved => TryRecvError::PeerMisbehaved,
    }
}
