//! Child Rings in a manifest: each finding's code and place, and nothing beside it.

mod common;
#[path = "common/marks.rs"]
mod marks;
#[path = "common/rings.rs"]
mod ring_texts;

use common::check;
use marks::{expect, split_marks};
use oro_system::{PlanEnd, PlanGrant, PlanRestart, RestartOn};
use ring_texts::{RINGS, add_module, before_wires, change, instance, messages, wire};

fn grants(marked: &str, ring: usize) -> Vec<PlanGrant> {
    expect(marked, &[]).expect("it is right").rings[ring - 1].grants.clone()
}

fn grant(name: &str, instance: Option<u32>) -> PlanGrant {
    PlanGrant { name: name.to_owned(), instance }
}

#[test]
fn sys_1_rings_have_their_own_keys() {
    expect(RINGS, &[]);
    let ring = |text: &str| change(&[("grant = [\"clock\", \"main\"]", text)]);
    let granted = "grant = [\"clock\", \"main\"]";
    expect(&ring(&format!("{granted}\n@@color = 1")), &[("SYS-UNKNOWN-KEY", "`quota`")]);
    expect(&ring("@@grnat = [\"clock\", \"main\"]"), &[("SYS-UNKNOWN-KEY", "`grant`?")]);
    expect(&ring("grant = @@\"clock\""), &[("SYS-KIND", "grant = [")]);
    expect(&ring("grant = [\"clock\", \"main\", @@3]"), &[("SYS-KIND", "grant = [")]);
    expect(&ring("grant = [\"clock\", \"main\", @@[]]"), &[("SYS-KIND", "grant = [")]);
    // It may be the clock that was meant.
    expect(&ring("grant = [@@3, \"main\"]"), &[("SYS-KIND", "grant = [")]);
    expect(&ring(&format!("{granted}\nquota = @@3")), &[("SYS-KIND", "quota = {")]);
    // Nothing is said of what else such a Ring may lack: it is not known what it has.
    expect(&format!("{RINGS}[ring]\nother = @@3\n"), &[("SYS-KIND", "[ring.NAME]")]);
    expect("oro = 1\nring = @@[]\n", &[("SYS-KIND", "[ring.NAME]")]);
    let lost = format!(
        "[modules]\nwatch = \"w\"\n{}{}{}",
        instance("instance.t", "watch"),
        wire("r/clock.now", "t.time"),
        wire("t.lines", "r/i.x")
    );
    expect(&format!("oro = 1\nring.r = @@3\n{lost}"), &[("SYS-KIND", "[ring.NAME]")]);
    expect(&format!("oro = 1\nring.r.ring = @@3\n{lost}"), &[("SYS-KIND", "[ring.NAME]")]);
    expect(&format!("oro = 1\nring.r.grant = @@3\n{lost}"), &[("SYS-KIND", "grant = [")]);
    expect(&format!("oro = 1\nring.r.instance = @@3\n{lost}"), &[("SYS-KIND", "[instance.NAME]")]);
    expect(&format!("oro = 1\nring = @@3\n{lost}"), &[("SYS-KIND", "[ring.NAME]")]);
}

#[test]
fn sys_1_wires_stand_at_the_top_level() {
    let text = change(&[(
        "[[wire]]\nfrom = \"sandbox/clock.now\"",
        "[[ring.sandbox.@@wire]]\nfrom = \"clock.now\"",
    )]);
    expect(&text, &[("SYS-UNKNOWN-KEY", "top level")]);
    let text = change(&[("module = \"source\"", "module = \"source\"\n@@grant = [\"clock\"]")]);
    expect(&text, &[("SYS-UNKNOWN-KEY", "[ring.NAME]")]);
    let quota = "module = \"source\"\nquota = { @@ports = 1, @@threads = 1 }";
    let text = change(&[("module = \"source\"", quota)]);
    expect(&text, &[("SYS-UNKNOWN-KEY", "Ring's quota"); 2]);
    let text = change(&[("grant = [\"main\"]", "grant = [\"main\"]\nquota = { @@heap = 1 }")]);
    expect(&text, &[("SYS-UNKNOWN-KEY", "instance's quota")]);
}

