//! Attempts to crash, hang or confuse the kernel by way of Ring control (`CTL-2`, `CTL-3`, `CTL-13`, `KRN-1`): each ends with a
//! holder that is told what is wrong, and with a system that goes on.

mod support;

use support::Folder;
use support::holder::{HOLDER_C, Held, IDLE, PASS, SINK, SOURCE, holds, wires};

/// Sends for ever.
const FLOOD: (&str, &str) = (
    "flood",
    r#"
ORO_MODULE("flood");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 1;; count++, oro_advance(&out)) ORO_OUT(struct num, &out)->value = count;
}
"#,
);

/// CTL-9: descendants end in the middle of their writes, over and over; the console hears of it.
#[test]
fn ctl_9_ends_in_the_middle_of_everything() {
    holds(
        "attack-end",
        &[FLOOD, PASS, SINK, IDLE],
        r#"
static uint64_t test(void) {
    struct oro_endpoint in[4];
    for (int round = 0; round < 60; round++) {
        uint64_t ring = MUST(create(OWN, "r")), inner = MUST(create(ring, "inner"));
        uint64_t a = MUST(mount(ring, "a", "flood")), b = MUST(mount(inner, "b", "pass"));
        uint64_t c = MUST(mount(inner, "c", "pass"));
        MUST(wire(a, "out", b, "in")), MUST(wire(b, "out", c, "in"));
        /* The last one into this thread, which reads some. */
        uint32_t element = round % 4;
        uint64_t port = MUST(wire_element(c, "out", 0, root->instance_id, "in", element));
        MUST(START_RING(ring));
        in[element] = oro_open(root, 2 + element);
        for (int i = 0; i < round; i++) {
            CHECK(oro_wait(&in[element]) > 0 && ORO_IN(struct num, &in[element])->value == (uint64_t)i + 1);
            oro_advance(&in[element]);
        }
        if (round % 3 == 0) MUST(RESTART(b)), MUST(RESTART(c));
        if (round % 3 == 1) MUST(oro_control_force(&control, port)), MUST(REPLACE(c, "pass", 0));
        IS(ORO_CONTROL_STATE, FORGET(a)), IS(ORO_CONTROL_STATE, FORGET_RING(ring));
        if (round % 2) MUST(END(b));
        (void)END_RING(ring), MUST(FORGET_RING(ring));
        /* What had been sent is there still, in order; then the end, which is said to be known. */
        uint64_t next = (uint64_t)round + 1;
        for (; oro_wait(&in[element]) > 0; next++, oro_advance(&in[element]))
            CHECK(ORO_IN(struct num, &in[element])->value == next);
        CHECK(oro_available(&in[element]) == ORO_ENDED);
        oro_let_go(root, 2 + element);
    }
    return clean();
}
"#,
    );
}

/// Traps at once.
const TRAP: (&str, &str) = (
    "trap",
    r#"
ORO_MODULE("trap");
ORO_ENTRY(0, run, 0, 0);
void run(const struct oro_root *root) { (void)root, __builtin_trap(); }
"#,
);

