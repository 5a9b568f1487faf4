//! Rings, from end to end (`RING`): what an instance of a child Ring can read, and what it shares with
//! others.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use support::Folder;
use support::place::Place;
use support::processes::{list_sealed, read_maps, wait_for};

/// Says all that its Ring's tables say, a line each, then ends. Its own Port's cursors are left out: it
/// moves them itself by saying so.
const LOOK_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("look");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 4);
static char text[65536];
static uint32_t length;
static void say(const char *words) {
    while (*words && length < sizeof text) text[length++] = *words++;
}
static void say_number(uint64_t value) {
    char digits[17];
    int at = 16;
    digits[16] = 0;
    do digits[--at] = "0123456789abcdef"[value % 16];
    while ((value /= 16) != 0);
    say(digits + at);
    say(" ");
}
static void say_name(const volatile uint8_t *name) {
    char copy[33];
    for (int at = 0; at < 32; at++) copy[at] = (char)name[at];
    copy[32] = 0;
    say(copy[0] ? copy : "-");
    say(" ");
}
static void say_end(const char *what, const volatile struct oro_end *end, uint64_t ring) {
    say(what);
    say_number(end->instance_id);
    say_number(end->thread_id);
    say_number(end->synchronous_window != 0);
    say_number(end->mode_reason);
    say_number(end->fault_count != 0);
    say_number(ring);
}
static void say_ring(const volatile struct oro_ring *ring, const char *margin) {
    say(margin), say("ring "), say_name(ring->name), say_number(ring->id);
    say_number(ring->generation), say("\n");
    for (uint32_t index = 0; index < ring->instances.count; index++) {
        const volatile struct oro_instance *one = (const volatile struct oro_instance *)(uintptr_t)(
            ring->instances.entries + (uint64_t)index * ring->instances.stride_bytes);
        say(margin), say("instance "), say_name(one->name), say_name(one->module);
        say_number(one->id), say_number(one->state), say_number(one->thread_count), say("\n");
    }
    for (uint32_t index = 0; index < ring->ports.count; index++) {
        const volatile struct oro_port *port = (const volatile struct oro_port *)(uintptr_t)(
            ring->ports.entries + (uint64_t)index * ring->ports.stride_bytes);
        say(margin), say("port "), say_number(port->id), say_number(port->state);
        say_end("from ", &port->producer, port->producer_ring);
        say_end("to ", &port->consumer, port->consumer_ring), say("\n");
    }
    for (uint32_t index = 0; index < ring->children.count; index++)
        say_ring((const volatile struct oro_ring *)(uintptr_t)(
                     ring->children.entries + (uint64_t)index * ring->children.stride_bytes),
                 "  ");
}
static int is_over(const volatile struct oro_ring *ring) {
    for (uint32_t index = 0; index < ring->instances.count; index++) {
        const volatile struct oro_instance *one = (const volatile struct oro_instance *)(uintptr_t)(
            ring->instances.entries + (uint64_t)index * ring->instances.stride_bytes);
        if (one->module[0] && one->state <= ORO_INSTANCE_RUNNING) return 0;
    }
    for (uint32_t index = 0; index < ring->ports.count; index++) {
        const volatile struct oro_port *port = (const volatile struct oro_port *)(uintptr_t)(
            ring->ports.entries + (uint64_t)index * ring->ports.stride_bytes);
        if (!port->consumer.instance_id && port->state != ORO_PORT_ENDED) return 0;
    }
    return 1;
}
static int are_children_over(const volatile struct oro_ring *ring) {
    for (uint32_t index = 0; index < ring->children.count; index++) {
        const volatile struct oro_ring *child = (const volatile struct oro_ring *)(uintptr_t)(
            ring->children.entries + (uint64_t)index * ring->children.stride_bytes);
        if (!is_over(child) || !are_children_over(child)) return 0;
    }
    return 1;
}
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    /* While others do what they do; but what can be seen, its children, has come to rest. */
    do oro_sleep_until(root, oro_now(root) + 200000000);
    while (!are_children_over((const volatile struct oro_ring *)(uintptr_t)root->ring));
    say("I "), say_number(root->instance_id), say_number(root->thread_id);
    const volatile struct oro_binding *own = out.binding;
    say_number(own->port_id), say_number(own->table_index), say("\n");
    say_ring((const volatile struct oro_ring *)(uintptr_t)root->ring, "");
    oro_bytes_write(&out, text, length);
    oro_bytes_finish(&out);
}
"#;

