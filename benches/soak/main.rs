//! `cargo bench -p oro-benches --bench soak -- --seconds 600`: a system of 16 instances and 64 Ports,
//! naive and managed, slots from 1 to 4096, random pauses, and an operator who forces Ports synchronous
//! at random and lets them go. Every message is numbered and hashed. Lost, doubled, corrupt must be 0,
//! nobody may sleep for ever, memory must be flat; else the exit code is 1.
//!
//! `--seed N` draws other sizes and other chances, `--flip-ms N` sets the time between two flips (0: none),
//! `--markdown PATH` also writes the table to a file.
//!
//! The system runs in a process of its own, this program again with `--child`; this one is the
//! operator and looks at memory.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the floor and the statistics are the other benchmarks'")]
mod common;
mod system;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use common::memory::Samples;
use common::{Options, machine, modules, put, stats};
use oro_image::Image;
use oro_kernel_linux::Attachment;
use oro_system::{Manifest, Plan, ResolveOptions};
use system::{PORTS, Sums, VARIANTS};

const OPTIONS: [&str; 5] = ["--seconds", "--seed", "--flip-ms", "--markdown", "--child"];

fn main() -> ExitCode {
    let Some(options) = Options::read(&OPTIONS) else { return ExitCode::SUCCESS };
    let number = |name: &str, default: u64| {
        options.value(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let seconds = number("--seconds", if options.is_quick { 10 } else { 60 });
    let seed = number("--seed", 1);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oro-soak");
    if let Some(name) = options.value("--child") {
        run_system(&folder, name, seconds, seed);
        return ExitCode::SUCCESS;
    }
    fs::create_dir_all(&folder).expect("the target folder can be written");
    build(&folder, seconds, seed);
    let flips = Duration::from_millis(number("--flip-ms", 250));
    let (text, is_right) = soak(&folder, seconds, seed, flips);
    print!("{text}");
    options.write_file("--markdown", || format!("```text\n{text}```\n"));
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compiles the variants of the module.
fn build(folder: &Path, seconds: u64, seed: u64) {
    fs::write(folder.join("soak-config.h"), system::config(seconds, seed)).expect("a file");
    for (name, defines) in VARIANTS {
        modules::compile("soak.c", &folder.join(name).with_extension("elf"), defines, &[folder]);
    }
}

/// The child: runs the system and prints a line of counts.
fn run_system(folder: &Path, name: &str, seconds: u64, seed: u64) {
    let images: BTreeMap<&str, Image> = VARIANTS
        .iter()
        .map(|(name, _)| {
            let bytes = fs::read(folder.join(name).with_extension("elf")).expect("it was built");
            (*name, Image::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect();
    let plan = plan(&images, seed);
    let images: Vec<Image> =
        plan.modules.iter().map(|name| images[name.as_str()].clone()).collect();
    let options = oro_kernel_linux::Options {
        timeout: Some(Duration::from_secs(seconds + 60)),
        name: Some(name.to_owned()),
        ..oro_kernel_linux::Options::default()
    };
    let report = oro_kernel_linux::run(&plan, &images, &options).expect("it starts");
    println!("{} {} {}", report.is_success(), report.fault_count, report.wakeup_count);
    if !report.is_success() {
        println!("{report:#?}");
    }
}

fn plan(images: &BTreeMap<&str, Image>, seed: u64) -> Plan {
    let interfaces = images
        .iter()
        .map(|(name, image)| ((*name).to_owned(), image.interface.clone()))
        .collect::<BTreeMap<_, _>>();
    let manifest = system::manifest(seed, |name| format!("\"{name}\""));
    let (parsed, diagnostics) = Manifest::parse(manifest.as_bytes());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let (plan, diagnostics) =
        parsed.expect("a manifest").resolve(&interfaces, &ResolveOptions::default());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    plan.expect("a plan")
}

/// Runs the child to its end, as its operator; the table, and whether all is as it must be.
fn soak(folder: &Path, seconds: u64, seed: u64, flips: Duration) -> (String, bool) {
    let name = format!("soak-{}", std::process::id());
    let create = |name: &str| File::create(folder.join(name)).expect("a file");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--bench", "--child", &name])
        .args(["--seconds", &seconds.to_string(), "--seed", &seed.to_string()])
        .stdin(Stdio::null())
        .stdout(create("end"))
        .stderr(create("log"))
        .spawn()
        .expect("it starts");
    let started = Instant::now();
    let watched = watch(&mut child, &name, seed, flips);
    let elapsed = started.elapsed();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let (log, end) = (read("log"), read("end"));
    let sums = Sums::read(&log);
    let has_ended_well = end.starts_with("true");
    let is_right = has_ended_well && sums.is_right() && watched.samples.is_flat();
    let mut text = String::new();
    for line in machine::describe() {
        put(&mut text, &line);
    }
    show(&mut text, &sums, &watched, &end, elapsed);
    if !has_ended_well || !sums.is_right() {
        put(&mut text, &log);
        put(&mut text, &end);
    }
    put(&mut text, if is_right { "All is as it must be." } else { "THIS IS NOT AS IT MUST BE." });
    (text, is_right)
}

/// What the operator has done and seen.
struct Watched {
    samples: Samples,
    forced: u64,
    upgrades: u64,
    downgrades: u64,
    doorbells: u64,
    /// Ports of which an end was asynchronous, on average.
    asynchronous: f64,
}

fn watch(child: &mut Child, name: &str, seed: u64, flips: Duration) -> Watched {
    let mut watched = Watched {
        samples: Samples::default(),
        forced: 0,
        upgrades: 0,
        downgrades: 0,
        doorbells: 0,
        asynchronous: 0.0,
    };
    let (mut attachment, mut turn, mut looks, mut asynchronous) = (None, 0_u64, 0_u64, 0_u64);
    let mut next_sample = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        std::thread::sleep(if flips.is_zero() { Duration::from_millis(100) } else { flips / 2 });
        if attachment.is_none() {
            attachment = Attachment::find(Some(name)).ok();
        }
        let Some(system) = &mut attachment else { continue };
        if !flips.is_zero() {
            // Twice the same Port: to force it, and to let it go.
            let port =
                usize::try_from(system::mix(seed ^ (turn / 2)) % u64::from(PORTS)).unwrap_or(0);
            let is_done = match turn % 2 {
                0 => system.force_synchronous(port),
                _ => system.allow_asynchronous(port),
            };
            watched.forced += u64::from(is_done.is_ok() && turn % 2 == 0);
            turn += 1;
        }
        if next_sample > Instant::now() {
            continue;
        }
        next_sample += Duration::from_millis(500);
        watched.samples.take(child.id());
        let Ok(picture) = system.read() else { continue };
        let ports = &picture.ports[..picture.ports.len().min(PORTS as usize)];
        let sum = |count: fn(&oro_kernel_linux::PortPicture) -> u64| ports.iter().map(count).sum();
        looks += 1;
        let count: u64 = sum(|port| u64::from(port.producer.is_asynchronous));
        asynchronous += count;
        watched.upgrades = sum(|port| u64::from(port.upgrade_count)).max(watched.upgrades);
        watched.downgrades = sum(|port| u64::from(port.downgrade_count)).max(watched.downgrades);
        watched.doorbells = sum(|port| port.doorbell_count).max(watched.doorbells);
    }
    watched.asynchronous = stats::to_float(asynchronous) / stats::to_float(looks.max(1));
    watched
}

fn show(text: &mut String, sums: &Sums, watched: &Watched, end: &str, elapsed: Duration) {
    let words: Vec<&str> = end.lines().next().unwrap_or_default().split(' ').collect();
    let count = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    let rate = stats::to_float(sums.received) / elapsed.as_secs_f64();
    let [supervisor, children, shared] = watched.samples.thirds();
    let mut row = |name: &str, value: String| put(text, &format!("{name:34} {value:>24}"));
    row("seconds", format!("{:.1}", elapsed.as_secs_f64()));
    row("Ports that have reported", sums.ports.to_string());
    row("messages sent", sums.sent.to_string());
    row("messages received", sums.received.to_string());
    row("messages a second", format!("{rate:.0}"));
    row("lost", sums.lost.to_string());
    row("doubled", sums.doubled.to_string());
    row("corrupt", sums.corrupt.to_string());
    row("lost wake-ups", u64::from(!end.starts_with("true")).to_string());
    row("faults", count(1).to_string());
    row(
        "faults for 1000 messages",
        format!(
            "{:.2}",
            1000.0 * stats::to_float(count(1)) / stats::to_float(sums.received.max(1))
        ),
    );
    row("wake-ups of the supervisor", count(2).to_string());
    row("doorbells rung", watched.doorbells.to_string());
    row("Ports asynchronous, on average", format!("{:.1} of {PORTS}", watched.asynchronous));
    row("Ports forced", watched.forced.to_string());
    row("upgrades, downgrades", format!("{}, {}", watched.upgrades, watched.downgrades));
    row("supervisor's own memory, KiB", supervisor);
    row("instances' memory, KiB", children);
    row("supervisor's shared memory, KiB", shared);
}
