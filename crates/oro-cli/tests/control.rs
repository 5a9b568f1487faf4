//! Ring control, from end to end (`CTL-1` to `CTL-4`): who holds it, how they ask, over what they have power, and
//! Rings. What is in them is in `control_build.rs`, what changes while others work in `control_live.rs`, who notices in
//! `control_apart.rs`, attacks in `control_attacks.rs`.

mod support;

use std::fmt::Write as _;

use support::Folder;
use support::holder::{HOLDER_C, Held, IDLE, NUM_C, PASS, SOURCE, holds, wires};

/// CTL-1: both or neither, each once; below the root with the grant alone.
#[test]
fn ctl_1_both_ports_or_neither_and_below_the_root_a_grant() {
    let folder = Folder::new("ctl-1");
    folder.write("holder.c", format!("{HOLDER_C}static uint64_t test(void) {{ return 0; }}"));
    let head = "oro = 1\n[modules]\nholder = { source = \"holder.c\" }\n";
    let holder = |table: &str| format!("{head}[{table}]\nmodule = \"holder\"\n");
    let check = |text: String| {
        folder.write("system.toml", text);
        folder.oro("check system.toml")
    };
    let root = holder("instance.h");
    check(format!("{root}{}", wires("h"))).ends(0);
    let half: String =
        wires("h").lines().take(3).fold(String::new(), |all, line| all + line + "\n");
    check(format!("{root}{half}")).ends(2);
    let again = format!("{root}{0}{0}", wires("h"));
    check(again).ends(2);
    let ring = holder("ring.jail.instance.h");
    check(format!("{ring}{}", wires("jail/h"))).refuses(&["`ring`", "grant"]);
    let granted = ring.replace(
        "[ring.jail.instance.h]",
        "[ring.jail]\ngrant = [\"ring\"]\n[ring.jail.instance.h]",
    );
    check(format!("{granted}{}", wires("jail/h"))).ends(0);

    // CTL-1 holds of those that are mounted, too; and of Rings that have not the grant.
    holds(
        "ctl-1-mounted",
        &[("asker", ASKER_C)],
        r#"
static uint64_t test(void) {
    uint64_t ring = MUST(create(OWN, "r")), asker = MUST(mount(ring, "asker", "asker"));
    IS(ORO_CONTROL_DENIED, wire(asker, "control", 0, "ring.requests"));
    SAYS("`ring` is not granted to Ring `r`");
    MUST(oro_control_remount(&control, ring, 0, "ring"));
    MUST(wire(asker, "control", 0, "ring.requests"));
    IS(ORO_CONTROL_STATE, START(asker));
    SAYS("ring.replies");
    MUST(wire(0, "ring.replies", asker, "answers"));
    IS(ORO_CONTROL_BUSY, wire(0, "ring.replies", asker, "more"));
    MUST(START(asker));
    IS(ORO_INSTANCE_ENDED, wait_end(asker, 0, 0));
    return 0;
}
"#,
    );
}

/// Asks for a Ring, and ends.
const ASKER_C: &str = r#"
#include <oro/control.h>
ORO_MODULE("asker");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_control_request, ORO_CONTROL_LAYOUT, "control", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, oro_control_reply, ORO_CONTROL_REPLY_LAYOUT, "answers", 0, 1);
ORO_PORT(2, 0, ORO_DIRECTION_CONSUMER, oro_control_reply, ORO_CONTROL_REPLY_LAYOUT, "more", ORO_NOTE_PORT_OPTIONAL, 1);
static struct oro_control control;
uint64_t run(const struct oro_root *root) {
    oro_control_open(&control, root, 0, 1);
    oro_control_create(&control, oro_own_ring(root)->id, "below");
    return (uint64_t)oro_control_send(&control);
}
"#;

