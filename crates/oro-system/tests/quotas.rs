//! Quotas of Rings in a manifest (`RING-9`): each finding's code and place, and nothing beside it.

mod common;
#[path = "common/marks.rs"]
mod marks;
#[path = "common/rings.rs"]
mod ring_texts;

use marks::expect;
use ring_texts::{add_module, before_wires, change, instance, messages, wire};

/// [`RINGS`] with quotas of its two Rings.
fn quotas(outer: &str, inner: &str) -> String {
    change(&[
        ("\"main\"]\n[ring.sandbox.i", &format!("\"main\"]\n{outer}\n[ring.sandbox.i")),
        (
            "[\"main\"]\n[ring.sandbox.ring.inner.i",
            &format!("[\"main\"]\n{inner}\n[ring.sandbox.ring.inner.i"),
        ),
    ])
}

#[test]
fn ring_9_quotas_are_numbers() {
    let with = |quota: &str| quotas(&format!("quota = {quota}"), "");
    let plan = expect(&with("{ memory = \"8M\", ports = 8, threads = 4 }"), &[]);
    let ring = &plan.expect("it is right").rings[0];
    assert_eq!((ring.memory_bytes, ring.port_count, ring.thread_count), (8 << 20, 8, 4));
    expect(&with("{ memory = @@\"x\" }"), &[("SYS-SIZE", "\"64K\"")]);
    expect(&with("{ memory = @@true }"), &[("SYS-KIND", "\"64K\"")]);
    expect(&with("{ memory = @@0 }"), &[("SYS-QUOTA", "leave `memory` out")]);
    expect(&with("{ ports = @@0, threads = @@0 }"), &[("SYS-QUOTA", "out for no limit"); 2]);
    expect(&with("{ ports = @@-1 }"), &[("SYS-QUOTA", "from 1 to 4294967295")]);
    expect(&with("{ threads = @@4294967296 }"), &[("SYS-QUOTA", "leave `threads` out")]);
    expect(&with("{ threads = 4294967295 }"), &[]);
    expect(&with("{ ports = @@\"8\" }"), &[("SYS-KIND", "from 1")]);
    expect(&with("{ threads = @@1.5 }"), &[("SYS-KIND", "from 1")]);
    expect(&with("{ @@prots = 8 }"), &[("SYS-UNKNOWN-KEY", "`ports`?")]);
    expect(&with("{ @@cpu = 8 }"), &[("SYS-UNKNOWN-KEY", "`memory`, `ports`, `threads`")]);
}

/// `time` takes 155648 bytes: two stacks of 64K, two ends of two cells of 4K, two queues of 4K, one
/// of them from the clock. `x` takes 143360.
#[test]
fn ring_9_memory_is_the_least_that_all_instances_take() {
    let with = |outer: &str, inner: &str| {
        let quota = |memory: &str| format!("quota = {{ memory = {memory} }}");
        quotas(&quota(outer), &quota(inner))
    };
    expect(&with("299008", "143360"), &[]);
    let text = with("@@299007", "143360");
    expect(
        &text,
        &[(
            "SYS-QUOTA",
            "299008 and the images are the least: `sandbox/time` 155648, `sandbox/inner/x` 143360",
        )],
    );
    assert_eq!(messages(&text), ["what is in `sandbox` needs more memory than the Ring's quota"]);
    let text = with("299008", "@@143359");
    expect(&text, &[("SYS-QUOTA", "143360 and the image")]);
    assert_eq!(
        messages(&text),
        ["what is in `sandbox/inner` needs more memory than the Ring's quota"]
    );
    expect(&with("@@143359", "@@143358"), &[("SYS-QUOTA", "299008"), ("SYS-QUOTA", "143360")]);
}

#[test]
fn ring_9_ports_count_where_they_are_paid_for() {
    let with = |outer: &str, inner: &str| {
        let quota = |ports: &str| format!("quota = {{ ports = {ports} }}");
        quotas(&quota(outer), &quota(inner))
    };
    // The clock's queue and its own are `time`'s, that to `main` is `x`'s.
    expect(&with("3", "1"), &[]);
    let text = with("@@2", "1");
    expect(&text, &[("SYS-QUOTA", "pays for 3 Ports: `sandbox/time` 2, `sandbox/inner/x` 1")]);
    assert_eq!(messages(&text), ["what is in `sandbox` has more Ports than the Ring's quota"]);
    // What the root Ring produces it pays for; parameters are the consumer's.
    let bare = add_module(&with("@@3", "1"), "bare");
    expect(
        &before_wires(&bare, &instance("ring.sandbox.instance.b", "bare")),
        &[("SYS-QUOTA", "pays for 4 Ports: `sandbox/time` 2, `sandbox/inner/x` 1, `sandbox/b` 1")],
    );
    let bare = add_module(&with("@@3", "@@1"), "bare");
    expect(
        &before_wires(&bare, &instance("ring.sandbox.ring.inner.ring.deep.instance.b", "bare")),
        &[
            ("SYS-QUOTA", "pays for 4 Ports: "),
            ("SYS-QUOTA", "2 Ports: `sandbox/inner/x` 1, `sandbox/inner/deep/b` 1"),
        ],
    );
    let sink =
        instance("ring.sandbox.instance.s", "sink") + &wire("main.answer[0]", "sandbox/s.in");
    expect(&before_wires(&add_module(&with("3", "1"), "sink"), &sink), &[]);
}

#[test]
fn ring_9_a_thread_for_each_entry_point() {
    let with = |outer: &str, inner: &str| {
        let quota = |threads: &str| format!("quota = {{ threads = {threads} }}");
        quotas(&quota(outer), &quota(inner))
    };
    expect(&with("4", "2"), &[]);
    let text = with("@@3", "@@1");
    expect(
        &text,
        &[
            ("SYS-QUOTA", "4 entry points: `sandbox/time` 2, `sandbox/inner/x` 2"),
            ("SYS-QUOTA", "2 entry points: `sandbox/inner/x` 2"),
        ],
    );
    assert_eq!(messages(&text)[0], "what is in `sandbox` has more threads than the Ring's quota");
}

#[test]
fn ring_9_a_quota_is_no_larger_than_the_parents() {
    let all = |memory: &str, ports: &str, threads: &str| {
        format!("quota = {{ memory = {memory}, ports = {ports}, threads = {threads} }}")
    };
    expect(&quotas(&all("\"1M\"", "8", "9"), &all("\"1M\"", "8", "9")), &[]);
    let text = quotas(&all("\"1M\"", "8", "9"), &all("@@\"2M\"", "@@9", "@@10"));
    expect(
        &text,
        &[("SYS-QUOTA", "at most 1M"), ("SYS-QUOTA", "at most 8"), ("SYS-QUOTA", "at most 9")],
    );
    assert_eq!(
        messages(&text)[1],
        "`sandbox/inner` may have more Ports than `sandbox`, which it is in"
    );
    // The next that has one is meant.
    let deep = "ring.sandbox.ring.inner.ring.deep";
    let more = format!("[{deep}]\nquota = {{ ports = @@9 }}\n")
        + &instance(&format!("{deep}.instance.b"), "bare");
    let with = |outer: &str, inner: &str| before_wires(&quotas(outer, inner), &more);
    let text = with("quota = { ports = 8 }", "");
    expect(&add_module(&text, "bare"), &[("SYS-QUOTA", "at most 8")]);
    let text = with("quota = { ports = 10 }", "quota = { ports = 8 }");
    expect(&add_module(&text, "bare"), &[("SYS-QUOTA", "at most 8")]);
}