#[test]
fn sys_1_rings_that_nothing_is_in_are_warned_of() {
    expect(&change(&[("[[wire]]", "[ring.@@empty]\n[[wire]]")]), &[("SYS-UNUSED", "leave it out")]);
    let text = change(&[("[[wire]]", "[ring.a.ring.@@b]\n[[wire]]")]);
    expect(&text, &[("SYS-UNUSED", "[ring.a.ring.b.instance.NAME]")]);
    expect("@@oro = 1\n[ring.a]\n", &[("SYS-EMPTY", "")]);
}

#[test]
fn sys_3_instances_of_a_ring_are_checked_like_all() {
    let module = |text: &str| change(&[("module = \"source\"", text)]);
    expect(&module("module = @@\"sorce\""), &[("SYS-UNKNOWN-MODULE", "`source`?")]);
    expect(&module("module = \"source\"\n@@color = 1"), &[("SYS-UNKNOWN-KEY", "`module`")]);
    let text = module("").replace("instance.x]", "instance.@@x]");
    expect(&text, &[("SYS-MISSING", "module = ")]);
    assert_eq!(messages(&text), ["an instance has no `module`"]);
    let text = module("module = \"source\"\nquota = { memory = @@143359 }");
    expect(&text, &[("SYS-QUOTA", "143360 and the image")]);
    assert_eq!(messages(&text), ["`sandbox/inner/x` needs more memory than its quota"]);
    let text = module("module = \"source\"\nparams = { @@a = 1 }");
    expect(&text, &[("SYS-UNKNOWN-PARAM", "no parameters")]);
    assert_eq!(messages(&text), ["`sandbox/inner/x` has no parameter `a`"]);
    let text =
        change(&[("[[wire]]", "[ring.sandbox.instance.@@y]\nmodule = \"source\"\n[[wire]]")]);
    expect(&text, &[("SYS-UNWIRED", "from = \"sandbox/y.out\"")]);
    assert_eq!(messages(&text), ["`sandbox/y.out` is not wired"]);
    let tuned = "[instance.@@y]\nmodule = \"tuned\"\n";
    let text = change(&[
        ("[modules]", "[modules]\ntuned = \"t\""),
        ("[[wire]]", "[[wire]]\nfrom = \"sandbox/y.out\"\nto = \"null.bytes\"\n[[wire]]"),
        ("[[wire]]", &format!("{}[[wire]]", tuned.replace("[", "[ring.sandbox."))),
    ]);
    expect(&text, &[("SYS-MISSING-PARAM", "count = 1")]);
    assert_eq!(messages(&text), ["`sandbox/y` needs the parameter `count`"]);
}

#[test]
fn sys_10_restarts_and_options_of_wires_are_those_of_the_top() {
    let restart = "module = \"source\"\nrestart = { on = \"fault\" }";
    let options = "main.request[2]\"\nslots = 4\non_restart = \"drop\"\nmode = \"synchronous\"";
    let plan =
        expect(&change(&[("module = \"source\"", restart), ("main.request[2]\"", options)]), &[]);
    let plan = plan.expect("it is right");
    let PlanRestart { on, max, .. } = plan.instances[2].restart;
    assert_eq!((on, max), (RestartOn::Fault, 3));
    let port = &plan.ports[2];
    assert!(port.drops_at_restart && port.is_forced_synchronous && port.slot_count == 4);
    let restart = "module = \"source\"\nrestart = { on = @@\"falut\" }";
    expect(&change(&[("module = \"source\"", restart)]), &[("SYS-RESTART", "\"fault\"?")]);
}

