//! Oro: sealed instances, run by the real kernel in a process of its own.
//!
//! The instances are pinned; the supervisor, which sleeps while messages pass, only for wake-ups. Modules count ticks; what a tick is, is measured beside each run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oro_image::Image;
use oro_kernel_linux::Options;
use oro_system::Plan;

use crate::common::os::{Child, Shared, now_ns, read_counter};
use crate::common::stats::to_float;
use crate::common::system;
use crate::hash::Input;
use crate::payload::SLOTS;
use crate::streams::Counts;

/// What a module does that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It looks again and again, as the peers do.
    Spins,
    /// It spins for some microseconds, then sleeps: what `send` and `recv` do.
    Sleeps,
}

/// The modules.
pub(crate) struct Modules {
    images: BTreeMap<String, Image>,
}

/// Rounds of the wake-up's Ports before the idle ones: enough for them to become asynchronous.
const PRELUDE: u64 = 200;
/// The first idle ones are not counted.
const WARM_UP: u64 = 20;
/// The sleeper is left alone for so long.
const IDLE_NS: f64 = 200e3;

impl Modules {
    pub(crate) fn build() -> Self {
        eprintln!("building the modules");
        Self { images: crate::modules::build_all() }
    }

    /// Nanoseconds for each message of a stream.
    pub(crate) fn measure_stream(
        &self,
        [bytes, batch]: [u32; 2],
        patience: Patience,
        cpus: [usize; 2],
        counts: Counts,
    ) -> f64 {
        let wiring = describe_stream([bytes, batch], patience, counts);
        counts.share_of(self.measure(&wiring, ["source", "sink"], cpus, None))
    }

    /// What `observe` sees of a stream, one by one, while it runs; it is given the system's name and how
    /// many messages there are.
    pub(crate) fn watch_stream<R>(
        &self,
        bytes: u32,
        name: &str,
        cpus: [usize; 2],
        total: u64,
        observe: impl FnOnce(&str, u64) -> R,
    ) -> R {
        let counts = Counts { warm_up: 0, measured: total };
        let wiring = describe_stream([bytes, 1], Patience::Spins, counts);
        let (plan, images, mut options) = self.prepare(&wiring, ["source", "sink"], cpus);
        options.name = Some(name.to_owned());
        options.timeout = None;
        let system = Child::start_anywhere(|| {
            let report = oro_kernel_linux::run(&plan, &images, &options).expect("it starts");
            assert_eq!(system::list_statuses(&report).count(), 2, "both have returned");
        });
        let result = observe(name, total);
        system.wait();
        result
    }

    /// Nanoseconds for a request of 64 bytes and its reply.
    pub(crate) fn measure_round_trip(
        &self,
        patience: Patience,
        cpus: [usize; 2],
        counts: Counts,
    ) -> f64 {
        let params = [("warm_up", counts.warm_up), ("measured", counts.measured)];
        let manifest = [
            describe_instance("client", &params, patience),
            describe_instance("server", &[("total", counts.total())], patience),
            describe_wire("client.request", "server.request"),
            describe_wire("server.reply", "client.reply"),
        ];
        counts.share_of(self.measure(&manifest.concat(), ["client", "server"], cpus, None))
    }

    /// The median of the nanoseconds of `count` wake-ups.
    pub(crate) fn measure_wake_up(&self, cpus: [usize; 2], count: u32) -> f64 {
        let (total, idle) = (WARM_UP + u64::from(count), to_ticks(IDLE_NS));
        let sender = [("prelude", PRELUDE), ("total", total), ("idle_ticks", idle)];
        let sleeper = [("warm_up", PRELUDE + WARM_UP), ("measured", u64::from(count))];
        let manifest = [
            describe_instance("sender", &sender, Patience::Sleeps),
            describe_instance("sleeper", &sleeper, Patience::Sleeps),
            describe_wire("sender.there", "sleeper.there"),
            describe_wire("sleeper.back", "sender.back"),
        ];
        // Where the fault is that wakes it: see docs/benchmarks/README.md.
        let supervisor_cpu = Some(cpus[0]);
        self.measure(&manifest.concat(), ["sender", "sleeper"], cpus, supervisor_cpu)
    }

    /// Megabytes a second of the example `sha256`, its start and end left out: those are measured by
    /// an empty file.
    pub(crate) fn measure_hash(&self, input: &Input, cpu: usize) -> f64 {
        let empty = input.path.with_extension("empty");
        fs::write(&empty, b"").expect("the folder can be written");
        let [(all, digest), (start, _)] = [&input.path, &empty].map(|path| self.hash(path, cpu));
        fs::remove_file(&empty).expect("just written");
        assert_eq!(digest, input.digest, "the digest is another one");
        input.rate(all.saturating_sub(start))
    }

