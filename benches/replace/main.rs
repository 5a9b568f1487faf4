//! `cargo bench -p oro-benches --bench replace -- --replacements 100 --messages 1000000`: a naive filter between a
//! source and a sink is replaced by another image again and again, under load, by a holder of Ring control. None of
//! the messages may be lost or come twice, and every replacement must have been in the middle of them; else the
//! exit code is 1.
//!
//! The system runs in a process of its own, this program again with `--child`.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the floor and the statistics are the other benchmarks'")]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use common::{Options, machine, modules, put, system};
use oro_image::Image;

const OPTIONS: [&str; 4] = ["--replacements", "--messages", "--markdown", "--child"];
/// Between two replacements, so that what is replaced has worked.
const PAUSE_NS: u64 = 10_000_000;
const MANIFEST: &str = r#"oro = 1
[modules]
source = "s"
sink = "s"
filter = "f"
other = "f"
holder = "h"
[instance.holder]
module = "holder"
modules = ["filter", "other"]
[ring.work]
grant = ["console"]
[ring.work.instance.source]
module = "source"
[ring.work.instance.filter]
module = "filter"
[ring.work.instance.sink]
module = "sink"
[[wire]]
from = "work/source.out"
to = "work/filter.in"
slots = 64
[[wire]]
from = "work/filter.out"
to = "work/sink.in"
slots = 64
[[wire]]
from = "work/sink.log"
to = "work/console.log"
[[wire]]
from = "holder.log"
to = "console.log"
[[wire]]
from = "holder.control"
to = "ring.requests"
[[wire]]
from = "ring.replies"
to = "holder.answers"
"#;

fn main() -> ExitCode {
    let Some(options) = Options::read(&OPTIONS) else { return ExitCode::SUCCESS };
    let number = |name: &str, default: u64| {
        options.value(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let replacements = number("--replacements", if options.is_quick { 10 } else { 100 });
    let messages = number("--messages", replacements * 10_000);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oro-replace");
    if options.value("--child").is_some() {
        run_system(&folder);
        return ExitCode::SUCCESS;
    }
    fs::create_dir_all(&folder).expect("the target folder can be written");
    build(&folder, replacements, messages);
    let started = Instant::now();
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--bench", "--child", "1"])
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let seconds = started.elapsed().as_secs_f64();
    let log = String::from_utf8_lossy(&output.stderr);
    let end = String::from_utf8_lossy(&output.stdout);
    let mut text = String::new();
    for line in machine::describe() {
        put(&mut text, &line);
    }
    let mut row = |name: &str, value: String| put(&mut text, &format!("{name:34} {value:>24}"));
    // Smallest, median, largest, count; and received, lost, come again, epoch.
    let (times, sink) = (read_line(&log, "holder"), read_line(&log, "sink"));
    let is_right = match (&times[..], &sink[..]) {
        (&[least, median, most, count], &[received, lost, again, epoch]) => {
            row("seconds", format!("{seconds:.1}"));
            row("replacements", count.to_string());
            row("messages received", received.to_string());
            row("lost", lost.to_string());
            row("doubled", again.to_string());
            row("epoch that the sink sees", epoch.to_string());
            row("answer, us: least", (least / 1000).to_string());
            row("answer, us: median", (median / 1000).to_string());
            row("answer, us: most", (most / 1000).to_string());
            (received, lost, again) == (messages, 0, 0)
                && (count, epoch) == (replacements, replacements)
                && end.starts_with("true")
        }
        _ => false,
    };
    put(&mut text, if is_right { "All is as it must be." } else { "THIS IS NOT AS IT MUST BE." });
    print!("{text}");
    if !is_right {
        print!("{log}{end}");
    }
    options.write_file("--markdown", || format!("```text\n{text}```\n"));
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The numbers that an instance has said.
fn read_line(log: &str, name: &str) -> Vec<u64> {
    let mut lines = log.lines().filter(|line| line.contains(name));
    let words = lines.next().unwrap_or_default().split(' ');
    words.filter_map(|word| word.trim().parse().ok()).collect()
}

fn build(folder: &Path, replacements: u64, messages: u64) {
    let messages = format!("COUNT=UINT64_C({messages})");
    let compile = |source: &str, name: &str, defines: &[&str]| {
        modules::compile(source, &folder.join(name).with_extension("elf"), defines, &[]);
    };
    compile("restart.c", "source", &["SOURCE", &messages]);
    compile("restart.c", "sink", &["SINK", &messages]);
    compile("restart.c", "filter", &["FILTER", &messages]);
    compile("restart.c", "other", &["FILTER", &messages]);
    let (count, pause) = (format!("COUNT={replacements}"), format!("PAUSE_NS={PAUSE_NS}"));
    compile("replace.c", "holder", &[&count, &pause]);
}

/// The child: runs the system and prints how it ended.
fn run_system(folder: &Path) {
    let read = |name: &str| {
        let bytes = fs::read(folder.join(name).with_extension("elf")).expect("it was built");
        (name.to_owned(), Image::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    let images = ["source", "sink", "filter", "other", "holder"].map(read);
    let images: BTreeMap<String, Image> = images.into();
    let (plan, images) = system::plan(MANIFEST, &images, &[]);
    let options = oro_kernel_linux::Options {
        // On one CPU a fault costs the least.
        pin_to_cpu: Some(0),
        ..oro_kernel_linux::Options::default()
    };
    let report = oro_kernel_linux::run(&plan, &images, &options).expect("it starts");
    println!("{}", report.is_success());
    if !report.is_success() {
        println!("{report:#?}");
    }
}
