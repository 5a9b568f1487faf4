//! Wrong rules: each must be noticed by a check of the explorer.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use oro_kernel::{Kernel, Mutant};

use crate::explore::explore;
use crate::program::System;
use crate::{live_systems, systems};

/// How a mutant is noticed: the system and the check, or `None`.
fn catch(mutant: Mutant) -> Option<(String, String)> {
    let naive = systems::naive_systems().into_iter().map(|system| (system, true));
    let others = systems::managed_systems()
        .into_iter()
        .chain(systems::ending_systems())
        .chain(systems::restarted_filters())
        .chain(systems::hostile_systems())
        .chain(live_systems::asynchronous_systems())
        .chain(live_systems::turncoat_systems())
        .map(|system| (system, false));
    let mut all: Vec<(System, bool)> = naive.chain(others).collect();
    // Small ones first: they find most.
    all.sort_by_key(|(system, _)| system.setup.ports.iter().map(|port| port.slot_count).max());
    for (system, has_one_outcome) in all {
        let kernel = Kernel::with_mutant(system.setup.clone(), mutant);
        let found = catch_unwind(AssertUnwindSafe(|| explore(&system, kernel)));
        match found {
            Err(_) => return Some((system.name.to_owned(), "KRN-1 no panic".to_owned())),
            Ok(Err(found)) => {
                return Some((system.name.to_owned(), found.failure.check.to_owned()));
            }
            Ok(Ok(found)) if has_one_outcome && found.outcomes.len() != 1 => {
                return Some((system.name.to_owned(), "NAIVE-10 one outcome".to_owned()));
            }
            Ok(Ok(_)) => {}
        }
    }
    None
}

/// Every mutant is caught, by a check that has a name.
#[test]
fn every_mutant_is_caught() {
    let caught: BTreeMap<String, Option<(String, String)>> =
        Mutant::ALL.into_iter().map(|mutant| (format!("{mutant:?}"), catch(mutant))).collect();
    for (mutant, how) in &caught {
        match how {
            Some((system, check)) => println!("{mutant}: caught in \"{system}\" by \"{check}\""),
            None => println!("{mutant}: NOT CAUGHT"),
        }
    }
    let missed: Vec<&String> =
        caught.iter().filter(|(_, how)| how.is_none()).map(|(mutant, _)| mutant).collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
