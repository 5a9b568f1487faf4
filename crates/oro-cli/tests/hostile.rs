//! Every module of `conformance/hostile/` does what its file says, and what its file says must come
//! of it comes of it: the offender ends and is named, and nobody else loses anything (`BLAME-1`,
//! `BLAME-2`, `KRN-8`).
//!
//! Each offender stands between two innocents, with three more beside it; all of them in one system
//! that the real `oro` runs, once with ptrace and once without. How expectations are written is in
//! `conformance/hostile/README.md`. The manifests stay in cargo's folder for temporary files, to be
//! run by hand.
#![allow(clippy::unwrap_used, reason = "a test whose folder or report cannot be read has failed")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;
use support::processes::list_sealed;
use support::{End, Folder};

const HOSTILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/hostile");
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/double/modules");

/// What the innocents beside the offender print.
const BYSTANDERS_OUTPUT: &str = "sum of 100 doubled numbers: 10100\n";

#[test]
fn blame_2_offenders_are_named_with_ptrace() {
    run_all(Tracing::Full);
}

/// Where ptrace is forbidden the same instances end, by the same rules of Ports; of a trap the signal
/// alone is known, and the report says so.
#[test]
fn blame_2_offenders_are_named_without_ptrace() {
    run_all(Tracing::Without);
}