#[test]
fn ring_1_names() {
    let named = |name: &str| change(&[("[[wire]]", &format!("[ring.{name}]\n[[wire]]"))]);
    expect(&named("@@\"a b\""), &[("SYS-NAME", "NOTE-6")]);
    expect(&named("@@clock"), &[("SYS-NAME", "another name")]);
    expect(&named("@@ring"), &[("SYS-NAME", "another name")]);
    expect(&named(&format!("@@{}", "r".repeat(32))), &[("SYS-NAME", "31 characters")]);
    let clock = before_wires(RINGS, &instance("ring.sandbox.instance.@@clock", "bare"));
    expect(&add_module(&clock, "bare"), &[("SYS-NAME", "another name")]);
    // Names are unique in their Ring alone: `main` is one in `inner` already, `time` is not.
    let with = |table: &str, end: &str| {
        let more = instance(table, "source") + &wire(&end.replace("@@", ""), "null.bytes");
        before_wires(RINGS, &more)
    };
    let inner = "ring.sandbox.ring.inner";
    expect(&with("ring.@@main.instance.x", "main/x.out"), &[("SYS-DUPLICATE", "another name")]);
    let time = with("ring.sandbox.ring.@@time.instance.x", "sandbox/time/x.out");
    expect(&time, &[("SYS-DUPLICATE", "another name")]);
    expect(&with(&format!("{inner}.ring.time.instance.x"), "sandbox/inner/time/x.out"), &[]);
    let main = with(&format!("{inner}.ring.@@main.instance.x"), "sandbox/inner/main/x.out");
    expect(&main, &[("SYS-DUPLICATE", "another name")]);
    let text = with("ring.sandbox.instance.@@main", "sandbox/main.out");
    expect(&text, &[("SYS-DUPLICATE", "another name")]);
    let (text, _) = split_marks(&text);
    let found = &check(text.as_bytes()).1[0];
    assert_eq!(found.message, "an instance and a grant of `sandbox` have the name `main`");
    let places: Vec<_> = found.labels.iter().map(|label| &text[label.span.clone()]).collect();
    assert_eq!(places, ["main", "\"main\""]);
}

/// `[ring.r1.ring.r2...]`, so deep.
fn nest(depth: usize) -> String {
    (1..=depth).map(|level| format!("ring.r{level}")).collect::<Vec<_>>().join(".")
}

#[test]
fn ring_1_rings_lie_at_most_8_deep() {
    let deep = |depth: usize| {
        let path: String = (1..=depth).map(|level| format!("r{level}/")).collect();
        format!(
            "oro = 1\n[modules]\nsource = \"s\"\n[{}.instance.x]\nmodule = \"source\"\n[[wire]]\n\
             from = \"{path}x.out\"\nto = \"null.bytes\"\n",
            nest(depth)
        )
    };
    let plan = expect(&deep(8), &[]).expect("it is right");
    assert_eq!(plan.path(0), "r1/r2/r3/r4/r5/r6/r7/r8/x");
    assert_eq!(plan.ancestry(8).collect::<Vec<_>>(), [8, 7, 6, 5, 4, 3, 2, 1, 0]);
    // Those in it are too deep as well, which follows.
    expect(&deep(11).replacen(".r9", ".@@r9", 1), &[("SYS-LIMIT", "8 deep")]);
}

#[test]
fn ring_1_a_system_has_at_most_1024_rings() {
    let many = |count: usize, mark: &str| {
        let rings = (1..=count).map(|number| {
            let mark = if number == 1024 { mark } else { "" };
            let wire = wire(&format!("r{number}/x.out"), "null.bytes");
            instance(&format!("ring.{mark}r{number}.instance.x"), "source") + &wire
        });
        format!("oro = 1\n[modules]\nsource = \"s\"\n{}", rings.collect::<String>())
    };
    let plan = expect(&many(1023, ""), &[]).expect("it is right");
    assert_eq!((plan.rings.len(), plan.instances.len()), (1023, 1023));
    expect(&many(1025, "@@"), &[("SYS-LIMIT", "1024 Rings")]);
}

