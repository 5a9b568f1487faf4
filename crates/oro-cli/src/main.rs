//! The `oro` command: checks systems and modules, runs them, and examines the machine.
//!
//! `args` is the command line, a file for each command (`run`, `check`, `look` for `ports` and
//! `inspect`, `graph`, `force_sync`, `ring`, `doctor`, `explain`); `attach` finds running systems, `codes` says what codes mean, `load` turns a
//! manifest into a plan and its images, `build` makes modules from source, `problem` shows what is
//! wrong. Standard output is data, standard error is for people. The codes with which it ends are
//! in [`exit`]. It does *not* decide what a good manifest is (`oro-system`), nor how systems run
//! (`oro-kernel-linux`).
#![forbid(unsafe_code)]

mod args;
mod attach;
mod build;
mod check;
mod codes;
mod doctor;
mod exit;
mod explain;
mod force_sync;
mod graph;
mod load;
mod look;
mod output;
mod picture;
mod picture_record;
mod problem;
mod reason;
mod report;
mod ring;
mod run;
mod screen;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command};
use picture::View;

fn main() -> ExitCode {
    oro_kernel_linux::reset_signals();
    let code = match Arguments::parse().command {
        Command::Run(arguments) => run::run_system(&arguments),
        Command::Check(arguments) => check::check_input(&arguments),
        Command::Ports(arguments) => look::look_at_system(&arguments, View::Ports),
        Command::Inspect(arguments) => look::look_at_system(&arguments, View::Inspect),
        Command::Graph(arguments) => graph::draw(&arguments),
        Command::ForceSync(arguments) => force_sync::force_port(&arguments),
        Command::Ring(arguments) => ring::change_system(&arguments),
        Command::Doctor(arguments) => doctor::examine(&arguments),
        Command::Explain(arguments) => explain::explain_code(&arguments),
    };
    ExitCode::from(code)
}
