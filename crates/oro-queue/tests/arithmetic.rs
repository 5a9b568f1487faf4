//! Both ends' arithmetic, exhaustively for small queues, against a model that cannot wrap.
//!
//! The model counts in i128: a window around 0, 2^63 and 2^64 is there a stretch of ordinary numbers,
//! and `BIND-4` is written down as it reads. An end sees the same numbers modulo 2^64.

use std::cell::Cell;
use std::rc::Rc;

use oro_queue::{Consumer, Cursors, PeerMisbehaved, Producer};

const SLOT_COUNTS: [u32; 3] = [1, 2, 4];
const CENTRES: [i128; 3] = [0, 1 << 63, 1 << 64];
/// How far from a centre an end starts, and how far from an end its peer's cursor is looked for:
/// enough to be outside of what any of the queues allows, on both sides.
const REACH: i128 = 6;
/// Jumps besides those, in both directions.
const JUMPS: [i128; 5] = [1 << 16, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63];

/// The words of one end, in private memory, with the counts of its accesses.
#[derive(Clone, Default)]
struct Words(Rc<Memory>);

#[derive(Default)]
struct Memory {
    own: Cell<u64>,
    peer: Cell<u64>,
    loads: Cell<u32>,
    stores: Cell<u32>,
}

impl Words {
    fn accesses(&self) -> (u32, u32) {
        (self.0.loads.get(), self.0.stores.get())
    }
}

impl Cursors for Words {
    fn load_peer(&self) -> u64 {
        self.0.loads.set(self.0.loads.get() + 1);
        self.0.peer.get()
    }

    fn store_own(&self, value: u64) {
        self.0.stores.set(self.0.stores.get() + 1);
        self.0.own.set(value);
    }
}

/// Both ends under one set of names.
trait End {
    fn new(words: Words, first: u64, slot_count: u32) -> Self;
    /// How far the producer is ahead of the consumer.
    fn used(own: i128, peer: i128) -> i128;
    /// What the end may offer.
    fn offer(used: i128, slot_count: i128) -> i128;
    fn number(&self) -> u64;
    fn peer(&self) -> u64;
    fn cached(&self) -> u64;
    fn ask(&mut self, wanted: u64) -> Result<u64, PeerMisbehaved>;
    fn refresh(&mut self) -> Result<u64, PeerMisbehaved>;
    fn advance(&mut self, count: u64);
}

impl End for Producer<Words> {
    fn new(words: Words, first: u64, slot_count: u32) -> Self {
        Self::new(words, first, slot_count)
    }
    fn used(own: i128, peer: i128) -> i128 {
        own - peer
    }
    fn offer(used: i128, slot_count: i128) -> i128 {
        slot_count - used
    }
    fn number(&self) -> u64 {
        self.number()
    }
    fn peer(&self) -> u64 {
        self.peer()
    }
    fn cached(&self) -> u64 {
        self.cached_free()
    }
    fn ask(&mut self, wanted: u64) -> Result<u64, PeerMisbehaved> {
        self.free(wanted)
    }
    fn refresh(&mut self) -> Result<u64, PeerMisbehaved> {
        self.refresh()
    }
    fn advance(&mut self, count: u64) {
        self.commit(count);
    }
}

impl End for Consumer<Words> {
    fn new(words: Words, first: u64, slot_count: u32) -> Self {
        Self::new(words, first, slot_count)
    }
    fn used(own: i128, peer: i128) -> i128 {
        peer - own
    }
    fn offer(used: i128, _: i128) -> i128 {
        used
    }
    fn number(&self) -> u64 {
        self.number()
    }
    fn peer(&self) -> u64 {
        self.peer()
    }
    fn cached(&self) -> u64 {
        self.cached_ready()
    }
    fn ask(&mut self, wanted: u64) -> Result<u64, PeerMisbehaved> {
        self.ready(wanted)
    }
    fn refresh(&mut self) -> Result<u64, PeerMisbehaved> {
        self.refresh()
    }
    fn advance(&mut self, count: u64) {
        self.release(count);
    }
}

/// The rule as it reads: what a look must give, if the peer's last valid cursor was `last`.
fn expect<E: End>(
    own: i128,
    last: Option<i128>,
    peer: i128,
    slot_count: u32,
) -> Result<i128, PeerMisbehaved> {
    let slot_count = i128::from(slot_count);
    let used = E::used(own, peer);
    let is_monotonic = last.is_none_or(|last| peer >= last);
    let is_possible = 0 <= used && used <= slot_count && is_monotonic;
    if is_possible { Ok(E::offer(used, slot_count)) } else { Err(PeerMisbehaved) }
}

fn wrap(number: i128) -> u64 {
    number.rem_euclid(1 << 64).try_into().expect("below 2^64")
}

/// Peer's cursors worth a try for an end at `own`.
fn list_peers(own: i128) -> impl Iterator<Item = i128> {
    let jumps = JUMPS.into_iter().flat_map(|jump| [-jump, jump]);
    (-REACH..=REACH).chain(jumps).map(move |distance| own + distance)
}