/// A line for people: what came of an offender.
fn describe(offender: &Offender, run: &Run, is_right: bool) -> String {
    let instance = find_instance(&run.record, "offender");
    let fault = &instance["fault"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let result = match instance["outcome"].as_str() {
        Some("exited") => "N harmless".to_owned(),
        Some("faulted") => format!("K {} {}", text(&fault["kind"]), text(&fault["rule"])),
        _ => format!("B {}: {}", text(&instance["outcome"]), text(&instance["why"])),
    };
    let broken = if run.record["broken_ports"].as_array().is_some_and(|list| !list.is_empty()) {
        ", Port broken ASYNC-6"
    } else {
        ""
    };
    let mark = if is_right { "ok   " } else { "WRONG" };
    let faults = &run.record["fault_count"];
    let words = instance["last_words"].to_string();
    format!("{mark} {:30} {result}{broken}; {faults} faults {words}", offender.name)
}

/// Requests drawn at random, nearly right ones among them: whoever asks for nonsense ends by GATE-3, and
/// nothing else happens to anybody (`GATE-2`, `GATE-3`, `KRN-1`).
#[test]
fn gate_3_requests_of_rubbish_end_their_instance() {
    let folder = Folder::new("hostile-rubbish");
    folder.write("rubbish.c", RUBBISH_C);
    fs::copy(Path::new(HOSTILE).join("hostile.h"), folder.path("hostile.h")).unwrap();
    fs::copy(Path::new(HOSTILE).join("hostile-async.h"), folder.path("hostile-async.h")).unwrap();
    let mut text = "oro = 1\n[modules]\nrubbish = { source = \"rubbish.c\" }\n".to_owned();
    for instance in 0..64 {
        let _ = writeln!(text, "[instance.i{instance}]\nmodule = \"rubbish\"");
        let _ = writeln!(text, "[[wire]]\nfrom = \"i{instance}.out\"\nto = \"null.bytes\"");
    }
    folder.write("rubbish.toml", text);
    folder.oro("run rubbish.toml --timeout 30s --json=record.json").ends(1);
    let record: Value =
        serde_json::from_slice(&fs::read(folder.path("record.json")).unwrap()).unwrap();
    let instances = record["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 64);
    let mut faulted = 0;
    for instance in instances {
        faulted += u32::from(instance["outcome"] == "faulted");
        let is_right = instance["status"] == 0 || instance["fault"]["rule"] == "GATE-3";
        assert!(is_right, "{instance}");
    }
    assert!(faulted >= 32, "only {faulted} have asked for nonsense");
}

/// Its instance's id is the seed. A request says a deadline of its own, so that it always comes back.
const RUBBISH_C: &str = r#"
#include "hostile-async.h"
ORO_MODULE("rubbish");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 1);
static uint64_t seed;
static uint32_t words[64];
static uint64_t draw(uint64_t most) {
    seed = (seed ^ (seed >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) + UINT64_C(0x9e3779b97f4a7c15);
    return (seed >> 16) % most;
}
static uint64_t draw_value(void) {
    switch (draw(16)) {
    case 0: return draw(UINT64_C(1) << 47);
    case 1: return UINT64_MAX - draw(4096);
    case 2: return (uintptr_t)&words + draw(1000);
    case 3: return (uintptr_t)&draw_value & ~UINT64_C(3);
    default: return (uintptr_t)&words[draw(64)];
    }
}
void run(const struct oro_root *root) {
    seed = root->instance_id * UINT64_C(0x94d049bb133111eb);
    for (int touch = 0; touch < 400; touch++) {
        uint32_t count = draw(16) == 0 ? 120 + (uint32_t)draw(10) : (uint32_t)draw(4);
        for (uint32_t at = 0; at < count && at < 128; at++) {
            uint32_t kind = draw(100) == 0 ? (uint32_t)draw(UINT32_MAX) : 2 + (uint32_t)draw(4);
            uint32_t index = draw(100) == 0 ? (uint32_t)draw(4) : 0;
            int has_address = kind == ORO_WAIT_WORD || kind == ORO_WAKE_WORD;
            uint64_t value = has_address && draw(50) != 0 ? (uintptr_t)&words[draw(64)] : draw_value();
            ask(root, at, kind == 2 && draw(2) ? ORO_WAIT_PEER : kind, index, value);
        }
        if (draw(200) == 0) *at(root->request + 8 * draw(8)) = draw(2);
        if (draw(200) == 0) *at(root->request + 2112 + 8 * draw(120)) = draw(2);
        touch_gate(root, count, draw(100000));
    }
}
"#;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tracing {
    Full,
    Without,
}

fn run_all(tracing: Tracing) {
    let built = build_all();
    let mut failures = String::new();
    let is_listed = std::env::var_os("ORO_HOSTILE_LIST").is_some();
    for offender in &built.offenders {
        let run = run_offender(&built.folder, offender, tracing);
        let wrong = compare(offender, &run, tracing);
        if is_listed {
            println!("{}", describe(offender, &run, wrong.is_empty()));
        }
        if !wrong.is_empty() {
            let _ = writeln!(failures, "\n== {}.c: {}", offender.name, wrong.join("\n   and: "));
            let _ = writeln!(failures, "{}", run.stderr);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// An offender's file: its name, and the words after each `@key` of its first comment.
struct Offender {
    name: String,
    expected: BTreeMap<String, Vec<String>>,
}

impl Offender {
    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in text.lines().take_while(|line| !line.starts_with("#include")) {
            let Some(rest) = line.strip_prefix(" * @") else { continue };
            let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
            assert!(KEYS.contains(&key), "{name}.c: `@{key}` is none of {KEYS:?}");
            expected.entry(key.to_owned()).or_default().push(value.to_owned());
        }
        assert!(!expected.is_empty(), "{name}.c says nothing of what must come of it");
        Self { name, expected }
    }

    fn all(&self, key: &str) -> &[String] {
        self.expected.get(key).map_or(&[], Vec::as_slice)
    }

    fn one(&self, key: &str) -> Option<&str> {
        self.all(key).first().map(String::as_str)
    }

    fn outcome(&self) -> &str {
        self.one("outcome").unwrap_or("faulted")
    }
}

const KEYS: [&str; 32] = [
    "outcome",
    "status",
    "why",
    "exit",
    "kind",
    "rule",
    "says",
    "help",
    "thread",
    "port",
    "slot",
    "address",
    "symbol",
    "signal",
    "syscall",
    "words",
    "failed",
    "stderr",
    "told",
    "wire",
    "quota",
    "arguments",
    "feed",
    "tell",
    "slots",
    "mode",
    "beside",
    "wires",
    "accomplice",
    "migrate",
    "flip",
    "long",
];

/// Modules of `innocent/`.
const INNOCENTS: [&str; 7] =
    ["feed", "tell", "feed-async", "feed-slow", "tell-async", "tell-slow", "ringer"];

struct Built {
    folder: Folder,
    offenders: Vec<Offender>,
}

/// Compiles every module once, by one call of `oro check`.
fn build_all() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Folder::new("hostile");
        let mut manifest = "oro = 1\n[modules]\n".to_owned();
        let mut add = |name: &str, path: &Path| {
            let _ = writeln!(manifest, "{name} = {{ source = {path:?} }}");
        };
        for name in INNOCENTS {
            add(name, &Path::new(HOSTILE).join(format!("innocent/{name}.c")));
        }
        for name in ["source", "double", "print"] {
            add(name, &Path::new(EXAMPLE).join(format!("{name}.c")));
        }
        let mut paths: Vec<PathBuf> =
            fs::read_dir(HOSTILE).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
        paths.sort();
        assert!(paths.len() > 50, "only {} offenders in {HOSTILE}", paths.len());
        let only = std::env::var("ORO_HOSTILE_ONLY").unwrap_or_default();
        if !only.is_empty() {
            let names: Vec<&str> = only.split(' ').collect();
            paths.retain(|path| names.contains(&path.file_stem().unwrap().to_str().unwrap()));
        }
        let offenders: Vec<Offender> = paths.iter().map(|path| Offender::read(path)).collect();
        let is_long = std::env::var_os("ORO_HOSTILE_LONG").is_some();
        for (offender, path) in offenders.iter().zip(&paths) {
            match offender.one("long").filter(|_| is_long) {
                None => add(&offender.name, path),
                Some(count) => add(&offender.name, &define(&folder, path, count)),
            }
        }
        manifest.push_str("[instance.a]\nmodule = \"feed\"\n");
        manifest.push_str("[[wire]]\nfrom = \"a.out\"\nto = \"null.bytes\"\n");
        folder.write("all.toml", manifest);
        folder.oro("check all.toml").ends(0);
        // Once, here: the two tests run at the same time, and one would read what the other has just
        // truncated.
        for offender in &offenders {
            write_manifest(&folder, offender);
        }
        Built { folder, offenders }
    })
}

