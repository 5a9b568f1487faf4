//! Modules in Rust that fail: a panic leaves its message as last words, and managed threads that wait
//! for each other are a deadlock. What modules in C do wrong is in `hostile.rs`.

mod support;

use support::Folder;

/// A package with the SDK, by its path; a workspace of its own wherever it stands.
const PACKAGE: &str = concat!(
    "[package]\nname = \"fails\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    "[dependencies]\noro = { path = '",
    env!("CARGO_MANIFEST_DIR"),
    "/../oro' }\n[profile.dev]\npanic = \"abort\"\n[profile.release]\npanic = \"abort\"\n[workspace]\n"
);

/// Reads beyond an array, at an index that the compiler cannot know.
const PANICS_RS: &str = r#"#![no_std]
#![no_main]
oro::module! {
    name: "fails",
    entry run { params { index: u64 = 11 } }
}
fn run(ports: run::Ports) -> u32 {
    let squares = core::array::from_fn::<u32, 7, _>(|n| (n * n) as u32);
    squares[ports.params.index as usize]
}
"#;

/// Two managed threads, each of which answers what it has heard from the other.
const WAITS_RS: &str = r#"#![no_std]
#![no_main]
use oro::{Consumer, Producer};
oro::message! { "fails.num.v1" struct Num { value: u64 } }
oro::module! {
    name: "fails",
    entry ping { ports { ping_in: Consumer<Num>, ping_out: Producer<Num> } }
    entry pong { ports { pong_in: Consumer<Num>, pong_out: Producer<Num> } }
}
fn ping(ports: ping::Ports) {
    answer(ports.ping_in, ports.ping_out);
}
fn pong(ports: pong::Ports) {
    answer(ports.pong_in, ports.pong_out);
}
fn answer(mut from: Consumer<Num>, mut to: Producer<Num>) {
    while let Ok(number) = from.recv() {
        let _ = to.send(number);
    }
}
"#;

/// A system with one instance, `a`, of this source.
fn write_system(name: &str, source: &str, wires: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("fails/Cargo.toml", PACKAGE);
    folder.write("fails/src/main.rs", source);
    let system =
        "oro = 1\n[modules]\nfails = { source = \"fails\" }\n[instance.a]\nmodule = \"fails\"\n";
    folder.write("system.toml", format!("{system}{wires}"));
    folder
}

/// `END-8`, `END-5`, `ENTRY-4`: the panic handler finds its request page and leaves message and place.
#[test]
fn end_8_a_panic_in_rust_leaves_its_message() {
    let folder = write_system("rust-panic", PANICS_RS, "");
    let message = "index out of bounds: the len is 7 but the index is 11";
    for flags in ["", "--without-ptrace"] {
        folder.oro(&format!("run system.toml --json=end.json {flags}")).ends(1).says(&[
            "error[END-8]: instance `a` faulted: panicked",
            "last words of `run`: ",
            message,
        ]);
        let record = std::fs::read(folder.path("end.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        assert_eq!((&record["result"], &record["exit_code"]), (&"failed".into(), &1.into()));
        let instance = &record["instances"][0];
        assert_eq!(instance["outcome"], "faulted", "{flags}: {instance:#}");
        assert_eq!(instance["fault"]["rule"], "END-8", "{flags}: {instance:#}");
        let words = &instance["last_words"];
        assert_eq!(words.as_array().map(Vec::len), Some(1), "{flags}: {instance:#}");
        assert_eq!(words[0]["thread"], "run", "{flags}: {instance:#}");
        let text = words[0]["text"].as_str().unwrap_or_default();
        // The place is line 9 of the source above.
        assert!(text.contains(message) && text.contains("src/main.rs:9:5"), "{flags}: {text}");
    }
}

/// `KRN-10`, `MAN-2`: a managed thread that waits at its gate blocks as a naive one does in a touch, so the kernel sees that nothing
/// can go on.
#[test]
fn man_2_managed_threads_that_wait_for_each_other_are_a_deadlock() {
    let wires = "[[wire]]\nfrom = \"a.ping_out\"\nto = \"a.pong_in\"\n\
                 [[wire]]\nfrom = \"a.pong_out\"\nto = \"a.ping_in\"\n";
    let folder = write_system("rust-deadlock", WAITS_RS, wires);
    for flags in ["", "--without-ptrace"] {
        folder.oro(&format!("run system.toml --timeout 60s {flags}")).ends(1).says(&[
            "error[DEADLOCK]: every thread waited for another",
            "thread `ping` of `a` waits at its gate for a message at a.ping_in, whose other end is a.pong_out",
            "thread `pong` of `a` waits at its gate for a message at a.pong_in, whose other end is a.ping_out",
            "help: who waits at a gate has had no answer from its peer",
            "error[KILLED]: instance `a`",
        ]);
    }
}
