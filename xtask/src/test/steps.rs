//! The steps of `cargo xtask test`, in their order.

use std::path::PathBuf;
use std::process::Command;

use super::{Context, Outcome, Step};
use crate::workspace::{cargo, list_files, read, root, run, run_watched, target_folder};
use crate::{aarch64, book, clauses, graph, header, hostile, tools};

/// The step whose output ends with cargo's own closing lines.
pub(super) const LAST: &str = "test";

pub(super) const STEPS: [Step; 14] = [
    Step { name: "deps", purpose: "the programs that the tests need", run: check_programs },
    Step { name: "fmt", purpose: "formatting", run: check_formatting },
    Step { name: "header", purpose: "the C header is what the crate says", run: check_header },
    Step { name: "graph", purpose: "no crate depends on what it must not", run: check_graph },
    Step { name: "clauses", purpose: "tests name every clause of docs/spec", run: check_clauses },
    Step {
        name: "catalogue",
        purpose: "every row of the hostile catalogue is shown by something",
        run: check_catalogue,
    },
    Step { name: "clippy", purpose: "lints", run: run_clippy },
    Step { name: "doc", purpose: "documentation", run: build_documentation },
    Step { name: "aarch64", purpose: "the ABI crate on bare AArch64", run: check_aarch64 },
    Step {
        name: "loom",
        purpose: "every memory ordering of the metadata's protocol and of the queue",
        run: run_loom,
    },
    Step { name: "model", purpose: "every interleaving of small systems", run: run_model },
    Step { name: "doctor", purpose: "what the machine has of what a run needs", run: ask_doctor },
    Step { name: "book", purpose: "the commands of docs/book", run: check_book },
    Step { name: LAST, purpose: "unit, integration and documentation tests", run: run_tests },
];

fn check_programs(context: &mut Context) -> Result<Outcome, String> {
    tools::ensure(context.install)?;
    Ok(Outcome::Done)
}

fn check_formatting(_: &mut Context) -> Result<Outcome, String> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    for manifest in list_separate_packages()? {
        run(cargo(&["fmt", "--check", "--manifest-path"]).arg(manifest))?;
    }
    Ok(Outcome::Done)
}

fn check_header(_: &mut Context) -> Result<Outcome, String> {
    tell(header::update(true)?)
}

fn check_graph(_: &mut Context) -> Result<Outcome, String> {
    tell(graph::check()?)
}

fn check_clauses(_: &mut Context) -> Result<Outcome, String> {
    tell(clauses::check()?)
}

fn check_catalogue(_: &mut Context) -> Result<Outcome, String> {
    tell(hostile::check()?)
}

fn run_clippy(_: &mut Context) -> Result<Outcome, String> {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    let all = ["clippy", "--quiet", "--locked", "--workspace", "--all-targets", "--all-features"];
    run(cargo(&all).args(DENY))?;
    // With all features the code for builds without them is left out.
    let libraries = ["-p", "oro", "-p", "oro-kernel", "-p", "oro-system"];
    run(cargo(&["clippy", "--quiet", "--locked", "--no-default-features"])
        .args(libraries)
        .args(DENY))?;
    for manifest in list_separate_packages()? {
        // It builds 84 crates of others, for one program that the bench builds when it is asked to.
        if manifest.ends_with("benches/iceoryx2/Cargo.toml") {
            continue;
        }
        let mut command = cargo(&["clippy", "--quiet", "--locked", "--manifest-path"]);
        // One folder for all: what they share is looked at once.
        command.arg(manifest).arg("--target-dir").arg(target_folder().join("separate"));
        run(command.args(DENY))?;
    }
    Ok(Outcome::Done)
}

fn build_documentation(_: &mut Context) -> Result<Outcome, String> {
    let mut command =
        cargo(&["doc", "--quiet", "--locked", "--workspace", "--no-deps", "--all-features"]);
    run(command.env("RUSTDOCFLAGS", "-Dwarnings"))?;
    Ok(Outcome::Done)
}

fn check_aarch64(context: &mut Context) -> Result<Outcome, String> {
    let is_wanted = context.install && !aarch64::is_possible();
    if is_wanted && tools::offers(aarch64::PACKAGES_NEEDED[0]) {
        tools::install_packages(&aarch64::PACKAGES_NEEDED)?;
    }
    if !aarch64::is_possible() {
        return Ok(Outcome::Skipped(aarch64::INSTALL_HINT.to_owned()));
    }
    aarch64::check()?;
    Ok(Outcome::Done)
}

fn run_loom(context: &mut Context) -> Result<Outcome, String> {
    let mut command = cargo(&["test", "--locked", "--release", "--test", "loom"]);
    command.args(["-p", "oro-sysabi", "-p", "oro-queue"]);
    // Other flags would have everything else built again.
    command.arg("--target-dir").arg(target_folder().join("loom"));
    command.env("RUSTFLAGS", "--cfg loom").env_remove("CARGO_ENCODED_RUSTFLAGS");
    test(context, &mut command)
}

fn run_model(context: &mut Context) -> Result<Outcome, String> {
    let mut command = cargo(&["test", "--locked", "--release", "-p", "oro-kernel"]);
    command.args(["--features", "mutants", "--tests", "--", "--show-output"]);
    test(context, &mut command)
}

fn ask_doctor(_: &mut Context) -> Result<Outcome, String> {
    run(&mut cargo(&["run", "--locked", "--quiet", "-p", "oro-cli", "--", "doctor"]))?;
    Ok(Outcome::Done)
}

fn check_book(_: &mut Context) -> Result<Outcome, String> {
    run(&mut cargo(&["build", "--locked", "--quiet", "-p", "oro-cli"]))?;
    tell(book::check(&target_folder().join("debug"))?)
}

fn run_tests(context: &mut Context) -> Result<Outcome, String> {
    test(context, &mut cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]))
}

/// Runs tests and counts them.
fn test(context: &mut Context, command: &mut Command) -> Result<Outcome, String> {
    run_watched(command, |line| context.tally.add_line(line))?;
    Ok(Outcome::Done)
}

fn tell(message: String) -> Result<Outcome, String> {
    println!("   {message}");
    Ok(Outcome::Done)
}

/// Manifests of the packages that are no members of the workspace: modules, fuzz targets.
fn list_separate_packages() -> Result<Vec<PathBuf>, String> {
    let mut manifests = Vec::new();
    for path in list_files(root())? {
        let is_own_workspace = path.ends_with("Cargo.toml")
            && path.parent() != Some(root())
            && read(&path)?.lines().any(|line| line == "[workspace]");
        if is_own_workspace {
            manifests.push(path);
        }
    }
    Ok(manifests)
}
