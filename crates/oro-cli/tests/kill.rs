//! The supervisor is killed at random moments, 200 times (`KRN-6`): no process is left over, and no
//! module makes progress without it.
//!
//! *No process*: the test is the subreaper of all that `oro` starts, so whatever outlives `oro` becomes
//! its child, and is waited for until there is none. *No progress*: each module counts its slots in its
//! request page and compares every message with what it must be. The pages live in memfds that the
//! test has opened before the kill and reads when all is over: the counts must not have gone further
//! than the cursors that the supervisor had published, and no message may be a page that Linux has
//! filled with zeros because nobody served the fault.
//!
//! One test alone is in this file, for it waits for every child of its process.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, wait};
use support::Folder;
use support::marks::{Marks, open_memories, read_word};
use support::processes::{list_children, read_status};

const KILLS: u64 = 200;
/// Latest moments of a kill after the start, in turn: in the middle of it, and long after. The second is put
/// off each time that nothing runs yet, so that it is long after on a busy machine too.
const LATEST_US: [u64; 2] = [4_000, 40_000];
/// Longest time until nothing is left. Milliseconds are usual.
const PATIENCE: Duration = Duration::from_secs(10);

/// What both modules leave in their request page: a mark, slots so far, wrong messages.
const HEAD_C: &str = r#"
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
static volatile uint64_t *find_marks(const struct oro_root *root) {
    return (volatile uint64_t *)&oro_request_page(root)->conditions[0];
}
"#;
const FEED_C: &str = r#"
ORO_MODULE("feed");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    volatile uint64_t *marks = find_marks(root);
    marks[0] = 0x666565646d61726b;
    for (uint64_t count = 1;; count++, oro_advance(&out)) {
        ORO_OUT(struct num, &out)->value = count;
        marks[1] = count;
    }
}
"#;
const SINK_C: &str = r#"
ORO_MODULE("sink");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    volatile uint64_t *marks = find_marks(root);
    marks[0] = 0x73696e6b6d61726b;
    for (uint64_t count = 1;; count++, oro_advance(&in)) {
        if (ORO_IN(struct num, &in)->value != count) marks[2]++;
        marks[1] = count;
    }
}
"#;

const SYSTEM: &str = "\
oro = 1
[modules]
feed = \"target/oro/feed.elf\"
sink = \"target/oro/sink.elf\"
[instance.feed]
module = \"feed\"
[instance.sink]
module = \"sink\"
[[wire]]
from = \"feed.out\"
to = \"sink.in\"
";

#[test]
fn krn_6_nothing_outlives_the_supervisor() {
    let folder = Folder::new("kill");
    for (name, source) in [("feed", FEED_C), ("sink", SINK_C)] {
        folder.write(&format!("{name}.c"), format!("{HEAD_C}{source}"));
        folder.oro(&format!("check {name}.c")).ends(0);
    }
    folder.write("kill.toml", SYSTEM);
    set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut totals = Totals::default();
    let [early_us, mut late_us] = LATEST_US;
    for round in 0..KILLS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let is_late = round % 2 == 1;
        let latest_us = if is_late { late_us } else { early_us };
        let delay = Duration::from_micros(state % latest_us);
        let way = Way {
            // Its tracer's end would kill a traced module; that must not be needed.
            is_traced: round % 4 < 2,
            // What a module keeps open itself must do then.
            kills_guardian_first: round % 10 >= 8,
        };
        let outcome = kill_once(&folder, delay, way);
        if is_late && outcome.marks.feed.count == 0 {
            late_us += late_us / 4;
        }
        totals.add(&outcome, round, delay);
    }
    eprintln!("{totals:?}");
    // Else the moments were ill chosen, and nothing was shown.
    assert!(totals.running > KILLS / 10, "{totals:?}");
    assert!(totals.starting > KILLS / 20, "{totals:?}");
    assert!(totals.slots > KILLS, "{totals:?}");
}

#[derive(Debug, Default)]
struct Totals {
    /// Rounds in which modules ran already.
    running: u64,
    starting: u64,
    /// Slots that were touched in all rounds.
    slots: u64,
    /// Longest time from the kill until nothing was left.
    longest: Duration,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome, round: u64, delay: Duration) {
        let place = format!("round {round}, killed after {delay:?}: {outcome:?}");
        self.longest = self.longest.max(outcome.time_to_die);
        let Marks { feed, sink } = outcome.marks;
        if feed.count == 0 {
            self.starting += 1;
            return;
        }
        self.running += 1;
        self.slots += feed.count + sink.count;
        assert_eq!(sink.wrong, 0, "Linux has served a fault: {place}");
        // Slot n opens when n slots have been committed, or released; never before.
        assert!(feed.count <= outcome.committed + 1, "the producer went on: {place}");
        assert!(sink.count <= outcome.released + 1, "the consumer went on: {place}");
    }
}

#[derive(Debug, Default)]
struct Outcome {
    marks: Marks,
    committed: u64,
    released: u64,
    time_to_die: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Way {
    is_traced: bool,
    kills_guardian_first: bool,
}

/// Starts the system, kills its supervisor after `delay`, and looks at what is left.
fn kill_once(folder: &Folder, delay: Duration, way: Way) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_oro"))
        .arg("run")
        .args((!way.is_traced).then_some("--without-ptrace"))
        .arg(folder.path("kill.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(delay);
    let memories = open_memories(child.id(), &["oro-ring", "oro-memory"]);
    if way.kills_guardian_first {
        for process_id in list_children(child.id()) {
            if read_status(process_id, "Name").as_deref() == Some("oro-guardian") {
                let _ = kill_process(to_pid(process_id), Signal::KILL);
            }
        }
    }
    child.kill().unwrap();
    let start = Instant::now();
    child.wait().unwrap();
    wait_for_orphans(start);
    let mut outcome = Outcome { time_to_die: start.elapsed(), ..Outcome::default() };
    for (name, memory) in memories {
        if name.contains("oro-ring") {
            // The first table follows the header of 256 bytes, where the addresses of tables are.
            let ring = read_word(&memory, 64).wrapping_sub(256);
            let port = read_word(&memory, 128).wrapping_sub(ring);
            outcome.committed = read_word(&memory, port + 64);
            outcome.released = read_word(&memory, port + 128);
            continue;
        }
        outcome.marks.read(&memory);
    }
    outcome
}

/// Until this process has no child any more: all that `oro` has left behind has become one.
fn wait_for_orphans(start: Instant) {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => {
                let left = list_children(std::process::id());
                let names: Vec<_> = left.iter().map(|id| read_status(*id, "Name")).collect();
                assert!(start.elapsed() < PATIENCE, "left over: {left:?} {names:?}");
                std::thread::sleep(Duration::from_micros(200));
            }
            Err(rustix::io::Errno::CHILD) => return,
            Err(error) => panic!("wait: {error}"),
        }
    }
}

fn to_pid(process_id: u32) -> Pid {
    Pid::from_raw(process_id.cast_signed()).unwrap()
}
