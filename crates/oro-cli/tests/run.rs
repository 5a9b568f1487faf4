//! `oro run` from end to end: streams, files, the other built-in instances, parameters, statuses, and a
//! user without rights. Ends that no module chose are in `interrupted.rs`.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::processes::{list_children, read_resident_bytes};
use support::{COPY_C, FILTER_C, Folder, example, oro_run};

/// What supervisor, guardian and module may have resident together, shared pages counted each time,
/// however long the stream is.
const MOST_RESIDENT_BYTES: u64 = 64 << 20;

/// What a run printed; it must have ended well and silently.
#[track_caller]
fn run_well(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_print_what_is_known() {
    let double = run_well(&mut oro_run(&example("double")));
    assert_eq!(double, "sum of 100 doubled numbers: 10100\n");
    let threads = run_well(&mut oro_run(&example("threads")));
    assert_eq!(
        threads,
        "1229 of 10000 numbers are primes; ending in 1, 3, 7, 9: [306, 310, 308, 303]\n"
    );
}

/// GATE-5, GATE-6: one thread that waits for four Ports and a timer.
#[test]
fn gate_6_the_executor_example_merges_four_ports() {
    let output = oro_run(&example("executor")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "120 numbers, sum 5260\n");
    let is_progress = |line: &str| line.starts_with("[merge] ") && line.ends_with("numbers so far");
    assert!(!stderr.is_empty() && stderr.lines().all(is_progress), "{stderr}");
}

/// Three sealed instances over a real compressed file, of many times the queues' size, print what the
/// tools of the machine print.
#[test]
fn the_pipeline_example_agrees_with_gunzip_grep_and_sha256sum() {
    let folder = Folder::new("pipeline");
    let spec = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/ports.md"));
    let mut text = String::new();
    for round in 0..200 {
        let _ = writeln!(text, "round {round} of the text\n{}", spec.as_ref().unwrap());
    }
    folder.write("text", &text);
    let packed = Command::new("gzip").arg("--keep").arg(folder.path("text")).status();
    assert!(packed.unwrap().success());
    let shell = |command: &str| {
        let output =
            Command::new("sh").args(["-c", command]).current_dir(folder.path(".")).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let count = shell("gunzip < text.gz | grep -cF the");
    let sum = shell("gunzip < text.gz | grep -F the | sha256sum | cut -d' ' -f1");
    let file = format!("--file=input={}", folder.path("text.gz").display());
    let found = run_well(oro_run(&example("pipeline")).arg(file));
    assert_eq!(found, format!("{} lines, sha256 {}\n", count.trim(), sum.trim()));
}

/// `BUILTIN-2`, `TYPE-10`: from a file and from a pipe, whatever the length.
#[test]
fn builtin_2_sha256_agrees_with_sha256sum() {
    let folder = Folder::new("sha256");
    let readme = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    for (index, bytes) in
        [&readme[..], b"", b"x", &[7; 65528], &[8; 65529], &[9; 300_000]].into_iter().enumerate()
    {
        folder.write("data", bytes);
        let path = folder.path("data");
        let expected = Command::new("sha256sum").stdin(File::open(&path).unwrap()).output();
        let expected = String::from_utf8(expected.unwrap().stdout).unwrap();
        let from_file =
            run_well(oro_run(&example("sha256")).stdin(Stdio::from(File::open(&path).unwrap())));
        assert_eq!(from_file, expected, "file {index}");
        let mut cat = Command::new("cat").arg(&path).stdout(Stdio::piped()).spawn().unwrap();
        let pipe = cat.stdout.take().unwrap();
        let from_pipe = run_well(oro_run(&example("sha256")).stdin(pipe));
        assert_eq!(from_pipe, expected, "pipe {index}");
        assert!(cat.wait().unwrap().success());
    }
}

/// `PORT-2`: what is on its way is in the queue and nowhere else, so memory does not grow with the
/// stream.
#[test]
fn port_2_a_long_stream_takes_little_memory() {
    let folder = Folder::new("stream");
    let path = folder.path("data");
    write_noise(&path, 100 << 20);
    let expected = Command::new("sha256sum").stdin(File::open(&path).unwrap()).output().unwrap();
    let mut cat = Command::new("cat").arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    let mut child = oro_run(&example("sha256")).stdin(cat.stdout.take().unwrap()).spawn().unwrap();
    let (mut most_bytes, mut samples) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        let mut processes = list_children(child.id());
        processes.push(child.id());
        let resident_bytes = processes.into_iter().map(read_resident_bytes).sum();
        most_bytes = most_bytes.max(resident_bytes);
        samples += 1;
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    assert!(cat.wait().unwrap().success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.stdout, expected.stdout);
    assert!(samples > 10, "{samples} samples are too few to tell");
    assert!(most_bytes > 1 << 20, "{most_bytes} bytes cannot be all");
    assert!(most_bytes < MOST_RESIDENT_BYTES, "{most_bytes} bytes were resident");
    fs::remove_file(path).unwrap();
}

/// Bytes that no pattern is in (xorshift64*).
fn write_noise(path: &Path, size_bytes: usize) {
    let mut file = File::create(path).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = Vec::with_capacity(1 << 20);
    for _ in 0..size_bytes >> 20 {
        block.clear();
        while block.len() < 1 << 20 {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            block.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
        }
        file.write_all(&block).unwrap();
    }
}

/// `BUILTIN-6`: output that nobody takes is told, and the exit code says so.
#[test]
fn builtin_6_output_that_cannot_be_written_is_told() {
    let mut child = oro_run(&example("sha256")).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"abc").unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error[BUILTIN-6]: console.stdout: cannot write: Broken pipe"));

    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = oro_run(&example("double")).stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error[BUILTIN-6]: console.stdout: cannot write: No space left"));
}

/// `BUILTIN-3`, `BUILTIN-4`: files in and out, one file read twice, and nothing at all.
#[test]
fn builtin_3_files_are_read_and_written() {
    let folder = Folder::new("files");
    folder.write("copy.c", COPY_C);
    let mut manifest = "oro = 1\n[modules]\ncopy = { source = \"copy.c\" }\n".to_owned();
    for (name, from, to) in [
        ("one", "files.from", "files.to"),
        ("two", "files.from", "files.too"),
        ("three", "null.bytes", "files.empty"),
        ("four", "console.stdin", "null.bytes"),
    ] {
        let _ = write!(
            manifest,
            "[instance.{name}]\nmodule = \"copy\"\n[[wire]]\nfrom = \"{from}\"\nto = \"{name}.in\"\n\
             [[wire]]\nfrom = \"{name}.out\"\nto = \"{to}\"\nslots = 2\n"
        );
    }
    folder.write("files.toml", manifest);
    let data: Vec<u8> = (0..100_000_u32).flat_map(|number| number.to_le_bytes()).collect();
    folder.write("data", &data);
    folder.write("to", "what was there before and is far too long".repeat(20_000));
    let files = "--file from=data --file to=to --file too=too --file empty=empty";
    let end = folder.oro(&format!("run files.toml {files}"));
    end.ends(0);
    assert_eq!((end.stdout.as_str(), end.stderr.as_str()), ("", ""));
    for (name, expected) in [("to", &data[..]), ("too", &data), ("empty", b"")] {
        assert!(fs::read(folder.path(name)).unwrap() == expected, "{name}");
    }
}

/// Asks for the time three times, and logs whether it went on.
const TIMES_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("times");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_time, ORO_TIME_LAYOUT, "now", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);
static void say(struct oro_endpoint *log, uint32_t level, const char *text) {
    volatile struct oro_log *line = ORO_OUT(struct oro_log, log);
    uint32_t length = 0;
    while (text[length] != 0) length++;
    line->level = level;
    line->length = length;
    oro_copy_to_slot(line->text, text, length);
    oro_advance(log);
}
void run(const struct oro_root *root) {
    struct oro_endpoint now = oro_open(root, 0), log = oro_open(root, 1);
    uint64_t last = 0;
    for (int count = 0; count < 3; count++, oro_advance(&now)) {
        const volatile struct oro_time *time = ORO_IN(struct oro_time, &now);
        uint64_t monotonic_ns = time->monotonic_ns, realtime_ns = time->realtime_ns;
        if (count > 0 && monotonic_ns <= last) oro_panic(root, "time stands still");
        if (realtime_ns < UINT64_C(1700000000000000000)) oro_panic(root, "time is long ago");
        last = monotonic_ns;
        /* A message of the clock is as new as the touch that asks for it (BUILTIN-5). */
        for (int spin = 0; spin < 100000; spin++) oro_spin_hint();
    }
    say(&log, ORO_LOG_WARN, "time goes on");
}
"#;

