//! Manifests that are right, and the plans that they give; and hostile ones, which give none.

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::{NUMBER, check, interfaces};
use oro_sysabi::{BYTES_LAYOUT, LOG_LAYOUT, PARAMS_LAYOUT, TIME_LAYOUT};
use oro_system::{
    BuiltIn, Manifest, ModuleSource, PlanEnd, PlanGrant, PlanInstance, PlanPort, PlanRestart,
    PlanRing, ResolveOptions, RestartOn,
};
use proptest::prelude::*;

const SYSTEM: &str = r#"oro = 1                       # a whole system
[modules]
tuned  = "modules/{arch}/tuned.elf"
filter = { source = "modules/filter" }
server = { source = "server.c" }
client = "client.elf"
bare   = "bare.elf"

[instance.t]
module = "tuned"
params = { count = 7, fast = true }
quota  = { heap = "10K" }
[instance.f]
module = "filter"
quota  = { memory = "8M" }
[instance.srv]
module = "server"
[instance.c]
module = "client"
[instance.b]
module = "bare"

[[wire]]
from = "t.out"
to   = "f.input"
slots = 4
slot_size = "64K"
mode = "synchronous"
[[wire]]
from = "f.output"
to   = "console.stdout"
[[wire]]
from = "c.ask"
to   = "srv.request[2]"
[[wire]]
from = "srv.answer[1]"
to   = "c.told"
"#;

/// Rings out of order, with a server that is granted down to the innermost.
const RINGS: &str = r#"oro = 1
[modules]
server = "server.elf"
watch  = "watch.elf"
source = "source.elf"

[ring.sandbox.ring.inner.instance.x]
module = "source"
[ring.sandbox.ring.inner]
grant = ["srv"]
[ring.other.instance.x]
module = "source"
[instance.srv]
module = "server"
[ring.sandbox]
grant = ["srv", "clock"]
quota = { memory = "8M", ports = 8, threads = 6 }
[ring.sandbox.instance.time]
module  = "watch"
restart = { on = "always" }

[[wire]]
from = "sandbox/clock.now"
to   = "sandbox/time.time"
[[wire]]
from = "sandbox/time.lines"
to   = "console.log"
[[wire]]
from = "sandbox/inner/x.out"
to   = "sandbox/inner/srv.request[2]"
[[wire]]
from = "other/x.out"
to   = "srv.request[0]"
"#;

fn end(instance: u32, port: u32, element: u32) -> PlanEnd {
    PlanEnd::Instance { instance, port, entry: 0, element }
}

fn port(layout: &str, size: u32, producer: PlanEnd, consumer: PlanEnd) -> PlanPort {
    PlanPort {
        slot_size_bytes: size,
        stride_bytes: size,
        slot_count: 16,
        is_forced_synchronous: false,
        drops_at_restart: false,
        layout: layout.to_owned(),
        producer,
        consumer,
    }
}

#[test]
fn sys_5_a_manifest_gives_the_plan_that_it_says() {
    let (plan, found) = check(SYSTEM.as_bytes());
    assert_eq!(found, []);
    let plan = plan.unwrap();
    assert_eq!(plan.modules, ["tuned", "filter", "server", "client", "bare"].map(str::to_owned));
    let instance = |name: &str, module, heap_bytes, memory_bytes| PlanInstance {
        name: name.to_owned(),
        ring: 0,
        module,
        heap_bytes,
        memory_bytes,
        modules: Vec::new(),
        restart: PlanRestart::default(),
    };
    assert_eq!(
        plan.instances,
        [
            instance("t", 0, 12 << 10, 0),
            instance("f", 1, 0, 8 << 20),
            instance("srv", 2, 0, 0),
            instance("c", 3, 0, 0),
            instance("b", 4, 0, 0),
        ]
    );
    let values = [("encoding", "hex"), ("count", "7"), ("shift", "-1"), ("fast", "true")];
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let params = |values| PlanEnd::BuiltIn(BuiltIn::Params(values));
    assert_eq!(
        plan.ports,
        [
            PlanPort {
                slot_count: 4,
                is_forced_synchronous: true,
                ..port(BYTES_LAYOUT, 65536, end(0, 1, 0), end(1, 0, 0))
            },
            port(BYTES_LAYOUT, 4096, end(1, 1, 0), PlanEnd::BuiltIn(BuiltIn::Stdout)),
            port(NUMBER, 8, end(3, 0, 0), end(2, 2, 2)),
            port(NUMBER, 8, end(2, 4, 1), end(3, 1, 0)),
            PlanPort { slot_count: 4, ..port(PARAMS_LAYOUT, 256, params(values), end(0, 0, 0)) },
            // No PARAM note, no wire: the system sends the end alone (SYS-5).
            PlanPort {
                slot_count: 4,
                ..port(PARAMS_LAYOUT, 256, params(Vec::new()), end(4, 0, 0))
            },
        ]
    );
}