/// A file that includes another and defines a count, `@long NAME NUMBER`, for it.
fn define(folder: &Folder, path: &Path, count: &str) -> PathBuf {
    let name = format!("long-{}", path.file_name().unwrap().to_str().unwrap());
    folder.write(&name, format!("#define {count}\n#include {path:?}\n"));
    folder.path(&name)
}

/// The system of one offender: `feed -> offender -> tell -> files.told`, and beside it
/// `source -> double -> print -> console.stdout`, and whom the offender's file asks for.
fn write_manifest(folder: &Folder, offender: &Offender) {
    let mut text = "oro = 1\n[modules]\n".to_owned();
    let mut instances = vec![
        ("feed", offender.one("feed").unwrap_or("feed")),
        ("tell", offender.one("tell").unwrap_or("tell")),
        ("source", "source"),
        ("double", "double"),
        ("print", "print"),
        ("offender", offender.name.as_str()),
    ];
    instances.extend(offender.all("beside").iter().map(|name| (name.as_str(), name.as_str())));
    instances.extend(offender.one("accomplice").map(|_| ("accomplice", offender.name.as_str())));
    let mut modules: Vec<&str> = instances.iter().map(|(_, module)| *module).collect();
    modules.sort_unstable();
    modules.dedup();
    for module in modules {
        let _ = writeln!(text, "{module} = \"target/oro/{module}.elf\"");
    }
    for (name, module) in instances {
        let _ = writeln!(text, "[instance.{name}]\nmodule = \"{module}\"");
        if let Some(quota) = offender.one("quota").filter(|_| name == "offender") {
            let _ = writeln!(text, "quota = {{ {quota} }}");
        }
    }
    let mut add = |from: &str, to: &str, more: &str| {
        let _ = writeln!(text, "[[wire]]\nfrom = \"{from}\"\nto = \"{to}\"\n{more}");
    };
    let mut own = String::new();
    if let Some(slots) = offender.one("slots") {
        let _ = writeln!(own, "slots = {slots}");
    }
    if let Some(mode) = offender.one("mode") {
        let _ = writeln!(own, "mode = \"{mode}\"");
    }
    add("feed.out", "offender.in", &own);
    add("offender.out", "tell.in", &own);
    add("tell.text", "files.told", "");
    add("source.out", "double.in", "");
    add("double.out", "print.in", "");
    add("print.text", "console.stdout", "");
    for wire in offender.all("wire") {
        let (wire, more) = wire.split_once(" | ").unwrap_or((wire, ""));
        let (from, to) = wire.split_once(" -> ").expect("`@wire FROM -> TO`");
        add(from, to, more);
    }
    for wires in offender.all("wires") {
        let (count, wire) = wires.split_once(' ').expect("`@wires COUNT FROM -> TO`");
        let (from, to) = wire.split_once(" -> ").expect("`@wires COUNT FROM -> TO`");
        for element in 0..count.parse::<u32>().unwrap() {
            add(&format!("{from}[{element}]"), &format!("{to}[{element}]"), "");
        }
    }
    folder.write(&manifest_name(offender), text);
}