/// Asks what is malformed in every way.
const MALFORMED_C: &str = r#"
static void put(uint64_t correlation, uint32_t operation) {
    CHECK(oro_wait(&control.requests) > 0);
    control.request.operation = operation;
    control.request.correlation = correlation;
    oro_copy_to_slot(ORO_OUT(uint8_t, &control.requests), &control.request, sizeof control.request);
    oro_advance(&control.requests);
}
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    /* Sixteen on the way, answered in their order, each with its number and operation. */
    oro_control_begin(&control, 0), control.request.ring = OWN;
    for (uint64_t i = 0; i < 16; i++) put(1000 + 7 * i, i % 2 ? ORO_CONTROL_DESCRIBE : 99);
    for (uint64_t i = 0; i < 16; i++, oro_advance(&control.replies)) {
        CHECK(oro_wait(&control.replies) > 0);
        const volatile struct oro_control_reply *reply = ORO_IN(struct oro_control_reply, &control.replies);
        CHECK(reply->correlation == 1000 + 7 * i);
        CHECK(reply->operation == (i % 2 ? ORO_CONTROL_DESCRIBE : 99));
        CHECK(reply->code == (i % 2 ? ORO_CONTROL_DONE : ORO_CONTROL_BAD_REQUEST));
        CHECK(i % 2 ? reply->thread_count == 1 : reply->text_length > 0);
    }
    const uint64_t before = own->generation;
#define BAD(text) (IS(ORO_CONTROL_BAD_REQUEST, SEND), SAYS(text))
    for (uint32_t operation = 0; operation < 20; operation++) {
        oro_control_begin(&control, operation);
        if (operation == 0 || operation > 16) BAD("there is no operation");
        control.request.flags = 1;
        control.request.operation = operation ? operation : 1;
        if (operation <= 16) BAD("`flags` means nothing to");
    }
    oro_control_create(&control, OWN, "r"), control.request.slot_count = 4;
    BAD("`slot_count` means nothing to CREATE: leave it 0");
    oro_control_create(&control, OWN, "r"), control.request.reserved1[5] = 1;
    BAD("`reserved1` means nothing to CREATE");
    oro_control_create(&control, OWN, "r"), control.request.name[3] = 'x';
    BAD("`name` is not padded with zeros");
    oro_control_create(&control, OWN, "r"), control.request.name[0] = 0xff;
    BAD("`name` is not UTF-8");
    oro_control_begin(&control, ORO_CONTROL_START);
    BAD("`from` and `ring` are 0");
    control.request.from = control.request.ring = 1;
    BAD("`from` and `ring` are both given");
    oro_control_begin(&control, ORO_CONTROL_PARAM), control.request.name[0] = 'a';
    control.request.text_length = 193;
    BAD("`text_length` is 193: a text has at most 192 bytes");
    control.request.text_length = UINT32_MAX;
    BAD("`text_length` is 4294967295");
    control.request.text_length = 2, control.request.text[0] = 0xc3, control.request.text[1] = '(';
    BAD("`text` is not UTF-8");
    control.request.text_length = 1, control.request.text[0] = 'a';
    BAD("`text` has bytes beyond its `text_length`, 1");
    oro_control_mount(&control, OWN, "a", 0);
    BAD("`image` and `module` are empty");
    oro_control_mount(&control, OWN, "a", "idle"), control.request.image = 5;
    BAD("`image` and `module` are both given");
    oro_control_mount(&control, OWN, "a", "idle"), control.request.restart = 3;
    BAD("`restart` is 3");
    /* Names: all 32 bytes in use, characters that no name has, and those of built-in instances. */
    oro_control_create(&control, OWN, "r");
    for (int i = 0; i < 32; i++) control.request.name[i] = 'n';
    IS(ORO_CONTROL_NAME, SEND), SAYS("1 to 31 of");
    IS(ORO_CONTROL_NAME, create(OWN, "a/b")), IS(ORO_CONTROL_NAME, create(OWN, "a b"));
    IS(ORO_CONTROL_NAME, create(OWN, "console")), IS(ORO_CONTROL_NAME, create(OWN, "holder"));
    oro_control_begin(&control, ORO_CONTROL_CREATE), control.request.ring = OWN;
    IS(ORO_CONTROL_NAME, SEND);
    CHECK(own->generation == before && own->children.count == 0);
    MUST(create(OWN, "a123456789012345678901234567890"));
    CHECK(own->generation == before + 2 && own->children.count == 1);
    IS(ORO_CONTROL_NAME, create(OWN, "a123456789012345678901234567890"));
    return 0;
}
"#;

