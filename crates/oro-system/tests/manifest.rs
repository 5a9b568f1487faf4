//! Manifests that are wrong: each finding's code and place, and nothing beside it (`SYS-1`).

mod common;
#[path = "common/marks.rs"]
mod marks;

use common::check;
use marks::{expect, split_marks};
use oro_system::{Diagnostic, PlanRestart, RestartOn, line_column};

const FILTER: &str = "oro = 1\n[modules]\nfilter = \"f.elf\"\n[instance.f]\nmodule = \"filter\"\n";

/// A filter between the console's ends, with a change.
fn filter(first: &str, second: &str) -> String {
    format!(
        "{FILTER}[[wire]]\nfrom = \"console.stdin\"\nto = \"f.input\"\n{first}\n[[wire]]\n\
         from = \"f.output\"\nto = \"console.stdout\"\n{second}\n"
    )
}

/// Modules, each with an instance of its own name, then wires.
fn system(modules: &[&str], wires: &str) -> String {
    let mut text = "oro = 1\n[modules]\n".to_owned();
    for module in modules {
        text += &format!("{module} = \"m/{{arch}}/{module}.elf\"\n");
    }
    for module in modules {
        text += &format!("[instance.{module}]\nmodule = \"{module}\"\n");
    }
    for wire in wires.split(';').filter(|wire| !wire.trim().is_empty()) {
        let (ends, rest) = wire.split_once(',').unwrap_or((wire, ""));
        let (from, to) = ends.split_once("->").expect("from -> to");
        let [from, to] = [from, to].map(str::trim);
        text += &format!("[[wire]]\nfrom = {from}\nto = {to}\n{}\n", rest.trim());
    }
    text
}

#[test]
fn sys_1_a_good_manifest_has_no_findings() {
    expect(&filter("", ""), &[]);
}

#[test]
fn sys_1_all_findings_come_in_one_run() {
    let text = r#"oro = 1
@@instnace.x.module = "filter"
[modules]
filter = @@"m/{cpu}/f.elf"
relay = "r.elf"
sink = "s.elf"
[instance.@@r]
module = "relay"
[instance.s]
module = @@"snik"
[instance.@@t]
module = "sink"
quota = { heap = @@"64KB" }
@@color = 1
[[wire]]
from = "r.out"
to = "@@q.in"
[[wire]]
from = "r.@@outt"
to = "s.in"
slots = @@12
"#;
    let findings = [
        ("SYS-UNKNOWN-KEY", "`instance`"),
        ("SYS-PATH", "{arch}"),
        ("SYS-UNWIRED", "r.in"),
        ("SYS-UNKNOWN-MODULE", "`sink`"),
        ("SYS-UNWIRED", "t.in"),
        ("SYS-SIZE", "64K"),
        ("SYS-UNKNOWN-KEY", "`module`"),
        ("SYS-UNKNOWN-INSTANCE", "`r`, `s`, `t`"),
        ("SYS-UNKNOWN-PORT", "`out`"),
        ("SYS-SLOTS", "LIM-3"),
    ];
    expect(text, &findings);
    // The places once more, as numbers: what a person reads.
    let (text, _) = split_marks(text);
    let place = |found: &Diagnostic| line_column(&text, found.labels[0].span.start);
    let places: Vec<_> = check(text.as_bytes()).1.iter().map(place).collect();
    let known = [
        (2, 1),
        (4, 10),
        (7, 11),
        (10, 10),
        (11, 11),
        (13, 18),
        (14, 1),
        (17, 7),
        (19, 11),
        (21, 9),
    ];
    assert_eq!(places, known);
}

#[test]
fn sys_1_text_that_is_no_toml() {
    expect(&filter("slots = @@", ""), &[("SYS-SYNTAX", "")]);
    expect(&filter("slots @@16", "slots = @@,"), &[("SYS-SYNTAX", ""), ("SYS-SYNTAX", "")]);
    let codes = |text: &[u8]| check(text).1.iter().map(|found| found.code).collect::<Vec<_>>();
    assert_eq!(codes(b"oro = 1\n[modules\n"), ["SYS-SYNTAX"]);
    assert_eq!(codes(&[b'['; 1000])[0], "SYS-SYNTAX");
    assert_eq!(codes(b""), ["SYS-VERSION"]);
}