#[test]
fn sys_3_instances_of_all_rings_count() {
    let many = |count: usize, mark: &str| {
        let instances = (1..=count).map(|number| {
            let (ring, mark) = (number % 7, if number == 4097 { mark } else { "" });
            format!("[ring.r{ring}.instance.{mark}i{number}]\nmodule = \"bare\"\n")
        });
        format!("oro = 1\n[modules]\nbare = \"b\"\n{}", instances.collect::<String>())
    };
    let plan = expect(&many(4096, ""), &[]).expect("it is right");
    assert_eq!(plan.instances[4095].name, "i4096");
    expect(&many(4098, "@@"), &[("SYS-LIMIT", "4096 instances")]);
}

#[test]
fn ring_6_grants_are_what_the_parent_has() {
    let first = |text: &str| change(&[("\"clock\", \"main\"", text)]);
    assert_eq!(grants(RINGS, 1), [grant("clock", None), grant("main", Some(0))]);
    assert_eq!(
        grants(&first("\"null\", \"main\", \"files\", \"clock\", \"console\""), 1),
        [
            grant("clock", None),
            grant("console", None),
            grant("files", None),
            grant("main", Some(0)),
            grant("null", None),
        ]
    );
    expect(&first("\"clock\", \"main\", @@\"zzzz\""), &[("SYS-GRANT", "`clock`, `console`")]);
    expect(&first("\"clock\", @@\"mian\""), &[("SYS-GRANT", "did you mean `main`?")]);
    expect(&first("@@\"clokc\", \"main\""), &[("SYS-GRANT", "did you mean `clock`?")]);
    expect(&first("@@\"clock.now\", \"main\""), &[("SYS-GRANT", "did you mean `clock`?")]);
    expect(&first("\"clock\", \"main\", @@\"\""), &[("SYS-GRANT", "has `main`")]);
    expect(&first("\"clock\", \"main\", @@\"time\""), &[("SYS-GRANT", "leave the grant out")]);
    expect(&first("\"clock\", \"main\", @@\"entropy\""), &[("SYS-NOT-YET", "`null`")]);
    expect(&first("\"clock\", \"main\", @@\"sandbox\""), &[("SYS-GRANT", "`sandbox` is a Ring")]);
    assert_eq!(
        messages(&first("\"clock\", \"main\", @@\"zzzz\"")),
        ["the root Ring has no `zzzz` that `sandbox` could be granted"]
    );
}

#[test]
fn ring_6_a_grant_can_be_granted_onwards() {
    let plan = expect(RINGS, &[]).expect("it is right");
    assert_eq!(plan.rings[1].grants, [grant("main", Some(0))]);
    let PlanEnd::Instance { instance, element, .. } = plan.ports[2].consumer else { panic!() };
    assert_eq!((instance, element), (0, 2));
    let inner = |text: &str| change(&[("grant = [\"main\"]", text)]);
    let own = inner("grant = [\"main\", \"time\", \"clock\"]");
    let all = [grant("clock", None), grant("main", Some(0)), grant("time", Some(1))];
    assert_eq!(grants(&own, 2), all);
    // What the parent has not been granted it cannot grant; nor what lies in another Ring.
    expect(
        &inner("grant = [\"main\", @@\"null\"]"),
        &[("SYS-GRANT", "`grant` of `[ring.sandbox]`")],
    );
    expect(&inner("grant = [@@\"mian\"]"), &[("SYS-GRANT", "`main`?")]);
    expect(
        &inner("grant = [\"main\", @@\"zzzz\"]"),
        &[("SYS-GRANT", "has `time`, `clock`, `main`")],
    );
    // A mistake is reported where it is, not where it is granted on.
    let text = change(&[
        ("\"clock\", \"main\"", "\"clock\", \"main\", @@\"zzzz\""),
        ("grant = [\"main\"]", "grant = [\"main\", \"zzzz\"]"),
    ]);
    expect(&text, &[("SYS-GRANT", "")]);
    let text = change(&[
        ("\"clock\", \"main\"", "\"clock\", @@\"mian\""),
        ("grant = [\"main\"]", "grant = [\"mian\"]"),
        ("inner/main.request[2]", "inner/mian.request[2]"),
    ]);
    expect(&text, &[("SYS-GRANT", "`main`?")]);
    // What is wrong apart from the grant is reported all the same.
    expect(
        &change(&[
            ("\"clock\", \"main\"", "\"clock\""),
            ("grant = [\"main\"]", "grant = [@@\"main\"]"),
            ("inner/main.request[2]", "inner/main.request@@[3]"),
        ]),
        &[
            ("SYS-GRANT", "add `\"main\"` to `grant` of `[ring.sandbox]`"),
            ("SYS-ELEMENT", "0 to 2"),
        ],
    );
}

