//! Every system call of a supervisor fails once at each place where it is made, and the supervisor is killed
//! at each: the run goes on as if nothing had happened, or ends with an error that says what failed;
//! it never hangs, panics, or leaves a process or a socket behind (`KRN-6`, `KRN-12`). What fails for a holder of Ring
//! control its reply says, and the system goes on.
//!
//! The system is in `injection/system`. A tracer of its own (`injection/tracer.c`) follows the supervisor and
//! no other process, replaces a call's result, and waits for what is left behind. A place is a call with
//! the three functions that have led to it. `cargo xtask inject` runs this with every error that a call
//! may have, and shows a line for each.
//!
//! `ORO_INJECT_ALL`: every error, not the likeliest alone; `ORO_INJECT_LIST`: a line for each;
//! `ORO_INJECT_ONLY`: a part of the lines that are meant.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

#[path = "injection/bench.rs"]
mod bench;
#[path = "injection/calls.rs"]
mod calls;
mod support;
#[path = "injection/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bench::{Bench, Run, Site, list_folder};
use calls::Error;
use support::marks::{Marks, open_memories};

/// Runs of one site before it counts as one that is not always passed.
const ATTEMPTS: usize = 3;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Nothing can be told from outside.
    Survived,
    /// An error was told, with this code and text.
    Told(String),
    /// The call was not made in any attempt.
    NotReached,
    Wrong(String),
}

/// KRN-12
#[test]
fn krn_12_a_call_that_fails_is_told_or_made_good() {
    let bench = Bench::new("inject");
    let all = std::env::var_os("ORO_INJECT_ALL").is_some();
    let mut cases: Vec<(Site, Error)> = Vec::new();
    let mut sites = bench.survey();
    sites.sort_by(|a, b| a.label.cmp(&b.label));
    for site in &sites {
        let errors =
            if all { site.call.errors } else { &site.call.errors[..site.call.errors.len().min(1)] };
        for error in errors {
            cases.push((site.clone(), *error));
        }
    }
    let label = |(site, error): &(Site, Error)| format!("{:10} {}", error.0, site.label);
    run_all(&bench, "fail", &cases, label, |place, (site, error)| {
        let number = error.1.to_string();
        let run = repeat(|| bench.run(place, &["fail", &site.key, &number], |_| None));
        let mut verdict = judge(&run);
        let left = list_folder(&place.join("sockets"));
        let _ = fs::remove_dir_all(place.join("sockets"));
        // Who cannot remove a socket leaves it; those who look for systems remove it then.
        if !left.is_empty()
            && site.call.name != "unlink"
            && matches!(verdict, Verdict::Survived | Verdict::Told(_))
        {
            verdict = Verdict::Wrong(format!("sockets are left: {left:?}"));
        }
        verdict
    });
}

/// KRN-6
#[test]
fn krn_6_nothing_outlives_a_supervisor_that_is_killed_at_a_call() {
    let bench = Bench::new("inject-kill");
    let sites = bench.survey();
    let label = |site: &Site| site.label.clone();
    run_all(&bench, "kill", &sites, label, |place, site| kill_at(&bench, place, site));
}

/// Kills the supervisor when it is about to make a call, and looks at what is left.
fn kill_at(bench: &Bench, place: &Path, site: &Site) -> Verdict {
    let mut memories = Vec::new();
    let [mut before, mut after] = [Marks::default(); 2];
    let run = repeat(|| {
        bench.run(place, &["kill", &site.key, "0"], |line| {
            let process_id = line.strip_prefix("at ")?.parse().ok()?;
            memories = open_memories(process_id, &["oro-memory"]);
            memories.iter().for_each(|(_, memory)| before.read(memory));
            Some("\n")
        })
    });
    memories.iter().for_each(|(_, memory)| after.read(memory));
    let looked = bench.oro(place, "ports");
    let left = list_folder(&place.join("sockets"));
    let _ = fs::remove_dir_all(place.join("sockets"));
    if !run.wrongs.is_empty() {
        return Verdict::Wrong(run.wrongs.join("; "));
    }
    if !run.is_reached {
        return Verdict::NotReached;
    }
    if run.end != "signal 9" {
        return Verdict::Wrong(format!("it was killed, and ended with {}", run.end));
    }
    // It may have been let go on, but has not come to the next slot then.
    let has_gone_on =
        after.feed.count > before.feed.count + 1 || after.sink.count > before.sink.count + 1;
    if has_gone_on || after.feed.wrong + after.sink.wrong > 0 {
        return Verdict::Wrong(format!("modules went on: {before:?}, then {after:?}"));
    }
    if looked.code != Some(2) || !left.is_empty() {
        return Verdict::Wrong(format!("`oro ports` was to clean up: {left:?} {looked:?}"));
    }
    Verdict::Told(format!("after {} and {} slots", after.feed.count, after.sink.count))
}