#[test]
fn sys_1_invalid_utf_8_has_a_place() {
    let mut text = filter("", "").into_bytes();
    let offset = text.windows(5).position(|window| window == b"f.elf").unwrap();
    text[offset] = 0xff;
    text.extend(b"# \xe2\x82\n[[wire]]\nfrom = 1\nto = 'f.input'\n");
    let (plan, found) = check(&text);
    assert_eq!(plan, None);
    let codes: Vec<_> = found.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["SYS-ENCODING", "SYS-ENCODING", "SYS-KIND", "SYS-WIRED-TWICE"]);
    assert_eq!(found[0].labels[0].span, offset..offset + 1);
}

#[test]
fn sys_1_ten_megabytes_are_refused_at_once() {
    let mut text = filter("", "");
    text += &"# ten megabytes\n".repeat(10 << 16);
    assert!(text.len() > 10 << 20);
    let start = std::time::Instant::now();
    let (plan, found) = check(text.as_bytes());
    assert_eq!((plan, found.len(), found[0].code), (None, 1, "SYS-TOO-LARGE"));
    assert!(start.elapsed() < std::time::Duration::from_millis(100), "{:?}", start.elapsed());
}

#[test]
fn sys_1_versions_and_sections() {
    expect(&filter("", "").replace("oro = 1", "oro = @@2"), &[("SYS-VERSION", "oro = 1")]);
    expect(&filter("", "").replace("oro = 1", "oro = @@\"1\""), &[("SYS-VERSION", "oro = 1")]);
    expect(&filter("", "").replace("oro = 1", "@@# none"), &[("SYS-VERSION", "oro = 1")]);
    expect("oro = 1\nmodules = @@3\n", &[("SYS-KIND", "[modules]")]);
    expect("oro = 1\ninstance = @@[]\n", &[("SYS-KIND", "[instance.NAME]")]);
    expect("oro = 1\nwire = [@@1, @@2]\n", &[("SYS-KIND", "[[wire]]"), ("SYS-KIND", "[[wire]]")]);
    expect("@@oro = 1\n", &[("SYS-EMPTY", "[instance.NAME]")]);
    expect(
        "oro = 1\n@@[wire]\nfrom = \"@@a.b\"\nto = \"console.stdout\"\n",
        &[("SYS-KIND", "two brackets"), ("SYS-UNKNOWN-INSTANCE", "")],
    );
}

#[test]
fn sys_1_what_is_given_twice() {
    expect(&filter("slots = 1\n@@slots = 2", ""), &[("SYS-DUPLICATE", "keep one")]);
    expect(
        &filter("mode = \"auto\"\n@@mode = \"synchronous\"", ""),
        &[("SYS-DUPLICATE", "keep one")],
    );
    let twice = filter("", "").replace(
        "[[wire]]\nfrom = \"c",
        "[instance.@@f]\nmodule = \"filter\"\n[[wire]]\nfrom = \"c",
    );
    expect(&twice, &[("SYS-DUPLICATE", "another name")]);
    let twice =
        filter("", "").replace("filter = \"f.elf\"", "filter = \"f.elf\"\n@@filter = \"g\"");
    expect(&twice, &[("SYS-DUPLICATE", "another name")]);
}

#[test]
fn sys_1_what_is_not_supported_yet_is_said_so() {
    let text = filter("", "")
        .replace("oro = 1", "oro = 1\n@@include = \"x.toml\"")
        .replace("module = \"filter\"", "module = \"filter\"\n@@device = 4");
    let text = text + "[@@platform.bare]\ncpus = 4\n";
    expect(&text, &[("SYS-NOT-YET", "leave it out"); 3]);
    expect(
        &system(&["source"], "\"source.out\" -> \"@@entropy.control\""),
        &[("SYS-NOT-YET", "built-in instances are")],
    );
}