fn manifest_name(offender: &Offender) -> String {
    format!("{}.toml", offender.name)
}

/// What `oro run` gave.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    told: String,
    record: Value,
}

fn run_offender(folder: &Folder, offender: &Offender, tracing: Tracing) -> Run {
    let manifest = manifest_name(offender);
    let flag = match tracing {
        Tracing::Full => "",
        Tracing::Without => "--without-ptrace",
    };
    // The two tests run at the same time.
    let stem = format!("{}{flag}", offender.name);
    let uses_extra = offender.all("wire").iter().any(|wire| wire.ends_with("files.extra"));
    let extra = if uses_extra { format!("--file extra={stem}.extra") } else { String::new() };
    let arguments = format!(
        "run {manifest} --report {flag} --json={stem}.json --file told={stem}.told {extra} {}",
        // What has a long count has no other limit of time that its end depends on.
        match offender.one("long").filter(|_| std::env::var_os("ORO_HOSTILE_LONG").is_some()) {
            Some(_) => "--timeout 2h",
            None => offender.one("arguments").unwrap_or("--timeout 30s"),
        }
    );
    let end = match (offender.one("migrate"), offender.one("flip")) {
        (None, None) => folder.oro(&arguments),
        (None, Some(ports)) => run_disturbed(folder, &stem, &arguments, flip(folder, ports)),
        (Some(_), _) => run_disturbed(folder, &stem, &arguments, migrate()),
    };
    let read = |extension: &str| {
        fs::read_to_string(folder.path(&format!("{stem}.{extension}"))).unwrap_or_default()
    };
    let record = serde_json::from_str(&read("json")).unwrap_or_default();
    Run { code: end.code, stdout: end.stdout, stderr: end.stderr, told: read("told"), record }
}

/// Runs `oro` and disturbs it until it ends; `disturb` gets its process id, again and again.
fn run_disturbed(
    folder: &Folder,
    stem: &str,
    arguments: &str,
    mut disturb: impl FnMut(u32),
) -> End {
    let create = |extension: &str| File::create(folder.path(&format!("{stem}.{extension}")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_oro"));
    command.args(arguments.split_ascii_whitespace()).current_dir(folder.path("."));
    command.stdin(Stdio::null()).stdout(create("out").unwrap()).stderr(create("err").unwrap());
    let mut child = command.spawn().unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        disturb(child.id());
        std::thread::sleep(Duration::from_micros(500));
    };
    let read =
        |extension: &str| fs::read_to_string(folder.path(&format!("{stem}.{extension}"))).unwrap();
    End { code: status.code(), stdout: read("out"), stderr: read("err") }
}

/// Moves sealed processes from CPU to CPU.
fn migrate() -> impl FnMut(u32) {
    let all = sched_getaffinity(None).unwrap();
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).collect();
    move |supervisor| {
        let turn = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_micros() as usize / 64;
        for (number, process) in list_sealed(supervisor).into_iter().enumerate() {
            let mut set = CpuSet::new();
            set.set(cpus[(turn + number) % cpus.len()]);
            // It may have ended meanwhile.
            let _ = sched_setaffinity(Pid::from_raw(process.cast_signed()), &set);
        }
    }
}