/// CTL-2: in order, with their numbers; what is malformed is refused precisely, and changes nothing.
#[test]
fn ctl_2_replies_in_order_and_precise_refusals() {
    holds("ctl-2", &[IDLE], MALFORMED_C);
}

/// CTL-2: one that does not take its replies waits, alone.
#[test]
fn ctl_2_who_takes_no_replies_blocks_only_itself() {
    let folder = Folder::new("ctl-2-deaf");
    let deaf = format!(
        "{HOLDER_C}{}",
        r#"
static uint64_t test(void) {
    oro_control_begin(&control, ORO_CONTROL_DESCRIBE), control.request.ring = OWN;
    /* Until both queues are full, and nothing moves any more. */
    for (int count = 0; count < 32; count++) {
        CHECK(oro_wait(&control.requests) > 0);
        oro_copy_to_slot(ORO_OUT(uint8_t, &control.requests), &control.request, sizeof control.request);
        oro_advance(&control.requests);
    }
    sleep_ms(20);
    CHECK(oro_available(&control.requests) == 0);
    struct oro_endpoint out = oro_open(root, 6), in = oro_open(root, 2);
    ORO_OUT(struct num, &out)->value = 1, oro_advance(&out);
    CHECK(oro_wait(&in) > 0);
    CHECK(oro_available(&control.requests) == 0);
    for (int count = 0; count < 32; count++, oro_advance(&control.replies)) {
        CHECK(oro_wait(&control.replies) > 0);
        CHECK(ORO_IN(struct oro_control_reply, &control.replies)->operation == ORO_CONTROL_DESCRIBE);
    }
    return 0;
}
"#
    );
    folder.write("deaf.c", deaf);
    let holder = r#"
static uint64_t test(void) {
    struct oro_endpoint in = oro_open(root, 2), out = oro_open(root, 6);
    CHECK(oro_wait(&in) > 0);
    for (int count = 0; count < 100; count++) {
        uint64_t ring = MUST(create(OWN, "r"));
        MUST(FORGET_RING(ring));
    }
    ORO_OUT(struct num, &out)->value = 1, oro_advance(&out);
    return 0;
}
"#;
    let more = format!(
        "[instance.deaf]\nmodule = \"deaf\"\n{}\
         [[wire]]\nfrom = \"deaf.out[0]\"\nto = \"holder.in[0]\"\n\
         [[wire]]\nfrom = \"holder.out[0]\"\nto = \"deaf.in[0]\"\n",
        wires("deaf")
    );
    let held = Held { folder: &folder, holder, modules: &[], more: &more };
    held.write();
    let text = std::fs::read_to_string(folder.path("system.toml")).unwrap();
    folder.write(
        "system.toml",
        text.replace("[modules]", "[modules]\ndeaf = { source = \"deaf.c\" }"),
    );
    folder.run("", "run system.toml --timeout 80s").ends(0);
}