/// CTL-2, CTL-7, CTL-8, CTL-9: what makes no sense in the state that things are in.
#[test]
fn ctl_2_out_of_turn() {
    let two = (
        "two",
        r#"
ORO_MODULE("two");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY(1, leave, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", ORO_NOTE_PORT_OPTIONAL, 2);
ORO_PORT(2, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 2);
ORO_PORT(4, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "gone", ORO_NOTE_PORT_OPTIONAL, 2);
void run(const struct oro_root *root) { oro_sleep_until(root, ORO_NO_DEADLINE - 1); }
void leave(const struct oro_root *root) { (void)root; }
"#,
    );
    holds(
        "attack-turn",
        &[IDLE, two, TRAP, SOURCE],
        r#"
static uint64_t again(uint64_t ring, const char *name, uint64_t backoff_ns, uint32_t most) {
    oro_control_mount(&control, ring, name, "trap"), control.request.restart = ORO_CONTROL_RESTART_FAULT;
    control.request.restart_max = most, control.request.restart_within_ns = 1000000000;
    control.request.restart_backoff_ns = backoff_ns;
    return MUST(SEND);
}
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    uint64_t ring = MUST(create(OWN, "r")), idle = MUST(mount(ring, "idle", "idle"));
    MUST(START(idle)), IS(ORO_CONTROL_STATE, START(idle)), IS(ORO_CONTROL_STATE, FORGET(idle));
    IS(ORO_CONTROL_PORT, PARAM(idle, "a", "b")), SAYS("has no parameter `a`");
    /* To itself, and to threads that are no more. */
    uint64_t two = MUST(mount(ring, "two", "two"));
    IS(ORO_CONTROL_PORT, wire_element(two, "out", 0, two, "in", 0)), SAYS("of one thread");
    MUST(wire_element(two, "out", 0, two, "gone", 0));
    MUST(START(two));
    IS(ORO_CONTROL_PORT, wire_element(two, "out", 1, two, "in", 0)), SAYS("of one thread");
    IS(ORO_CONTROL_PORT, wire_element(two, "out", UINT32_MAX, two, "in", 0)), SAYS("has no element");
    /* Its consumer's thread ends: it can be had no more, nor the element that the other thread uses. */
    const volatile struct oro_ring *shown = oro_ring_child(own, 0);
    while (oro_ring_port(shown, 0)->state != ORO_PORT_CONSUMER_ENDED) sleep_ms(1);
    IS(ORO_CONTROL_STATE, wire_element(two, "out", 1, two, "gone", 1)), SAYS("has ended: it can have no Port any more");
    IS(ORO_CONTROL_BUSY, wire_element(two, "out", 0, root->instance_id, "in", 0));
    uint64_t source = MUST(mount(ring, "source", "source"));
    int64_t found;
    /* A thread of it has ended by itself: not to be replaced. */
    IS(ORO_CONTROL_STATE, RESTART(two)), IS(ORO_CONTROL_STATE, REPLACE(two, "two", 0));
    MUST(END(two)), IS(ORO_CONTROL_STATE, wire_element(source, "out", 0, two, "in", 0)), SAYS("it is over");
    MUST(FORGET(two)), IS(ORO_CONTROL_UNKNOWN, wire_element(source, "out", 0, two, "in", 0));
    /* While a replacement is awaited: replaced, ended, forgotten, and its timer comes to nothing. */
    uint64_t waits = again(ring, "waits", 60000000, 3);
    MUST(START(waits));
    while (oro_find_instance(own, waits)->state == ORO_INSTANCE_RUNNING) sleep_ms(1);
    MUST(REPLACE(waits, "trap", 0));
    for (int i = 0; i < 20; i++) (void)REPLACE(waits, "trap", 0), (void)RESTART(waits);
    while ((found = END(waits)) != 0 && found != ORO_CONTROL_STATE) sleep_ms(1);
    IS(ORO_CONTROL_STATE, END(waits));
    MUST(FORGET(waits));
    sleep_ms(200);
    CHECK(oro_find_instance(own, waits) == 0);
    /* Many that trap at once and for ever, while they are ended. */
    uint64_t many[8];
    for (int i = 0; i < 8; i++) many[i] = again(ring, (char[]){(char)('A' + i), 0}, i * 300000, 1000000);
    (void)END(source), MUST(FORGET(source));
    MUST(START_RING(ring));
    for (int round = 0; round < 50; round++)
        for (int i = 0; i < 8; i++) (void)(round % 2 ? RESTART(many[i]) : REPLACE(many[i], "trap", 0));
    for (int i = 0; i < 8; i++) { (void)END(many[i]); MUST(FORGET(many[i])); }
    return clean();
}
"#,
    );
}

