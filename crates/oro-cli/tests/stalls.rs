//! Nobody can stop the supervisor: neither who should read a system's output or write its input and
//! does not, nor who stops its guardian, nor modules that keep it busy. Others go on, `--timeout` and
//! signals end the system, and what was lost is told.
//!
//! No time is measured here. A hang is ended by a watchdog after 20 seconds, and is a failure.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use serde_json::Value;
use support::processes::{find_guardian, list_sealed, read_status, wait_for};
use support::running::{make_fifo, make_pipe, send};
use support::{COPY_C, FILTER_C, Folder};

/// Logs `COUNT` lines.
const LOG_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("log");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);
static const char text[] = "a line of some length, so that a pipe is full before long";
void run(const struct oro_root *root) {
    struct oro_endpoint log = oro_open(root, 0);
    for (uint64_t count = 0; count < COUNT; count++, oro_advance(&log)) {
        volatile struct oro_log *line = ORO_OUT(struct oro_log, &log);
        line->level = ORO_LOG_INFO;
        line->length = sizeof text - 1;
        oro_copy_to_slot(line->text, text, sizeof text - 1);
    }
}
"#;
const LINE: &str = "[log] a line of some length, so that a pipe is full before long";

/// Writes `COUNT` messages, as large as they may be.
const FLOOD_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("flood");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
static uint64_t data[8192];
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 0; count < COUNT; count++, oro_advance(&out)) {
        volatile struct oro_bytes_head *head = ORO_OUT(struct oro_bytes_head, &out);
        uint32_t length = oro_slot_size(&out) - sizeof *head;
        head->length = length;
        head->flags = 0;
        oro_copy_to_slot(head + 1, data, length);
    }
}
"#;

/// Eight messages are more than a pipe or a terminal holds, and fit into the queue: the module ends
/// by itself.
const FLOOD_WIRE: &str = "flood.out -> console.stdout | slot_size = 65536";

fn with_count(source: &str, count: u64) -> String {
    source.replace("COUNT", &count.to_string())
}

fn write_flood(folder: &Folder) {
    folder.write_system("flood.toml", &[("flood", &with_count(FLOOD_C, 8))], &[FLOOD_WIRE]);
}

fn list(record: &Value, key: &str) -> String {
    record[key].to_string()
}

/// `BUILTIN-2`, `BLAME-1`: while nobody reads a log, a pipeline beside its writer goes on; signals and
/// the time limit end it all. The user's own descriptor is not made to block, nor not to.
#[test]
fn builtin_2_an_unread_log_stops_nobody() {
    let folder = Folder::new("unread-log");
    let log = with_count(LOG_C, u64::MAX >> 1);
    folder.write_system(
        "log.toml",
        &[("log", &log), ("copy", COPY_C)],
        &["log.log -> console.log", "console.stdin -> copy.in", "copy.out -> console.stdout"],
    );
    let (_unread, stderr) = make_pipe();
    let kept = stderr.try_clone().unwrap();
    let (mut stdout, stdout_writer) = make_pipe();
    let mut command = folder.prepare("", "run log.toml --json=record.json");
    command.stdin(Stdio::piped()).stdout(stdout_writer).stderr(stderr);
    let mut run = folder.start(command);
    wait_for("the log fills its pipe", || is_full(&kept).then_some(()));
    let mut stdin = run.child.stdin.take().unwrap();
    for line in ["one\n", "two\n", "three\n"] {
        stdin.write_all(line.as_bytes()).unwrap();
        let mut echo = vec![0; line.len()];
        stdout.read_exact(&mut echo).unwrap();
        assert_eq!(echo, line.as_bytes());
    }
    run.send(Signal::TERM);
    run.end().ends(1);
    let record = folder.record();
    assert_eq!(record["instances"][0]["why"], "interrupted by SIGTERM", "{record}");
    assert!(!fcntl_getfl(&kept).unwrap().contains(OFlags::NONBLOCK));

    let (_unread, stderr) = make_pipe();
    let mut command = folder.prepare("", "run log.toml --json=record.json --timeout 1s");
    command.stderr(stderr);
    folder.start(command).end().ends(124);
    let record = folder.record();
    assert_eq!(record["instances"][0]["outcome"], "killed", "{record}");
    assert!(list(&record, "failed_built_ins").contains("console.log: "), "{record}");
    assert!(list(&record, "failed_built_ins").contains("messages were not written"), "{record}");
}

