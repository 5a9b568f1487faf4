//! The `oro` command: checks systems and modules, runs them, and examines the machine.
//!
//! `args` is the command line, a file for each command (`run`, `check`, `doctor`, `explain`); `load` turns a
//! manifest into a plan and its images, `build` makes modules from source, `problem` shows what is
//! wrong. Standard output is data, standard error is for people. The codes with which it ends are
//! in [`exit`]. It does *not* decide what a good manifest is (`oro-system`), nor how systems run
//! (`oro-kernel-linux`).
#![forbid(unsafe_code)]

mod args;
mod build;
mod check;
mod doctor;
mod exit;
mod explain;
mod load;
mod output;
mod problem;
mod report;
mod run;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command};

fn main() -> ExitCode {
    oro_kernel_linux::reset_signals();
    let code = match Arguments::parse().command {
        Command::Run(arguments) => run::run_system(&arguments),
        Command::Check(arguments) => check::check_input(&arguments),
        Command::Doctor(arguments) => doctor::examine(&arguments),
        Command::Explain(arguments) => explain::explain_code(&arguments),
    };
    ExitCode::from(code)
}
