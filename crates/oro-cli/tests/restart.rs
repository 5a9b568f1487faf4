//! Restarts, from end to end (`END-7`, `END-10` to `END-12`, `SYS-10`): instances that trap, end, or are
//! killed, and others take their places on the same Ports.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::place::Place;
use support::processes::{list_sealed, wait_for};
use support::{End, Folder};

/// What the modules share.
const HEAD_C: &str = r#"
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
"#;

/// Sends 1 to COUNT.
const SOURCE_C: &str = r#"
ORO_MODULE("source");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 1; count <= COUNT; count++, oro_advance(&out))
        ORO_OUT(struct num, &out)->value = count;
}
"#;

/// Passes numbers on; traps with the third of each incarnation in its hands, whose output it has begun.
const CRASH_C: &str = r#"
ORO_MODULE("filter");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
static uint64_t seen;
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        ORO_OUT(struct num, &out)->value = value;
        if (++seen == 3) TRAP
    }
}
"#;

/// Status 0: the numbers 1 to COUNT have come, each once and in order.
const SINK_C: &str = r#"
ORO_MODULE("sink");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    uint64_t last = 0;
    for (; oro_wait(&in) > 0; oro_advance(&in)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        if (value != last + 1) return value;
        last++;
    }
    return last == COUNT ? 0 : 1000000 + last;
}
"#;

const SYSTEM: &str = r#"oro = 1
[modules]
source = { source = "source.c" }
filter = { source = "filter.c" }
sink = { source = "sink.c" }
[instance.source]
module = "source"
[instance.sink]
module = "sink"
[instance.filter]
module = "filter"
restart = RESTART
[[wire]]
from = "source.out"
to = "filter.in"
ON_RESTART
[[wire]]
from = "filter.out"
to = "sink.in"
"#;

fn write_system(folder: &Folder, filter: &str, count: u64, restart: &str, on_restart: &str) {
    for (name, source) in [("source", SOURCE_C), ("filter", filter), ("sink", SINK_C)] {
        let text = format!("{HEAD_C}{source}").replace("COUNT", &format!("UINT64_C({count})"));
        folder.write(&format!("{name}.c"), text);
    }
    let text = SYSTEM.replace("restart = RESTART", &format!("restart = {restart}"));
    folder.write("system.toml", text.replace("ON_RESTART", on_restart));
}

