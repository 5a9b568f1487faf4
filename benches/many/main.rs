//! `cargo bench -p oro-benches --bench many`: systems of up to 1,000 instances with ten Ports each, all
//! idle: how long they take to be wired, and to end, and what memory an instance costs. The rows must
//! be linear: time and memory for each instance do not grow with their number.
//!
//! The system runs in a process of its own, this program again with `--child`; this one looks at it.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the floor and the statistics are the other benchmarks'")]
mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use common::memory::list_children;
use common::{Options, machine, modules, put, stats, system};
use oro_image::Image;
use oro_kernel_linux::Attachment;

const OPTIONS: [&str; 3] = ["--markdown", "--child", "--instances"];
const PORTS: u64 = 10;
/// What an idle instance may cost beyond what its manifest asks for, in KiB.
const GOAL_KIB: f64 = 64.0;

fn main() -> ExitCode {
    let Some(options) = Options::read(&OPTIONS) else { return ExitCode::SUCCESS };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oro-many");
    let instances = options.value("--instances").and_then(|text| text.parse::<u64>().ok());
    if let Some(name) = options.value("--child") {
        run_system(&folder, name, instances.expect("a number"));
        return ExitCode::SUCCESS;
    }
    fs::create_dir_all(&folder).expect("the target folder can be written");
    modules::compile("idle.c", &folder.join("idle.elf"), &[], &[]);
    modules::compile("idle.c", &folder.join("first.elf"), &["FIRST"], &[]);
    let counts = match (instances, options.is_quick) {
        (Some(instances), _) => vec![instances],
        (None, true) => vec![50, 100],
        (None, false) => vec![125, 250, 500, 1000],
    };
    let mut text = String::new();
    for line in machine::describe() {
        put(&mut text, &line);
    }
    put(&mut text, &format!("An instance: one managed thread, {PORTS} Ports, asleep at its gate."));
    put(&mut text, HEADING);
    let measured: Vec<Measured> = counts.iter().map(|count| measure(*count)).collect();
    for one in &measured {
        one.show(&mut text);
    }
    let least = measured.iter().map(Measured::own_kib).fold(f64::INFINITY, f64::min);
    let verdict = if least <= GOAL_KIB { "met" } else { "missed" };
    put(
        &mut text,
        &format!("goal: at most {GOAL_KIB} KiB of its own for an idle instance: {verdict}"),
    );
    print!("{text}");
    options.write_file("--markdown", || format!("```text\n{text}```\n"));
    if measured.iter().all(|one| one.has_ended_well) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

const HEADING: &str = "instances   Ports  wired in s  ms each  ended in s  supervisor KiB each  \
    its process KiB  asked for KiB  of its own KiB  descriptors";

fn run_system(folder: &Path, name: &str, instances: u64) {
    let guardian = oro_kernel_linux::Guardian::start().expect("it starts");
    let read = |name: &str| {
        let bytes = fs::read(folder.join(name).with_extension("elf")).expect("it was built");
        (name.to_owned(), Image::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    let images: BTreeMap<String, Image> = ["idle", "first"].map(read).into();
    let mut text = "oro = 1\n[modules]\nidle = \"i\"\nfirst = \"f\"\n".to_owned();
    for index in 0..instances {
        let module = if index == 0 { "first" } else { "idle" };
        let _ = write!(text, "[instance.i{index}]\nmodule = \"{module}\"\n");
    }
    for index in 0..instances {
        let next = (index + 1) % instances;
        for port in 0..PORTS {
            let _ = write!(
                text,
                "[[wire]]\nfrom = \"i{index}.out[{port}]\"\nto = \"i{next}.in[{port}]\"\n"
            );
        }
    }
    text.push_str("[[wire]]\nfrom = \"console.stdin\"\nto = \"i0.begin\"\n");
    let (plan, images) = system::plan(&text, &images, &[]);
    let options = oro_kernel_linux::Options {
        name: Some(name.to_owned()),
        ..oro_kernel_linux::Options::default()
    };
    println!("start");
    let report = oro_kernel_linux::run_with(guardian, &plan, &images, &options).expect("it starts");
    println!("{}", report.is_success());
}

struct Measured {
    instances: u64,
    wired: Duration,
    ended: Duration,
    supervisor_kib: u64,
    processes_kib: u64,
    /// Queues, cells, stacks that have been touched: memory of the objects that are mapped.
    asked_kib: u64,
    descriptors: usize,
    has_ended_well: bool,
}

fn measure(instances: u64) -> Measured {
    use std::io::{BufRead as _, BufReader, Read as _};
    let name = format!("many-{}", std::process::id());
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--bench", "--child", &name, "--instances", &instances.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("it says that it starts");
    let started = Instant::now();
    let attachment = loop {
        match Attachment::find(Some(&name)) {
            Ok(attachment) => break attachment,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let wired = started.elapsed();
    drop(attachment);
    std::thread::sleep(Duration::from_millis(300));
    let supervisor = read_rollup(&child.id().to_string());
    let sealed = list_children(child.id());
    let processes: Vec<Rollup> = sealed.iter().map(|id| read_rollup(id)).collect();
    let descriptors = fs::read_dir(format!("/proc/{}/fd", child.id())).map_or(0, Iterator::count);
    let ending = Instant::now();
    drop(child.stdin.take());
    let mut end = String::new();
    output.read_to_string(&mut end).expect("it ends");
    child.wait().expect("a child");
    Measured {
        instances,
        wired,
        ended: ending.elapsed(),
        supervisor_kib: supervisor.anonymous_kib,
        processes_kib: processes.iter().map(|one| one.anonymous_kib + one.tables_kib).sum(),
        asked_kib: supervisor.shared_kib + processes.iter().map(|one| one.shared_kib).sum::<u64>(),
        descriptors,
        has_ended_well: end.starts_with("true"),
    }
}

/// Memory of a process.
struct Rollup {
    /// Its own alone.
    anonymous_kib: u64,
    /// Its part of what others have mapped too.
    shared_kib: u64,
    /// Page tables.
    tables_kib: u64,
}

fn read_rollup(process: &str) -> Rollup {
    let read =
        |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    let (rollup, status) = (read("smaps_rollup"), read("status"));
    let field = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    Rollup {
        anonymous_kib: field(&rollup, "Pss_Anon"),
        shared_kib: field(&rollup, "Pss_Shmem"),
        tables_kib: field(&status, "VmPTE"),
    }
}

impl Measured {
    fn each(&self, kib: u64) -> f64 {
        stats::to_float(kib) / stats::to_float(self.instances)
    }

    /// What an instance costs, apart from memory that its manifest asks for.
    fn own_kib(&self) -> f64 {
        self.each(self.supervisor_kib + self.processes_kib)
    }

    fn show(&self, text: &mut String) {
        let seconds = self.wired.as_secs_f64();
        put(
            text,
            &format!(
                "{:9}  {:6}  {:10.3}  {:7.3}  {:10.3}  {:19.1}  {:15.1}  {:13.1}  {:14.1}  {:11}{}",
                self.instances,
                self.instances * PORTS,
                seconds,
                1000.0 * seconds / stats::to_float(self.instances),
                self.ended.as_secs_f64(),
                self.each(self.supervisor_kib),
                self.each(self.processes_kib),
                self.each(self.asked_kib),
                self.own_kib(),
                self.descriptors,
                if self.has_ended_well { "" } else { "  IT DID NOT END WELL" }
            ),
        );
    }
}