/// `BUILTIN-5`, `BUILTIN-2`, `TYPE-12`, `TYPE-13`: the clock, and a log of several instances.
#[test]
fn builtin_5_the_clock_goes_on() {
    let folder = Folder::new("times");
    folder.write("times.c", TIMES_C);
    let mut manifest = "oro = 1\n[modules]\ntimes = { source = \"times.c\" }\n".to_owned();
    for name in ["ann", "bob"] {
        let _ = write!(
            manifest,
            "[instance.{name}]\nmodule = \"times\"\n[[wire]]\nfrom = \"clock.now\"\n\
             to = \"{name}.now\"\n[[wire]]\nfrom = \"{name}.log\"\nto = \"console.log\"\n"
        );
    }
    folder.write("times.toml", manifest);
    let end = folder.oro("run times.toml");
    end.ends(0).says(&["[ann] warning: time goes on\n", "[bob] warning: time goes on\n"]);
    assert_eq!((end.stdout.as_str(), end.stderr.lines().count()), ("", 2));
}

/// Writes its parameters as lines; `FLAGS` says whether it is managed.
const PARAMS_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("params");
ORO_ENTRY(0, run, FLAGS, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_param, ORO_PARAMS_LAYOUT, "params", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", 0, 1);
ORO_PARAM("who", ORO_PARAM_TEXT, ORO_PARAM_REQUIRED, 0, "", "whom to greet");
ORO_PARAM("count", ORO_PARAM_UNSIGNED, 0, 0, "3", "how often");
ORO_PARAM("loud", ORO_PARAM_BOOLEAN, 0, 0, "false", "how");
static char text[1024];
static uint32_t length;
static void add(const char *part, char end) {
    while (*part != 0) text[length++] = *part++;
    text[length++] = end;
}
void run(const struct oro_root *root) {
    struct oro_endpoint params = oro_open(root, 0), out = oro_open(root, 1);
    struct oro_param_reader reader = {&params, 0};
    struct oro_param_text param;
    while (oro_param_read(&reader, &param) > 0) {
        if (oro_param_is(&param, "count") && oro_param_number(&param) != 3) return;
        add(param.key, '=');
        add(param.value, '\n');
    }
    if (oro_param_read(&reader, &param) != 0) return;
    if (FLAGS == ORO_ENTRY_MANAGED && oro_wait(&out) < 0) return;
    volatile struct oro_bytes_head *head = ORO_OUT(struct oro_bytes_head, &out);
    head->length = length;
    head->flags = ORO_BYTES_END;
    oro_copy_to_slot(head + 1, text, length);
    oro_advance(&out);
}
"#;

/// `TYPE-11`, `SYS-6`, `ENTRY-5`: parameters arrive as messages, given ones and defaults, at naive and at
/// managed threads.
#[test]
fn type_11_parameters_arrive() {
    for flags in ["0", "ORO_ENTRY_MANAGED"] {
        let folder = Folder::new("params");
        folder.write("params.c", format!("#define FLAGS {flags}\n{PARAMS_C}"));
        folder.write(
            "params.toml",
            "oro = 1\n[modules]\nparams = { source = \"params.c\" }\n[instance.a]\n\
             module = \"params\"\nparams = { who = \"w\u{f6}rld = \\n\", loud = true }\n\
             [[wire]]\nfrom = \"a.text\"\nto = \"console.stdout\"\n",
        );
        let end = folder.oro("run params.toml");
        let mut lines: Vec<&str> = end.ends(0).stdout.split_inclusive('\n').collect();
        lines.sort_unstable();
        assert_eq!(lines, ["\n", "count=3\n", "loud=true\n", "who=w\u{f6}rld = \n"], "{flags}");
    }
}

/// A caller gives up twice on a slow server, then is patient; queues of one slot. The server also tells what
/// nobody has asked for, so that a reply waits for room while its request is still there.
const CALLS_C: &str = r#"
#include <oro/oro.h>
#define PAIR(FIELD, ARRAY, TAIL) FIELD(u64, correlation) FIELD(u64, value)
#define PAIR_LAYOUT ORO_LAYOUT("test.pair.v1", PAIR)
ORO_MESSAGE(pair, PAIR);
ORO_MODULE("calls");
ORO_ENTRY_STATUS(0, ask, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY_STATUS(1, serve, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, pair, PAIR_LAYOUT, "asks", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, pair, PAIR_LAYOUT, "tells", 0, 1);
ORO_PORT(2, 1, ORO_DIRECTION_CONSUMER, pair, PAIR_LAYOUT, "asked", 0, 1);
ORO_PORT(3, 1, ORO_DIRECTION_PRODUCER, pair, PAIR_LAYOUT, "told", 0, 1);
#define MS UINT64_C(1000000)
uint64_t ask(const struct oro_root *root) {
    struct oro_endpoint asks = oro_open(root, 0), tells = oro_open(root, 1);
    struct pair ask = {0, 0}, tell;
    for (ask.value = 1; ask.value <= 3; ask.value++) {
        uint64_t deadline = ask.value < 3 ? oro_now(root) + 20 * MS : ORO_NO_DEADLINE;
        int64_t result =
            oro_call_until(&asks, &ask, sizeof ask, &tells, &tell, sizeof tell, deadline);
        if (ask.value < 3 && (result != ORO_TIMED_OUT || oro_now(root) < deadline)) return ask.value;
        if (ask.value == 3 && (result != 0 || tell.value != 30)) return 3;
    }
    return 0;
}
uint64_t serve(const struct oro_root *root) {
    struct oro_endpoint asks = oro_open(root, 2), tells = oro_open(root, 3);
    oro_sleep_until(root, oro_now(root) + 200 * MS);
    while (oro_wait(&asks) > 0) {
        struct pair tell = {0, 10 * ORO_IN(struct pair, &asks)->value}, more = {UINT64_MAX, 0};
        if (oro_wait(&tells) < 0) return 4;
        oro_copy_to_slot(ORO_OUT(struct pair, &tells), &more, sizeof more);
        oro_advance(&tells);
        if (oro_reply(&asks, &tells, &tell, sizeof tell) < 0) return 5;
    }
    return 0;
}
"#;

/// `GATE-6`: a call ends at its deadline, and the next one is not confused by what comes too late.
#[test]
fn gate_6_a_call_is_given_up_at_its_deadline() {
    let folder = Folder::new("calls");
    folder.write("calls.c", CALLS_C);
    folder.write(
        "calls.toml",
        "oro = 1\n[modules]\ncalls = { source = \"calls.c\" }\n[instance.a]\nmodule = \"calls\"\n\
         [[wire]]\nfrom = \"a.asks\"\nto = \"a.asked\"\nslots = 1\n\
         [[wire]]\nfrom = \"a.told\"\nto = \"a.tells\"\nslots = 1\n",
    );
    folder.oro("run calls.toml").ends(0);
}

/// `END-1`, `END-2`, `END-3`, `END-4`, `ENTRY-8`: statuses, each by its own way.
#[test]
fn end_4_statuses_are_told() {
    let folder = Folder::new("statuses");
    let notes = "#include <oro/oro.h>\nORO_MODULE(\"m\");\n";
    let modules = [
        (
            "returns",
            "ORO_ENTRY_STATUS(0, run, 0, 0); uint64_t run(const struct oro_root *r) { (void)r; return 1ULL << 40; }",
            1_u64 << 40,
        ),
        (
            "silent",
            "ORO_ENTRY(0, run, 0, 0); void run(const struct oro_root *r) { oro_request_page(r)->exit_status = 5; }",
            0,
        ),
        (
            "leaves",
            "ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0); uint64_t run(const struct oro_root *r) { oro_exit_thread(r, 6); }",
            6,
        ),
        (
            "ends-all",
            "ORO_ENTRY(0, run, 0, 0); ORO_ENTRY(1, spin, 0, 0); void run(const struct oro_root *r) { oro_exit_instance(r, 7); } void spin(const struct oro_root *r) { (void)r; for (;;) oro_spin_hint(); }",
            7,
        ),
        (
            "first-of",
            "ORO_ENTRY_STATUS(0, a, 0, 0); ORO_ENTRY_STATUS(1, b, 0, 0); ORO_ENTRY_STATUS(2, c, 0, 0); uint64_t a(const struct oro_root *r) { (void)r; return 0; } uint64_t b(const struct oro_root *r) { (void)r; return 8; } uint64_t c(const struct oro_root *r) { (void)r; return 9; }",
            8,
        ),
        ("legacy", "int main(void) { return -3; }", 0xffff_fffd),
        ("legacy-well", "int main(void) { return 0; }", 0),
    ];
    let mut manifest = "oro = 1\n[modules]\n".to_owned();
    for (name, source, _) in modules {
        let notes = if name.starts_with("legacy") { "" } else { notes };
        folder.write(&format!("{name}.c"), format!("{notes}{source}\n"));
        let _ = writeln!(manifest, "{name} = {{ source = \"{name}.c\" }}");
    }
    for (name, _, _) in modules {
        let _ = write!(manifest, "[instance.{name}]\nmodule = \"{name}\"\n");
    }
    folder.write("statuses.toml", manifest);
    let end = folder.oro("run statuses.toml --json=statuses.json");
    end.ends(1).says(&["error[STATUS]: instance `legacy` ended with status 4294967293"]);
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path("statuses.json")).unwrap()).unwrap();
    assert_eq!((&record["result"], &record["exit_code"]), (&"failed".into(), &1.into()));
    for (index, (name, _, status)) in modules.into_iter().enumerate() {
        let instance = &record["instances"][index];
        assert_eq!((&instance["name"], &instance["outcome"]), (&name.into(), &"exited".into()));
        assert_eq!(instance["status"], status, "{name}");
    }
}

