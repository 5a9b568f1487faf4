//! Ring control while others work (`CTL-8` to `CTL-10`): late Ports, replacements, and what is given back.

mod support;

use support::Folder;
use support::had::{is_flat, measure};
use support::holder::{CLIENT, Held, IDLE, PASS, SERVER, SINK, SOURCE, holds};

/// CTL-8, BIND-3: an element of a server that runs is wired, used, and wired again, 1000 times.
#[test]
fn ctl_8_an_element_is_wired_a_thousand_times() {
    let (had, _) = measure(
        "ctl-8-late",
        &[CLIENT, SERVER],
        r#"
static uint64_t test(void) {
    uint64_t server = find("server");
    struct oro_endpoint sums = oro_open(root, 2);
    uint64_t charged = 0;
    for (int round = 0; round < 1100; round++) {
        uint64_t ring = MUST(create(OWN, "guests"));
        uint64_t client = MUST(mount(ring, "client", "client"));
        int64_t found;
        /* Busy until the server has said that it knows of the end. */
        while ((found = wire_element(client, "out", 0, server, "in", 2)) == ORO_CONTROL_BUSY) sleep_ms(1);
        CHECK(found == 0);
        IS(ORO_CONTROL_BUSY, wire_element(client, "out", 0, server, "in", 2));
        MUST(START(client));
        CHECK(oro_wait(&sums) > 0 && ORO_IN(struct num, &sums)->value == 55);
        oro_advance(&sums);
        CHECK(wait_end(client, 0, 0) == ORO_INSTANCE_ENDED);
        MUST(FORGET_RING(ring));
        if (round == 100) meet(), MUST(DESCRIBE(OWN)), charged = control.reply.memory_bytes;
    }
    MUST(DESCRIBE(OWN));
    CHECK(control.reply.memory_bytes == charged);
    meet();
    return 0;
}
"#,
        "[instance.server]\nmodule = \"server\"\n\
     [[wire]]\nfrom = \"server.sums\"\nto = \"holder.in[0]\"\n\
     [[wire]]\nfrom = \"holder.out[0]\"\nto = \"server.stop\"\n",
    );
    is_flat(had);
}

/// CTL-10: mounted, started, ended and forgotten again and again: nothing is left.
#[test]
fn ctl_10_what_is_forgotten_is_given_back() {
    let (had, _) = measure(
        "ctl-10-flat",
        &[SOURCE, IDLE, SINK],
        r#"
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    uint64_t last = 0, kept = MUST(create(OWN, "kept"));
    for (int round = 0; round < 600; round++) {
        uint64_t ring = round % 2 ? kept : MUST(create(OWN, "other"));
        uint64_t idle = MUST(mount(ring, "idle", "idle")), source = MUST(mount(ring, "source", "source"));
        uint64_t sink = MUST(mount(ring, "sink", "sink"));
        CHECK(idle > last), last = sink;
        uint64_t port = MUST(wire(source, "out", sink, "in"));
        MUST(START(source)), MUST(START(idle));
        /* With messages that nobody has read. */
        MUST(END_RING(ring));
        if (round % 2) MUST(FORGET(source)), MUST(FORGET(idle)), MUST(FORGET(sink));
        else MUST(FORGET_RING(ring)), IS(ORO_CONTROL_UNKNOWN, DESCRIBE(ring));
        IS(ORO_CONTROL_UNKNOWN, END(idle)), IS(ORO_CONTROL_UNKNOWN, FORGET(source));
        IS(ORO_CONTROL_UNKNOWN, oro_control_force(&control, port));
        CHECK(oro_find_instance(own, idle) == 0 && oro_find_instance(own, sink) == 0);
        /* The tables' rows are used again, and are empty. */
        CHECK(own->children.count <= 2);
        CHECK(oro_ring_child(own, 0)->instances.count <= 3 && oro_ring_child(own, 0)->ports.count <= 1);
        CHECK(own->children.count < 2 || oro_ring_child(own, 1)->instances.count <= 3);
        MUST(DESCRIBE(kept));
        CHECK(control.reply.memory_bytes == 0 && control.reply.thread_count == 0 && control.reply.port_count == 0);
        if (round == 100) meet();
    }
    meet();
    return clean();
}
"#,
        "",
    );
    is_flat(had);
}