/// Instances come in order of place, Rings likewise, but after the one that they are in.
#[test]
fn ring_1_a_manifest_with_rings_gives_the_plan_that_it_says() {
    let (plan, found) = check(RINGS.as_bytes());
    assert_eq!(found, []);
    let plan = plan.unwrap();
    let ring = |name: &str, parent| PlanRing { name: name.into(), parent, ..PlanRing::default() };
    let grant = |name: &str, instance| PlanGrant { name: name.to_owned(), instance };
    assert_eq!(
        plan.rings,
        [
            ring("other", 0),
            PlanRing {
                memory_bytes: 8 << 20,
                port_count: 8,
                thread_count: 6,
                grants: vec![grant("clock", None), grant("srv", Some(2))],
                ..ring("sandbox", 0)
            },
            PlanRing { grants: vec![grant("srv", Some(2))], ..ring("inner", 2) },
        ]
    );
    let instances: Vec<_> = plan.instances.iter().map(|entry| (entry.ring, entry.module)).collect();
    assert_eq!(instances, [(3, 2), (1, 2), (0, 0), (2, 1)]);
    let paths: Vec<_> = (0..4).map(|instance| plan.path(instance)).collect();
    assert_eq!(paths, ["sandbox/inner/x", "other/x", "srv", "sandbox/time"]);
    assert_eq!(plan.instances[3].restart.on, RestartOn::Always);
    let built_in = PlanEnd::BuiltIn;
    assert_eq!(
        plan.ports,
        [
            port(TIME_LAYOUT, 16, built_in(BuiltIn::Clock), end(3, 0, 0)),
            port(LOG_LAYOUT, 256, end(3, 1, 0), built_in(BuiltIn::Log)),
            port(NUMBER, 8, end(0, 0, 0), end(2, 2, 2)),
            port(NUMBER, 8, end(1, 0, 0), end(2, 0, 0)),
        ]
    );
}

/// A port for parameters that no PARAM note names is an ordinary one once a wire joins it.
#[test]
fn sys_5_a_port_of_params_can_be_wired_by_hand() {
    let text = "oro = 1\n[modules]\nfeed = \"f\"\nbare = \"b\"\n[instance.f]\nmodule = \"feed\"\n\
                [instance.b]\nmodule = \"bare\"\n[[wire]]\nfrom = \"f.out\"\nto = \"b.params\"\n";
    let (plan, found) = check(text.as_bytes());
    assert_eq!(found, []);
    assert_eq!(plan.unwrap().ports, [port(PARAMS_LAYOUT, 256, end(0, 0, 0), end(1, 0, 0))]);
}

#[test]
fn sys_2_modules_are_listed_with_their_places() {
    let manifest = Manifest::parse(SYSTEM.as_bytes()).0.unwrap();
    let modules: Vec<_> = manifest.modules().collect();
    let names: Vec<_> = modules.iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, ["tuned", "filter", "server", "client", "bare"]);
    assert_eq!(modules[0].source, ModuleSource::Elf("modules/{arch}/tuned.elf".to_owned()));
    assert_eq!(modules[1].source, ModuleSource::Source("modules/filter".to_owned()));
    assert_eq!(&SYSTEM[modules[1].span.clone()], "\"modules/filter\"");
}

/// The caller has said why a module could not be loaded: nothing is said of what follows from it.
#[test]
fn sys_1_instances_of_modules_that_are_not_there_are_passed_over() {
    let manifest = Manifest::parse(SYSTEM.as_bytes()).0.unwrap();
    for absent in ["tuned", "filter", "server", "client", "bare"] {
        let mut interfaces = interfaces();
        interfaces.remove(absent);
        let (plan, found) = manifest.resolve(&interfaces, &ResolveOptions::default());
        assert_eq!((plan, found), (None, Vec::new()), "{absent}");
    }
    let (plan, found) = manifest.resolve(&BTreeMap::new(), &ResolveOptions::default());
    assert_eq!((plan, found), (None, Vec::new()));
}

