//! The target `snapshot`.

use std::cell::Cell;

use oro_kernel_linux::{Picture, RingPicture, steers_terminal};
use oro_sysabi as abi;

use crate::bytes::Bytes;

/// Where the tables would lie for the instances that read them.
const SNAPSHOT_ADDRESS: u64 = 0x10_0000;

const MAX_TRIES: u32 = 8;

/// Any bytes as a Ring's tables (`META-4`), read under a generation counter that a writer moves as
/// it likes (`META-7`).
///
/// The first byte is a count of loads that the counter answers as the bytes after it say, by how much
/// it has moved; then it rests. What follows are the words of the tables.
///
/// # Panics
///
/// If the reader takes a copy that is not of one moment, looks without an end, or makes more of the
/// tables than is in them.
#[must_use]
pub fn snapshot(bytes: &[u8]) -> bool {
    let mut bytes = Bytes(bytes);
    let count = usize::from(bytes.u8().unwrap_or(0) % 32).min(bytes.0.len());
    let (moves, tables) = bytes.0.split_at(count);
    let generation = Cell::new(0_u64);
    let load_count = Cell::new(0);
    let load = || {
        let by = moves.get(load_count.get()).map_or(0, |by| *by);
        load_count.set(load_count.get() + 1);
        generation.set(generation.get().wrapping_add(u64::from(by)));
        generation.get()
    };
    let copied = abi::read_consistent(MAX_TRIES, load, || generation.get());
    assert!(load_count.get() <= 2 * MAX_TRIES as usize, "META-7: looks are bounded");
    let last = generation.get();
    if let Ok(copied) = copied {
        assert!(copied == last && last.is_multiple_of(2), "META-7: {copied} is not of one moment");
    } else {
        assert!(moves.iter().any(|by| *by != 0), "META-7: the writer was at rest");
    }
    let words: Vec<u64> = tables
        .chunks_exact(8)
        .filter_map(|word| Some(u64::from_le_bytes(word.try_into().ok()?)))
        .collect();
    match Picture::parse(&words, SNAPSHOT_ADDRESS) {
        Ok(picture) => {
            check_picture(&picture, words.len());
            true
        }
        Err(problem) => {
            assert!(problem.len() > 10, "an error says what is wrong: {problem}");
            false
        }
    }
}

fn check_picture(picture: &Picture, word_count: usize) {
    let word_count_of_rings = count_words(&picture.root);
    let port_words = picture.ports.len() * size_of::<abi::Port>() / 8;
    assert!(
        word_count_of_rings.max(port_words) <= word_count,
        "META-4: {word_count_of_rings} and {port_words} words made of {word_count}"
    );
    assert!(picture.ports.is_sorted_by(|a, b| a.index < b.index), "every Port once, in order");
    for port in &picture.ports {
        assert!(port.waiting_count() <= u64::from(port.slot_count));
    }
}

/// Words that a Ring, its instances and its children take in the tables.
fn count_words(ring: &RingPicture) -> usize {
    for instance in &ring.instances {
        let is_plain = !instance.name.contains(steers_terminal);
        assert!(is_plain, "a name that steers a terminal: {:?}", instance.name);
    }
    let own = size_of::<abi::Ring>() + ring.instances.len() * size_of::<abi::Instance>();
    own / 8 + ring.children.iter().map(count_words).sum::<usize>()
}