#[test]
fn sys_2_modules() {
    let with = |module: &str| filter("", "").replace("\"f.elf\"", module);
    expect(&with("@@3"), &[("SYS-KIND", "ELF file")]);
    expect(&with("@@\"\""), &[("SYS-PATH", "relative")]);
    expect(&with("@@\"m/{arhc}/f.elf\""), &[("SYS-PATH", "{arch}")]);
    expect(&with("@@\"a\\u0000\""), &[("SYS-PATH", "no file")]);
    expect(&with("{ @@sorce = \"f.c\" }"), &[("SYS-UNKNOWN-KEY", "`source`")]);
    expect(&with("{ source = @@\"{arch}.c\" }"), &[("SYS-PATH", "every architecture")]);
    expect(&with("{ source = @@1 }"), &[("SYS-KIND", "source")]);
    expect(&with("{ }").replace("filter = {", "@@filter = {"), &[("SYS-MISSING", "source")]);
    expect(&with("{ source = \"modules/f\" }"), &[]);
    expect(&with("\"f.elf\"\n@@\"f f\" = \"f.elf\""), &[("SYS-NAME", "NOTE-6")]);
    expect(&with("\"f.elf\"\nsource = @@\"s.elf\""), &[("SYS-UNUSED", "leave it out")]);
}

#[test]
fn sys_3_instances() {
    let with = |module: &str| filter("", "").replace("module = \"filter\"", module);
    expect(&with("module = @@\"fliter\""), &[("SYS-UNKNOWN-MODULE", "`filter`")]);
    expect(&with("module = @@\"zzz\""), &[("SYS-UNKNOWN-MODULE", "has `filter`")]);
    expect(&with("").replace("[instance.f]", "[instance.@@f]"), &[("SYS-MISSING", "module")]);
    expect(&with("@@modul = \"filter\""), &[("SYS-UNKNOWN-KEY", "`module`")]);
    expect(&with("module = @@[]"), &[("SYS-KIND", "module = ")]);
    let named = |name: &str| {
        let modules = "oro = 1\n[modules]\nlegacy = \"l\"\n";
        format!("{modules}[instance.{name}]\nmodule = \"legacy\"\n")
    };
    expect(&named("@@console"), &[("SYS-NAME", "another name")]);
    expect(&named("@@entropy"), &[("SYS-NAME", "another name")]);
    expect(&named("@@\"a b\""), &[("SYS-NAME", "NOTE-6")]);
    expect(&named(&format!("@@{}", "a".repeat(32))), &[("SYS-NAME", "31 characters")]);
    expect(&named(&"a".repeat(31)), &[]);
}

#[test]
fn sys_4_ends() {
    let to = |end: &str| {
        system(
            &["server", "source"],
            &format!("\"source.out\" -> {end}; \"null.bytes\" -> \"server.zzz\""),
        )
    };
    for end in [
        "",
        "server",
        "server.",
        ".x",
        "a.b.c",
        "server.request[",
        "server.request[x]",
        "server.request[+1]",
        "server.request[1]x",
        "server.request[-1]",
        "server.request[99999999999]",
        "server.r\u{e4}quest",
    ] {
        let (text, _) = split_marks(&to(&format!("@@\"{end}\"")));
        let found = check(text.as_bytes()).1;
        let place = line_column(&text, found[0].labels[0].span.start);
        assert_eq!((found[0].code, place), ("SYS-ENDPOINT", (11, 6)), "{end}");
    }
    let one = |wire: &str| system(&["server", "source"], wire);
    expect(&one("\"source.out\" -> @@\"server.request\""), &[("SYS-ELEMENT", "server.request[0]")]);
    expect(&one("\"source.out\" -> \"server.request@@[3]\""), &[("SYS-ELEMENT", "0 to 2")]);
    expect(&one("\"source.out\" -> \"server.request[2]\""), &[]);
    expect(
        &one("\"source.out\" -> \"server.request@@[3]\"").replace("out\"", "out[0]\""),
        &[("SYS-ELEMENT", "0 to 2")],
    );
    expect(&one("\"source.out@@[1]\" -> \"server.request[0]\""), &[("SYS-ELEMENT", "no array")]);
    expect(
        &one("\"@@sorce.out\" -> \"server.request[0]\""),
        &[("SYS-UNKNOWN-INSTANCE", "`source`")],
    );
    expect(&one("\"source.@@outt\" -> \"server.request[0]\""), &[("SYS-UNKNOWN-PORT", "`out`")]);
    expect(
        &system(&["source", "sink"], "@@\"sink.in\" -> @@\"source.out\""),
        &[("SYS-DIRECTION", "`to`"), ("SYS-DIRECTION", "`from`")],
    );
    expect(
        &system(&["legacy"], "\"legacy.@@x\" -> \"null.bytes\""),
        &[("SYS-UNKNOWN-PORT", "none")],
    );
}