/// Tries its powers on everything that it sees, and on what it does not.
const POWERS_C: &str = r#"
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    uint64_t beside = find("beside"), granted = find("above"), me = root->instance_id;
    uint64_t inner = oro_ring_child(own, 0)->id, below = oro_ring_instance(oro_ring_child(own, 0), 0)->id;
    CHECK(own->children.count == 1);
    /* Ids that are others', in their own tables or in none. */
    for (uint64_t id = 0xfffffff0; id < 0x100000020; id++) {
        int is_seen = id == beside || id == granted || id == me || id == below;
        if (is_seen) continue;
        IS(ORO_CONTROL_UNKNOWN, END(id)), IS(ORO_CONTROL_UNKNOWN, RESTART(id));
        IS(ORO_CONTROL_UNKNOWN, wire(id, "out", below, "in"));
    }
    const uint64_t made_up[] = {1, 2, UINT64_MAX, UINT64_C(1) << 63, 0xdead};
    for (unsigned i = 0; i < sizeof made_up / sizeof *made_up; i++) {
        IS(ORO_CONTROL_UNKNOWN, END(made_up[i])), IS(ORO_CONTROL_UNKNOWN, END_RING(made_up[i]));
        IS(ORO_CONTROL_UNKNOWN, create(made_up[i], "r")), IS(ORO_CONTROL_UNKNOWN, DESCRIBE(made_up[i]));
        IS(ORO_CONTROL_UNKNOWN, oro_control_force(&control, made_up[i]));
        IS(ORO_CONTROL_UNKNOWN, mount_image(inner, "x", made_up[i]));
        IS(ORO_CONTROL_UNKNOWN, oro_control_remount(&control, inner, made_up[i], 0));
        SAYS("there is no instance");
    }
    /* The own Ring: nothing of it ends, starts, restarts, is replaced or forgotten. */
    const uint64_t own_ones[] = {beside, me, granted};
    for (int i = 0; i < 3; i++) {
        uint64_t id = own_ones[i];
        IS(ORO_CONTROL_DENIED, END(id)), IS(ORO_CONTROL_DENIED, START(id));
        IS(ORO_CONTROL_DENIED, RESTART(id)), IS(ORO_CONTROL_DENIED, FORGET(id));
        IS(ORO_CONTROL_DENIED, REPLACE(id, "idle", 0)), IS(ORO_CONTROL_DENIED, PARAM(id, "a", "b"));
    }
    IS(ORO_CONTROL_DENIED, END_RING(OWN)), IS(ORO_CONTROL_DENIED, START_RING(OWN));
    IS(ORO_CONTROL_DENIED, FORGET_RING(OWN)), IS(ORO_CONTROL_DENIED, mount(OWN, "x", "idle"));
    IS(ORO_CONTROL_DENIED, oro_control_remount(&control, OWN, 0, "clock"));
    for (uint32_t i = 0; i < own->ports.count; i++) {
        IS(ORO_CONTROL_DENIED, oro_control_force(&control, oro_ring_port(own, i)->id));
        IS(ORO_CONTROL_DENIED, oro_control_allow(&control, oro_ring_port(own, i)->id));
    }
    /* RING-6: not what the own Ring has not. */
    IS(ORO_CONTROL_DENIED, oro_control_remount(&control, inner, 0, "console")), SAYS("RING-6");
    IS(ORO_CONTROL_DENIED, mount(inner, "x", "secret")), CHECK(!says("late"));
    /* The one exception: a free element of the own Ring, to one below or to an own one. */
    uint64_t pass = MUST(mount(inner, "pass", "pass"));
    IS(ORO_CONTROL_DENIED, wire_element(granted, "out", 0, pass, "in", 0)), SAYS("remounted onto your Ring");
    IS(ORO_CONTROL_DENIED, wire_element(beside, "out", 0, 0, "null.bytes", 0));
    IS(ORO_CONTROL_DENIED, wire_element(me, "out", 0, 0, "null.bytes", 0));
    IS(ORO_CONTROL_DENIED, wire_element(beside, "out", 0, beside, "in", 0));
    IS(ORO_CONTROL_PORT, wire_element(me, "out", 0, me, "in", 0)), SAYS("of one thread");
    MUST(wire_element(beside, "out", 0, pass, "in", 0));
    IS(ORO_CONTROL_BUSY, wire_element(beside, "out", 0, me, "in", 1));
    MUST(wire_element(pass, "out", 0, me, "in", 0));
    MUST(wire_element(beside, "out", 1, me, "in", 1));
    MUST(START(pass));
    struct oro_endpoint in = oro_open(root, 2);
    for (uint64_t count = 1; count <= 3; count++, oro_advance(&in)) {
        CHECK(oro_wait(&in) > 0 && ORO_IN(struct num, &in)->value == count);
    }
    MUST(END(below)), MUST(FORGET(below));
    return 0;
}
"#;