/// CTL-4, CTL-10, RING-1: tables that are full, and empty again; Rings as deep and as many as they may be.
#[test]
fn ctl_10_rows_run_out_and_come_back() {
    holds(
        "attack-rows",
        &[IDLE, FLOOD],
        r#"
static void put_name(char *name, uint32_t number) {
    name[0] = 'n', name[1] = (char)('0' + number / 100), name[2] = (char)('0' + number / 10 % 10);
    name[3] = (char)('0' + number % 10), name[4] = 0;
}
static uint64_t test(void) {
    uint64_t first = 0;
    for (int times = 0; times < 2; times++) {
        char name[5];
        uint32_t rings = 0, instances = 0;
        int64_t found = 0;
        while (rings < 999 && (put_name(name, rings), found = create(OWN, name)) == 0) rings++;
        CHECK(found == ORO_CONTROL_QUOTA);
        SAYS("the tables have no row for another Ring there: forget Rings that have ended, or use another Ring");
        uint64_t ring = oro_ring_child(oro_own_ring(root), 0)->id;
        /* What needs no row there goes on. */
        uint64_t idle = MUST(mount(ring, "idle", "idle")), flood = MUST(mount(ring, "flood", "flood"));
        MUST(wire_element(flood, "out", 0, root->instance_id, "in", 0));
        MUST(START(idle)), MUST(END(idle)), MUST(END(flood));
        while (instances < 999 && (put_name(name, instances), found = mount(ring, name, "idle")) == 0) instances++;
        CHECK(found == ORO_CONTROL_QUOTA), SAYS("no row for another instance");
        uint64_t deep = oro_ring_child(oro_own_ring(root), 1)->id;
        for (int depth = 2; depth <= 8 && found != 0; depth++) found = create(deep, "deep"), deep = control.reply.id;
        (void)END_RING(ring);
        MUST(FORGET_RING(ring));
        clean();
        if (times == 0) first = rings * 1000 + instances;
        else CHECK(first == rings * 1000 + instances);
        CHECK(rings >= 32 && instances >= 100);
        /* The element was never used: its Port is over with its peer. */
        struct oro_endpoint in = oro_open(root, 2);
        while (oro_wait(&in) > 0) { (void)ORO_IN(struct num, &in)->value; oro_advance(&in); }
        oro_let_go(root, 2);
    }
    return 0;
}
"#,
    );
}

/// CTL-5, LIM: images of 16 MiB, over and over, of which none is one.
#[test]
fn ctl_5_large_loads() {
    holds(
        "attack-load",
        &[],
        r#"
static uint8_t bytes[16 << 20];
static uint64_t test(void) {
    for (int round = 0; round < 20; round++) {
        IS(ORO_CONTROL_IMAGE, oro_control_load(&control, bytes, sizeof bytes));
        /* An ELF header that promises much. */
        bytes[0] = 0x7f, bytes[1] = 'E', bytes[2] = 'L', bytes[3] = 'F', bytes[4] = 2, bytes[5] = 1, bytes[6] = 1;
        bytes[16] = 3, bytes[18] = 62, bytes[20] = 1, bytes[32] = 64, bytes[52] = 64, bytes[54] = 56;
        bytes[56] = 0xff, bytes[57] = (uint8_t)round, bytes[58] = 64;
        for (int i = 64; i < 4096; i++) bytes[i] = (uint8_t)(i * round);
    }
    return 0;
}
"#,
    );
}

