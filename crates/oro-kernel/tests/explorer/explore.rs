//! Every interleaving of a small system. Depth first; a state that was seen before is not gone into
//! again (states are remembered by 128 bits of hash).
//!
//! Key types: [`explore`], [`Exploration`], [`Outcome`]. What can happen next is in `choices.rs`, what
//! must hold in each state in `invariants.rs`.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use oro_kernel::{Event, InstanceEnd, InstanceId, Kernel};

use crate::choices::{Choice, apply, is_progress, list_choices};
use crate::invariants::{check_ending, check_state};
use crate::model::{Failure, Message, State};
use crate::program::System;

/// What was found.
pub(crate) struct Exploration {
    pub(crate) state_count: usize,
    /// How it can end.
    pub(crate) outcomes: HashSet<Outcome>,
}

/// All that the interleaving could have influenced.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outcome {
    pub(crate) is_finished: bool,
    /// What each thread has loaded.
    pub(crate) logs: Vec<Vec<u8>>,
    /// Every message that was committed, by Port.
    pub(crate) history: Vec<Vec<Message>>,
    pub(crate) instance_ends: Vec<Option<InstanceEnd>>,
    pub(crate) kernel_logs: Vec<Vec<u8>>,
}

/// A check that did not hold, and how it came to that.
#[derive(Debug)]
pub(crate) struct Counterexample {
    pub(crate) failure: Failure,
    pub(crate) path: Vec<Choice>,
    /// States that had been seen by then.
    pub(crate) state_count: usize,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { check, detail } = &self.failure;
        writeln!(f, "{check}: {detail}; state {}, after:", self.state_count)?;
        self.path.iter().try_for_each(|choice| writeln!(f, "  {choice:?}"))
    }
}

struct Frame {
    state: State,
    choices: Vec<Choice>,
    next: usize,
}

/// Tries everything that can happen.
pub(crate) fn explore(system: &System, kernel: Kernel) -> Result<Exploration, Box<Counterexample>> {
    let mut found = Exploration { state_count: 0, outcomes: HashSet::new() };
    let mut seen = HashSet::new();
    let mut path: Vec<Choice> = Vec::new();
    let mut stack: Vec<Frame> = Vec::new();
    let mut state = State::new(system, kernel);
    let mut result = state.step(system, Event::Start);
    loop {
        let entered = result.and_then(|()| {
            if !seen.insert(fingerprint(&state)) {
                return Ok(None);
            }
            let choices = list_choices(system, &state);
            check_state(system, &state, &choices)?;
            if !choices.iter().any(is_progress) {
                check_ending(system, &state)?;
                found.outcomes.insert(outcome_of(&state));
            }
            Ok(Some(choices))
        });
        match entered {
            Err(failure) => {
                let state_count = seen.len();
                return Err(Box::new(Counterexample { failure, path, state_count }));
            }
            Ok(Some(choices)) => stack.push(Frame { state, choices, next: 0 }),
            Ok(None) => {
                path.pop();
            }
        }
        while stack.last().is_some_and(|frame| frame.next == frame.choices.len()) {
            stack.pop();
            path.pop();
        }
        let Some(frame) = stack.last_mut() else { break };
        let choice = frame.choices[frame.next];
        frame.next += 1;
        path.push(choice);
        state = frame.state.clone();
        result = apply(system, &mut state, choice);
    }
    found.state_count = seen.len();
    Ok(found)
}

fn fingerprint(state: &State) -> (u64, u64) {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        state.hash(&mut hasher);
        hasher.finish()
    };
    (hash(1), hash(2))
}

fn outcome_of(state: &State) -> Outcome {
    let instances = 0..state.killed.len();
    let ids = instances.map(|index| InstanceId(u32::try_from(index).expect("few")));
    Outcome {
        is_finished: state.is_finished,
        logs: state.threads.iter().map(|thread| thread.log.clone()).collect(),
        history: state.history.clone(),
        instance_ends: ids.map(|id| state.kernel.instance(id).end).collect(),
        kernel_logs: state.kernel_ends.values().map(|end| end.log.clone()).collect(),
    }
}
