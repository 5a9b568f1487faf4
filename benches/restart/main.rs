//! `cargo bench -p oro-benches --bench restart -- --kills 10000 --messages 10000000`: a filter between a
//! source and a sink is killed at random moments and restarted, under load. A naive filter must lose and
//! double nothing; a managed one loses nothing, what comes again is counted, and the sink sees the epoch.
//! Descriptors, processes and memory must be as before; else the exit code is 1.
//!
//! The system runs in a process of its own, this program again with `--child`; this one kills.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the floor and the statistics are the other benchmarks'")]
mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use common::memory::{Samples, list_children};
use common::{Options, machine, modules, put, system};
use oro_image::Image;

const OPTIONS: [&str; 5] = ["--kills", "--messages", "--markdown", "--child", "--filter"];
/// Longest time between two kills.
const LONGEST_GAP_US: u64 = 140_000;

fn main() -> ExitCode {
    let Some(options) = Options::read(&OPTIONS) else { return ExitCode::SUCCESS };
    let number = |name: &str, default: u64| {
        options.value(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let kills = number("--kills", if options.is_quick { 50 } else { 500 });
    let messages = number("--messages", kills * 1000);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oro-restart");
    if let Some(filter) = options.value("--filter") {
        run_system(&folder, filter);
        return ExitCode::SUCCESS;
    }
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let mut text = String::new();
    for line in machine::describe() {
        put(&mut text, &line);
    }
    let mut is_right = true;
    for filter in ["naive", "managed"] {
        build(&folder, messages);
        let found = measure(&folder, filter, kills, messages);
        is_right &= found.is_right(filter, kills, messages);
        found.show(&mut text, filter);
    }
    put(&mut text, if is_right { "All is as it must be." } else { "THIS IS NOT AS IT MUST BE." });
    print!("{text}");
    options.write_file("--markdown", || format!("```text\n{text}```\n"));
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn build(folder: &Path, messages: u64) {
    let count = format!("COUNT=UINT64_C({messages})");
    for (name, defines) in [
        ("source", &["SOURCE"][..]),
        ("naive", &["FILTER"]),
        ("managed", &["FILTER", "MANAGED"]),
        ("sink", &["SINK"]),
    ] {
        let defines: Vec<&str> = defines.iter().copied().chain([count.as_str()]).collect();
        modules::compile("restart.c", &folder.join(name).with_extension("elf"), &defines, &[]);
    }
}

/// The child: runs the system and prints how often the filter was restarted.
fn run_system(folder: &Path, filter: &str) {
    let read = |name: &str| {
        let bytes = fs::read(folder.join(name).with_extension("elf")).expect("it was built");
        (name.to_owned(), Image::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    let images: BTreeMap<String, Image> = ["source", "sink", filter].map(read).into();
    let manifest = format!(
        "oro = 1\n[modules]\nsource = \"s\"\nsink = \"s\"\n{filter} = \"f\"\n\
         [instance.source]\nmodule = \"source\"\n[instance.sink]\nmodule = \"sink\"\n\
         [instance.filter]\nmodule = \"{filter}\"\n\
         restart = {{ on = \"fault\", max = 4294967295, backoff = \"0s\" }}\n\
         [[wire]]\nfrom = \"source.out\"\nto = \"filter.in\"\nslots = 64\n\
         [[wire]]\nfrom = \"filter.out\"\nto = \"sink.in\"\nslots = 64\n\
         [[wire]]\nfrom = \"sink.log\"\nto = \"console.log\"\n"
    );
    let (plan, images) = system::plan(&manifest, &images, &[]);
    let options = oro_kernel_linux::Options {
        // On one CPU a fault costs the least.
        pin_to_cpu: Some(0),
        ..oro_kernel_linux::Options::default()
    };
    let report = oro_kernel_linux::run(&plan, &images, &options).expect("it starts");
    let restarts = report.instances[2].restarts.as_ref().map_or(0, |restarts| restarts.count);
    println!("{} {restarts}", report.is_success());
    if !report.is_success() {
        println!("{report:#?}");
    }
}

/// What a run has shown.
struct Found {
    elapsed: Duration,
    kills: u64,
    /// Received, lost, come again, epoch: what the sink says.
    sink: Vec<u64>,
    has_ended_well: bool,
    restarts: u64,
    samples: Samples,
    /// The most between two kills, first and last.
    descriptors: [usize; 2],
    processes: [usize; 2],
    log: String,
}

fn measure(folder: &Path, filter: &str, kills: u64, messages: u64) -> Found {
    let create = |name: &str| File::create(folder.join(name)).expect("a file");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--bench", "--child", "1", "--filter", filter])
        .args(["--messages", &messages.to_string()])
        .stdin(Stdio::null())
        .stdout(create("end"))
        .stderr(create("log"))
        .spawn()
        .expect("it starts");
    let started = Instant::now();
    let mut found = kill_filters(&mut child, kills);
    child.wait().expect("a child");
    found.elapsed = started.elapsed();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let (log, end) = (read("log"), read("end"));
    let numbers = |text: &str| -> Vec<u64> {
        text.split(' ').filter_map(|word| word.trim().parse().ok()).collect()
    };
    found.sink = numbers(log.lines().next().unwrap_or_default());
    found.has_ended_well = end.starts_with("true ");
    found.restarts = numbers(end.lines().next().unwrap_or_default()).pop().unwrap_or(0);
    found.log = format!("{log}{end}");
    found
}

/// Kills the filter, so often, until the system has ended.
fn kill_filters(child: &mut Child, most: u64) -> Found {
    let mut found = Found {
        elapsed: Duration::ZERO,
        kills: 0,
        sink: Vec::new(),
        has_ended_well: false,
        restarts: 0,
        samples: Samples::default(),
        descriptors: [0; 2],
        processes: [0; 2],
        log: String::new(),
    };
    // The guardian, the source, the sink; then the filter.
    let others: Vec<String> = loop {
        let children = list_children(child.id());
        if children.len() == 4 {
            break children[..3].to_vec();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let (mut state, mut last) = (0x2545_f491_4f6c_dd1d_u64, String::new());
    let mut next_sample = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let gap = if found.kills < most { state % LONGEST_GAP_US } else { LONGEST_GAP_US };
        std::thread::sleep(Duration::from_micros(gap));
        let children = list_children(child.id());
        let Some(filter) = children.iter().find(|id| !others.contains(id) && **id != last) else {
            continue;
        };
        if children.len() == 4 && next_sample <= Instant::now() {
            next_sample += Duration::from_millis(500);
            found.samples.take(child.id());
            let folder = format!("/proc/{}/fd", child.id());
            let descriptors = fs::read_dir(folder).map_or(0, Iterator::count);
            let first = found.descriptors[0] == 0;
            found.descriptors =
                [if first { descriptors } else { found.descriptors[0] }, descriptors];
            found.processes = [if first { 4 } else { found.processes[0] }, children.len()];
        }
        if found.kills < most {
            let id = filter.parse().expect("a process id");
            // SAFETY: sends a signal to a process that this program's child has started.
            if unsafe { libc::kill(id, libc::SIGKILL) } == 0 {
                found.kills += 1;
                last.clone_from(filter);
            }
        }
    }
    found
}

impl Found {
    fn is_right(&self, filter: &str, kills: u64, messages: u64) -> bool {
        let [received, lost, again, epoch] = self.sink[..] else { return false };
        let comes_again = filter == "managed" && again <= self.kills;
        self.has_ended_well
            && self.kills == kills
            && lost == 0
            && (again == 0 || comes_again)
            && received == messages + again
            && epoch == self.restarts
            // One between building and the first instruction may be killed twice for one restart.
            && self.restarts <= kills
            && self.restarts + kills / 20 >= kills
            && self.samples.is_flat()
            && self.descriptors[1] <= self.descriptors[0]
            && self.processes[1] == self.processes[0]
    }

    fn show(&self, text: &mut String, filter: &str) {
        let mut row = |name: &str, value: String| put(text, &format!("{name:34} {value:>24}"));
        let of_sink = |at: usize| self.sink.get(at).map_or("?".to_owned(), u64::to_string);
        let [supervisor, instances, _] = self.samples.thirds();
        let [first, last] = self.descriptors;
        row("filter", filter.to_owned());
        row("seconds", format!("{:.1}", self.elapsed.as_secs_f64()));
        row("kills", self.kills.to_string());
        row("restarts", self.restarts.to_string());
        row("messages received", of_sink(0));
        row("lost", of_sink(1));
        row("come again", of_sink(2));
        row("epoch that the sink sees", of_sink(3));
        row("descriptors of the supervisor", format!("{first}, later {last}"));
        row("processes", format!("{}, later {}", self.processes[0], self.processes[1]));
        row("supervisor's own memory, KiB", supervisor);
        row("instances' memory, KiB", instances);
        if !self.has_ended_well || self.sink.len() != 4 {
            put(text, &self.log);
        }
    }
}