/// CTL-2: one slot for requests and one for replies; a naive holder; one in asynchronous mode.
#[test]
fn ctl_2_holders_of_every_kind() {
    let folder = Folder::new("attack-kinds");
    let naive = r#"
#include <oro/control.h>
ORO_MODULE("naive");
ORO_ENTRY_STATUS(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_control_request, ORO_CONTROL_LAYOUT, "control", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, oro_control_reply, ORO_CONTROL_REPLY_LAYOUT, "answers", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint requests = oro_open(root, 0), replies = oro_open(root, 1);
    const uint64_t own = oro_own_ring(root)->id;
    uint64_t ring = 0;
    for (uint64_t count = 0; count < 300; count++, oro_advance(&requests), oro_advance(&replies)) {
        volatile struct oro_control_request *request = ORO_OUT(struct oro_control_request, &requests);
        for (uint32_t i = 0; i < 512; i++) ((volatile uint8_t *)request)[i] = 0;
        request->correlation = count;
        request->operation = count % 2 ? ORO_CONTROL_FORGET : ORO_CONTROL_CREATE;
        request->ring = count % 2 ? ring : own;
        if (count % 2 == 0) request->name[0] = 'r';
        const volatile struct oro_control_reply *reply = ORO_IN(struct oro_control_reply, &replies);
        if (reply->correlation != count || reply->code != ORO_CONTROL_DONE) return 1 + count;
        ring = reply->id;
    }
    return 0;
}
"#;
    let busy = r#"
static uint64_t test(void) {
    int is_earned = 0;
    for (int count = 0; count < 3000; count++) {
        uint64_t ring = MUST(create(OWN, "b"));
        MUST(FORGET_RING(ring));
        is_earned |= control.requests.binding->mode == ORO_MODE_ASYNCHRONOUS;
    }
    CHECK(is_earned);
    return 0;
}
"#;
    folder.write("naive.c", naive);
    folder.write("busy.c", format!("{HOLDER_C}#line 1\n{busy}"));
    folder.write(
        "single.c",
        format!(
            "{HOLDER_C}#line 1\n{}",
            busy.replace("CHECK(is_earned)", "(void)is_earned").replace("3000", "300")
        ),
    );
    let mut text = String::from("oro = 1\n[modules]\n");
    for name in ["naive", "busy", "single"] {
        text += &format!("{name} = {{ source = \"{name}.c\" }}\n");
    }
    for name in ["naive", "busy", "single"] {
        let wires = wires(name);
        let wires = if name == "single" {
            wires.replace("[[wire]]\n", "[[wire]]\nslots = 1\n")
        } else {
            wires
        };
        // Each in a Ring of its own, so that names are free.
        let wires = wires.replace(&format!("\"{name}."), &format!("\"of-{name}/{name}."));
        let wires = wires.replace("\"ring.", &format!("\"of-{name}/ring."));
        text += &format!(
            "[ring.of-{name}]\ngrant = [\"ring\"]\n[ring.of-{name}.instance.{name}]\nmodule = \"{name}\"\n{wires}"
        );
    }
    folder.write("system.toml", text);
    folder.run("", "run system.toml --timeout 80s").ends(0);
}

/// CTL-2, CTL-9: a holder is killed in the middle of its requests, by the holder above it; what it has made stays,
/// and is taken away with its Ring.
#[test]
fn ctl_2_a_holder_that_is_killed_in_the_middle() {
    let folder = Folder::new("attack-killed");
    let storm = r#"
static uint64_t test(void) {
    /* Requests without an end, whose replies are taken now and then. */
    for (uint64_t count = 0;; count++) {
        CHECK(oro_wait(&control.requests) > 0);
        oro_control_create(&control, OWN, "s");
        if (count % 3 == 1) control.request.operation = ORO_CONTROL_MOUNT, control.request.module[0] = 'x';
        oro_copy_to_slot(ORO_OUT(uint8_t, &control.requests), &control.request, sizeof control.request);
        oro_advance(&control.requests);
        if (count % 8 == 7)
            for (int i = 0; i < 8; i++, oro_advance(&control.replies))
                if (oro_wait(&control.replies) > 0) (void)ORO_IN(struct oro_control_reply, &control.replies)->code;
    }
}
"#;
    let holder = r#"
static uint64_t test(void) {
    for (int round = 0; round < 40; round++) {
        uint64_t ring = MUST(create(OWN, "r")), storm = MUST(mount(ring, "storm", "storm"));
        MUST(oro_control_remount(&control, ring, 0, "ring"));
        oro_control_wire(&control, storm, "control", 0, "ring.requests");
        control.request.slot_count = 1u << (round % 5), MUST(SEND);
        oro_control_wire(&control, 0, "ring.replies", storm, "answers");
        control.request.slot_count = 1u << (round / 5 % 5), MUST(SEND);
        MUST(START(storm));
        for (int i = 0; i < round; i++) MUST(DESCRIBE(ring));
        MUST(END(storm));
        if (round % 2) MUST(FORGET(storm));
        MUST(DESCRIBE(ring));
        MUST(FORGET_RING(ring));
    }
    return 0;
}
"#;
    Held { folder: &folder, holder, modules: &[], more: "" }.write();
    folder.write("storm.c", format!("{HOLDER_C}#line 1\n{storm}"));
    let text = std::fs::read_to_string(folder.path("system.toml")).unwrap();
    let text = text.replace("modules = []", "modules = [\"storm\"]");
    folder.write(
        "system.toml",
        text.replace("[modules]", "[modules]\nstorm = { source = \"storm.c\" }"),
    );
    folder.run("", "run system.toml --timeout 80s").ends(0);
}