/// `BUILTIN-2`: a full pipe that was inherited as one that does not block is no failure: every line
/// comes when it is read.
#[test]
fn builtin_2_a_log_that_does_not_block_is_complete() {
    let folder = Folder::new("log-nonblocking");
    let count = 3000;
    let log = with_count(LOG_C, count);
    folder.write_system("log.toml", &[("log", &log)], &["log.log -> console.log"]);
    let (mut reader, stderr) = make_pipe();
    fcntl_setfl(&stderr, OFlags::NONBLOCK).unwrap();
    let kept = stderr.try_clone().unwrap();
    let mut command = folder.prepare("", "run log.toml --json=record.json");
    command.stderr(stderr);
    let run = folder.start(command);
    wait_for("the log fills its pipe", || is_full(&kept).then_some(()));
    // Long enough for a write that finds no room, whose failure would show below.
    std::thread::sleep(Duration::from_millis(200));
    assert!(fcntl_getfl(&kept).unwrap().contains(OFlags::NONBLOCK));
    drop(kept);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    run.end().ends(0);
    assert!(text.lines().all(|line| line == LINE), "{text}");
    assert_eq!(text.lines().count() as u64, count);
}

/// `BUILTIN-6`: output that nobody reads is given up after a signal or the time limit, and that is
/// said. The module has ended well, and its report says so.
#[test]
fn builtin_6_output_that_nobody_reads_is_given_up() {
    let folder = Folder::new("unread-output");
    write_flood(&folder);
    for (arguments, signal, code) in
        [("--timeout 1s", None, 124), ("", Some(Signal::INT), 1), ("", Some(Signal::TERM), 1)]
    {
        let (mut unread, stdout) = make_pipe();
        let arguments = format!("run flood.toml --json=record.json {arguments}");
        let mut command = folder.prepare("", &arguments);
        command.stdout(stdout);
        let run = folder.start(command);
        // It has begun to write, and the module has ended: who waits now is the kernel alone.
        unread.read_exact(&mut [0]).unwrap();
        wait_for("the end of the module", || list_sealed(run.id()).is_empty().then_some(()));
        if let Some(signal) = signal {
            run.send(signal);
        }
        let end = run.end();
        end.ends(code).says(&["error[BUILTIN-6]: console.stdout: ", "messages were not written"]);
        let record = folder.record();
        assert_eq!(record["instances"][0]["status"], 0, "{record}");
        assert_eq!(record["has_timed_out"], signal.is_none(), "{record}");
    }
}

/// `BUILTIN-6`: a terminal that is stopped, or that nobody reads, is like such a pipe.
#[test]
fn builtin_6_a_terminal_that_nobody_reads_is_given_up() {
    let folder = Folder::new("unread-terminal");
    write_flood(&folder);
    let (terminal, output) = open_terminal();
    let mut command = folder.prepare("", "run flood.toml --timeout 1s --json=record.json");
    command.stdout(output);
    let end = folder.start(command).end();
    end.ends(124).says(&["error[BUILTIN-6]: console.stdout: ", "messages were not written"]);
    drop(terminal);
}

/// `BUILTIN-3`: a FIFO without a writer has not ended, and makes nobody wait; what is written into it
/// later arrives.
#[test]
fn builtin_3_a_fifo_waits_for_its_writer_alone() {
    let folder = Folder::new("fifo-read");
    folder.write_system(
        "fifo.toml",
        &[("copy", COPY_C)],
        &["files.from -> copy.in", "copy.out -> console.stdout"],
    );
    make_fifo(&folder, "fifo");
    let end = folder.run("", "run fifo.toml --file from=fifo --timeout 1s");
    end.ends(124).says(&["error[TIMEOUT]", "instance `copy` was ended"]);

    let run = folder.start(folder.prepare("", "run fifo.toml --file from=fifo"));
    let mut writer = wait_for("it opens the FIFO", || open_fifo_writer(&folder));
    wait_for("the module is sealed", || (!list_sealed(run.id()).is_empty()).then_some(()));
    for part in ["first ", "second"] {
        writer.write_all(part.as_bytes()).unwrap();
    }
    drop(writer);
    let end = run.end();
    assert_eq!(end.ends(0).stdout, "first second");
}

/// A writer, if there is a reader; never waits.
fn open_fifo_writer(folder: &Folder) -> Option<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    File::options().write(true).custom_flags(flags).open(folder.path("fifo")).ok()
}

/// `BLAME-3`: a FIFO that nobody reads cannot be written to: the system does not start, and is told
/// why.
#[test]
fn blame_3_a_fifo_without_a_reader_is_refused() {
    let folder = Folder::new("fifo-write");
    folder.write_system(
        "fifo.toml",
        &[("copy", COPY_C), ("other", COPY_C)],
        &[
            "null.bytes -> copy.in",
            "copy.out -> files.to",
            "console.stdin -> other.in",
            "other.out -> console.stdout",
        ],
    );
    make_fifo(&folder, "fifo");
    folder.write("data", "what nobody copies");
    let mut command = folder.prepare("", "run fifo.toml --file to=fifo");
    command.stdin(File::open(folder.path("data")).unwrap());
    let end = folder.start(command).end();
    end.refuses(&["the system cannot start", "fifo", "it is a pipe that nobody reads"]);
}

