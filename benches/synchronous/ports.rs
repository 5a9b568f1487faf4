//! Real systems for the real kernel: compiled from `benches/modules`, run by [`oro_kernel_linux::run`]
//! in a process of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oro_image::Image;
use oro_kernel_linux::Options;
use oro_system::Plan;

use crate::Counts;
use crate::common::os::{Child, Shared, now_ns, pin, read_counter};
use crate::common::{stats, system};

/// As `oro` builds C modules.
const FLAGS: [&str; 11] = [
    "-O2",
    "-std=c11",
    "-Wall",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-nostdlib",
    "-nostartfiles",
    "-Wl,-z,separate-code",
    "-Wl,-z,noexecstack",
    "-Wl,--no-undefined",
];

/// Where the benchmark's modules are, and where they are built.
struct Folders {
    sources: PathBuf,
    headers: PathBuf,
    output: PathBuf,
}

impl Folders {
    fn find() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oro-benches");
        fs::create_dir_all(&output).expect("the target folder can be written");
        Self {
            sources: package.join("modules"),
            headers: package.join("../crates/oro-sysabi/include"),
            output,
        }
    }

    /// Compiles `NAME.c`; the path of what came out.
    fn compile(&self, name: &str, suffix: &str, flags: &[String]) -> PathBuf {
        let output = self.output.join(format!("{name}{suffix}.elf"));
        let mut command = Command::new("cc");
        command.args(FLAGS).args(flags).arg("-I").arg(&self.headers).arg("-o").arg(&output);
        let status = command.arg(self.sources.join(format!("{name}.c"))).status();
        assert!(status.is_ok_and(|status| status.success()), "cc could not compile {name}.c");
        output
    }
}

/// Compiles the static Linux program that sealed instances are compared with.
pub(crate) fn build_exit_program() -> PathBuf {
    Folders::find().compile("exit", "", &["-static".to_owned()])
}

/// Images of the modules of one kind of thread.
pub(crate) struct Modules {
    images: BTreeMap<String, Image>,
    counts: Counts,
}

impl Modules {
    /// Compiles them, with the counts built in.
    pub(crate) fn build(is_managed: bool, counts: Counts) -> Self {
        let folders = Folders::find();
        let mut flags = ["-fPIE", "-static-pie", "-Wl,--entry=0"].map(str::to_owned).to_vec();
        flags.push(format!("-DCOUNT={}", counts.measured));
        flags.push(format!("-DWARM_UP={}", counts.warm_up));
        flags.extend(is_managed.then(|| "-DMANAGED".to_owned()));
        let suffix = if is_managed { "-managed" } else { "" };
        let mut images = BTreeMap::new();
        for name in ["source", "sink", "client", "server", "nothing"] {
            let bytes = fs::read(folders.compile(name, suffix, &flags)).expect("just written");
            let image = Image::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            images.insert(name.to_owned(), image);
        }
        Self { images, counts }
    }

    /// Nanoseconds for each message from a source to a sink.
    pub(crate) fn measure_stream(&self, slots: u32, cpus: [usize; 2]) -> f64 {
        let manifest = format!(
            "oro = 1\n[modules]\nsource = \"source\"\nsink = \"sink\"\n\
             [instance.source]\nmodule = \"source\"\n[instance.sink]\nmodule = \"sink\"\n\
             [[wire]]\nfrom = \"source.out\"\nto = \"sink.in\"\nslots = {slots}\n\
             mode = \"synchronous\"\n"
        );
        self.measure_pair(&manifest, cpus)
    }

    /// Nanoseconds for a request and its reply.
    pub(crate) fn measure_round_trip(&self, cpus: [usize; 2]) -> f64 {
        let manifest = "oro = 1\n[modules]\nclient = \"client\"\nserver = \"server\"\n\
             [instance.client]\nmodule = \"client\"\n[instance.server]\nmodule = \"server\"\n\
             [[wire]]\nfrom = \"client.request\"\nto = \"server.request\"\nmode = \"synchronous\"\n\
             [[wire]]\nfrom = \"server.reply\"\nto = \"client.reply\"\nmode = \"synchronous\"\n";
        self.measure_pair(manifest, cpus)
    }

    /// The supervisor and the first instance run on the first CPU, the second instance on the other.
    /// One of the two instances returns the ticks that it measured.
    fn measure_pair(&self, manifest: &str, cpus: [usize; 2]) -> f64 {
        let (plan, images) = self.plan(manifest);
        let ticks = Shared::<AtomicU64>::new();
        let elapsed = [Shared::<AtomicU64>::new(), Shared::<AtomicU64>::new()];
        let system = Child::start(cpus[0], || {
            let clocks = [now_ns(), read_counter()];
            for status in run(&plan, &images) {
                ticks.fetch_add(status, Ordering::Relaxed);
            }
            let counted = read_counter() - clocks[1];
            elapsed[0].store(now_ns() - clocks[0], Ordering::Relaxed);
            elapsed[1].store(counted, Ordering::Relaxed);
        });
        if cpus[0] != cpus[1] {
            pin_second(system.process_id, cpus[1]);
        }
        system.wait();
        let [nanoseconds, counted] =
            elapsed.each_ref().map(|word| stats::to_float(word.load(Ordering::Relaxed)));
        // The counter's frequency as it was during this run.
        let ticks = stats::to_float(ticks.load(Ordering::Relaxed));
        ticks * (nanoseconds / counted) / stats::to_float(self.counts.measured)
    }

    /// Nanoseconds for the whole life of a system of `count` instances that do nothing.
    pub(crate) fn measure_life(&self, count: u32, without_ptrace: bool, cpu: usize) -> f64 {
        let mut manifest = "oro = 1\n[modules]\nnothing = \"nothing\"\n".to_owned();
        for index in 0..count {
            write!(manifest, "[instance.i{index}]\nmodule = \"nothing\"\n").expect("a text");
        }
        let (plan, images) = self.plan(&manifest);
        let elapsed = Shared::<AtomicU64>::new();
        Child::start(cpu, || {
            let options = Options { without_ptrace, ..Options::default() };
            let start = now_ns();
            let report = oro_kernel_linux::run(&plan, &images, &options).expect("it starts");
            elapsed.store(now_ns() - start, Ordering::Relaxed);
            assert!(report.is_success(), "{report:?}");
        })
        .wait();
        stats::to_float(elapsed.load(Ordering::Relaxed))
    }

    fn plan(&self, manifest: &str) -> (Plan, Vec<Image>) {
        system::plan(manifest, &self.images, &[])
    }
}

/// Runs a system; the statuses of its instances.
fn run(plan: &Plan, images: &[Image]) -> Vec<u64> {
    let options = Options { timeout: Some(Duration::from_secs(60)), ..Options::default() };
    let report = oro_kernel_linux::run(plan, images, &options).expect("the system starts");
    system::list_statuses(&report).collect()
}

/// Waits until a supervisor has two sealed processes, and moves the second one, which is still
/// warming up, to another CPU.
fn pin_second(supervisor: i32, cpu: usize) {
    for _ in 0..20_000 {
        let children = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children"));
        let children = children.expect("a supervisor that runs");
        let mut sealed = children.split_whitespace().filter(|child| is_sealed(child));
        if let (Some(_), Some(second)) = (sealed.next(), sealed.next()) {
            return pin(second.parse().expect("a number"), cpu);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    panic!("the supervisor has sealed no two processes");
}

fn is_sealed(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("Seccomp:") && line.ends_with('2'))
}