/// Sends 1, 2, 3, and logs nothing; and takes a number and gives it as its status.
const ENDS_C: [&str; 2] = [
    r#"ORO_MODULE("three");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t value = 1; value <= 3; value++, oro_advance(&out)) {
        ORO_OUT(struct num, &out)->value = value;
    }
}
"#,
    r#"ORO_MODULE("sum");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    uint64_t sum = 0;
    while (oro_wait(&in) > 0) {
        sum += ORO_IN(struct num, &in)->value;
        oro_advance(&in);
    }
    return sum;
}
"#,
];

/// One module as three instances in a row, each with data of its own; naive and managed ends mixed.
#[test]
fn one_module_runs_as_several_instances() {
    let folder = Folder::new("several");
    let head = &FILTER_C[..FILTER_C.find("ORO_MODULE").unwrap()];
    folder.write("filter.c", FILTER_C);
    folder.write("three.c", format!("{head}{}", ENDS_C[0]));
    folder.write("sum.c", format!("{head}{}", ENDS_C[1]));
    let mut manifest = "oro = 1\n[modules]\nfilter = { source = \"filter.c\" }\n\
        three = { source = \"three.c\" }\nsum = { source = \"sum.c\" }\n"
        .to_owned();
    for (name, module) in
        [("three", "three"), ("a", "filter"), ("b", "filter"), ("c", "filter"), ("sum", "sum")]
    {
        let _ = write!(manifest, "[instance.{name}]\nmodule = \"{module}\"\n");
    }
    for (from, to) in [("three", "a"), ("a", "b"), ("b", "c"), ("c", "sum")] {
        let _ = write!(manifest, "[[wire]]\nfrom = \"{from}.out\"\nto = \"{to}.in\"\nslots = 1\n");
    }
    folder.write("several.toml", manifest);
    folder.oro("run several.toml").ends(1).says(&["instance `sum` ended with status 48"]);
}