/// `KRN-6`: a guardian that has been stopped holds nobody up.
#[test]
fn krn_6_a_stopped_guardian_holds_nobody_up() {
    let folder = Folder::new("stopped-guardian");
    folder.write_system(
        "copy.toml",
        &[("copy", COPY_C)],
        &["console.stdin -> copy.in", "copy.out -> console.stdout"],
    );
    let mut command = folder.prepare("", "run copy.toml");
    command.stdin(Stdio::piped());
    let mut run = folder.start(command);
    wait_for("the module is sealed", || (!list_sealed(run.id()).is_empty()).then_some(()));
    let guardian = find_guardian(run.id());
    send(guardian, Signal::STOP);
    wait_for("the guardian stops", || {
        read_status(guardian, "State")?.starts_with('T').then_some(())
    });
    run.child.stdin.take().unwrap().write_all(b"all the same").unwrap();
    let end = run.end();
    assert_eq!(end.ends(0).stdout, "all the same");
    assert_eq!(read_status(guardian, "State"), None, "the guardian is left over");
}

/// Numbers without end.
const FEED_C: &str = r#"
ORO_MODULE("feed");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t value = 0;; value++, oro_advance(&out)) ORO_OUT(struct num, &out)->value = value;
}
"#;

/// Reads them all.
const DRAIN_C: &str = r#"
ORO_MODULE("drain");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    for (;; oro_advance(&in)) (void)ORO_IN(struct num, &in)->value;
}
"#;

/// Reads the heads of bytes, however long they are.
const DRINK_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("drink");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    for (;; oro_advance(&in)) (void)ORO_IN(struct oro_bytes_head, &in)->length;
}
"#;

/// Reads one, and does nothing more.
const SPIN_C: &str = r#"
ORO_MODULE("spin");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    (void)ORO_IN(struct num, &in)->value;
    for (;;) oro_spin_hint();
}
"#;

fn of_numbers(source: &str) -> String {
    format!("{}{source}", &FILTER_C[..FILTER_C.find("ORO_MODULE").unwrap()])
}

/// A supervisor that always has something to do keeps the time limit, and hears signals: faults of
/// modules, input without end, and a log that somebody reads as fast as it comes.
#[test]
fn a_busy_system_keeps_its_time_limit() {
    let folder = Folder::new("busy");
    let log = with_count(LOG_C, u64::MAX >> 1);
    folder.write_system(
        "busy.toml",
        &[
            ("drink", DRINK_C),
            ("feed", &of_numbers(FEED_C)),
            ("filter", FILTER_C),
            ("drain", &of_numbers(DRAIN_C)),
            ("log", &log),
        ],
        &[
            "console.stdin -> drink.in | slot_size = 1048576",
            "feed.out -> filter.in",
            "filter.out -> drain.in",
            "log.log -> console.log",
        ][..],
    );
    for (arguments, code) in [("--timeout 1s", 124), ("", 1)] {
        let mut command =
            folder.prepare("", &format!("run busy.toml --json=record.json {arguments}"));
        command.stdin(File::open("/dev/zero").unwrap()).stderr(Stdio::null());
        let run = folder.start(command);
        if code == 1 {
            wait_for("all run", || (list_sealed(run.id()).len() == 5).then_some(()));
            run.send(Signal::INT);
        }
        run.end().ends(code);
        assert_all_killed(&folder.record());
    }
}

/// `END-9`: who ends only because others are being ended has not ended well, whatever the order.
#[test]
fn end_9_nobody_ends_well_because_of_the_time_limit() {
    let folder = Folder::new("ends-well");
    let (feed, spin) = (of_numbers(FEED_C), of_numbers(SPIN_C));
    let forwards = [("feed", feed.as_str()), ("filter", FILTER_C), ("spin", spin.as_str())];
    let mut backwards = forwards;
    backwards.reverse();
    for modules in [forwards, backwards] {
        folder.write_system(
            "ends.toml",
            &modules,
            &["feed.out -> filter.in", "filter.out -> spin.in"],
        );
        let end = folder.run("", "run ends.toml --timeout 1s --report --json=record.json");
        end.ends(124);
        assert_all_killed(&folder.record());
        assert!(!end.stderr.contains("status 0"), "{end:#?}");
    }
}

#[track_caller]
fn assert_all_killed(record: &Value) {
    let instances = record["instances"].as_array().unwrap();
    assert!(instances.iter().all(|instance| instance["outcome"] == "killed"), "{record}");
}

/// A pipe takes nothing more.
fn is_full(writer: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(writer, PollFlags::OUT)], Some(&now)).unwrap() == 0
}

/// A terminal: the side that a user would sit at, and the one to write to.
fn open_terminal() -> (OwnedFd, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&user).unwrap();
    unlockpt(&user).unwrap();
    let name = ptsname(&user, Vec::new()).unwrap();
    let flags = OFlags::NOCTTY.bits().cast_signed();
    let mut options = File::options();
    options.read(true).write(true).custom_flags(flags);
    let program = options.open(name.to_str().unwrap()).unwrap();
    (user, program)
}