/// Runs the system; its end, and what the report says of the filter.
fn run(name: &str, filter: &str, count: u64, restart: &str, on_restart: &str) -> (End, Value) {
    let folder = Folder::new(name);
    write_system(&folder, filter, count, restart, on_restart);
    let end = folder.oro("run system.toml --timeout 60s --json=report.json");
    let text = std::fs::read_to_string(folder.path("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    (end, report["instances"][2].clone())
}

fn crash(trap: &str) -> String {
    CRASH_C.replace("TRAP", trap)
}

/// END-7, END-10, NAIVE-9, NAIVE-11: a filter that traps at each third message loses and doubles none.
#[test]
fn end_7_a_filter_that_traps_loses_and_doubles_nothing() {
    let policy = r#"{ on = "fault", max = 1000, backoff = "0s" }"#;
    let (end, filter) = run("restart-trap", &crash("__builtin_trap();"), 100, policy, "");
    end.ends(0).says(&["`filter` was restarted 49 times", "undefined or forbidden instruction"]);
    assert_eq!((&filter["outcome"], &filter["status"]), (&"exited".into(), &0.into()));
    assert_eq!(filter["restarts"]["count"], 49);
    assert_eq!(filter["restarts"]["last"]["fault"]["kind"], "trap");
}

/// END-11: at the end of the row it ends for good, and says so.
#[test]
fn end_11_a_row_of_restarts_has_an_end() {
    let policy = r#"{ on = "fault", max = 4, backoff = "1ms" }"#;
    let start = Instant::now();
    let (end, filter) = run("restart-row", &crash("__builtin_trap();"), 100, policy, "");
    // 1, 2, 4 and 8 ms of delay.
    assert!(start.elapsed() >= Duration::from_millis(15));
    end.ends(1).says(&["instance `filter` faulted", "`filter` was restarted 4 times"]);
    // Five incarnations of two messages each.
    end.says(&["`sink` ended with status 1000010"]);
    assert_eq!((&filter["outcome"], &filter["restarts"]["count"]), (&"faulted".into(), &4.into()));
}

/// END-10: `fault` is not after an end of its own, `always` is.
#[test]
fn end_10_always_is_after_every_end() {
    let leave = "{ oro_advance(&in); return; }";
    let policy = |on: &str| format!(r#"{{ on = "{on}", max = 1000, backoff = "0s" }}"#);
    let (end, filter) = run("restart-leave", &crash(leave), 9, &policy("fault"), "");
    end.ends(1).says(&["`sink` ended with status 1000003"]);
    assert_eq!(filter["restarts"], Value::Null);
    // What it has read and not released when it returns is delivered again (NAIVE-10): the third of
    // each incarnation is committed by its return, and comes once more.
    let status = "{ *(volatile uint64_t *)&oro_request_page(root)->exit_status = 0; return; }";
    let (end, filter) = run("restart-always", &crash(status), 9, &policy("always"), "");
    end.ends(1).says(&["`sink` ended with status 3"]);
    assert!(filter["restarts"]["count"].as_u64().unwrap() > 0, "{filter}");
}

/// END-12: what waited for the filter is dropped, so that the sink misses numbers.
#[test]
fn end_12_what_waits_is_dropped() {
    let policy = r#"{ on = "fault", max = 1000, backoff = "20ms" }"#;
    let drop = "on_restart = \"drop\"";
    let (end, _) = run("restart-drop", &crash("__builtin_trap();"), 100, policy, drop);
    // The source has filled the queue of 16 while the filter was away.
    end.ends(1).says(&["`sink` ended with status 19"]);
}

/// A filter in managed mode: at least once, and it sees that it is not the first.
const MANAGED_C: &str = r#"
ORO_MODULE("filter");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
static uint64_t seen;
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (; oro_wait(&in) > 0 && oro_wait(&out) > 0; oro_advance(&in)) {
        if (++seen == 200) __builtin_trap();
        ORO_OUT(struct num, &out)->value = ORO_IN(struct num, &in)->value;
        oro_advance(&out);
    }
}
"#;

/// END-7, MODE-2: a managed filter that traps between two messages goes on where it was, also from the
/// asynchronous mode.
#[test]
fn end_7_a_managed_filter_goes_on_where_it_was() {
    let policy = r#"{ on = "fault", max = 1000, backoff = "0s" }"#;
    let (end, filter) = run("restart-managed", MANAGED_C, 10_000, policy, "");
    end.ends(0);
    assert_eq!(filter["restarts"]["count"], 49 + 1);
}

/// TYPE-11: each incarnation is given its parameters.
#[test]
fn type_11_a_replacement_is_given_its_parameters() {
    let folder = Folder::new("restart-params");
    let module = r#"
ORO_MODULE("asks");
ORO_ENTRY_STATUS(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_param, ORO_PARAMS_LAYOUT, "params", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
ORO_PARAM("word", ORO_PARAM_TEXT, 0, 0, "", "");
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint params = oro_open(root, 0), out = oro_open(root, 1);
    uint64_t sum = 0;
    for (int last = 0; !last; oro_advance(&params)) {
        const volatile struct oro_param *param = ORO_IN(struct oro_param, &params);
        for (int at = 0; at < param->value_length; at++)
            sum += param->text[param->key_length + at];
        last = (param->flags & ORO_PARAMS_END) != 0;
    }
    ORO_OUT(struct num, &out)->value = sum;
    oro_advance(&out);
    if (out.next < 3) { /* twice: it begins where its predecessor's last message was */
        ORO_OUT(struct num, &out)->value = sum;
        __builtin_trap();
    }
    return 0;
}
"#;
    folder.write("asks.c", format!("{HEAD_C}{module}"));
    let sink = SINK_C.replace("value != last + 1", "value != 'a' + 'b'");
    folder.write("sink.c", format!("{HEAD_C}{sink}").replace("COUNT", "3"));
    folder.write(
        "system.toml",
        r#"oro = 1
[modules]
asks = { source = "asks.c" }
sink = { source = "sink.c" }
[instance.asks]
module = "asks"
params = { word = "ab" }
restart = { on = "fault", backoff = "0s" }
[instance.sink]
module = "sink"
[[wire]]
from = "asks.out"
to = "sink.in"
"#,
    );
    folder.oro("run system.toml --timeout 60s").ends(0);
}

/// END-7, NAIVE-11: killed at random moments under load, a naive filter loses and doubles nothing; and
/// nothing is left of those that were.
#[test]
fn naive_11_a_filter_that_is_killed_again_and_again() {
    const KILLS: usize = 100;
    let place = Place::new("restart-kill");
    let policy = r#"{ on = "fault", max = 100000, backoff = "0s" }"#;
    write_system(&place.folder, &crash(";"), 20_000, policy, "");
    let running = place.start("run system.toml");
    let sealed = || list_sealed(running.id());
    // The filter is the manifest's last; each replacement is one that is neither of the others.
    let others = wait_for("three processes", || Some(sealed()).filter(|all| all.len() == 3));
    let filter = || sealed().into_iter().find(|process| !others[..2].contains(process));
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let (mut kills, mut last) = (0, None);
    let start = Instant::now();
    let first = count_descriptors(running.id());
    while kills < KILLS && start.elapsed() < Duration::from_secs(30) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        std::thread::sleep(Duration::from_micros(state % 8_000));
        let Some(process) = filter().filter(|process| Some(*process) != last) else { continue };
        let id = i32::try_from(process).ok().and_then(Pid::from_raw).unwrap();
        if kill_process(id, Signal::KILL).is_ok() {
            kills += 1;
            last = Some(process);
        }
    }
    // Some more while a replacement is built.
    let is_flat = || Some(count_descriptors(running.id())).filter(|count| *count <= first);
    let after = wait_for("as few descriptors as before", is_flat);
    let end = running.end();
    end.ends(0).says(&["`filter` was restarted"]);
    println!("{kills} kills, {first:?} descriptors before and {after:?} after");
    assert!(kills >= KILLS / 2, "the system ended too soon: {kills}");
}

fn count_descriptors(process_id: u32) -> Option<usize> {
    let folder = PathBuf::from(format!("/proc/{process_id}/fd"));
    std::fs::read_dir(folder).ok().map(Iterator::count)
}

/// Runs a system for at most `timeout`, of modules in C and of the rest of a manifest; the end, and the
/// report.
fn run_system(name: &str, modules: &[(&str, &str)], manifest: &str, timeout: &str) -> (End, Value) {
    let folder = Folder::new(name);
    let mut table = "oro = 1\n[modules]\n".to_owned();
    for (module, source) in modules {
        folder.write(&format!("{module}.c"), format!("{HEAD_C}{source}"));
        table += &format!("{module} = {{ source = \"{module}.c\" }}\n");
    }
    folder.write("system.toml", table + manifest);
    let end = folder.oro(&format!("run system.toml --timeout {timeout} --json=report.json"));
    let text = std::fs::read_to_string(folder.path("report.json")).unwrap();
    (end, serde_json::from_str(&text).unwrap())
}

/// Its first incarnation stores a wrong cursor, which is found at its next touch: that of `b`. The second
/// does no wrong.
const OFFENDER_C: &str = r#"
ORO_MODULE("offender");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "a", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "b", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint a = oro_open(root, 0), b = oro_open(root, 1);
    if (a.binding->first == 0) {
        ORO_OUT(struct num, &b)->value = 5;
        ORO_OUT(struct num, &a)->value = 1;
        uint64_t word = a.binding->own_cursor;
        oro_advance(&a);
        oro_store64((volatile uint64_t *)(uintptr_t)word, 999);
        LAST_TOUCH
        return 7;
    }
    for (uint64_t value = 1; value <= 3; value++, oro_advance(&b)) {
        if (oro_wait(&b) <= 0) return 3;
        ORO_OUT(struct num, &b)->value = value;
    }
    return 0;
}
"#;