/// Forces Ports synchronous and takes that back, in turn (`MODE-6`).
fn flip(folder: &Folder, ports: &str) -> impl FnMut(u32) {
    let ports: Vec<String> = ports.split_ascii_whitespace().map(str::to_owned).collect();
    let path = folder.path(".");
    let mut turn = 0;
    move |supervisor| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oro"));
        let port = &ports[turn / 2 % ports.len()];
        command.args(["force-sync", port, "--system", &supervisor.to_string()]);
        if turn % 2 == 1 {
            command.arg("--allow");
        }
        turn += 1;
        // The system may not be there yet, or no longer.
        let _ = command.current_dir(&path).output().unwrap();
        std::thread::sleep(Duration::from_millis(turn as u64 % 4 * 5));
    }
}

/// Everything that is not as the offender's file says.
fn compare(offender: &Offender, run: &Run, tracing: Tracing) -> Vec<String> {
    let mut wrong = Vec::new();
    let instance = find_instance(&run.record, "offender");
    let allowed = offender.outcome();
    // Where chance decides, several outcomes are right.
    let found = instance["outcome"].as_str().unwrap_or_default();
    let Some(outcome) = allowed.split(' ').find(|outcome| *outcome == found) else {
        return vec![format!("outcome {instance} instead of {allowed}\n   [{}]", run.told)];
    };
    let code = match (offender.one("exit"), outcome) {
        (Some("*"), _) => run.code.filter(|code| [0, 1].contains(code)).unwrap_or(0),
        (Some(code), _) => code.parse().unwrap(),
        (None, "faulted") => 1,
        (None, _) => 0,
    };
    if run.code != Some(code) {
        wrong.push(format!("exit code {:?} instead of {code}", run.code));
    }
    if let Some(outcomes) = offender.one("accomplice") {
        let accomplice = find_instance(&run.record, "accomplice");
        if !outcomes.split(' ').any(|outcome| accomplice["outcome"] == outcome) {
            wrong.push(format!("its accomplice ended so: {accomplice}"));
        }
    }
    compare_innocents(offender, outcome, run, &mut wrong);
    match outcome {
        "exited" => {
            let status: u64 = offender.one("status").unwrap_or("0").parse().unwrap();
            if instance["status"] != status {
                wrong.push(format!("status {} instead of {status}", instance["status"]));
            }
        }
        "killed" => require_part(&mut wrong, offender, "why", &instance["why"]),
        _ => compare_fault(offender, &instance["fault"], tracing, &mut wrong),
    }
    let words = instance["last_words"].to_string().replace("\\\\", "\\");
    require_part(&mut wrong, offender, "words", &Value::String(words));
    require_part(&mut wrong, offender, "stderr", &Value::String(run.stderr.clone()));
    let failed = &run.record["failed_built_ins"];
    if offender.one("failed").is_none() && failed.as_array().is_none_or(|list| !list.is_empty()) {
        wrong.push(format!("a built-in failed: {failed}"));
    }
    require_part(&mut wrong, offender, "failed", &Value::String(failed.to_string()));
    wrong
}

/// `BLAME-1`: nobody but the offender has lost anything, and its peer knows how it ended (`END-6`).
fn compare_innocents(offender: &Offender, outcome: &str, run: &Run, wrong: &mut Vec<String>) {
    if run.stdout != BYSTANDERS_OUTPUT {
        wrong.push(format!("the bystanders printed {:?}", run.stdout));
    }
    let was_killed = outcome == "killed";
    let names = ["feed", "tell", "source", "double", "print"].into_iter();
    for name in names.chain(offender.all("beside").iter().map(String::as_str)) {
        let instance = find_instance(&run.record, name);
        // The offender's peers wait for it until the time limit ends them too.
        let may_be_killed = was_killed && ["feed", "tell"].contains(&name);
        if instance["status"] != 0 && !(may_be_killed && instance["outcome"] == "killed") {
            wrong.push(format!("innocent `{name}` ended so: {instance}"));
        }
    }
    let told = offender.one("told").unwrap_or(match outcome {
        "faulted" | "killed" => "1 2",
        _ => "",
    });
    if told == "*" {
        return;
    }
    let last = match outcome {
        "faulted" => "faulted",
        _ => "closed",
    };
    let mut lines: Vec<&str> = run.told.lines().collect();
    // A broken Port is neither (ASYNC-6); its file says what is right.
    if lines.last() == Some(&last) {
        lines.pop();
    } else if !was_killed && !offender.all("stderr").iter().any(|part| part.contains("lies")) {
        wrong.push(format!("its peer was not told that it `{last}`"));
    }
    if !matches_runs(&lines, told) {
        wrong.push(format!("its peer got [{}] instead of [{told}]", lines.join(" ")));
    }
}