#[test]
fn sys_4_wires() {
    expect(&filter("@@slot = 4", ""), &[("SYS-UNKNOWN-KEY", "`slots`")]);
    expect(&filter("slots = @@0", ""), &[("SYS-SLOTS", "power of two")]);
    expect(&filter("slots = @@-16", ""), &[("SYS-SLOTS", "power of two")]);
    expect(&filter("slots = @@3", "slots = @@2097152"), &[("SYS-SLOTS", "LIM-3"); 2]);
    expect(&filter("slots = @@36893488147419103232", ""), &[("SYS-SLOTS", "LIM-3")]);
    expect(&filter("slots = @@\"16\"", ""), &[("SYS-KIND", "power of two")]);
    expect(&filter("slots = @@1048576", ""), &[("SYS-LIMIT", "65536 slots of 4096")]);
    expect(&filter("mode = @@\"synchronus\"", ""), &[("SYS-MODE", "\"synchronous\"?")]);
    expect(&filter("mode = @@\"asynchronous\"", ""), &[("SYS-MODE", "leave `mode` out")]);
    expect(&filter("mode = @@true", ""), &[("SYS-KIND", "auto")]);
    let lost = filter("", "").replace("to = \"f.input\"", "").replacen("[[wire]]", "@@[[wire]]", 1);
    expect(&lost, &[("SYS-MISSING", "to = ")]);
    let misspelt = filter("", "").replacen("to =", "@@too =", 1);
    expect(&misspelt, &[("SYS-UNKNOWN-KEY", "`to`")]);
}

#[test]
fn sys_5_ports_are_wired_once() {
    let text = system(&["filter"], "\"console.stdin\" -> \"filter.input\"");
    let text = text.replace("[instance.filter]", "[instance.@@filter]");
    expect(&text, &[("SYS-UNWIRED", "to = \"console.stdout\"")]);
    let text = system(&["sink", "watch", "server"], "");
    let text = text.replace("[instance.", "[instance.@@").replace("@@watch", "@@@@watch");
    expect(
        &text,
        &[
            ("SYS-UNWIRED", "produces `demo.num.v1{value:u64,}`"),
            ("SYS-UNWIRED", "from = \"clock.now\""),
            ("SYS-UNWIRED", "to = \"console.log\""),
            ("SYS-UNWIRED", "server.request[0]"),
        ],
    );
    expect(
        &system(
            &["source", "sink", "relay"],
            "\"source.out\" -> \"sink.in\"; \"relay.out\" -> @@\"sink.in\"; @@\"source.out\" -> \"relay.in\"",
        ),
        &[("SYS-WIRED-TWICE", "one producer"), ("SYS-WIRED-TWICE", "one consumer")],
    );
}

#[test]
fn sys_5_two_producers_show_both_wires() {
    let (text, _) = split_marks(&system(
        &["source", "sink", "pair"],
        "\"source.out\" -> \"sink.in\"; \"pair.a\" -> \"sink.in\"; \"null.bytes\" -> \"pair.x\"",
    ));
    let found = check(text.as_bytes()).1;
    let twice = found.iter().find(|found| found.code == "SYS-WIRED-TWICE").unwrap();
    let lines: Vec<_> =
        twice.labels.iter().map(|label| line_column(&text, label.span.start).0).collect();
    assert_eq!(lines, [18, 14]);
}

#[test]
fn sys_5_types_must_be_equal_and_both_are_shown() {
    let text = system(&["source", "sink32"], "@@\"source.out\" -> \"sink32.in\"");
    expect(&text, &[("SYS-TYPE", "`value:u64` and `value:u32`")]);
    let (text, _) = split_marks(&text);
    let found = &check(text.as_bytes()).1[0];
    assert_eq!(found.labels[0].text, "produces `demo.num.v1{value:u64,}`");
    assert_eq!(found.labels[1].text, "consumes `demo.num.v1{value:u32,}`");
    assert_eq!(line_column(&text, found.labels[1].span.start), (11, 6));
    expect(
        &system(&["source"], "@@\"source.out\" -> \"console.stdout\""),
        &[("SYS-TYPE", "`demo.num.v1` is not `oro.bytes.v1`")],
    );
    expect(
        &system(&["sink"], "@@\"null.bytes\" -> \"sink.in\""),
        &[("SYS-TYPE", "`oro.bytes.v1` is not `demo.num.v1`")],
    );
}

