//! Systems that are built from within (`CTL-5` to `CTL-7`, `CTL-11`, `CTL-12`): images, parameters, wires, starts, and what is said
//! of them.

mod support;

use support::Folder;
use support::holder::{Held, IDLE, NUM_C, PASS, SINK, SOURCE, holds};

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