/// No right of root is needed, with ptrace or without; a violation is named all the same. Run as
/// root, the test becomes nobody for it.
#[test]
fn no_right_of_root_is_needed() {
    let folder = Folder::new("nobody");
    folder.write("filter.c", FILTER_C);
    let head = &FILTER_C[..FILTER_C.find("ORO_MODULE").unwrap()];
    folder.write("three.c", format!("{head}{}", ENDS_C[0]));
    folder.write("sum.c", format!("{head}{}", ENDS_C[1]));
    let bad = ENDS_C[1].replace("sum += ", "*(volatile uint64_t *)ORO_IN(struct num, &in) = ");
    folder.write("bad.c", format!("{head}{bad}"));
    let modules = ["filter", "three", "sum", "bad"];
    // A place that everybody can reach, which cargo's folders need not be.
    let place = std::env::temp_dir().join(format!("oro-nobody-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    for module in modules {
        folder.oro(&format!("check {module}.c")).ends(0);
        let image = folder.path(&format!("target/oro/{module}.elf"));
        fs::copy(image, place.join(format!("{module}.elf"))).unwrap();
    }
    fs::copy(env!("CARGO_BIN_EXE_oro"), place.join("oro")).unwrap();
    let manifest = "oro = 1\n[modules]\nfilter = \"filter.elf\"\nthree = \"three.elf\"\n\
        sum = \"SUM.elf\"\n[instance.three]\nmodule = \"three\"\n[instance.a]\nmodule = \"filter\"\n\
        [instance.sum]\nmodule = \"sum\"\n[[wire]]\nfrom = \"three.out\"\nto = \"a.in\"\n\
        [[wire]]\nfrom = \"a.out\"\nto = \"sum.in\"\n";
    fs::write(place.join("good.toml"), manifest.replace("SUM", "sum")).unwrap();
    fs::write(place.join("bad.toml"), manifest.replace("SUM", "bad")).unwrap();
    open_to_all(&place);
    for (arguments, parts) in [
        ("run good.toml", &["instance `sum` ended with status 12"][..]),
        ("run good.toml --without-ptrace", &["instance `sum` ended with status 12"]),
        ("run bad.toml", &["error[PORT-7]: instance `sum` faulted: stored to a slot", "in run+"]),
        (
            "run bad.toml --without-ptrace",
            &["error[END-5]: instance `sum` faulted: was ended by SIGSEGV", "ptrace is not used"],
        ),
    ] {
        let output = run_as_nobody(&place, arguments, Stdio::null());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {stderr}");
        for part in parts {
            assert!(stderr.contains(part), "{arguments}: `{part}` is not in\n{stderr}");
        }
    }
    hash_as_nobody(&place);
    fs::remove_dir_all(&place).unwrap();
}

/// The sha256 example, whose module is there already, on standard inputs of three lengths.
fn hash_as_nobody(place: &Path) {
    let check =
        Command::new(env!("CARGO_BIN_EXE_oro")).arg("check").arg(example("sha256")).output();
    assert!(check.as_ref().unwrap().status.success(), "{check:?}");
    let image = "modules/sha256/target/oro/x86_64-unknown-linux-gnu/release/sha256";
    fs::copy(example("sha256").with_file_name(image), place.join("sha256.elf")).unwrap();
    let manifest = fs::read_to_string(example("sha256")).unwrap();
    let prebuilt = manifest.replace("{ source = \"modules/sha256\" }", "\"sha256.elf\"");
    assert_ne!(prebuilt, manifest);
    fs::write(place.join("sha256.toml"), prebuilt).unwrap();
    let readme = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    for bytes in [&readme[..], b"", b"x"] {
        let path = place.join("data");
        fs::write(&path, bytes).unwrap();
        open_to_all(place);
        let open = || Stdio::from(File::open(&path).unwrap());
        let expected = Command::new("sha256sum").stdin(open()).output().unwrap();
        for arguments in ["run sha256.toml", "run sha256.toml --without-ptrace"] {
            let output = run_as_nobody(place, arguments, open());
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments}, {} bytes: {stderr}", bytes.len());
            let [hash, expected] = [&output, &expected].map(|o| String::from_utf8_lossy(&o.stdout));
            assert_eq!(hash, expected, "{arguments}, {} bytes", bytes.len());
        }
    }
}

