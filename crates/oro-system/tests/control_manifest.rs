//! Ring control in a manifest: who holds it, and what they may mount (`CTL-1`, `CTL-5`, `BUILTIN-7`).

mod common;
#[path = "common/marks.rs"]
mod marks;

use common::check;
use marks::{expect, split_marks};
use oro_system::{BuiltIn, PlanEnd};

/// A holder of Ring control, and a module that it may mount.
const SHELL: &str = r#"oro = 1
[modules]
shell = "shell.elf"
source = "source.elf"
[instance.sh]
module = "shell"
modules = ["source"]
[[wire]]
from = "sh.asks"
to = "ring.requests"
[[wire]]
from = "ring.replies"
to = "sh.hears"
"#;

fn change(from: &str, to: &str) -> String {
    assert!(SHELL.contains(from), "`{from}` is not there");
    SHELL.replacen(from, to, 1)
}

fn instance(table: &str, module: &str) -> String {
    format!("[{table}]\nmodule = \"{module}\"\n")
}

fn wire(from: &str, to: &str) -> String {
    format!("[[wire]]\nfrom = {from:?}\nto = {to:?}\n").replace("\"@@", "@@\"")
}

/// What the findings say, without the marks.
fn messages(marked: &str) -> Vec<String> {
    let (_, found) = check(split_marks(marked).0.as_bytes());
    found.into_iter().map(|found| found.message).collect()
}

#[test]
fn ctl_1_an_instance_is_wired_to_both_ends_once() {
    let plan = expect(SHELL, &[]).expect("it is right");
    let ends: Vec<_> = plan.ports.iter().map(|port| (&port.producer, &port.consumer)).collect();
    assert_eq!(ends[0].1, &PlanEnd::BuiltIn(BuiltIn::RingRequests));
    assert_eq!(ends[1].0, &PlanEnd::BuiltIn(BuiltIn::RingReplies));
    let sizes: Vec<_> = plan.ports.iter().map(|port| port.slot_size_bytes).collect();
    assert_eq!(sizes, [512, 256]);

    // Half of it; the other port is wired to something else, for the port's sake.
    let text = change("\"ring.replies\"", "\"x.out\"").replace("\"ring.req", "@@\"ring.req");
    let text = text
        .replace("[[wire]]\nfrom = \"sh", "[instance.x]\nmodule = \"echo\"\n[[wire]]\nfrom = \"sh");
    let text = text.replace("source = ", "echo = \"e\"\nsource = ");
    expect(&text, &[("SYS-RING-CONTROL", "`from = \"ring.replies\"`, `to = \"sh.PORT\"`")]);
    assert_eq!(messages(&text), ["`sh` is wired to `ring.requests` and not to `ring.replies`"]);
    let text = change("\"ring.requests\"", "\"null.bytes\"").replace("\"ring.rep", "@@\"ring.rep");
    expect(&text, &[("SYS-RING-CONTROL", "`from = \"sh.PORT\"`, `to = \"ring.requests\"`")]);

    let twice = format!("{SHELL}{}", wire("sh.more[1]", "@@ring.requests"));
    expect(&twice, &[("SYS-WIRED-TWICE", "CTL-1")]);
    // Two holders are two pairs.
    let second = instance("instance.b", "shell") + &wire("b.asks", "ring.requests");
    let second = second + &wire("ring.replies", "b.hears");
    expect(&format!("{SHELL}{second}"), &[]);
}

#[test]
fn ctl_1_what_is_wrong_is_said_once() {
    // The wire that seems to be missing is the one that is misspelt.
    expect(
        &change("\"ring.replies", "\"ring.@@replise"),
        &[("SYS-UNKNOWN-PORT", "did you mean `replies`?")],
    );
    expect(&change("\"ring.requests", "\"@@rng.requests"), &[("SYS-UNKNOWN-INSTANCE", "`ring`?")]);
    expect(&change("sh.hears", "sh.@@heasr"), &[("SYS-UNKNOWN-PORT", "`hears`?")]);
    expect(&change("\"sh.hears", "\"@@hs.hears"), &[("SYS-UNKNOWN-INSTANCE", "`sh`")]);
    let text = change("\"sh.asks\"", "@@\"ring.requests\"")
        .replace("to = \"ring.requests\"", "to = \"sh.asks\"");
    let text = text.replace("to = \"sh.asks", "to = @@\"sh.asks");
    expect(&text, &[("SYS-DIRECTION", "in `to`"), ("SYS-DIRECTION", "in `from`")]);
    let text = change("from = \"ring.replies\"", "from = @@\"clock.now\"")
        .replace("[modules]", "[modules]\n");
    let found = messages(&text);
    assert!(found.iter().any(|text| text.contains("different types")), "{found:?}");
}

#[test]
fn ctl_1_a_port_of_its_types_is_told_where_it_belongs() {
    let text = instance("instance.@@sh", "shell");
    let text = format!("oro = 1\n[modules]\nshell = \"s\"\n{}", text.replace("@@", "@@@@"));
    expect(
        &text,
        &[
            ("SYS-UNWIRED", "`to = \"ring.requests\"`"),
            ("SYS-UNWIRED", "`from = \"ring.replies\"`"),
        ],
    );
}

#[test]
fn ctl_1_below_the_root_it_needs_the_grant() {
    let ring = |grants: &str| {
        let text = SHELL.replace(
            "[instance.sh]",
            &format!("[ring.r]\ngrant = [{grants}]\n[ring.r.instance.sh]"),
        );
        text.replace("\"sh.", "\"r/sh.").replace("\"ring.r", "\"r/ring.r")
    };
    let plan = expect(&ring("\"ring\""), &[]).expect("it is right");
    assert_eq!(plan.rings[0].grants[0].name, "ring");
    let text = ring("").replace("r/ring", "r/@@ring");
    expect(&text, &[("SYS-GRANT", "`[ring.r]`"), ("SYS-GRANT", "`[ring.r]`")]);
}

#[test]
fn ctl_5_modules_that_a_holder_may_mount() {
    let plan = expect(SHELL, &[]).expect("it is right");
    assert_eq!(plan.instances[0].modules, [1]);
    let plan =
        expect(&change("[\"source\"]", "[\"source\", \"shell\"]"), &[]).expect("it is right");
    assert_eq!(plan.instances[0].modules, [0, 1], "in the order of the plan");
    expect(&change("[\"source\"]", "[@@\"sorce\"]"), &[("SYS-UNKNOWN-MODULE", "`source`?")]);
    expect(&change("[\"source\"]", "@@\"source\""), &[("SYS-KIND", "modules = [")]);
    expect(&change("[\"source\"]", "[\"source\", @@3]"), &[("SYS-KIND", "modules = [")]);
    let twice = change("[\"source\"]", "[\"source\", @@\"source\"]");
    expect(&twice, &[("SYS-DUPLICATE", "leave it out")]);
    let (text, _) =
        split_marks(&change("modules = [\"source\"]", "").replace("source = ", "@@source = "));
    assert_eq!(messages(&text), ["no instance runs the module `source`"]);
    // Nobody can mount what this one may.
    let other = instance("instance.x", "source") + "modules = [@@\"shell\"]\n";
    let other = other + &wire("x.out", "null.bytes");
    expect(&format!("{SHELL}{other}"), &[("SYS-UNUSED", "ring.replies")]);
}