/// END-7: the touch at which an incarnation is found out is none of its replacement's, be it of a commit
/// word or of the exit gate.
#[test]
fn end_7_a_replacement_does_not_pay_for_its_predecessor() {
    for (name, touch) in [("word", "oro_advance(&b);"), ("exit", "")] {
        let offender = OFFENDER_C.replace("LAST_TOUCH", touch);
        let sink = SINK_C.replace("COUNT", "3");
        let (end, report) = run_system(
            &format!("restart-late-{name}"),
            &[("offender", &offender), ("sink", &sink)],
            r#"[instance.offender]
module = "offender"
restart = { on = "fault", max = 3, backoff = "0s" }
[instance.sink]
module = "sink"
[[wire]]
from = "offender.a"
to = "null.bytes"
[[wire]]
from = "offender.b"
to = "sink.in"
"#,
            "60s",
        );
        end.ends(0);
        assert_eq!(report["instances"][0]["restarts"]["count"], 1, "{name}: {report}");
    }
}

/// One instance, whose end `a` is wired to a built-in.
fn run_alone(name: &str, module: &str, policy: &str, wire: &str, timeout: &str) -> (End, Value) {
    let manifest = format!("[instance.one]\nmodule = \"one\"\nrestart = {policy}\n{wire}");
    let (end, report) = run_system(name, &[("one", module)], &manifest, timeout);
    (end, report["instances"][0].clone())
}

