//! Both ends under every interleaving and memory ordering that the model checker knows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p oro-queue --test loom --release`, in a target directory of
//! its own. In [`transfer`] the ends pass messages; in [`doorbell`] they sleep while there are none.
//! Each has mutants that must be caught: they show that the check can fail.
#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "helpers of tests: clippy takes only the tests for such")]

mod doorbell;
mod transfer;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Runs every execution of a model.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let _turn = take_turn();
    loom::model(model);
}

/// As [`check`], of the executions in which threads are interrupted at most `preemptions` times.
fn check_bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let _turn = take_turn();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Runs the model with each named mutant; fails if one passes, and says of the others what has gone wrong.
fn expect_caught<M: Copy + Send + Sync + 'static>(mutants: &[(&str, M)], model: fn(M)) {
    let turn = take_turn();
    loom::model(|| ()); // Has loom's own hook set, so that it is the one to be put back.
    let hook = take_hook();
    set_hook(Box::new(|_| ())); // The expected failures say nothing of use.
    let mut survivors = Vec::new();
    for &(name, mutant) in mutants {
        match catch_unwind(AssertUnwindSafe(|| loom::model(move || model(mutant)))) {
            Ok(()) => survivors.push(name),
            Err(cause) => println!("caught: {name}: {}", show(&*cause)),
        }
    }
    set_hook(hook);
    drop(turn);
    assert!(survivors.is_empty(), "the model does not catch: {survivors:?}");
}

/// The first line of a panic's message.
fn show(cause: &(dyn Any + Send)) -> &str {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("a panic");
    text.lines().next().unwrap_or_default()
}

/// One test at a time: they share the process's panic hook.
fn take_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