#[test]
fn ring_6_nothing_is_granted_twice() {
    let text = change(&[("\"clock\", \"main\"", "\"clock\", \"main\", @@\"clock\", @@\"main\"")]);
    expect(&text, &[("SYS-DUPLICATE", "leave it out"); 2]);
    assert_eq!(messages(&text)[0], "`clock` is granted to `sandbox` twice");
    let none = change(&[("\"clock\", \"main\"", "\"clock\", \"main\", @@\"zz\", @@\"zz\"")]);
    expect(&none, &[("SYS-GRANT", "has `main`"), ("SYS-DUPLICATE", "leave it out")]);
    let (text, _) = split_marks(&text);
    let labels = &check(text.as_bytes()).1[0].labels;
    let column = |index: usize| oro_system::line_column(&text, labels[index].span.start).1;
    assert_eq!((column(0), column(1)), (27, 10));
}

#[test]
fn ring_8_ends_are_paths_from_the_root() {
    let to = |end: &str| change(&[("\"sandbox/time.time\"", end)]);
    expect(&to("\"@@sandbux/time.time\""), &[("SYS-UNKNOWN-RING", "did you mean `sandbox`?")]);
    let text = to("\"sandbox/@@innre/x.y\"");
    let text = text.replace("[ring.sandbox.instance.time]", "[ring.sandbox.instance.@@time]");
    expect(
        &text,
        &[("SYS-UNWIRED", "sandbox/time.time"), ("SYS-UNKNOWN-RING", "did you mean `inner`?")],
    );
    let wire = |from: &str| {
        change(&[("[[wire]]", &format!("[[wire]]\nfrom = {from}\nto = \"null.bytes\"\n[[wire]]"))])
    };
    expect(&wire("\"@@zzzz/x.y\""), &[("SYS-UNKNOWN-RING", "the Rings are `sandbox`")]);
    expect(&wire("\"sandbox/@@zzzz/x.y\""), &[("SYS-UNKNOWN-RING", "its Rings are `inner`")]);
    expect(&wire("\"sandbox/inner/@@zzzz/x.y\""), &[("SYS-UNKNOWN-RING", "its Rings are none")]);
    expect(
        &wire("\"sandbox/@@zzzz.out\""),
        &[("SYS-UNKNOWN-INSTANCE", "has `time`, `clock`, `main`")],
    );
    expect(
        &wire("\"sandbox/@@inner.out\""),
        &[("SYS-UNKNOWN-INSTANCE", "`sandbox/inner/NAME.out`")],
    );
    expect(&wire("\"@@sandbox.out\""), &[("SYS-UNKNOWN-INSTANCE", "`sandbox/NAME.out`")]);
    expect(&wire("\"@@time.lines\""), &[("SYS-UNKNOWN-INSTANCE", "`main`")]);
    assert_eq!(messages(&wire("\"sandbox/@@zzzz.out\"")), ["`sandbox` has no instance `zzzz`"]);
    assert_eq!(messages(&wire("\"sandbox/@@zzzz/x.out\"")), ["`sandbox` has no Ring `zzzz`"]);
    expect(&wire("@@\"/sandbox/x.y\""), &[("SYS-ENDPOINT", "ring/instance.port")]);
    expect(&wire("@@\"sandbox//x.y\""), &[("SYS-ENDPOINT", "ring/instance.port")]);
    expect(&wire("@@\"sandbox/x.y/z\""), &[("SYS-ENDPOINT", "ring/instance.port")]);
    expect(&wire("@@\"sandbox/.y\""), &[("SYS-ENDPOINT", "ring/instance.port")]);
    expect(&wire("\"sandbox/time.@@zzzz\""), &[("SYS-UNKNOWN-PORT", "`lines`")]);
    assert_eq!(messages(&wire("\"sandbox/time.@@zzzz\"")), ["`sandbox/time` has no port `zzzz`"]);
    // A misspelt end is not called unwired as well.
    let text = to("\"sandbox/@@tiem.time\"");
    expect(&text, &[("SYS-UNKNOWN-INSTANCE", "`time`?")]);
    let text = change(&[("\"sandbox/inner/x.out\"", "\"sandbox/@@inne/x.out\"")]);
    expect(&text, &[("SYS-UNKNOWN-RING", "`inner`?")]);
    let text = change(&[("to = \"sandbox/time.time\"", "to = \"sandbox/time.@@tiem\"")]);
    expect(&text, &[("SYS-UNKNOWN-PORT", "`time`?")]);
}