/// Sends messages to itself until it has sent `COUNT`, or sleeps.
const BUSY_C: &str = r#"
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
ORO_MODULE("busy");
ORO_ENTRY(0, make, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY(1, take, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
ORO_PORT(1, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
void make(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t end = oro_now(root) + 300000000, count = 0; oro_now(root) < end; count++) {
        if (oro_wait(&out) <= 0) return;
        ORO_OUT(struct num, &out)->value = count;
        oro_advance(&out);
    }
}
void take(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 1);
    for (; oro_wait(&in) > 0; oro_advance(&in)) (void)ORO_IN(struct num, &in)->value;
}
"#;

/// Traps at once.
const TRAP_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("trap");
ORO_ENTRY(0, run, 0, 0);
void run(const struct oro_root *root) { (void)root, __builtin_trap(); }
"#;

fn write_modules(folder: &Folder) {
    for (name, source) in [("look", LOOK_C), ("busy", BUSY_C), ("trap", TRAP_C)] {
        folder.write(&format!("{name}.c"), source);
    }
}

const MODULES: &str = "oro = 1\n[modules]\nlook = { source = \"look.c\" }\n\
    busy = { source = \"busy.c\" }\ntrap = { source = \"trap.c\" }\n";

/// An instance that is busy with itself.
fn busy(ring: &str, name: &str) -> String {
    let (table, path) = match ring {
        "" => (String::new(), name.to_owned()),
        ring => (format!("ring.{ring}."), format!("{ring}/{name}")),
    };
    format!(
        "[{table}instance.{name}]\nmodule = \"busy\"\n\
         [[wire]]\nfrom = \"{path}.out\"\nto = \"{path}.in\"\n"
    )
}

/// RING-2, RING-3, RING-4, RING-7, META-7: what siblings and parents are called, how many there are, what they do,
/// and that they fault, changes nothing in what a child can read.
#[test]
fn ring_2_what_others_do_cannot_be_seen() {
    let folder = Folder::new("rings-same");
    write_modules(&folder);
    let jail = "[ring.jail]\ngrant = [\"clock\"]\n[ring.jail.instance.spy]\nmodule = \"look\"\n\
        [ring.jail.ring.cell]\n[ring.jail.ring.cell.instance.inner]\nmodule = \"look\"\n\
        [[wire]]\nfrom = \"jail/spy.out\"\nto = \"files.seen\"\n\
        [[wire]]\nfrom = \"jail/cell/inner.out\"\nto = \"files.inner\"\n";
    let quiet = format!("{MODULES}[instance.a]\nmodule = \"trap\"\n{}{jail}", busy("", "b"));
    let mut loud = MODULES.to_owned();
    for name in ["one", "two", "three"] {
        loud += &busy("", name);
    }
    let _ = write!(
        loud,
        "[instance.again]\nmodule = \"trap\"\nrestart = {{ on = \"fault\", max = 9, backoff = \"9ms\" }}\n\
         [ring.north]\ngrant = [\"clock\", \"null\"]\n{}{}[ring.south]\n{}{jail}{}",
        busy("north", "x"),
        busy("north", "y"),
        busy("south", "x"),
        busy("", "last")
    );
    let mut seen = Vec::new();
    for (name, text) in [("quiet", quiet), ("loud", loud)] {
        folder.write(&format!("{name}.toml"), text);
        let files = format!("--file seen={name}.seen --file inner={name}.inner");
        folder.oro(&format!("run {name}.toml --timeout 30s {files}")).ends(1);
        let read =
            |end: &str| std::fs::read_to_string(folder.path(&format!("{name}.{end}"))).unwrap();
        seen.push([read("seen"), read("inner")]);
    }
    assert_eq!(seen[0], seen[1]);
    // RING-4, RING-5, RING-6: counted for itself, its file not seen, its grant and its child seen.
    let expected = "\
I 100000000 100000000 100000000 0 
ring jail 100000000 2 
instance spy look 100000000 1 1 
instance clock - 100000002 1 0 
port 100000000 1 from 100000000 100000000 1 3 0 100000000 to 0 0 0 0 0 0 
  ring cell 100000001 2 
  instance inner look 100000001 2 0 
  port 100000001 4 from 100000001 100000001 1 9 1 100000001 to 0 0 0 0 0 0 
";
    assert_eq!(seen[0][0], expected);
    assert!(!seen[0][1].contains("jail") && seen[0][1].starts_with("I 100000000 100000000 "));
}

/// RING-5, RING-6: a Port across the boundary is in both tables; each side sees its own end, the parent
/// both; who is granted is seen by name.
#[test]
fn ring_5_a_port_between_rings_shows_each_its_own_end() {
    let folder = Folder::new("rings-across");
    write_modules(&folder);
    folder.write(
        "system.toml",
        format!(
            "{MODULES}[instance.top]\nmodule = \"look\"\n\
             [ring.jail]\ngrant = [\"top\"]\n[ring.jail.instance.spy]\nmodule = \"look\"\n\
             [[wire]]\nfrom = \"top.out\"\nto = \"files.top\"\n\
             [[wire]]\nfrom = \"jail/spy.out\"\nto = \"top.in[0]\"\n"
        ),
    );
    folder.oro("run system.toml --timeout 30s --file top=top.seen").ends(0);
    let seen = std::fs::read_to_string(folder.path("top.seen")).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    // The crossing Port: id 1, the same in both tables, and both of its ends.
    let crossing: Vec<&&str> =
        lines.iter().filter(|line| line.contains("port 100000001")).collect();
    assert_eq!(crossing.len(), 2, "{seen}");
    for line in crossing {
        let ends = line.trim().split("from ").nth(1).unwrap();
        assert!(ends.starts_with("100000001 100000001 1 "), "{line}");
        assert!(ends.contains(" 100000001 to 100000000 100000000 1 "), "{line}");
    }
    assert!(lines.contains(&"  instance top - 100000000 1 0 "), "{seen}");
}

/// RING-3, META-3, KRN-7: instances of two Rings have nothing mapped that both could store to, and nothing at all
/// in common but code and their common Ports' queues and cursors.
#[test]
fn ring_3_rings_share_no_memory() {
    let place = Place::new("rings-memory");
    write_modules(&place.folder);
    place.folder.write(
        "system.toml",
        format!(
            "{MODULES}{}[ring.north]\n{}[ring.south]\n{}[instance.waits]\nmodule = \"look\"\n\
             [[wire]]\nfrom = \"console.stdin\"\nto = \"waits.in[0]\"\n\
             [[wire]]\nfrom = \"waits.out\"\nto = \"null.bytes\"\n",
            busy("", "a"),
            busy("north", "b"),
            busy("south", "c")
        ),
    );
    let running = place.start("run system.toml");
    let all = || Some(list_sealed(running.id())).filter(|all| all.len() == 7);
    let processes = wait_for("seven processes", all);
    let [a, b, c] = [0, 2, 4].map(|first| {
        // Both threads of an instance.
        let lines = processes[first..first + 2].iter().flat_map(|process| read_maps(*process));
        lines.flat_map(|line| line.pages().collect::<Vec<_>>()).collect::<BTreeSet<_>>()
    });
    for (one, other) in [(&a, &b), (&a, &c), (&b, &c)] {
        let shared: Vec<_> = one.intersection(other).collect();
        assert!(!shared.is_empty(), "the code is common");
        assert!(shared.iter().all(|(name, ..)| is_code(name)), "{shared:?}");
    }
    running.end().ends(0);
}

fn is_code(name: &str) -> bool {
    name.contains("oro-code") || name.contains("oro-image")
}

/// RING-1: people see the tree.
#[test]
fn ring_1_inspect_shows_the_tree() {
    let place = Place::new("rings-inspect");
    write_modules(&place.folder);
    place.folder.write(
        "system.toml",
        format!(
            "{MODULES}[instance.top]\nmodule = \"look\"\n[ring.jail]\ngrant = [\"clock\"]\n\
             [ring.jail.ring.cell]\n[ring.jail.ring.cell.instance.inner]\nmodule = \"look\"\n\
             [[wire]]\nfrom = \"top.out\"\nto = \"console.stdout\"\n\
             [[wire]]\nfrom = \"jail/cell/inner.out\"\nto = \"top.in[2]\"\n\
             [[wire]]\nfrom = \"console.stdin\"\nto = \"top.in[0]\"\n"
        ),
    );
    let running = place.start("run system.toml");
    place.oro("inspect").ends(0).prints(&[
        "Ring root\n",
        "|- top: module `look`",
        "`- Ring jail\n   |- clock: granted\n   `- Ring cell\n      `- inner: module `look`",
        "jail/cell/inner.out -> top.in[2]",
    ]);
    let system = place.system("inspect --json");
    let cell = &system["ring"]["rings"][0]["rings"][0];
    assert_eq!((&cell["name"], &cell["instances"][0]["name"]), (&"cell".into(), &"inner".into()));
    assert_eq!(system["ports"].as_array().unwrap().len(), 3);
    assert_eq!(system["ports"][1]["from"]["name"], "jail/cell/inner.out");
    running.end().ends(0);
}
