//! An exhaustive explorer: small systems, every interleaving, every kill, every fault reported again.
//!
//! It shows the invariants of the design that concern the core (I1, I4 to I7, I9, I10, I12) in every
//! state, and the two theorems: a system of naive threads has one outcome (`NAIVE-10`), and a filter
//! that is killed anywhere and restarted neither loses nor doubles a message (`NAIVE-11`). With the
//! feature `mutants` it also shows that it would notice if the rules were others.
//!
//! The asynchronous mode is explored with a model of what hardware does: the entry in the page table, the
//! translation that a processor still holds, and its buffer of a store that is executed but not in memory.
//! A protection is complete as a later event of its own; timers fire at any time; an operator changes his
//! mind at any time.
//!
//! - `program.rs`: the systems' language
//! - `systems.rs`, `live_systems.rs`, `growing_systems.rs`: the systems, in synchronous and in asynchronous mode,
//!   and those that grow
//! - `model.rs`: the machine, all that there is at one moment
//! - `access.rs`: accesses of threads go through, or fault
//! - `processor.rs`: store buffers, translations, and threads that look before they sleep
//! - `faults.rs`: what is looked at before a fault is reported, and the verdict that is due
//! - `platform.rs`, `effects_live.rs`: carry effects out, each checked
//! - `script.rs`: what is mounted, wired and started while a system runs
//! - `invariants.rs`: what must hold in every state
//! - `choices.rs`: what can happen next
//! - `explore.rs`: the search
//! - `mutants.rs`: wrong rules, which must be noticed

mod access;
mod choices;
mod effects_live;
mod explore;
mod faults;
mod growing_systems;
mod invariants;
mod live_systems;
mod model;
#[cfg(feature = "mutants")]
mod mutants;
mod platform;
mod processor;
mod program;
mod script;
mod systems;

use std::sync::atomic::{AtomicUsize, Ordering};

use oro_kernel::{InstanceEnd, Kernel, Violation};

use crate::explore::{Exploration, explore};
use crate::program::System;

/// States and systems that the tests of this run have gone through so far.
static STATE_COUNT: AtomicUsize = AtomicUsize::new(0);
static SYSTEM_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Explores a system that must pass, and says what was seen.
fn pass(system: &System) -> Exploration {
    let slots: Vec<u32> = system.setup.ports.iter().map(|port| port.slot_count).collect();
    match explore(system, Kernel::new(system.setup.clone())) {
        Ok(found) => {
            let (states, outcomes) = (found.state_count, found.outcomes.len());
            let all_states = states + STATE_COUNT.fetch_add(states, Ordering::Relaxed);
            let systems = 1 + SYSTEM_COUNT.fetch_add(1, Ordering::Relaxed);
            println!("{}, slots {slots:?}: {states} states, {outcomes} outcomes", system.name);
            println!("  so far {all_states} states in {systems} systems");
            found
        }
        Err(found) => panic!("{}, slots {slots:?}: {found}", system.name),
    }
}

/// NAIVE-10: one outcome, whatever the interleaving; NAIVE-1 to NAIVE-8, PORT-1 to PORT-6 hold in
/// every state of it.
#[test]
fn naive_10_naive_systems_have_one_outcome() {
    for system in systems::naive_systems() {
        let found = pass(&system);
        assert_eq!(found.outcomes.len(), 1, "{}: {:#?}", system.name, found.outcomes);
    }
}

/// NAIVE-10, what it does not say: a consumer that ends before its producer ends the producer
/// wherever that is (NAIVE-3), and the producer's other Ports tell how far it has got.
#[test]
fn naive_10_a_consumer_that_leaves_ends_the_promise() {
    let found = pass(&systems::consumer_that_leaves());
    assert!(found.outcomes.len() > 1, "{:#?}", found.outcomes);
}

/// NAIVE-11, NAIVE-9, END-7: nothing is lost or doubled.
#[test]
fn naive_11_killed_and_restarted_filters_lose_and_double_nothing() {
    for system in systems::restarted_filters() {
        pass(&system);
    }
}

/// MAN-1 to MAN-7, with kills and restarts.
#[test]
fn man_2_managed_threads_commit_by_their_cursors() {
    for system in systems::managed_systems() {
        pass(&system);
    }
}

/// END-3 to END-7, END-9, KRN-5: peers see the last message, then the end.
#[test]
fn end_6_ends_reach_the_peers_after_the_last_message() {
    for system in systems::ending_systems() {
        pass(&system);
    }
}

/// KRN-1, BLAME-1, MAN-4 to MAN-6: whatever a thread does, it alone is blamed, by the right rule.
#[test]
fn blame_1_hostile_threads_end_alone() {
    for system in systems::hostile_systems() {
        pass(&system);
    }
}

/// NAIVE-4, BLAME-2: the usual mistake is told as what it is.
#[test]
fn naive_4_two_outputs_field_by_field_is_a_violation() {
    let found = pass(&systems::two_outputs_field_by_field());
    for outcome in &found.outcomes {
        let Some(InstanceEnd::Violated { violation, .. }) = outcome.instance_ends[0] else {
            panic!("no violation: {outcome:#?}");
        };
        let right = Violation::WrongCell { touched: 0, expected: 1, was_handed_over: true };
        assert_eq!(violation, right);
    }
    assert_eq!(found.outcomes.len(), 1);
}