/// The author has the root Ring's authority: a path from the root needs no grant.
#[test]
fn ring_8_a_path_from_the_root_needs_no_grant() {
    let text = change(&[
        ("grant = [\"clock\", \"main\"]", ""),
        ("grant = [\"main\"]", ""),
        ("sandbox/clock.now", "clock.now"),
        ("sandbox/inner/main.request", "main.request"),
    ]);
    let plan = expect(&text, &[]).expect("it is right");
    assert!(plan.rings.iter().all(|ring| ring.grants.is_empty()));
    assert_eq!(plan.ports, expect(RINGS, &[]).expect("it is right").ports);
}

#[test]
fn ring_8_a_remounted_name_needs_the_grant() {
    let sandbox = |text: &str| change(&[("grant = [\"clock\", \"main\"]", text)]);
    let text = change(&[
        ("[\"clock\", \"main\"]", "[\"main\"]"),
        ("\"sandbox/clock", "\"sandbox/@@clock"),
    ]);
    expect(
        &text,
        &[("SYS-GRANT", "`main` is granted to it: add `\"clock\"` to `grant` of `[ring.sandbox]`")],
    );
    assert_eq!(messages(&text), ["`clock` is not granted to `sandbox`"]);
    let text = change(&[("[\"main\"]", "[]"), ("\"sandbox/inner/main", "\"sandbox/inner/@@main")]);
    expect(
        &text,
        &[(
            "SYS-GRANT",
            "nothing is granted to it: add `\"main\"` to `grant` of `[ring.sandbox.ring.inner]`",
        )],
    );
    // It may be that the one who grants has not been granted it.
    let text = change(&[("[\"clock\", \"main\"]", "[\"main\"]"), ("sandbox/clock", "clock")]);
    let more = instance("ring.sandbox.ring.inner.instance.w", "watch")
        + &wire("sandbox/inner/w.lines", "console.log")
        + "[[wire]]\nfrom = \"sandbox/inner/@@clock.now\"\nto = \"sandbox/inner/w.time\"\n";
    expect(
        &before_wires(&text, &more),
        &[("SYS-GRANT", "of `[ring.sandbox.ring.inner]`, and first to that of `[ring.sandbox]`")],
    );
    // What is misspelt there is not missing here.
    expect(&sandbox("grant = [@@\"clokc\", \"main\"]"), &[("SYS-GRANT", "`clock`?")]);
    let text = change(&[("\"sandbox/clock.now\"", "\"sandbox/@@entropy.now\"")]);
    expect(&text, &[("SYS-NOT-YET", "built-in instances are")]);
    let text = change(&[("sandbox/clock.now", "sandbox/clock.@@then")]);
    expect(&text, &[("SYS-UNKNOWN-PORT", "`now`")]);
    assert_eq!(messages(&text), ["`sandbox/clock` has no port `then`"]);
}