/// CTL-9, END-7, NAIVE-11, issue 4: under load a naive filter is restarted and replaced, and no message is lost or
/// comes twice.
#[test]
fn ctl_9_replaced_and_restarted_under_load() {
    let count = "#define COUNT UINT64_C(100000)\n";
    let folder = Folder::new("ctl-9");
    let other = PASS
        .1
        .replace("\"pass\"", "\"other\"")
        .replace("uint64_t value =", "(void)&more; uint64_t value =");
    let other = format!("static volatile uint64_t more[3000] = {{1}};\n{other}");
    let differs = PASS.1.replace("\"out\"", "\"outs\"");
    let slower = PASS
        .1
        .replace("\"in\", 0, 1)", "\"in\", 0, 2)")
        .replace("T(1, 0", "T(2, 0")
        .replace("root, 1", "root, 2");
    let modules =
        [SOURCE, PASS, ("other", &other), SINK, ("differs", &differs), ("wider", &slower), IDLE];
    let modules = modules.map(|(name, text)| (name, format!("#undef COUNT\n{count}{text}")));
    let modules: Vec<_> = modules.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let holder = r#"
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    uint64_t ring = MUST(create(OWN, "r")), status = 1, rounds = 0;
    uint64_t source = MUST(mount(ring, "source", "source")), pass = MUST(mount(ring, "pass", "pass"));
    uint64_t sink = MUST(mount(ring, "sink", "sink"));
    IS(ORO_CONTROL_STATE, RESTART(pass)), SAYS("has not been started: START it");
    IS(ORO_CONTROL_STATE, REPLACE(pass, "other", 0));
    MUST(wire(source, "out", pass, "in"));
    uint64_t port = MUST(wire(pass, "out", sink, "in"));
    MUST(START_RING(ring));
    const volatile struct oro_instance *shown = oro_find_instance(own, pass);
    IS(ORO_CONTROL_IMAGE, REPLACE(pass, "differs", 0)), SAYS("differs from that of `pass` in its ports");
    IS(ORO_CONTROL_IMAGE, REPLACE(pass, "wider", 0)), SAYS("ports");
    IS(ORO_CONTROL_IMAGE, REPLACE(pass, "idle", 0)), SAYS("entry points");
    IS(ORO_CONTROL_DENIED, REPLACE(pass, "holder", 0));
    while (oro_find_instance(own, sink)->state == ORO_INSTANCE_RUNNING) {
        int64_t found;
        if (rounds % 3 == 0) found = RESTART(pass);
        else found = REPLACE(pass, rounds % 3 == 1 ? "other" : "pass", 0);
        /* Its input has ended, and so has it. */
        if (found == ORO_CONTROL_STATE) break;
        CHECK(found == 0);
        CHECK(oro_name_is(shown->module, rounds % 3 == 1 ? "other" : "pass"));
        if (++rounds == 60) break;
        sleep_ms(20);
    }
    CHECK(wait_end(sink, &status, 0) == ORO_INSTANCE_ENDED);
    if (status != 0) fail("the sink", __LINE__, (int64_t)status);
    CHECK(wait_end(pass, 0, 0) == ORO_INSTANCE_ENDED);
    CHECK(rounds >= 30);
    IS(ORO_CONTROL_STATE, RESTART(pass)), SAYS("has ended: FORGET it, and MOUNT a new one");
    (void)port;
    return clean();
}
"#;
    Held { folder: &folder, holder, modules: &modules, more: "" }.run().ends(0);
}

/// CTL-9: as killed; what a faulted one was is no more once it is restarted.
#[test]
fn ctl_9_ends_are_kills_and_what_has_faulted_comes_again() {
    let trap = (
        "trap",
        r#"
ORO_MODULE("trap");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    if (out.next >= 3) return 0;
    ORO_OUT(struct num, &out)->value = out.next;
    oro_advance(&out);
    __builtin_trap();
}
"#,
    );
    holds(
        "ctl-9-ends",
        &[IDLE, trap],
        r#"
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    uint64_t ring = MUST(create(OWN, "r")), inner = MUST(create(ring, "inner")), status;
    uint32_t reason;
    uint64_t a = MUST(mount(ring, "a", "idle")), b = MUST(mount(inner, "b", "idle"));
    MUST(START_RING(ring)), MUST(END(a));
    CHECK(wait_end(a, &status, &reason) == ORO_INSTANCE_FAULTED && reason == ORO_REASON_KILLED);
    CHECK(oro_find_instance(own, b)->state == ORO_INSTANCE_RUNNING);
    IS(ORO_CONTROL_STATE, END(a)), SAYS("it is over");
    MUST(END_RING(ring));
    CHECK(wait_end(b, &status, &reason) == ORO_INSTANCE_FAULTED && reason == ORO_REASON_KILLED);
    IS(ORO_CONTROL_STATE, END_RING(ring)), SAYS("nothing in the Ring that has not ended");
    /* What their ends have closed stays closed. */
    IS(ORO_CONTROL_STATE, RESTART(a)), SAYS("`a` has faulted: FORGET it, and MOUNT a new one");
    uint64_t trap = MUST(mount(ring, "trap", "trap"));
    MUST(wire_element(trap, "out", 0, root->instance_id, "in", 1));
    MUST(START(trap));
    CHECK(wait_end(trap, &status, &reason) == ORO_INSTANCE_FAULTED && reason == ORO_REASON_TRAP);
    IS(ORO_CONTROL_STATE, RESTART(trap)), IS(ORO_CONTROL_STATE, REPLACE(trap, "trap", 0));
    /* Of one whose replacement is awaited for a day it comes now. */
    oro_control_mount(&control, ring, "again", "trap"), control.request.restart = ORO_CONTROL_RESTART_FAULT;
    control.request.restart_max = 3, control.request.restart_within_ns = UINT64_C(86400000000000);
    control.request.restart_backoff_ns = UINT64_C(43200000000000);
    uint64_t again = MUST(SEND);
    MUST(wire_element(again, "out", 0, root->instance_id, "in", 2));
    MUST(START(again));
    struct oro_endpoint in = oro_open(root, 4);
    for (uint64_t times = 0; times < 3; times++, oro_advance(&in)) {
        CHECK(oro_wait(&in) > 0 && ORO_IN(struct num, &in)->value == times);
        while (oro_find_instance(own, again)->state == ORO_INSTANCE_RUNNING) sleep_ms(1);
        CHECK(oro_find_instance(own, again)->state == ORO_INSTANCE_FAULTED);
        MUST(times == 1 ? REPLACE(again, "trap", 0) : RESTART(again));
    }
    CHECK(wait_end(again, &status, &reason) == ORO_INSTANCE_ENDED);
    return clean();
}
"#,
    );
}