/// The work is bounded, whatever a manifest of the largest size says.
#[test]
fn sys_1_hostile_manifests_are_answered_in_bounded_time() {
    let fill = |line: &dyn Fn(usize) -> String| {
        let mut text = "oro = 1\n[modules]\nrelay = \"r\"\n".to_owned();
        let mut count = 0;
        while text.len() + 200 < oro_system::MAX_MANIFEST_BYTES {
            text += &line(count);
            count += 1;
        }
        text
    };
    let relay = "[instance.i]\nmodule = \"relay\"\n";
    let wire = "[[wire]]\nfrom = \"i.out\"\nto = \"i.in\"\n";
    let mut similar = String::new();
    for index in 0..4000 {
        let entry = relay.replace(".i]", &format!(".an-instance-with-a-name-{index:05}]"));
        similar += &entry.replace("relay", "r");
    }
    let near = |index: usize| wire.replace("i.", &format!("an-instance-with-a-nick-{index:05}."));
    let similar = fill(&|index| if index == 0 { similar.clone() } else { near(index) });
    let ring = "[ring.r.instance.i]\nmodule = \"relay\"\n";
    let depth = format!("[{}instance.i]\nmodule = \"relay\"\n", "ring.r.".repeat(30));
    let path = wire.replace("i.", &format!("{}i.", "r/".repeat(30)));
    let nested = fill(&|index| if index == 0 { depth.clone() } else { path.clone() });
    let names = (0..30_000).map(|index| format!("\"an-instance-with-a-name-{index:05}\","));
    let granted = format!("{ring}[ring.r]\ngrant = [{}]\n", names.collect::<String>());
    let granted = format!("oro = 1\n[modules]\nrelay = \"r\"\n{granted}");
    let path = wire.replace("i.", &format!("{}i.", "r/".repeat(1 << 17)));
    let many: [(&str, String); 15] = [
        ("Rings", fill(&|index| ring.replace(".r.", &format!(".r{index}.")))),
        ("nested Rings", nested),
        ("grants", granted),
        ("a long path", format!("oro = 1\n[modules]\nrelay = \"r\"\n{relay}{path}")),
        ("similar names", similar),
        ("unknown keys", fill(&|index| format!("[x{index}]\n"))),
        ("keys of one table", fill(&|index| format!("k{index} = 1\n"))),
        ("one key", fill(&|_| "k = 1\n".to_owned())),
        ("one table", fill(&|_| relay.to_owned())),
        ("instances", fill(&|index| relay.replace(".i]", &format!(".i{index}]")))),
        ("wires", fill(&|_| wire.to_owned())),
        ("unknown ends", fill(&|index| wire.replace("i.", &format!("instance-{index}.")))),
        ("brackets", format!("oro = {}", "[".repeat(1 << 19))),
        ("errors", fill(&|_| "= = =\n".to_owned())),
        ("bytes", fill(&|_| "\u{fffd}\u{0}".to_owned())),
    ];
    for (what, text) in many {
        let start = Instant::now();
        let (plan, found) = check(text.as_bytes());
        let time = start.elapsed();
        assert_eq!(plan, None, "{what}");
        assert!(!found.is_empty() && found.len() <= 2002, "{what}: {}", found.len());
        assert!(time < Duration::from_secs(20), "{what}: {time:?}");
        eprintln!("{what}: {time:?}, {} findings", found.len());
    }
}

/// A ring of naive relays as long as a system can be: found once, without recursion.
#[test]
fn sys_8_a_long_cycle_is_one_warning() {
    let count = 4000;
    let mut text = "oro = 1\n[modules]\nrelay = \"r\"\n".to_owned();
    for index in 0..count {
        let next = (index + 1) % count;
        text += &format!("[instance.i{index}]\nmodule = \"relay\"\n");
        text += &format!("[[wire]]\nfrom = \"i{index}.out\"\nto = \"i{next}.in\"\n");
    }
    let (plan, found) = check(text.as_bytes());
    assert!(plan.is_some());
    let codes: Vec<_> = found.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["SYS-DEADLOCK"]);
    assert!(found[0].message.contains("4000 naive threads"), "{}", found[0].message);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// KRN-1: whatever is done to a manifest, it is read without a panic; and places lie in it.
    #[test]
    fn sys_1_no_mutation_makes_the_checks_panic(
        has_rings in any::<bool>(),
        edits in proptest::collection::vec(
            (any::<prop::sample::Index>(), 0..28_usize, any::<prop::sample::Index>()), 1..8),
    ) {
        const PIECES: [&str; 24] = [
            "\n", "\"", "'", "=", "[", "]", "[[wire]]\n", "{", "}", ".", ",", "\n[instance.t]\n",
            "\"\"\"", "0", "-", "#", "\u{e4}", "\u{0}", "slots = 3\n", "t.out", "/", "sandbox/",
            "\n[ring.sandbox]\n", "ring.",
        ];
        let mut text = if has_rings { RINGS } else { SYSTEM }.as_bytes().to_vec();
        for (place, kind, other) in edits {
            let place = place.index(text.len());
            let other = other.index(text.len());
            match kind {
                24 => text.truncate(place.max(1)),
                25 => text[place] = 0xff,
                26 => {
                    let (start, end) = (place.min(other), place.max(other));
                    let part = text[start..end].to_vec();
                    text.splice(other..other, part);
                }
                27 => {
                    text.drain(place.min(other)..place.max(other));
                    text.push(b'\n');
                }
                piece => {
                    text.splice(place..place, PIECES[piece].bytes());
                }
            }
        }
        let (plan, found) = check(&text);
        let has_error = found.iter().any(|found| found.severity == oro_system::Severity::Error);
        prop_assert_eq!(plan.is_none(), has_error);
        for finding in &found {
            for label in &finding.labels {
                prop_assert!(label.span.start <= label.span.end && label.span.end <= text.len());
            }
        }
    }

    #[test]
    fn krn_1_no_bytes_make_the_checks_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (plan, _) = check(&bytes);
        prop_assert_eq!(plan, None);
    }
}