#[test]
fn sys_5_a_thread_is_not_wired_to_itself() {
    expect(
        &system(&["relay"], "@@\"relay.out\" -> \"relay.in\""),
        &[("SYS-SELF-WIRE", "two threads")],
    );
    expect(&system(&["pair"], "\"pair.a\" -> \"pair.b\""), &[]);
}

#[test]
fn sys_6_params_are_checked() {
    let with = |params: &str| {
        system(&["tuned"], "\"tuned.out\" -> \"null.bytes\"")
            .replace("module = \"tuned\"", &format!("module = \"tuned\"\nparams = {{ {params} }}"))
    };
    expect(&with("count = 3"), &[]);
    expect(&with("count = 0x10, encoding = \"\", shift = -9, fast = true"), &[]);
    expect(&with("").replace("[instance.", "[instance.@@"), &[("SYS-MISSING-PARAM", "how often")]);
    expect(&with("count = 3, @@encodin = \"hex\""), &[("SYS-UNKNOWN-PARAM", "`encoding`")]);
    expect(&with("@@cuont = 3"), &[("SYS-UNKNOWN-PARAM", "`count`")]);
    for wrong in [
        "-1",
        "\"3\"",
        "true",
        "1.5",
        "[]",
        "18446744073709551616",
        "1979-05-27",
        "999999999999999999999999999999999999999999",
    ] {
        expect(&with(&format!("count = @@{wrong}")), &[("SYS-PARAM-VALUE", "count = 1")]);
    }
    expect(&with("count = 18446744073709551615"), &[]);
    expect(&with("count = 1, shift = @@9223372036854775808"), &[("SYS-PARAM-VALUE", "shift = -1")]);
    expect(&with("count = 1, fast = @@1"), &[("SYS-PARAM-VALUE", "fast = true")]);
    expect(&with("count = 1, encoding = @@1"), &[("SYS-PARAM-VALUE", "encoding = \"text\"")]);
    let long = format!("count = 1, encoding = \"{}\"", "x".repeat(240));
    expect(&with(&long), &[]);
    let long = format!("count = 1, encoding = @@\"{}\"", "x".repeat(241));
    expect(&with(&long), &[("SYS-PARAM-VALUE", "248 bytes")]);
    expect(
        &with("count = 1").replace(
            "[[wire]]",
            "[[wire]]\nfrom = \"null.bytes\"\nto = @@\"tuned.params\"\n[[wire]]",
        ),
        &[("SYS-PARAM-PORT", "`params`")],
    );
    let none = system(&["source"], "\"source.out\" -> \"null.bytes\"");
    expect(
        &none.replace("[[", "params = { @@x = 1 }\n[["),
        &[("SYS-UNKNOWN-PARAM", "declares no parameters")],
    );
    expect(&none.replace("[[", "params = @@1\n[["), &[("SYS-KIND", "params = {")]);
    let odd = system(&["odd"], "\"odd.out\" -> \"null.bytes\"")
        .replace("[[", "params = { count = 1 }\n[[")
        .replace("[instance.", "[instance.@@");
    expect(&odd, &[("SYS-PARAM-VALUE", "shift = -1")]);
}

