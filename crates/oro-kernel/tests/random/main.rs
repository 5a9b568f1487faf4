//! Random systems and random events, nonsense among them: the core never panics, whatever modules do
//! (`KRN-1`), and what it says stays within its rights.
//!
//! Unlike the explorer this has no programs, and of memory only cursors and what may be stored to: a
//! thread of a *hostile* instance may touch anything at any time, also while it is blocked. Those of
//! the others keep the rules, so that none of them may ever be blamed. What a platform owes the core is
//! kept: looks before faults, answers in order, built-in ends within their queues.
//!
//! `actions.rs` has what happens, `generate.rs` makes it up, `world.rs` the system and its platform,
//! `control.rs` what Ring control does to it, `threads.rs` its threads, `effects.rs` what the core says and the checks of that. The fuzz target
//! `events` uses all but what makes it up.

#[macro_use]
mod ensure;

mod actions;
mod control;
mod effects;
mod generate;
mod threads;
mod world;

use proptest::prelude::{TestCaseError, proptest};

use self::actions::Action;
use self::generate::{list_actions, make_system};
use self::world::{Checked, Run};

fn run(setup: oro_kernel::Setup, hostile: Vec<bool>, actions: &[Action]) -> Checked {
    let mut run = Run::start(setup, hostile)?;
    for action in actions {
        run.act(action)?;
    }
    run.drain()
}

proptest! {
    /// KRN-1, KRN-3, BLAME-1, PORT-8, BELL-1, MODE-8: nothing that modules do breaks the core or
    /// another instance.
    #[test]
    fn krn_1_no_event_stream_breaks_the_core(
        (setup, hostile) in make_system(),
        actions in list_actions(),
    ) {
        run(setup, hostile, &actions).map_err(TestCaseError::fail)?;
    }
}