/// Whether lines are those that are expected; `?` stands for a number.
fn matches_runs(lines: &[&str], expected: &str) -> bool {
    let words: Vec<&str> = expected.split_ascii_whitespace().collect();
    words.len() == lines.len()
        && words.iter().zip(lines).all(|(word, line)| match word.strip_suffix('?') {
            Some(start) => line.strip_prefix(start).is_some_and(|rest| rest.parse::<u64>().is_ok()),
            None => word == line,
        })
}

fn compare_fault(offender: &Offender, fault: &Value, tracing: Tracing, wrong: &mut Vec<String>) {
    let is_poor = tracing == Tracing::Without && fault["kind"] != "violation";
    require_one_of(wrong, offender, "kind", &fault["kind"]);
    if is_poor && fault["kind"] == "trap" {
        require(wrong, "rule", &fault["rule"], "END-5");
        let what = fault["what"].as_str().unwrap_or_default();
        if !what.contains("without ptrace no more is known") {
            wrong.push(format!("`{what}` does not say why it says so little"));
        }
    } else {
        require_one_of(wrong, offender, "rule", &fault["rule"]);
        if !is_poor {
            require_part(wrong, offender, "says", &fault["what"]);
        }
    }
    require(wrong, "thread", &fault["thread"], offender.one("thread").unwrap_or("run"));
    if let Some(signal) = offender.one("signal") {
        require(wrong, "signal", &fault["signal"].to_string().into(), signal);
    }
    if is_poor {
        for key in ["address", "instruction", "symbol", "system_call"] {
            if !fault[key].is_null() {
                wrong.push(format!("`{key}` is {} without ptrace", fault[key]));
            }
        }
        return;
    }
    require_part(wrong, offender, "help", &fault["help"]);
    if let Some(call) = offender.one("syscall") {
        require(wrong, "system_call", &fault["system_call"].to_string().into(), call);
    }
    if let Some(port) = offender.one("port") {
        require(wrong, "port", &fault["port"], port);
    }
    if let Some(slot) = offender.one("slot") {
        require(wrong, "slot", &fault["slot"].to_string().into(), slot);
    }
    match offender.one("address") {
        Some("") if fault["address"].is_null() => wrong.push("no address is known".to_owned()),
        Some("") | None => {}
        Some(address) => require(wrong, "address", &fault["address"], address),
    }
    // Compilers make `name.isra.0` and `name.cold` of `name`.
    let symbol = fault["symbol"].as_str().and_then(|text| text.split(['+', '.']).next());
    match offender.one("symbol").unwrap_or("run") {
        "?" => {}
        "-" if symbol.is_none() => {}
        name if symbol == Some(name) => {}
        name => wrong.push(format!("symbol {symbol:?} instead of {name}")),
    }
}

fn find_instance<'a>(record: &'a Value, name: &str) -> &'a Value {
    let mut instances = record["instances"].as_array().into_iter().flatten();
    instances.find(|instance| instance["name"] == name).unwrap_or(&Value::Null)
}

fn require(wrong: &mut Vec<String>, key: &str, found: &Value, expected: &str) {
    if found != expected {
        wrong.push(format!("{key} {found} instead of {expected}"));
    }
}

/// Some rows differ between processors: one of the words must be the value.
fn require_one_of(wrong: &mut Vec<String>, offender: &Offender, key: &str, found: &Value) {
    let expected = offender.one(key).unwrap_or_else(|| panic!("{}.c: no @{key}", offender.name));
    if !expected.split(' ').any(|word| found == word) {
        wrong.push(format!("{key} {found} instead of {expected}"));
    }
}

fn require_part(wrong: &mut Vec<String>, offender: &Offender, key: &str, found: &Value) {
    for part in offender.all(key) {
        if !found.as_str().unwrap_or_default().contains(part) {
            wrong.push(format!("@{key}: `{part}` is not in {found}"));
        }
    }
}