    /// Nanoseconds, and the digest.
    fn hash(&self, path: &std::path::Path, cpu: usize) -> (u64, Vec<u8>) {
        let output = path.with_extension("digest");
        let manifest = "oro = 1\n[modules]\nsha256 = \"sha256\"\n[instance.hash]\n\
             module = \"sha256\"\nparams = { encoding = \"raw\" }\n\
             [[wire]]\nfrom = \"files.input\"\nto = \"hash.input\"\nslots = 8\n\
             slot_size = \"256K\"\n[[wire]]\nfrom = \"hash.digest\"\nto = \"files.output\"\n";
        let files = [("input", path.to_owned()), ("output", output.clone())];
        let files = files.map(|(name, path): (_, PathBuf)| (name.to_owned(), path));
        let options = Options {
            files: BTreeMap::from(files),
            instance_cpus: BTreeMap::from([("hash".to_owned(), cpu)]),
            ..options()
        };
        let (plan, images) = system::plan(manifest, &self.images, &["input", "output"]);
        let elapsed = Shared::<AtomicU64>::new();
        Child::start_anywhere(|| {
            let start = now_ns();
            let report = oro_kernel_linux::run(&plan, &images, &options).expect("it starts");
            elapsed.store(now_ns() - start, Ordering::Relaxed);
            assert!(report.is_success(), "{report:#?}");
        })
        .wait();
        let digest = fs::read(&output).expect("the system has written it");
        fs::remove_file(&output).expect("it is there");
        (elapsed.load(Ordering::Relaxed), digest)
    }

    fn prepare(
        &self,
        wiring: &str,
        names: [&str; 2],
        cpus: [usize; 2],
    ) -> (Plan, Vec<Image>, Options) {
        let mut manifest = "oro = 1\n[modules]\n".to_owned();
        for name in names {
            writeln!(manifest, "{name} = \"{name}\"").expect("a text");
        }
        let (plan, images) = system::plan(&(manifest + wiring), &self.images, &[]);
        let instance_cpus = names.map(str::to_owned).into_iter().zip(cpus).collect();
        (plan, images, Options { instance_cpus, ..options() })
    }

    /// Runs two instances on the two CPUs: nanoseconds of the ticks that one of the two returns.
    fn measure(
        &self,
        wiring: &str,
        names: [&str; 2],
        cpus: [usize; 2],
        supervisor_cpu: Option<usize>,
    ) -> f64 {
        let (plan, images, options) = self.prepare(wiring, names, cpus);
        let options = Options { supervisor_cpu, ..options };
        let [ticks, nanoseconds] = [Shared::<AtomicU64>::new(), Shared::<AtomicU64>::new()];
        let body = || {
            let clocks = [now_ns(), read_counter()];
            let report = oro_kernel_linux::run(&plan, &images, &options).expect("it starts");
            let elapsed = [now_ns() - clocks[0], read_counter() - clocks[1]].map(to_float);
            let counted = system::list_statuses(&report).sum();
            ticks.store(counted, Ordering::Relaxed);
            // The counter's frequency as it was during this run.
            let measured = to_float(counted) * elapsed[0] / elapsed[1];
            nanoseconds.store(measured.to_bits(), Ordering::Relaxed);
        };
        if cpus[0] == cpus[1] { Child::start(cpus[0], body) } else { Child::start_anywhere(body) }
            .wait();
        f64::from_bits(nanoseconds.load(Ordering::Relaxed))
    }
}

fn options() -> Options {
    Options { timeout: Some(Duration::from_secs(60)), ..Options::default() }
}

fn describe_stream([bytes, batch]: [u32; 2], patience: Patience, counts: Counts) -> String {
    let batch = ("batch", u64::from(batch));
    let source = [batch, ("total", counts.total())];
    let sink = [batch, ("warm_up", counts.warm_up), ("measured", counts.measured)];
    describe_instance("source", &source, patience)
        + &describe_instance("sink", &sink, patience)
        + &describe_wire(&format!("source.out{bytes}"), &format!("sink.in{bytes}"))
}

fn describe_instance(name: &str, params: &[(&str, u64)], patience: Patience) -> String {
    let mut text = format!("[instance.{name}]\nmodule = \"{name}\"\nparams = {{ ");
    if !matches!(name, "sender" | "sleeper") {
        write!(text, "is_spinning = {}, ", patience == Patience::Spins).expect("a text");
    }
    for (key, value) in params {
        write!(text, "{key} = {value}, ").expect("a text");
    }
    text.truncate(text.len() - 2);
    text + " }\n"
}

fn describe_wire(from: &str, to: &str) -> String {
    format!("[[wire]]\nfrom = \"{from}\"\nto = \"{to}\"\nslots = {SLOTS}\n")
}

/// Ticks of the counter in so many nanoseconds, by a look at both for some milliseconds.
fn to_ticks(nanoseconds: f64) -> u64 {
    let clocks = [now_ns(), read_counter()];
    std::thread::sleep(Duration::from_millis(5));
    let [time, counted] = [now_ns() - clocks[0], read_counter() - clocks[1]].map(to_float);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let ticks = (nanoseconds * counted / time) as u64;
    ticks
}
