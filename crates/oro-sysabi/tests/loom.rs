//! The generation protocol under every memory ordering that the model checker knows (META-7).
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p oro-sysabi --test loom --release`, in a target directory
//! of its own. Mutants of the writer and of the reader show that the check can fail.
#![cfg(loom)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::Arc;
use loom::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};
use loom::thread;
use oro_sysabi::{GenerationUnstable, read_consistent};

type Reader = fn(&Shared) -> Result<(u64, u64), GenerationUnstable>;
type Writer = fn(&Shared, u64);

/// META-7: whatever the interleaving, a copy that the reader accepts is of one moment.
#[test]
fn meta_7_an_accepted_copy_is_of_one_moment() {
    loom::model(|| run_model(2, write, read_once));
    loom::model(|| run_model(1, write, read));
}

/// META-7: without a writer the first try succeeds; with an odd counter the tries end.
#[test]
fn meta_7_tries_are_bounded() {
    loom::model(|| {
        let shared = Shared::new();
        assert_eq!(read(&shared), Ok((0, 0)));
        shared.generation.store(1, Relaxed);
        assert_eq!(read(&shared), Err(GenerationUnstable));
    });
}

#[test]
fn meta_7_mutants_are_caught() {
    let mutants: [(&str, Writer, Reader); 5] = [
        ("writer without the release fence", write_without_fence, read_once),
        ("writer that makes the counter even with relaxed", write_with_relaxed_end, read_once),
        ("writer that never makes the counter odd", write_without_odd, read_once),
        ("reader without the acquire fence", write, read_without_fence),
        ("reader that takes odd counters", write, read_taking_odd),
    ];
    std::panic::set_hook(Box::new(|_| ())); // The expected failures say nothing of use.
    let survivors: Vec<_> = mutants
        .into_iter()
        .filter(|&(_, writer, reader)| {
            catch_unwind(AssertUnwindSafe(|| loom::model(move || run_model(2, writer, reader))))
                .is_ok()
        })
        .map(|(name, ..)| name)
        .collect();
    let _ = std::panic::take_hook();
    assert!(survivors.is_empty(), "the model does not catch: {survivors:?}");
}

/// Two fields that the writer always sets to the same value, guarded by `generation`.
struct Shared {
    generation: AtomicU64,
    first: AtomicU64,
    second: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { generation: zero(), first: zero(), second: zero() }
    }

    fn copy(&self) -> (u64, u64) {
        (self.first.load(Relaxed), self.second.load(Relaxed))
    }
}

/// One writer, as the kernel is, changes both fields; one reader copies them. The reader is
/// the spawned thread: loom lets the main thread's first load see the first value only.
fn run_model(writes: u64, writer: Writer, reader: Reader) {
    let shared = Arc::new(Shared::new());
    let reading = thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            if let Ok((first, second)) = reader(&shared) {
                assert_eq!(first, second, "a mixture was accepted");
            }
        }
    });
    for value in 1..=writes {
        writer(&shared, value);
    }
    reading.join().unwrap();
}

fn write(shared: &Shared, value: u64) {
    let generation = shared.generation.load(Relaxed);
    shared.generation.store(generation + 1, Relaxed);
    fence(Release); // Pairs with the acquire fence of the reader.
    shared.first.store(value, Relaxed);
    shared.second.store(value, Relaxed);
    shared.generation.store(generation + 2, Release);
}

fn write_without_fence(shared: &Shared, value: u64) {
    let generation = shared.generation.load(Relaxed);
    shared.generation.store(generation + 1, Relaxed);
    shared.first.store(value, Relaxed);
    shared.second.store(value, Relaxed);
    shared.generation.store(generation + 2, Release);
}

fn write_with_relaxed_end(shared: &Shared, value: u64) {
    let generation = shared.generation.load(Relaxed);
    shared.generation.store(generation + 1, Relaxed);
    fence(Release);
    shared.first.store(value, Relaxed);
    shared.second.store(value, Relaxed);
    shared.generation.store(generation + 2, Relaxed);
}

fn write_without_odd(shared: &Shared, value: u64) {
    let generation = shared.generation.load(Relaxed);
    fence(Release);
    shared.first.store(value, Relaxed);
    shared.second.store(value, Relaxed);
    shared.generation.store(generation + 2, Release);
}

/// The reader under test with a single try, as a base for the mutants.
fn read_once(shared: &Shared) -> Result<(u64, u64), GenerationUnstable> {
    read_consistent(1, || shared.generation.load(Acquire), || shared.copy())
}

/// The reader under test with a second try.
fn read(shared: &Shared) -> Result<(u64, u64), GenerationUnstable> {
    read_consistent(2, || shared.generation.load(Acquire), || shared.copy())
}

fn read_without_fence(shared: &Shared) -> Result<(u64, u64), GenerationUnstable> {
    let before = shared.generation.load(Acquire);
    let copy = shared.copy();
    let is_stable = before % 2 == 0 && shared.generation.load(Acquire) == before;
    if is_stable { Ok(copy) } else { Err(GenerationUnstable) }
}

fn read_taking_odd(shared: &Shared) -> Result<(u64, u64), GenerationUnstable> {
    let before = shared.generation.load(Acquire);
    let copy = shared.copy();
    fence(Acquire);
    if shared.generation.load(Acquire) == before { Ok(copy) } else { Err(GenerationUnstable) }
}