/// Sends three numbers by its first element once that is wired; goes with the holder.
const LATE: (&str, &str) = (
    "late",
    r#"
#include <oro/control.h>
ORO_MODULE("late");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", ORO_NOTE_PORT_OPTIONAL, 2);
ORO_PORT(2, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 2);
void run(const struct oro_root *root) {
    struct oro_endpoint life = oro_open(root, 3);
    uint64_t seen[4];
    for (uint32_t i = 0; i < 4; i++) seen[i] = oro_binding_state(root, i);
    if (oro_wait_bindings_until(root, 0, seen, 4, ORO_NO_DEADLINE) == 0) {
        struct oro_endpoint out = oro_open(root, 0);
        for (uint64_t count = 1; count <= 3 && oro_wait(&out) > 0; count++, oro_advance(&out))
            ORO_OUT(struct num, &out)->value = count;
    }
    (void)oro_wait(&life);
}
"#,
);

/// CTL-3: power over what is below, and nothing else; of the own Ring one wiring.
#[test]
fn ctl_3_power_over_descendants_alone() {
    // Everything below `jail` is its holder's; what is beside and above it has no name there.
    let folder = Folder::new("ctl-3");
    let instance = |table: &str, module: &str| format!("[{table}]\nmodule = \"{module}\"\n");
    for (name, text) in [LATE, IDLE, PASS] {
        folder.write(&format!("{name}.c"), format!("{NUM_C}{text}"));
    }
    folder.write("holder.c", format!("{HOLDER_C}#line 1\n{POWERS_C}"));
    let mut text = String::from(
        "oro = 1\n[modules]\nholder = { source = \"holder.c\" }\nlate = { source = \"late.c\" }\n\
         idle = { source = \"idle.c\" }\npass = { source = \"pass.c\" }\n\
         [ring.jail]\ngrant = [\"ring\", \"null\", \"clock\", \"above\"]\n",
    );
    text += &instance("ring.jail.instance.holder", "holder");
    text += "modules = [\"idle\", \"pass\"]\n";
    text += &instance("ring.jail.instance.beside", "late");
    text += &instance("ring.jail.ring.inner.instance.below", "idle");
    text += &instance("instance.above", "late");
    text += &instance("ring.sibling.instance.other", "late");
    text += &wires("jail/holder");
    for (element, to) in ["jail/beside", "above", "sibling/other"].into_iter().enumerate() {
        let _ = write!(
            text,
            "[[wire]]\nfrom = \"jail/holder.out[{}]\"\nto = \"{to}.in[1]\"\n",
            element + 1
        );
    }
    folder.write("system.toml", text);
    folder.run("", "run system.toml --timeout 80s").ends(0);
}