/// END-7: memory is as at the first start, also behind a live cursor.
#[test]
fn end_7_nothing_is_left_behind_a_live_cursor() {
    let module = r#"
ORO_MODULE("one");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "a", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint a = oro_open(root, 0);
    while (a.binding->mode != ORO_MODE_ASYNCHRONOUS) {
        if (oro_wait(&a) <= 0) return 1000;
        ORO_OUT(struct num, &a)->value = 1;
        oro_advance(&a);
    }
    volatile uint64_t *page = (volatile uint64_t *)(uintptr_t)a.binding->own_cursor;
    uint64_t count = 0;
    for (int at = 1; at < 512; at++) count += page[at] != 0;
    if (a.binding->first > 0) return count;
    for (int at = 1; at < 512; at++) page[at] = 0x1234;
    __builtin_trap();
}
"#;
    let policy = r#"{ on = "fault", max = 3, backoff = "0s" }"#;
    let wire = "[[wire]]\nfrom = \"one.a\"\nto = \"null.bytes\"\n";
    let (end, one) = run_alone("restart-live-page", module, policy, wire, "60s");
    end.ends(0);
    assert_eq!((&one["status"], &one["restarts"]["count"]), (&0.into(), &1.into()));
}

/// BUILTIN-5: a replacement reads what time it is, not what time its predecessor had not released.
#[test]
fn builtin_5_a_replacement_is_given_the_present_time() {
    let module = r#"
ORO_MODULE("one");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_time, ORO_TIME_LAYOUT, "a", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint a = oro_open(root, 0);
    uint64_t now = oro_now(root);
    uint64_t time = ORO_IN(struct oro_time, &a)->monotonic_ns;
    if (a.binding->first > 0) return time < now;
    oro_advance(&a);
    (void)ORO_IN(struct oro_time, &a)->monotonic_ns;
    __builtin_trap();
}
"#;
    let policy = r#"{ on = "fault", max = 3, backoff = "1ms" }"#;
    let wire = "[[wire]]\nfrom = \"clock.now\"\nto = \"one.a\"\n";
    let (end, one) = run_alone("restart-clock", module, policy, wire, "60s");
    end.ends(0);
    assert_eq!((&one["status"], &one["restarts"]["count"]), (&0.into(), &1.into()));
}

/// END-8, END-10: who is killed while its replacement is awaited has said its last words once.
#[test]
fn end_8_last_words_are_shown_once() {
    let module = r#"
ORO_MODULE("one");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
void run(const struct oro_root *root) { oro_panic(root, "hello"); }
"#;
    let policy = r#"{ on = "always", max = 9, backoff = "1h" }"#;
    let (end, one) = run_alone("restart-words", module, policy, "", "300ms");
    end.ends(124);
    assert_eq!((&one["outcome"], &one["last_words"]), (&"killed".into(), &Value::Array(vec![])));
    assert_eq!(one["restarts"]["last"]["last_words"].as_array().map(Vec::len), Some(1), "{one}");
}