/// CTL-10, RING-3: what is left of a forgotten Ring's Ports and grants writes nothing to the rows of the next one.
#[test]
fn ctl_10_a_new_ring_has_clean_tables() {
    holds(
        "ctl-10-rows",
        &[CLIENT, IDLE],
        r#"
static uint64_t test(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    uint64_t first = MUST(create(OWN, "first")), client = MUST(mount(first, "client", "client"));
    MUST(oro_control_remount(&control, first, root->instance_id, 0));
    uint64_t old = MUST(wire_element(client, "out", 0, root->instance_id, "in", 0));
    MUST(START(client)), wait_end(client, 0, 0);
    MUST(FORGET_RING(first));
    /* The same place in the tables, for others. */
    uint64_t second = MUST(create(OWN, "second"));
    MUST(mount(second, "idle", "idle")), client = MUST(mount(second, "client", "client"));
    uint64_t port = MUST(wire_element(client, "out", 0, root->instance_id, "in", 1));
    const volatile struct oro_ring *ring = oro_ring_child(own, 0);
    CHECK(ring->id == second && ring->instances.count == 2 && ring->ports.count == 1);
    const volatile struct oro_port *row = oro_ring_port(ring, 0);
    CHECK(row->id == port && row->producer.cursor == 0 && row->consumer.cursor == 0 && row->state == ORO_PORT_OPEN);
    CHECK(port != old);
    /* What the first one had sent is read now. */
    struct oro_endpoint in = oro_open(root, 2);
    for (uint64_t count = 1; count <= 10; count++, oro_advance(&in))
        CHECK(oro_wait(&in) > 0 && ORO_IN(struct num, &in)->value == count);
    CHECK(oro_wait(&in) == ORO_ENDED);
    CHECK(row->id == port && row->producer.cursor == 0 && row->consumer.cursor == 0 && row->state == ORO_PORT_OPEN);
    CHECK(oro_ring_instance(ring, 0)->state == ORO_INSTANCE_MOUNTED);
    return clean();
}
"#,
    );
}

/// CTL-8, CTL-9, RING-9: what is given back counts as free for what takes its place; a larger image must fit.
#[test]
fn ctl_8_what_is_over_makes_room_in_its_quota() {
    let big = PASS.1.replace("void run", "volatile char more[1 << 20];\nvoid run");
    holds(
        "ctl-8-quota",
        &[SOURCE, SINK, PASS, ("big", &big)],
        r#"
static uint64_t test(void) {
    oro_control_create(&control, OWN, "few"), control.request.port_count = 1;
    control.request.memory_bytes = 512 << 10;
    uint64_t few = MUST(SEND), many = MUST(create(OWN, "many"));
    uint64_t source = MUST(mount(few, "source", "source")), sink = 0, before = 0;
    for (int round = 0; round < 50; round++) {
        sink = MUST(mount(many, "sink", "sink"));
        MUST(wire(source, "out", sink, "in"));
        MUST(DESCRIBE(few));
        CHECK(control.reply.port_count == 1 && (round == 0 || control.reply.memory_bytes == before));
        before = control.reply.memory_bytes;
        IS(ORO_CONTROL_BUSY, wire(source, "out", sink, "in"));
        MUST(END(sink));
        if (round % 2) IS(ORO_CONTROL_STATE, wire(source, "out", sink, "in"));
        MUST(FORGET(sink));
    }
    (void)END(source), MUST(FORGET(source));
    MUST(DESCRIBE(few));
    CHECK(control.reply.port_count == 0 && control.reply.memory_bytes == 0);
    /* A larger image in the place of another one. */
    uint64_t pass = MUST(mount(few, "pass", "pass"));
    MUST(wire_element(pass, "out", 0, root->instance_id, "in", 0));
    MUST(wire_element(root->instance_id, "out", 0, pass, "in", 0)), MUST(START(pass));
    MUST(DESCRIBE(few)), before = control.reply.memory_bytes;
    IS(ORO_CONTROL_QUOTA, REPLACE(pass, "big", 0)), SAYS("`few`");
    MUST(DESCRIBE(few)), CHECK(control.reply.memory_bytes == before);
    MUST(REPLACE(pass, "pass", 0)), MUST(DESCRIBE(few)), CHECK(control.reply.memory_bytes == before);
    return clean();
}
"#,
    );
}