/// CTL-4, RING-1, RING-6, RING-9: children, quotas that none outgrows, grants of what the parent has.
#[test]
fn ctl_4_children_within_what_their_parent_has() {
    holds(
        "ctl-4",
        &[IDLE, SOURCE, PASS],
        r#"
static int64_t create_with(uint64_t parent, const char *name, uint64_t memory, uint32_t ports, uint32_t threads) {
    oro_control_create(&control, parent, name);
    control.request.memory_bytes = memory, control.request.port_count = ports, control.request.thread_count = threads;
    return SEND;
}
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    uint64_t outer = MUST(create_with(OWN, "outer", 1 << 20, 4, 2));
    /* It is empty, and shows at once. */
    const volatile struct oro_ring *shown = oro_ring_child(own, 0);
    CHECK(own->children.count == 1 && shown->id == outer && oro_name_is(shown->name, "outer"));
    CHECK(shown->instances.count == 0 && shown->ports.count == 0 && shown->children.count == 0);
    IS(ORO_CONTROL_QUOTA, create_with(outer, "inner", (1 << 20) + 1, 0, 0)), SAYS("may not have more memory than Ring `outer`, 1M");
    IS(ORO_CONTROL_QUOTA, create_with(outer, "inner", 0, 5, 0)), SAYS("may not have more Ports than Ring `outer`, 4");
    IS(ORO_CONTROL_QUOTA, create_with(outer, "inner", 0, 0, 3)), SAYS("may not have more threads than Ring `outer`, 2");
    uint64_t inner = MUST(create_with(outer, "inner", 1 << 20, 4, 2));
    /* What is in both counts for both. */
    MUST(mount(inner, "a", "idle")), MUST(mount(outer, "b", "idle"));
    IS(ORO_CONTROL_QUOTA, mount(inner, "c", "idle")), SAYS("Ring `outer` has 2 of 2 threads, and needs 1 more");
    oro_control_mount(&control, OWN, "d", "idle");
    uint64_t wide = MUST(create_with(OWN, "wide", 200000, 0, 0));
    oro_control_mount(&control, wide, "big", "idle"), control.request.heap_bytes = 1 << 20;
    IS(ORO_CONTROL_QUOTA, SEND), SAYS("`wide`");
    oro_control_mount(&control, wide, "huge", "idle"), control.request.heap_bytes = UINT64_MAX;
    IS(ORO_CONTROL_QUOTA, SEND);
    oro_control_mount(&control, wide, "small", "idle"), control.request.memory_bytes = 4096;
    IS(ORO_CONTROL_QUOTA, SEND), SAYS("heap and stacks of `small` alone");
    /* Ports: those of the one that pays. */
    uint64_t few = MUST(create_with(OWN, "few", 0, 1, 0));
    uint64_t source = MUST(mount(few, "source", "source")), pass = MUST(mount(few, "pass", "pass"));
    uint64_t pass2 = MUST(mount(few, "pass2", "pass"));
    MUST(wire(source, "out", pass, "in"));
    IS(ORO_CONTROL_QUOTA, wire(pass, "out", pass2, "in")), SAYS("has 1 of 1 Ports");
    /* Eight deep, and no deeper. */
    uint64_t at = MUST(create(OWN, "d1"));
    for (int depth = 2; depth <= 8; depth++) at = MUST(create(at, "d"));
    IS(ORO_CONTROL_QUOTA, create(at, "d")), SAYS("too deep: at most 8");
    /* RING-6: what the parent has, and each name once. */
    uint64_t top = oro_ring_child(own, 3)->id;
    IS(ORO_CONTROL_DENIED, oro_control_remount(&control, at, 0, "clock"));
    MUST(oro_control_remount(&control, top, 0, "clock"));
    IS(ORO_CONTROL_NAME, oro_control_remount(&control, top, 0, "clock")), SAYS("has the name `clock` already");
    IS(ORO_CONTROL_NAME, oro_control_remount(&control, top, 0, "clok")), SAYS("did you mean `clock`?");
    MUST(oro_control_remount(&control, top, root->instance_id, 0));
    const volatile struct oro_ring *ring = oro_ring_child(own, 3);
    CHECK(ring->instances.count == 2 && oro_ring_instance(ring, 1)->id == root->instance_id);
    CHECK(oro_name_is(oro_ring_instance(ring, 1)->name, "holder") && oro_ring_instance(ring, 1)->thread_count == 0);
    IS(ORO_CONTROL_NAME, create(top, "clock")), IS(ORO_CONTROL_NAME, create(top, "holder"));
    return clean();
}
"#,
    );
}