#[test]
fn sys_7_quotas() {
    let with = |quota: &str| {
        filter("", "")
            .replace("module = \"filter\"", &format!("module = \"filter\"\nquota = {quota}"))
    };
    expect(&with("{ heap = \"256K\", memory = 1048576 }"), &[]);
    expect(&with("{ heap = @@\"x\" }"), &[("SYS-SIZE", "\"64K\"")]);
    expect(&with("{ heap = @@-1, memory = @@1.5 }"), &[("SYS-SIZE", "64K"), ("SYS-KIND", "64K")]);
    expect(&with("{ heap = @@\"99999999999999G\" }"), &[("SYS-SIZE", "64K")]);
    expect(&with("{ heap = @@\"65G\" }"), &[("SYS-LIMIT", "64G")]);
    expect(&with("{ memory = @@0 }"), &[("SYS-QUOTA", "leave `memory` out")]);
    expect(&with("{ heap = \"1M\", memory = @@\"1M\" }"), &[("SYS-QUOTA", "stacks 131072")]);
    // Two stacks of 64K, two ends of two cells of 4K each, two queues of 16 such slots (SYS-3): one
    // byte less is too little.
    expect(&with("{ memory = 278528 }"), &[]);
    expect(&with("{ memory = @@278527 }"), &[("SYS-QUOTA", "278528 and the image")]);
    expect(&with("{ @@haep = 1 }"), &[("SYS-UNKNOWN-KEY", "`heap`")]);
    expect(&with("@@1"), &[("SYS-KIND", "quota = {")]);
}

#[test]
fn sys_10_restarts() {
    let with = |text: &str| {
        filter("", "").replace("module = \"filter\"", &format!("module = \"filter\"\n{text}"))
    };
    let policy = |text: &str| {
        let plan = expect(&with(&format!("restart = {text}")), &[]).expect("it is right");
        plan.instances[0].restart
    };
    let second = 1_000_000_000;
    assert_eq!(
        policy("{ on = \"fault\" }"),
        PlanRestart {
            on: RestartOn::Fault,
            max: 3,
            within_ns: 60 * second,
            backoff_ns: second / 100
        }
    );
    assert_eq!(
        policy("{ on = \"always\", max = 7, within = \"5s\", backoff = \"0s\" }"),
        PlanRestart { on: RestartOn::Always, max: 7, within_ns: 5 * second, backoff_ns: 0 }
    );
    let wrong = |text: &str, found: &[(&str, &str)]| {
        expect(&with(&format!("restart = {text}")), found);
    };
    wrong("@@{ max = 2 }", &[("SYS-MISSING", "on = \"fault\"")]);
    wrong("{ on = @@\"faults\" }", &[("SYS-RESTART", "did you mean \"fault\"?")]);
    wrong("{ on = @@\"never\" }", &[("SYS-RESTART", "one of \"fault\", \"always\"")]);
    wrong("{ on = @@true }", &[("SYS-KIND", "\"always\"")]);
    wrong("{ on = \"fault\", max = @@0 }", &[("SYS-RESTART", "leave `restart` out")]);
    wrong("{ on = \"fault\", max = @@\"3\" }", &[("SYS-KIND", "from 1")]);
    wrong("{ on = \"fault\", within = @@\"0s\" }", &[("SYS-RESTART", "give a time")]);
    wrong("{ on = \"fault\", within = @@60 }", &[("SYS-KIND", "\"10ms\"")]);
    wrong("{ on = \"fault\", backoff = @@\"soon\" }", &[("SYS-RESTART", "\"10ms\"")]);
    wrong("{ on = \"fault\", backoff = @@\"25h\" }", &[("SYS-RESTART", "at most 24h")]);
    wrong("{ on = \"fault\", @@back_off = \"1s\" }", &[("SYS-UNKNOWN-KEY", "`backoff`")]);
    wrong("@@\"fault\"", &[("SYS-KIND", "restart = { on")]);
    let plan = expect(&filter("on_restart = \"drop\"", ""), &[]).expect("it is right");
    assert!(plan.ports[0].drops_at_restart && !plan.ports[1].drops_at_restart);
    expect(&filter("on_restart = \"keep\"", ""), &[]);
    expect(&filter("on_restart = @@\"dorp\"", ""), &[("SYS-RESTART", "did you mean \"drop\"?")]);
}

#[test]
fn sys_8_only_cycles_that_read_first_are_warned_of() {
    let client = "\"client.ask\" -> \"relay.in\"; \"relay.out\" -> \"client.told\"";
    expect(&system(&["client", "relay"], client), &[]);
    let two =
        |text: String| text.replace("[[wire]]", "[instance.other]\nmodule = \"relay\"\n[[wire]]");
    let text = system(&["relay"], "\"relay.out\" -> @@\"other.in\"; \"other.out\" -> \"relay.in\"");
    expect(
        &two(text).replacen("[instance.other]\nmodule = \"relay\"\n", "", 1),
        &[("SYS-DEADLOCK", "declare that port first")],
    );
    let managed = "\"managed.out\" -> \"relay.in\"; \"relay.out\" -> \"managed.in\"";
    expect(&system(&["managed", "relay"], managed), &[]);
}