/// Sets the peer's word, looks, and compares; gives the last valid cursor after it.
fn look<E: End>(
    end: &mut E,
    words: &Words,
    slot_count: u32,
    (own, last, peer): (i128, Option<i128>, i128),
) -> Option<i128> {
    let before = (end.number(), end.peer(), end.cached());
    words.0.peer.set(wrap(peer));
    let expected = expect::<E>(own, last, peer, slot_count).map(wrap);
    let case = format!("own {own}, last {last:?}, peer {peer}, {slot_count} slots");
    assert_eq!(end.refresh(), expected, "{case}");
    match expected {
        Ok(offer) => {
            assert_eq!((end.number(), end.peer(), end.cached()), (wrap(own), wrap(peer), offer));
            Some(peer)
        }
        Err(_) => {
            assert_eq!((end.number(), end.peer(), end.cached()), before, "{case}: adopted");
            assert_eq!(end.refresh(), Err(PeerMisbehaved), "{case}: reported once only");
            last
        }
    }
}

/// Every start, first look, batch and second look within reach. Gives how many second looks.
fn try_all<E: End>() -> u64 {
    let mut looks = 0;
    for slot_count in SLOT_COUNTS {
        for first in CENTRES.into_iter().flat_map(|centre| centre - REACH..=centre + REACH) {
            for peer in list_peers(first) {
                looks += try_second_looks::<E>(slot_count, first, peer);
            }
        }
    }
    looks
}

fn try_second_looks<E: End>(slot_count: u32, first: i128, first_peer: i128) -> u64 {
    let mut looks = 0;
    for batch in 0..=u64::from(slot_count) {
        for second_peer in list_peers(first) {
            let words = Words::default();
            let mut end = E::new(words.clone(), wrap(first), slot_count);
            assert_eq!((end.number(), end.cached(), words.accesses()), (wrap(first), 0, (0, 0)));
            let last = look(&mut end, &words, slot_count, (first, None, first_peer));
            let batch = batch.min(end.cached());
            if batch > 0 {
                end.advance(batch);
                assert_eq!((words.0.own.get(), words.0.stores.get()), (end.number(), 1));
            }
            let own = first + i128::from(batch);
            look(&mut end, &words, slot_count, (own, last, second_peer));
            looks += 1;
        }
    }
    looks
}

/// BIND-4, PORT-8: a consumer's cursor is adopted if it may be true, and only then.
#[test]
fn bind_4_a_producer_adopts_what_may_be_true() {
    println!("{} second looks", try_all::<Producer<Words>>());
}

/// BIND-4, PORT-8: a producer's cursor is adopted if it may be true, and only then.
#[test]
fn bind_4_a_consumer_adopts_what_may_be_true() {
    println!("{} second looks", try_all::<Consumer<Words>>());
}

/// PORT-8: what was offered before the peer misbehaved can still be used; after it has mended its
/// cursor the end goes on.
#[test]
fn port_8_an_impossible_cursor_takes_nothing_away() {
    fn try_end<E: End>(good: u64, bad: u64, later: u64) {
        let words = Words::default();
        let mut end = E::new(words.clone(), 10, 4);
        words.0.peer.set(good);
        assert_eq!(end.ask(1), Ok(2));
        words.0.peer.set(bad);
        assert_eq!(end.ask(3), Err(PeerMisbehaved));
        assert_eq!(end.ask(2), Ok(2), "what is known is enough");
        end.advance(2);
        assert_eq!(end.ask(1), Err(PeerMisbehaved));
        words.0.peer.set(later);
        assert_eq!((end.ask(1), end.number(), end.peer()), (Ok(1), 12, later));
    }
    try_end::<Producer<Words>>(8, 13, 9);
    try_end::<Producer<Words>>(8, 7, 9);
    try_end::<Consumer<Words>>(12, 17, 13);
    try_end::<Consumer<Words>>(12, 11, 13);
    let text = PeerMisbehaved.to_string();
    assert!(text.contains("impossible"), "{text}");
}

/// The cost that the crate promises: a load only when too little is known of, a store for each batch.
#[test]
fn the_peer_is_looked_at_only_when_too_little_is_known() {
    fn try_end<E: End>(peer: u64) {
        let words = Words::default();
        let mut end = E::new(words.clone(), 4, 4);
        words.0.peer.set(peer);
        assert_eq!((end.ask(1), words.accesses()), (Ok(4), (1, 0)));
        end.advance(1);
        assert_eq!((end.ask(3), words.accesses()), (Ok(3), (1, 1)));
        end.advance(3);
        assert_eq!((end.ask(0), words.accesses()), (Ok(0), (1, 2)));
        assert_eq!((end.ask(1), words.accesses()), (Ok(0), (2, 2)));
        assert_eq!((end.refresh(), words.accesses()), (Ok(0), (3, 2)));
        assert_eq!((end.cached(), end.number(), end.peer()), (0, 8, peer));
        assert_eq!((words.accesses(), words.0.own.get()), ((3, 2), 8));
    }
    try_end::<Producer<Words>>(4);
    try_end::<Consumer<Words>>(8);
}

/// A mistake of the caller, not of the peer.
#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "never offered")]
fn man_6_more_than_was_offered_is_not_committed() {
    let words = Words::default();
    let mut output = Producer::new(words, 0, 2);
    assert_eq!(output.free(1), Ok(2));
    output.commit(3);
}