/// END-4: the first status that is not zero, in entry order.
#[test]
fn end_4_an_instance_has_its_threads_first_status() {
    let mut systems = systems::naive_systems();
    systems.retain(|system| system.name == "three threads");
    assert!(!systems.is_empty());
    for system in systems {
        for outcome in pass(&system).outcomes {
            assert_eq!(outcome.instance_ends[0], Some(InstanceEnd::Exited { status: 4 }));
        }
    }
}

/// END-3: the status is the one given; the toucher's slot is committed.
#[test]
fn end_3_an_instance_exits_with_its_status() {
    let mut systems = systems::ending_systems();
    systems.retain(|system| system.name == "exit of an instance");
    assert!(!systems.is_empty());
    for system in systems {
        for outcome in pass(&system).outcomes {
            assert_eq!(outcome.instance_ends[0], Some(InstanceEnd::Exited { status: 9 }));
            assert_eq!(outcome.logs[2], [1, 101]);
        }
    }
}

/// The search does not lose anything by letting private accesses run ahead: with every access a step
/// of its own there are more states and the same outcomes.
#[test]
fn running_ahead_loses_no_outcome() {
    let all = systems::naive_systems()
        .into_iter()
        .chain(systems::managed_systems())
        .chain(systems::ending_systems())
        .filter(|system| system.setup.ports.iter().all(|port| port.slot_count == 2));
    for mut system in all {
        let found = pass(&system);
        system.runs_ahead = false;
        let apart = pass(&system);
        assert!(apart.state_count >= found.state_count);
        // What a killed thread had loaded by then is its own affair.
        if system.killable.is_empty() {
            assert_eq!(apart.outcomes, found.outcomes, "{}", system.name);
        }
    }
}

/// MODE-1 to MODE-8, BELL-1 to BELL-5, ASYNC-1 to ASYNC-5, GATE-5: whatever the modes and whenever they
/// change, every message arrives once and in order, and nobody sleeps for ever.
#[test]
fn mode_8_nothing_is_lost_doubled_or_reordered_in_any_mode() {
    for system in live_systems::asynchronous_systems() {
        pass(&system);
    }
}

/// ASYNC-4, ASYNC-6, KRN-1: who has earned the asynchronous mode and then breaks every rule.
#[test]
fn async_4_threads_that_turn_hostile_end_alone() {
    for system in live_systems::turncoat_systems() {
        pass(&system);
    }
}

/// CTL-6 to CTL-8, ENTRY-6: instances are mounted, wired and started at any point while others run, and
/// elements whose Port is over are wired again; every message arrives once and in order.
#[test]
fn ctl_8_systems_that_grow_lose_and_double_nothing() {
    for system in growing_systems::growing_systems() {
        pass(&system);
    }
}

/// CTL-10, CTL-13: numbers of what is forgotten are used again, at any point from when they can be, and nothing
/// of who had them before reaches who has them then.
#[test]
fn ctl_13_numbers_are_used_again() {
    for system in growing_systems::reused_systems() {
        pass(&system);
    }
}

/// CTL-9, END-7: an instance is replaced by order at any point.
#[test]
fn ctl_9_replaced_filters_lose_and_double_nothing() {
    for system in growing_systems::replaced_systems() {
        pass(&system);
    }
}

/// END-13: a Port is revoked at any point; nothing is committed, delivered or released afterwards, and
/// nobody is blamed for it.
#[test]
fn end_13_nothing_passes_once_a_port_is_revoked() {
    for system in growing_systems::revoked_systems() {
        pass(&system);
    }
}

/// END-14: an end is given to another thread at any point. Every message is released once; the one that the
/// old owner had read and not released is delivered again.
#[test]
fn end_14_a_transfer_is_exact() {
    for system in growing_systems::transferred_consumers() {
        for outcome in pass(&system).outcomes {
            let numbers = |thread: usize| -> Vec<u8> {
                outcome.logs[thread].iter().copied().filter(|part| *part < 100).collect()
            };
            let (old, new) = (numbers(1), numbers(2));
            assert!([1, 2, 3, 4].starts_with(&old[..]), "{}: {outcome:#?}", system.name);
            let Some(first) = new.first() else { continue };
            let count = u8::try_from(outcome.history[0].len()).expect("few");
            assert_eq!(new, (*first..=count).collect::<Vec<u8>>(), "{}: {outcome:#?}", system.name);
            let last = old.last().copied().unwrap_or(0);
            assert!(*first == last || *first == last + 1, "{}: {outcome:#?}", system.name);
        }
    }
    for system in growing_systems::transferred_producers() {
        for outcome in pass(&system).outcomes {
            let sent: Vec<u8> = outcome.history[0].iter().map(|message| message[0]).collect();
            let received: Vec<u8> =
                outcome.logs[2].iter().copied().filter(|part| *part < 100).collect();
            assert_eq!(sent, received, "{}", system.name);
            let from_old = sent.len().saturating_sub(2);
            let are_right = [1, 2, 3].starts_with(&sent)
                || ([1, 2, 3].starts_with(&sent[..from_old]) && sent[from_old..] == [1, 2]);
            assert!(are_right, "{}: {sent:?}", system.name);
        }
    }
}