#[test]
fn lim_5_a_thread_has_at_most_256_endpoints() {
    let wires = |count: u32| {
        (0..count)
            .map(|index| format!("\"wide.out[{index}]\" -> \"null.bytes\";"))
            .collect::<String>()
    };
    expect(&system(&["wide"], &wires(256)), &[]);
    let text = system(&["wide"], &wires(257)).replace("[instance.", "[instance.@@");
    expect(&text, &[("SYS-LIMIT", "LIM-5")]);
}

#[test]
fn type_4_slot_sizes() {
    expect(&filter("slot_size = \"64K\"", "slot_size = 12"), &[]);
    expect(&filter("slot_size = @@8", "slot_size = @@0"), &[("SYS-SLOT-SIZE", "at least 12"); 2]);
    expect(&filter("slot_size = @@4097", ""), &[("SYS-SLOT-SIZE", "4096 or 4100")]);
    expect(&filter("slot_size = \"16M\"", ""), &[]);
    expect(&filter("slot_size = @@\"17M\"", ""), &[("SYS-SLOT-SIZE", "LIM-1")]);
    expect(&filter("slot_size = @@\"16G\"", ""), &[("SYS-SLOT-SIZE", "LIM-1")]);
    expect(&filter("slot_size = \"16M\"\nslots = @@32", ""), &[("SYS-LIMIT", "16 slots")]);
    let fixed = system(&["source", "sink"], "\"source.out\" -> \"sink.in\", slot_size = @@8");
    expect(&fixed, &[("SYS-SLOT-SIZE", "has 8 bytes")]);
    let blob = |size: &str| system(&["blob"], &format!("\"blob.out\" -> \"null.bytes\", {size}"));
    expect(&blob("slot_size = 5001"), &[]);
    expect(
        &blob("").replace("\"blob.out\"", "@@\"blob.out\""),
        &[("SYS-SLOT-SIZE", "at least 5001")],
    );
}

#[test]
fn builtin_2_to_5_the_kernels_own_ends() {
    let good = "\"clock.now\" -> \"watch.time\"; \"watch.lines\" -> \"console.log\"; \
                \"files.in\" -> \"filter.input\"; \"filter.output\" -> \"files.out\"; \
                \"filter.log\" -> \"console.log\"";
    expect(&system(&["watch", "filter"], good), &[]);
    let io = |from: &str, to: &str| {
        system(&["filter"], &format!("{from} -> \"filter.input\"; \"filter.output\" -> {to}"))
    };
    expect(
        &io("\"files.@@i\"", "\"files.@@missing\""),
        &[("SYS-FILE", "--file i=PATH"), ("SYS-FILE", "--file missing=PATH")],
    );
    expect(&io("\"files.out\"", "@@\"files.out\""), &[("SYS-WIRED-TWICE", "BUILTIN-3")]);
    expect(
        &io("@@\"console.stdout\"", "@@\"console.stdin\""),
        &[("SYS-DIRECTION", "`to`"), ("SYS-DIRECTION", "`from`")],
    );
    expect(
        &io("\"console.@@stdni\"", "\"clock.@@then\""),
        &[("SYS-UNKNOWN-PORT", "`stdin`"), ("SYS-UNKNOWN-PORT", "`now`")],
    );
    expect(&io("\"console.stdin@@[0]\"", "\"null.bytes\""), &[("SYS-ELEMENT", "brackets")]);
    let stdin = filter("", "[[wire]]\nfrom = @@\"console.stdin\"\nto = @@\"console.stdout\"");
    expect(&stdin, &[("SYS-WIRED-TWICE", "one wire"), ("SYS-WIRED-TWICE", "one wire")]);
    let pair = filter("", "[[wire]]\nfrom = @@\"null.bytes\"\nto = \"null.bytes\"");
    expect(&pair, &[("SYS-BUILT-IN-PAIR", "between them")]);
}