/// Runs the `oro` of a folder in it as user 65534, or if the tests have no right to, as their own.
fn run_as_nobody(place: &Path, arguments: &str, stdin: Stdio) -> Output {
    let is_root = fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t");
    let oro = place.join("oro");
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(oro);
        command
    } else {
        Command::new(oro)
    };
    command.current_dir(place).args(arguments.split(' ')).stdin(stdin).output().unwrap()
}

fn open_to_all(folder: &Path) {
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(folder);
    for entry in fs::read_dir(folder).unwrap() {
        open(&entry.unwrap().path());
    }
}

/// Standard output is the system's own while it runs: what it writes can be read before it ends.
#[test]
fn output_comes_while_it_runs() {
    let folder = Folder::new("live");
    folder.write("copy.c", COPY_C);
    folder.write(
        "live.toml",
        "oro = 1\n[modules]\ncopy = { source = \"copy.c\" }\n[instance.a]\nmodule = \"copy\"\n\
         [[wire]]\nfrom = \"console.stdin\"\nto = \"a.in\"\n\
         [[wire]]\nfrom = \"a.out\"\nto = \"console.stdout\"\n",
    );
    let mut child = oro_run(&folder.path("live.toml")).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    for line in ["one\n", "two\n"] {
        stdin.write_all(line.as_bytes()).unwrap();
        let mut echo = vec![0; line.len()];
        stdout.read_exact(&mut echo).unwrap();
        assert_eq!(echo, line.as_bytes());
    }
    drop(stdin);
    assert!(child.wait_with_output().unwrap().status.success());
}
