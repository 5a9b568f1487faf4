//! Ring control, from end to end (`CTL-1` to `CTL-7`, `CTL-11`, `CTL-12`): who holds it, what they may do, and what
//! they are told. What changes while others work is in `control_live.rs`, attacks are in `control_attacks.rs`.

mod support;

use std::fmt::Write as _;

use support::Folder;
use support::holder::{HOLDER_C, Held, IDLE, NUM_C, PASS, SINK, SOURCE, holds, wires};

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

/// CTL-2: in order, with their numbers; what is malformed is refused precisely, and changes nothing.
#[test]
fn ctl_2_replies_in_order_and_precise_refusals() {
    holds(
        "ctl-2",
        &[IDLE],
        r#"
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
"#,
    );
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

/// CTL-3: power over what is below, and nothing else; of the own Ring one wiring.
#[test]
fn ctl_3_power_over_descendants_alone() {
    // Everything below `jail` is its holder's; what is beside and above it has no name there.
    let holder = r#"
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
    // Sends three numbers by its first element once that is wired; goes with the holder.
    let late = r#"
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
"#;
    let folder = Folder::new("ctl-3");
    let instance = |table: &str, module: &str| format!("[{table}]\nmodule = \"{module}\"\n");
    for (name, text) in [("late", late), IDLE, PASS] {
        folder.write(&format!("{name}.c"), format!("{NUM_C}{text}"));
    }
    folder.write("holder.c", format!("{HOLDER_C}#line 1\n{holder}"));
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

/// CTL-5: an image in the own memory, checked; good for its holder alone.
#[test]
fn ctl_5_an_image_in_the_holders_memory() {
    let folder = Folder::new("ctl-5");
    let holder = r#"
__asm__(".section .rodata\n.balign 8\nimage_start: .incbin \"@IMAGE@\"\nimage_end:\n.previous");
extern const uint8_t image_start[], image_end[];
static uint8_t copy[1 << 20];
static uint64_t test(void) {
    const uint64_t size = (uint64_t)(image_end - image_start);
    uint64_t ring = MUST(create(OWN, "r")), image = MUST(oro_control_load(&control, image_start, size));
    MUST(DESCRIBE(OWN));
    const uint64_t charged = control.reply.memory_bytes;
    uint64_t again = MUST(oro_control_load(&control, image_start, size));
    CHECK(again != image);
    MUST(DESCRIBE(OWN));
    CHECK(control.reply.memory_bytes == charged + (size + 4095) / 4096 * 4096);
    uint64_t one = MUST(mount_image(ring, "one", image)), two = MUST(mount_image(ring, "two", image));
    const volatile struct oro_instance *shown = oro_find_instance(oro_own_ring(root), one);
    CHECK(oro_name_is(shown->module, "answer") && shown->state == ORO_INSTANCE_MOUNTED);
    uint64_t status = 0;
    MUST(START(one)), MUST(START(two));
    CHECK(wait_end(one, &status, 0) == ORO_INSTANCE_ENDED && status == 42);
    CHECK(wait_end(two, &status, 0) == ORO_INSTANCE_ENDED && status == 42);
    /* From memory that can be written, at any address; its end is not this call's. */
    for (uint64_t i = 0; i < size; i++) copy[i + 3] = image_start[i];
    uint64_t other = MUST(oro_control_load(&control, copy + 3, size));
    CHECK(other != image);
    for (uint64_t i = 0; i < sizeof copy; i++) copy[i] = 0;
    uint64_t three = MUST(mount_image(ring, "three", other));
    MUST(START(three));
    CHECK(wait_end(three, &status, 0) == ORO_INSTANCE_ENDED && status == 42);
    IS(ORO_CONTROL_UNKNOWN, mount_image(ring, "four", other + 1)), SAYS("you have loaded no image");
    /* What it may not mount has no name. */
    IS(ORO_CONTROL_DENIED, mount(ring, "five", "holder"));
    /* Not all in its memory: nothing, the Ring's tables, gates, its bindings, beyond the end of an image. */
    const uint64_t bad[] = {0, 8, (uint64_t)root, (uint64_t)root->ring, root->gates, root->request,
                            root->bindings, UINT64_C(1) << 47, UINT64_C(0xffffffff80000000)};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        IS(ORO_CONTROL_IMAGE, oro_control_load(&control, (void *)bad[i], 64)), SAYS("are not all in memory of yours");
    IS(ORO_CONTROL_BAD_REQUEST, oro_control_load(&control, (void *)UINT64_MAX, 64)), SAYS("past the end");
    IS(ORO_CONTROL_QUOTA, oro_control_load(&control, (void *)16, UINT64_MAX - 15)), SAYS("at most 16M");
    IS(ORO_CONTROL_BAD_REQUEST, oro_control_load(&control, image_start, 0)), SAYS("`size_bytes` is 0");
    IS(ORO_CONTROL_QUOTA, oro_control_load(&control, image_start, (16 << 20) + 1)), SAYS("at most 16M");
    IS(ORO_CONTROL_IMAGE, oro_control_load(&control, copy, 16 << 20)), SAYS("are not all in memory of yours");
    IS(ORO_CONTROL_IMAGE, oro_control_load(&control, copy, sizeof copy));
    /* Truncated, and spoilt. */
    for (uint64_t length = 1; length < size; length += 61)
        CHECK(oro_control_load(&control, image_start, length) != ORO_CONTROL_BAD_REQUEST);
    IS(ORO_CONTROL_IMAGE, oro_control_load(&control, image_start, 63));
    IS(ORO_CONTROL_IMAGE, oro_control_load(&control, image_start, 400));
    IS(ORO_CONTROL_IMAGE, oro_control_load(&control, image_start + 1, size - 1));
    for (uint64_t at = 0; at < 200; at++) {
        for (uint64_t i = 0; i < size; i++) copy[i] = image_start[i];
        copy[at] ^= 0xff;
        uint64_t found = (uint64_t)oro_control_load(&control, copy, size);
        CHECK(found == ORO_CONTROL_DONE || found == ORO_CONTROL_IMAGE);
    }
    return clean();
}
"#;
    folder.write("answer.c", format!("{NUM_C}{ANSWER_C}"));
    folder.oro("check answer.c").ends(0);
    let image = folder.path("target/oro/answer.elf");
    let holder = holder.replace("@IMAGE@", image.to_str().unwrap());
    Held { folder: &folder, holder: &holder, modules: &[], more: "" }.run().ends(0);
}

const ANSWER_C: &str = r#"
ORO_MODULE("answer");
ORO_ENTRY_STATUS(0, run, 0, 0);
uint64_t run(const struct oro_root *root) { (void)root; return 42; }
"#;

/// Its status is the sum of the letters of its parameters.
const ASKS_C: &str = r#"
ORO_MODULE("asks");
ORO_ENTRY_STATUS(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_param, ORO_PARAMS_LAYOUT, "params", 0, 1);
ORO_PARAM("word", ORO_PARAM_TEXT, ORO_PARAM_REQUIRED, 0, "", "");
ORO_PARAM("more", ORO_PARAM_UNSIGNED, 0, 0, "7", "");
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint params = oro_open(root, 0);
    uint64_t sum = 0;
    for (int last = 0; !last; oro_advance(&params)) {
        const volatile struct oro_param *param = ORO_IN(struct oro_param, &params);
        for (int at = 0; at < param->value_length; at++) sum += param->text[param->key_length + at];
        last = (param->flags & ORO_PARAMS_END) != 0;
    }
    return sum;
}
"#;

/// CTL-6, CTL-7, SYS-6: parameters and defaults; what must be there at the start.
#[test]
fn ctl_6_parameters_and_defaults() {
    holds(
        "ctl-6-params",
        &[("asks", ASKS_C)],
        r#"
static uint64_t test(void) {
    uint64_t ring = MUST(create(OWN, "r")), status = 0;
    uint64_t one = MUST(mount(ring, "one", "asks")), two = MUST(mount(ring, "two", "asks"));
    IS(ORO_CONTROL_STATE, START(one)), SAYS("`one` lacks params `word`");
    IS(ORO_CONTROL_STATE, START_RING(ring)), SAYS("`one` lacks params `word`; `two` lacks params `word`");
    IS(ORO_CONTROL_PORT, PARAM(one, "wort", "x")), SAYS("did you mean `word`?");
    IS(ORO_CONTROL_BAD_REQUEST, PARAM(one, "more", "x")), SAYS("`more` of `one`");
    IS(ORO_CONTROL_BAD_REQUEST, PARAM(one, "more", "-1"));
    MUST(PARAM(one, "word", "first")), MUST(PARAM(one, "word", "ab"));
    MUST(START(one));
    CHECK(wait_end(one, &status, 0) == ORO_INSTANCE_ENDED && status == 'a' + 'b' + '7');
    IS(ORO_CONTROL_STATE, PARAM(one, "word", "x")), SAYS("parameters are given before START");
    MUST(PARAM(two, "word", "c")), MUST(PARAM(two, "more", "12"));
    MUST(oro_control_remount(&control, ring, 0, "null"));
    IS(ORO_CONTROL_PORT, wire(0, "null.bytes", two, "params")), SAYS("is wired by the system at START");
    MUST(START_RING(ring));
    CHECK(wait_end(two, &status, 0) == ORO_INSTANCE_ENDED && status == 'c' + '1' + '2');
    return clean();
}
"#,
    );
}

/// CTL-6, SYS-4, SYS-5: types, sizes and counts of a wire; ends that are the kernel's need the grant.
#[test]
fn ctl_6_wires_and_what_is_refused() {
    let copy = ("copy", support::COPY_C);
    holds(
        "ctl-6-wires",
        &[SOURCE, SINK, PASS, copy],
        r#"
static uint64_t test(void) {
    uint64_t a = MUST(create(OWN, "a")), b = MUST(create(OWN, "b")), status = 1;
    uint64_t source = MUST(mount(a, "source", "source")), pass = MUST(mount(a, "pass", "pass"));
    uint64_t sink = MUST(mount(b, "sink", "sink")), copy = MUST(mount(b, "copy", "copy"));
    IS(ORO_CONTROL_TYPE, wire(source, "out", copy, "in")), SAYS("`out` and `in` carry different types");
    IS(ORO_CONTROL_PORT, wire(source, "in", sink, "in")), SAYS("`source` has no port `in`");
    IS(ORO_CONTROL_PORT, wire(sink, "in", source, "out")), SAYS("belongs in");
    IS(ORO_CONTROL_PORT, wire_element(source, "out", 1, sink, "in", 0)), SAYS("has no element 1: they are 0 to 0");
    IS(ORO_CONTROL_BAD_REQUEST, wire(0, "console.stdin", 0, "null.bytes")), SAYS("are 0: one end at least");
    oro_control_wire(&control, source, "out", sink, "in"), control.request.slot_size_bytes = 16;
    IS(ORO_CONTROL_TYPE, SEND), SAYS("`slot_size_bytes`");
    for (int i = 0; i < 3; i++) {
        oro_control_wire(&control, source, "out", sink, "in");
        control.request.slot_count = ((uint32_t[]){3, 1 << 21, UINT32_MAX})[i];
        IS(ORO_CONTROL_BAD_REQUEST, SEND), SAYS("a power of two, at most");
    }
    oro_control_wire(&control, 0, "null.bytes", copy, "in"), control.request.slot_size_bytes = 24 << 20;
    IS(ORO_CONTROL_DENIED, SEND), SAYS("`null` is not granted to Ring `b`: REMOUNT it there");
    MUST(oro_control_remount(&control, b, 0, "null"));
    control.request = (struct oro_control_request){0};
    oro_control_wire(&control, 0, "null.bytes", copy, "in"), control.request.slot_size_bytes = 24 << 20;
    IS(ORO_CONTROL_TYPE, SEND), SAYS("at most 16M");
    oro_control_wire(&control, 0, "null.bytes", copy, "in"), control.request.slot_size_bytes = 13;
    IS(ORO_CONTROL_TYPE, SEND), SAYS("alignment");
    IS(ORO_CONTROL_PORT, wire(0, "null.byte", copy, "in")), IS(ORO_CONTROL_PORT, wire(0, "nul.bytes", copy, "in"));
    IS(ORO_CONTROL_PORT, wire(0, "null", copy, "in")), IS(ORO_CONTROL_PORT, wire(copy, "out", 0, "console.stdin"));
    IS(ORO_CONTROL_DENIED, wire(copy, "out", 0, "files.x"));
    oro_control_wire(&control, 0, "null.bytes", copy, "in"), control.request.slot_size_bytes = 4096;
    control.request.slot_count = 2;
    MUST(SEND), MUST(wire(copy, "out", 0, "null.bytes"));
    /* Across two Rings, in their tables and in these. */
    MUST(wire(source, "out", pass, "in"));
    oro_control_wire(&control, pass, "out", sink, "in"), control.request.slot_count = 1;
    uint64_t port = MUST(SEND), found = 0;
    for (uint32_t ring = 0; ring < 2; ring++) {
        const volatile struct oro_ring *shown = oro_ring_child(oro_own_ring(root), ring);
        for (uint32_t i = 0; i < shown->ports.count; i++) {
            const volatile struct oro_port *row = oro_ring_port(shown, i);
            if (row->id != port) continue;
            CHECK(row->producer.instance_id == pass && row->consumer.instance_id == sink && row->slot_count == 1);
            CHECK(row->producer_ring == a && row->consumer_ring == b), found++;
        }
    }
    CHECK(found == 2);
    IS(ORO_CONTROL_BUSY, wire(source, "out", sink, "in")), SAYS("is wired already, and its Port is not over");
    MUST(START_RING(a)), MUST(START_RING(b));
    CHECK(wait_end(sink, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
    CHECK(wait_end(copy, &status, 0) == ORO_INSTANCE_ENDED);
    return clean();
}
"#,
    );
}

/// CTL-7, ENTRY-6: together; what is not wired that must be; twice.
#[test]
fn ctl_7_starts_are_together_or_not_at_all() {
    holds(
        "ctl-7",
        &[SOURCE, SINK, IDLE],
        r#"
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    uint64_t ring = MUST(create(OWN, "r")), inner = MUST(create(ring, "inner")), status = 1;
    IS(ORO_CONTROL_STATE, START_RING(ring)), SAYS("nothing in the Ring waits for its start");
    uint64_t source = MUST(mount(ring, "source", "source")), sink = MUST(mount(inner, "sink", "sink"));
    IS(ORO_CONTROL_STATE, START(sink)), SAYS("`sink` lacks wires of `in`");
    IS(ORO_CONTROL_STATE, START_RING(ring)), SAYS("`source` lacks wires of `out`; `sink` lacks wires of `in`");
    CHECK(oro_find_instance(own, source)->state == ORO_INSTANCE_MOUNTED);
    MUST(wire(source, "out", sink, "in"));
    /* What is mounted does not run: it fills the queue, and waits for the start of the other. */
    MUST(START(source));
    IS(ORO_CONTROL_STATE, START(source)), SAYS("`source` runs: START is for what is mounted");
    CHECK(oro_find_instance(own, sink)->state == ORO_INSTANCE_MOUNTED);
    MUST(START_RING(ring));
    CHECK(wait_end(sink, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
    IS(ORO_CONTROL_STATE, START(sink)), IS(ORO_CONTROL_STATE, START_RING(ring));
    uint64_t never = MUST(mount(ring, "never", "idle"));
    IS(ORO_CONTROL_STATE, FORGET(never)), SAYS("has not ended: END it first");
    MUST(END(never)), MUST(FORGET(never));
    return clean();
}
"#,
    );
}

/// CTL-11, MODE-6: forced, and allowed again. CTL-12: what a Ring has.
#[test]
fn ctl_11_force_and_allow_and_ctl_12_describe() {
    holds(
        "ctl-11",
        &[SOURCE, SINK, IDLE],
        r#"
static const volatile struct oro_port *find_port(uint64_t id) {
    const volatile struct oro_ring *ring = oro_ring_child(oro_own_ring(root), 0);
    for (uint32_t i = 0; i < ring->ports.count; i++)
        if (oro_ring_port(ring, i)->id == id) return oro_ring_port(ring, i);
    fail("find_port", __LINE__, 0);
}
static uint64_t test(void) {
    oro_control_create(&control, OWN, "r");
    control.request.memory_bytes = 1 << 20, control.request.port_count = 5, control.request.thread_count = 6;
    uint64_t ring = MUST(SEND), inner = MUST(create(ring, "inner"));
    const struct oro_control_reply *usage = &control.reply;
    MUST(DESCRIBE(ring));
    CHECK(usage->memory_bytes == 0 && usage->port_count == 0 && usage->thread_count == 0 && usage->id == 0);
    CHECK(usage->memory_limit_bytes == 1 << 20 && usage->port_limit == 5 && usage->thread_limit == 6);
    uint64_t source = MUST(mount(ring, "source", "source")), sink = MUST(mount(inner, "sink", "sink"));
    MUST(DESCRIBE(ring));
    const uint64_t both = usage->memory_bytes;
    CHECK(both > 0 && usage->thread_count == 2 && usage->port_count == 0);
    MUST(DESCRIBE(inner));
    CHECK(usage->thread_count == 1 && usage->memory_limit_bytes == 0 && usage->memory_bytes < both);
    const uint64_t inner_before = usage->memory_bytes;
    uint64_t port = MUST(wire(source, "out", sink, "in"));
    MUST(DESCRIBE(inner));
    /* SYS-3: two cells and a commit word of the managed one; it does not pay for the queue. */
    CHECK(usage->memory_bytes == inner_before + 3 * 4096 && usage->port_count == 0);
    MUST(DESCRIBE(ring));
    CHECK(usage->memory_bytes == both + (3 + 2 + 1) * 4096 && usage->port_count == 1);
    MUST(DESCRIBE(OWN));
    CHECK(usage->thread_count == 3 && usage->port_count == 3 && usage->memory_limit_bytes == 0);

    CHECK(!(find_port(port)->flags & ORO_PORT_FORCED_SYNCHRONOUS));
    MUST(oro_control_force(&control, port));
    CHECK(find_port(port)->flags & ORO_PORT_FORCED_SYNCHRONOUS);
    MUST(oro_control_force(&control, port));
    MUST(oro_control_allow(&control, port));
    CHECK(!(find_port(port)->flags & ORO_PORT_FORCED_SYNCHRONOUS));
    MUST(START_RING(ring));
    uint64_t status = 1;
    CHECK(wait_end(sink, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
    MUST(oro_control_force(&control, port));
    MUST(FORGET_RING(ring));
    IS(ORO_CONTROL_UNKNOWN, oro_control_force(&control, port));
    IS(ORO_CONTROL_UNKNOWN, DESCRIBE(ring)), IS(ORO_CONTROL_UNKNOWN, DESCRIBE(inner));
    return clean();
}
"#,
    );
}