#[test]
fn ring_8_what_is_remounted_is_wired_within_its_ring() {
    let outside = |from: &str, to: &str| {
        let out = instance("instance.out", "watch") + &wire("out.lines", "console.log");
        before_wires(RINGS, &(out + &wire(from, to)))
    };
    expect(&outside("clock.now", "out.time"), &[]);
    let text = outside("sandbox/clock.now", "@@out.time");
    expect(&text, &[("SYS-GRANT", "`clock.now`")]);
    assert_eq!(messages(&text), ["`sandbox/clock.now` is wired to an end outside of `sandbox`"]);
    // A Ring in the Ring is within it; what is around it is not.
    let inside = |from: &str, to: &str| {
        let text = change(&[("grant = [\"main\"]", "grant = [\"main\", \"clock\"]")]);
        let inner = "ring.sandbox.ring.inner.instance.w";
        let more = instance("ring.sandbox.instance.v", "watch")
            + &instance(inner, "watch")
            + &wire("sandbox/v.lines", "console.log")
            + &wire("sandbox/inner/w.lines", "console.log");
        let other = if to.contains("/v.") { "sandbox/inner/w.time" } else { "sandbox/v.time" };
        before_wires(&text, &(more + &wire("clock.now", other) + &wire(from, to)))
    };
    expect(&inside("sandbox/clock.now", "sandbox/inner/w.time"), &[]);
    expect(&inside("sandbox/inner/clock.now", "sandbox/inner/w.time"), &[]);
    let text = inside("sandbox/inner/clock.now", "@@sandbox/v.time");
    expect(&text, &[("SYS-GRANT", "`clock.now`")]);
    // A remounted instance is not in the Ring, and a built-in one is in none.
    let two = |from: &str, to: &str| {
        let text = change(&[("[\"clock\"", "[\"null\", \"clock\"")]);
        before_wires(&text, &wire(from, to))
    };
    let origin = [("SYS-GRANT", "`main.answer[0]`")];
    expect(&two("sandbox/main.answer[0]", "@@null.bytes"), &origin);
    expect(&two("sandbox/main.answer[0]", "@@sandbox/null.bytes"), &origin);
    let text = two("@@sandbox/null.bytes", "sandbox/null.bytes");
    expect(&text, &[("SYS-BUILT-IN-PAIR", "SYS-5")]);
}

#[test]
fn ring_8_a_remount_is_the_instance_itself() {
    let more = instance("instance.s", "source") + &wire("s.out", "main.request[2]");
    let text = before_wires(RINGS, &more)
        .replace("\"sandbox/inner/main.request", "@@\"sandbox/inner/main.request");
    expect(&text, &[("SYS-WIRED-TWICE", "SYS-5")]);
    expect(
        &change(&[("sandbox/inner/main.request[2]", "sandbox/inner/main.request@@[3]")]),
        &[("SYS-ELEMENT", "0 to 2")],
    );
    let text = change(&[
        ("\"sandbox/inner/main.request[2]\"", "@@\"sandbox/inner/main.answer[2]\""),
        ("instance.main", "instance.@@main"),
    ]);
    expect(&text, &[("SYS-UNWIRED", "main.request[0]"), ("SYS-DIRECTION", "`from`")]);
}

#[test]
fn ring_6_a_ring_has_at_most_4096_grants() {
    let with = |count: usize, more: &str| {
        let names: String = (0..count).map(|index| format!("\"i{index}\", ")).collect();
        let text = change(&[("\"clock\", \"main\"", &format!("{names}\"clock\", \"main\"{more}"))]);
        let instances = (0..count).map(|index| instance(&format!("instance.i{index}"), "bare"));
        before_wires(&add_module(&text, "bare"), &instances.collect::<String>())
    };
    // With those of `RINGS` there are 4096 instances.
    assert_eq!(grants(&with(4093, ", \"null\""), 1).len(), 4096);
    expect(&with(4093, ", \"null\", @@\"files\""), &[("SYS-LIMIT", "4096 grants to one Ring")]);
}
