//! `cargo bench -p oro-benches --bench fairness`: a victim, two naive threads that pass messages one at a
//! time, beside 15 instances that storm in some way. Its fair share is what it has beside 15 that are
//! like itself; the goal is 80% of that, whatever the others do.
//!
//! The system runs in a process of its own, this program again with `--child`; this one looks at the
//! victim's cursor.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the floor and the statistics are the other benchmarks'")]
mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use common::{Options, machine, modules, put, stats, system};
use oro_image::Image;
use oro_kernel_linux::Attachment;

const OPTIONS: [&str; 4] = ["--markdown", "--child", "--rounds", "--storm"];
const OTHERS: usize = 15;
const GOAL: f64 = 0.8;

/// What the others do, and the macro that makes it.
const STORMS: [(&str, &str, &str); 6] = [
    ("as the victim does", "naive", "NAIVE"),
    ("slots of 256 KiB, as fast as they can", "big", "BIG"),
    ("asynchronous, asleep at each message", "bells", "BELLS"),
    ("earn the mode and lose it", "modes", "MODES"),
    ("gates with 128 conditions", "gates", "GATES"),
    ("lines of log", "logs", "LOGS"),
];

fn main() -> ExitCode {
    let Some(options) = Options::read(&OPTIONS) else { return ExitCode::SUCCESS };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oro-fairness");
    if let Some(name) = options.value("--child") {
        run_system(&folder, name, options.value("--storm").expect("a storm"));
        return ExitCode::SUCCESS;
    }
    let rounds = options.value("--rounds").and_then(|text| text.parse().ok());
    let rounds: usize = rounds.unwrap_or(if options.is_quick { 1 } else { 5 });
    fs::create_dir_all(&folder).expect("the target folder can be written");
    for (_, name, define) in STORMS {
        modules::compile("fairness.c", &folder.join(name).with_extension("elf"), &[define], &[]);
    }
    // Interleaved, so that what the machine does otherwise meets all of them.
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); STORMS.len()];
    for _ in 0..rounds {
        for ((_, storm, _), rates) in STORMS.iter().zip(&mut rates) {
            rates.push(measure(&folder, storm));
        }
    }
    let medians: Vec<f64> = rates.iter_mut().map(|rates| median(rates)).collect();
    let mut text = String::new();
    for line in machine::describe() {
        put(&mut text, &line);
    }
    put(&mut text, &format!("What a victim passes beside {OTHERS} others, medians of {rounds}:"));
    let mut is_met = true;
    for ((what, ..), rate) in STORMS.iter().zip(&medians) {
        let share = rate / medians[0];
        is_met &= share >= GOAL;
        put(&mut text, &format!("{what:38} {rate:9.0} messages a second  {:6.1}%", 100.0 * share));
    }
    let verdict = if is_met { "met" } else { "missed" };
    put(&mut text, &format!("goal: at least {}% of its fair share: {verdict}", 100.0 * GOAL));
    print!("{text}");
    options.write_file("--markdown", || format!("```text\n{text}```\n"));
    ExitCode::SUCCESS
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn run_system(folder: &Path, name: &str, storm: &str) {
    let read = |name: &str| {
        let bytes = fs::read(folder.join(name).with_extension("elf")).expect("it was built");
        (name.to_owned(), Image::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    let images: BTreeMap<String, Image> = ["naive", storm].map(read).into();
    let mut text = "oro = 1\n[modules]\nnaive = \"n\"\n".to_owned();
    if storm != "naive" {
        let _ = writeln!(text, "{storm} = \"s\"");
    }
    for index in 0..=OTHERS {
        let module = if index == 0 { "naive" } else { storm };
        let _ = write!(text, "[instance.i{index}]\nmodule = \"{module}\"\n");
        let (from, to) = match module {
            "logs" => (format!("i{index}.log"), "console.log".to_owned()),
            _ => (format!("i{index}.out"), format!("i{index}.in")),
        };
        let _ = write!(text, "[[wire]]\nfrom = \"{from}\"\nto = \"{to}\"\nslots = 4\n");
    }
    let (plan, images) = system::plan(&text, &images, &[]);
    let options = oro_kernel_linux::Options {
        name: Some(name.to_owned()),
        ..oro_kernel_linux::Options::default()
    };
    let report = oro_kernel_linux::run(&plan, &images, &options).expect("it starts");
    println!("{report:#?}");
}

/// Messages that the victim passes in a second.
fn measure(folder: &Path, storm: &str) -> f64 {
    let name = format!("fairness-{}", std::process::id());
    let file = |name: &str| fs::File::create(folder.join(name)).expect("a file");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--bench", "--child", &name, "--storm", storm])
        .stdin(Stdio::null())
        .stdout(file("end"))
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let attachment = loop {
        match Attachment::find(Some(&name)) {
            Ok(attachment) => break attachment,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        assert!(child.try_wait().expect("a child").is_none(), "it did not start");
    };
    let cursor = || attachment.read().expect("tables").ports[0].consumer.cursor;
    std::thread::sleep(Duration::from_millis(300));
    let (start, first) = (Instant::now(), cursor());
    std::thread::sleep(Duration::from_millis(1500));
    let passed = cursor() - first;
    let elapsed = start.elapsed();
    assert!(child.try_wait().expect("a child").is_none(), "it has ended: see {}", folder.display());
    child.kill().expect("it runs");
    child.wait().expect("a child");
    stats::to_float(passed) / elapsed.as_secs_f64()
}
