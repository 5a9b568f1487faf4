//! Wrong rules: each must be noticed by a check of the explorer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use oro_kernel::{Kernel, Mutant, Tuning};

use crate::explore::explore;
use crate::program::{Program, System};
use crate::{growing_systems, live_systems, systems};

/// How a mutant is noticed.
struct Catch {
    system: &'static str,
    check: &'static str,
}

/// All systems, and whether they must have one outcome; small ones first, as they find most, so that the
/// large ones of threads that turn hostile are the last.
fn list_systems() -> Vec<(System, bool)> {
    let naive = systems::naive_systems().into_iter().map(|system| (system, true));
    let others = systems::managed_systems()
        .into_iter()
        .chain(systems::ending_systems())
        .chain(systems::restarted_filters())
        .chain(systems::hostile_systems())
        .chain(growing_systems::growing_systems())
        .chain(growing_systems::reused_systems())
        .chain(growing_systems::replaced_systems())
        .chain(growing_systems::revoked_systems())
        .chain(growing_systems::transferred_consumers())
        .chain(growing_systems::transferred_producers())
        .chain(live_systems::asynchronous_systems())
        .chain(live_systems::turncoat_systems())
        .map(|system| (system, false));
    let mut all: Vec<(System, bool)> = naive.chain(others).collect();
    all.sort_by_key(|(system, _)| size_hint(system));
    all
}

/// Roughly how many states a system has.
fn size_hint(system: &System) -> u64 {
    let length = |program: &Program| match program {
        Program::Ops(ops) => ops.len() as u64 + 1,
        Program::Chaos(budget) => 4 << budget,
        Program::Turncoat(ops, budget) => (ops.len() as u64 + 1) << (3 * budget),
    };
    let threads: u64 = system.programs.iter().map(length).product();
    let knows_modes = system.setup.tuning != Tuning::default();
    let modes: u64 = if knows_modes { 12 + 12 * u64::from(system.flip_budget).pow(2) } else { 1 };
    let ports = modes.pow(u32::try_from(system.setup.ports.len()).expect("few"));
    let repeats = if system.repeats { 2 } else { 1 };
    let kills = 1 + u64::from(system.kill_budget) + u64::from(system.replace_budget);
    threads * ports * repeats * kills * (1 + system.script.len() as u64)
}

/// Explores the systems until a check fails; also says how many states that took.
fn catch(mutant: Mutant, systems: &[(System, bool)]) -> (Option<Catch>, usize) {
    let mut state_count = 0;
    for (system, has_one_outcome) in systems {
        let kernel = Kernel::with_mutant(system.setup.clone(), mutant);
        let found = catch_unwind(AssertUnwindSafe(|| explore(system, kernel)));
        let check = match found {
            Err(_) => Some("KRN-1 no panic"),
            Ok(Err(found)) => {
                state_count += found.state_count;
                Some(found.failure.check)
            }
            Ok(Ok(found)) => {
                state_count += found.state_count;
                (*has_one_outcome && found.outcomes.len() != 1).then_some("NAIVE-10 one outcome")
            }
        };
        if let Some(check) = check {
            return (Some(Catch { system: system.name, check }), state_count);
        }
    }
    (None, state_count)
}

/// Every mutant is caught, by a check that has a name.
#[test]
fn every_mutant_is_caught() {
    let systems = list_systems();
    let start = Instant::now();
    let mut missed = Vec::new();
    let mut total = 0;
    for mutant in Mutant::ALL {
        let (how, state_count) = catch(mutant, &systems);
        total += state_count;
        match how {
            Some(Catch { system, check }) => println!(
                "{mutant:?}: caught in \"{system}\" by \"{check}\" after {state_count} states"
            ),
            None => {
                println!("{mutant:?}: NOT CAUGHT");
                missed.push(mutant);
            }
        }
    }
    let (count, seconds) = (Mutant::ALL.len(), start.elapsed().as_secs());
    println!("{total} states for {count} mutants in {seconds} s");
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