/// The first run that reaches the site, or the last.
fn repeat(mut run: impl FnMut() -> Run) -> Run {
    for _ in 1..ATTEMPTS {
        let result = run();
        if result.is_reached || !result.wrongs.is_empty() {
            return result;
        }
    }
    run()
}

fn judge(run: &Run) -> Verdict {
    let wrong = |text: String| Verdict::Wrong(format!("{text}\n{}", run.stderr.trim_end()));
    if !run.wrongs.is_empty() {
        return wrong(run.wrongs.join("; "));
    }
    if run.stderr.contains("panicked") {
        return wrong("it panicked".to_owned());
    }
    match run.end.as_str() {
        "exit 0" if !run.is_output_right => wrong("it ended well, with a wrong output".to_owned()),
        _ if !run.is_reached => Verdict::NotReached,
        "exit 0" => match &run.refusal {
            Some(refusal) => Verdict::Told(format!("by the reply to {refusal}")),
            None => Verdict::Survived,
        },
        "exit 1" | "exit 2" | "exit 3" => match find_error(&run.stderr) {
            Some(text) => Verdict::Told(format!("{} {text}", run.end)),
            None => wrong(format!("{} without an error", run.end)),
        },
        other => wrong(format!("it ended with {other}")),
    }
}

/// The first error in a text.
fn find_error(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("error["));
    let code = lines.next()?;
    // Of one line, or with what it says below.
    match code.split_once("]: ") {
        Some(_) => Some(code.to_owned()),
        None => Some(format!(
            "{code} {}",
            lines.find(|line| !line.is_empty())?.trim_start_matches([' ', 'x'])
        )),
    }
}

/// Runs all cases, some at a time; each has a line with what came of it. None may be wrong.
fn run_all<T: Sync>(
    bench: &Bench,
    what: &str,
    cases: &[T],
    label: impl Fn(&T) -> String + Sync,
    run: impl Fn(&Path, &T) -> Verdict + Sync,
) {
    let only = std::env::var("ORO_INJECT_ONLY").unwrap_or_default();
    let cases: Vec<&T> = cases.iter().filter(|case| label(case).contains(&only)).collect();
    assert!(!cases.is_empty(), "no case is called `{only}`");
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(cases.len());
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (cases, next, verdicts, run) = (&cases, &next, &verdicts, &run);
            scope.spawn(move || {
                let place = bench.make_place(worker);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    let verdict = run(&place, case);
                    verdicts.lock().unwrap().insert(index, (*case, verdict));
                }
                let _ = fs::remove_dir_all(&place);
            });
        }
    });
    let verdicts: Vec<(&T, Verdict)> = verdicts.into_inner().unwrap().into_values().collect();
    let lists = std::env::var_os("ORO_INJECT_LIST").is_some();
    let mut wrong = Vec::new();
    let mut counts = [0; 4];
    for (case, verdict) in verdicts {
        let label = label(case);
        let (kind, word, text) = match &verdict {
            Verdict::Survived => (0, "survived", ""),
            Verdict::Told(text) => (1, "told", text.as_str()),
            Verdict::NotReached => (2, "missed", ""),
            Verdict::Wrong(text) => (3, "WRONG", text.as_str()),
        };
        counts[kind] += 1;
        let line = format!("{what} {word:9} {label} {text}");
        if lists {
            println!("{line}");
        }
        if kind == 3 {
            wrong.push(line);
        }
    }
    let [survived, told, missed, _] = counts;
    println!(
        "{what}: {survived} survived, {told} told, {missed} not reached, {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Most sites are passed in every run.
    assert!(missed * 10 <= survived + told, "{missed} sites were not reached");
}
