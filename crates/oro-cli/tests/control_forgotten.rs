//! What is left of instances that are forgotten: nothing is stored any more where they have been, and nothing of them
//! is kept (`CTL-10`, `CTL-13`).

mod support;

use support::Folder;
use support::had::{is_flat, measure};
use support::holder::{HOLDER_C, Held, IDLE, holds};

/// Sends eight messages once it has a Port.
const BURST: (&str, &str) = (
    "burst",
    r#"
#include <oro/control.h>
ORO_MODULE("burst");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", ORO_NOTE_PORT_OPTIONAL, 1);
uint64_t run(const struct oro_root *root) {
    uint64_t state = oro_binding_state(root, 0);
    while ((uint32_t)state != ORO_STATE_WIRED) {
        oro_wait_bindings_until(root, 0, &state, 1, ORO_NO_DEADLINE);
        state = oro_binding_state(root, 0);
    }
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 1; count <= 8 && oro_wait(&out) > 0; count++, oro_advance(&out))
        ORO_OUT(struct num, &out)->value = count;
    return 0;
}
"#,
);

/// Its status is the first cursor of its peer that is not 0, for some time.
const VICTIM: (&str, &str) = (
    "victim",
    r#"
#include <oro/control.h>
ORO_MODULE("victim");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 1);
uint64_t run(const struct oro_root *root) {
    uint64_t state = oro_binding_state(root, 0);
    while ((uint32_t)state != ORO_STATE_WIRED) {
        oro_wait_bindings_until(root, 0, &state, 1, ORO_NO_DEADLINE);
        state = oro_binding_state(root, 0);
    }
    struct oro_endpoint in = oro_open(root, 0);
    for (int i = 0; i < 1500; i++) {
        uint64_t peer = oro_load_peer_cursor(&in);
        if (peer) return peer;
        oro_sleep_until(root, oro_now(root) + 1000000);
    }
    return 0;
}
"#,
);

/// Takes what is there, and says how much that was.
const SLOW: (&str, &str) = (
    "slow",
    r#"
ORO_MODULE("slow");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    uint64_t last = 0;
    for (; oro_wait(&in) > 0; oro_advance(&in)) if (ORO_IN(struct num, &in)->value != ++last) return 1;
    oro_sleep_until(root, oro_now(root) + 300000000);
    return last;
}
"#,
);

/// Earns the asynchronous mode, then claims more than its queue has, and ends (ASYNC-6).
const LIAR: (&str, &str) = (
    "liar",
    r#"
ORO_MODULE("liar");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 1; count <= 300; count++, oro_advance(&out)) {
        if (oro_wait(&out) <= 0) return 1;
        ORO_OUT(struct num, &out)->value = count;
    }
    if (out.binding->mode != ORO_MODE_ASYNCHRONOUS) return 2;
    oro_sleep_until(root, oro_now(root) + 50000000);
    *(volatile uint64_t *)(uintptr_t)out.binding->own_cursor = out.next + out.binding->slot_count + 100;
    for (int i = 0; i < 40 && oro_state(&out) == ORO_STATE_WIRED; i++) oro_sleep_until(root, oro_now(root) + 1000000);
    return oro_state(&out) == ORO_STATE_FAULTED ? 0 : 1000 + oro_state(&out) * 100 + out.binding->mode;
}
"#,
);

/// Takes 300 messages, and sleeps for ever.
const BELIEVER: (&str, &str) = (
    "believer",
    r#"
ORO_MODULE("believer");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    uint64_t last = 0;
    for (; oro_wait(&in) > 0; oro_advance(&in)) last = ORO_IN(struct num, &in)->value;
    if (last != 300) return last; for (int i = 0; i < 20; i++) { oro_write_peer_condition_(&in, 0, 0); (void)oro_touch_gate_(root, 1, 100000); }
    oro_sleep_until(root, ORO_NO_DEADLINE - 1);
    return last;
}
"#,
);

/// Its status says whether the first message is 7.
const TAKER: (&str, &str) = (
    "taker",
    r#"
#include <oro/control.h>
ORO_MODULE("taker");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 1);
uint64_t run(const struct oro_root *root) {
    uint64_t state = oro_binding_state(root, 0);
    while ((uint32_t)state != ORO_STATE_WIRED) {
        oro_wait_bindings_until(root, 0, &state, 1, ORO_NO_DEADLINE);
        state = oro_binding_state(root, 0);
    }
    struct oro_endpoint in = oro_open(root, 0);
    oro_sleep_until(root, oro_now(root) + 700000000);
    if (oro_wait(&in) <= 0) return 99;
    uint64_t value = ORO_IN(struct num, &in)->value;
    oro_advance(&in);
    return value - 7;
}
"#,
);

/// Produces slots of any size, and nothing.
const BX: (&str, &str) = (
    "bx",
    r#"
ORO_MODULE("bx");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) { oro_sleep_until(root, ORO_NO_DEADLINE - 1); }
"#,
);

/// Consumes them.
const BY: (&str, &str) = (
    "by",
    r#"
ORO_MODULE("by");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
void run(const struct oro_root *root) { oro_sleep_until(root, ORO_NO_DEADLINE - 1); }
"#,
);

/// CTL-10: the page where a forgotten end saw its peer's cursor is another Ring's: nobody stores there any more.
#[test]
fn ctl_10_a_peers_cursor_goes_nowhere_once_nobody_looks() {
    holds(
        "ctl-10-cursor",
        &[BURST, VICTIM, SLOW],
        r#"
static uint64_t test(void) {
    uint64_t a = MUST(create(OWN, "a")), b = MUST(create(OWN, "b")), status = 0;
    uint64_t burst = MUST(mount(a, "burst", "burst")), slow = MUST(mount(a, "slow", "slow"));
    MUST(START(burst));
    MUST(wire(burst, "out", slow, "in"));
    CHECK(wait_end(burst, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
    MUST(FORGET(burst));
    uint64_t victim = MUST(mount(b, "victim", "victim"));
    MUST(START(victim));
    MUST(wire_element(root->instance_id, "out", 0, victim, "in", 0));
    MUST(START(slow));
    CHECK(wait_end(slow, &status, 0) == ORO_INSTANCE_ENDED);
    if (status != 8) fail("slow", __LINE__, (int64_t)status);
    CHECK(wait_end(victim, &status, 0) == ORO_INSTANCE_ENDED);
    if (status != 0) fail("the victim sees messages that nobody sent: ", __LINE__, (int64_t)status);
    return clean();
}
"#,
    );
}

/// CTL-10, END-13: nor is there a commit word of a forgotten end, when its broken Port is revoked.
#[test]
fn ctl_10_a_commit_word_is_nobodys_once_its_end_is_forgotten() {
    let folder = Folder::new("ctl-10-word");
    let holder = r#"
static uint64_t test(void) {
    uint64_t a = MUST(create(OWN, "a")), b = MUST(create(OWN, "b")), status = 9, v[4];
    uint64_t liar = MUST(mount(a, "liar", "liar")), believer = MUST(mount(a, "believer", "believer"));
    uint64_t port = MUST(wire(liar, "out", believer, "in"));
    MUST(START_RING(a));
    CHECK(wait_end(liar, &status, 0) == ORO_INSTANCE_ENDED);
    MUST(END(believer)); MUST(FORGET(believer));
    for (uint32_t i = 0; i < 4; i++) {
        static const char *names[] = {"v0", "v1", "v2", "v3", "v4", "v5"};
        v[i] = MUST(mount(b, names[i], "taker"));
        MUST(START(v[i]));
        MUST(wire_element(root->instance_id, "out", i, v[i], "in", 0));
    }
    for (uint32_t i = 0; i < 4; i++) {
        struct oro_endpoint out = oro_open(root, 6 + i);
        CHECK(oro_wait(&out) > 0);
        ORO_OUT(struct num, &out)->value = 7;
        oro_advance(&out);
    }
    MUST(oro_control_revoke(&control, port));
    for (uint32_t i = 0; i < 4; i++) { CHECK(wait_end(v[i], &status, 0) == ORO_INSTANCE_ENDED); if (status) fail("commit word", (int)i, (int64_t)status); }
    return clean();
}
"#;
    let modules = &[LIAR, BELIEVER, TAKER];
    let end = Held { folder: &folder, holder, modules, more: "" }.run();
    // A broken Port is told, and nobody but the liar has anything to do with it.
    end.ends(1).says(&["error[ASYNC-6]"]);
    assert!(!end.stderr.contains("faulted") && !end.stderr.contains("STATUS"), "{end:#?}");
}

/// CTL-13: an instance that never starts has one place for an element, however often that is wired.
#[test]
fn ctl_13_an_element_of_what_is_mounted_has_one_place() {
    let (had, end) = measure(
        "ctl-13-mounted",
        &[SLOW, BURST],
        r#"
static uint64_t test(void) {
    uint64_t ring = MUST(create(OWN, "r"));
    uint64_t x = MUST(mount(ring, "x", "slow"));
    for (int round = 0; round < 400; round++) {
        uint64_t first = MUST(mount(ring, "first", "burst"));
        MUST(wire(first, "out", x, "in"));
        MUST(END(first)), MUST(FORGET(first));
        if (round % 100 == 99) MUST(DESCRIBE(ring));
        if (round == 199) meet();
    }
    meet();
    return clean();
}
"#,
        "",
    );
    end.ends(0);
    is_flat(had);
}

/// CTL-13, RING-9: the same within a quota.
#[test]
fn ctl_13_places_stay_within_the_quota() {
    let (had, end) = measure(
        "ctl-13-quota",
        &[BX, BY],
        r#"
static uint64_t test(void) {
    oro_control_create(&control, OWN, "r");
    control.request.memory_bytes = UINT64_C(8) << 20;
    uint64_t ring = must(SEND, "create", __LINE__);
    uint64_t x = MUST(mount(ring, "x", "bx"));
    for (int round = 0; round < 100; round++) {
        uint64_t y = MUST(mount(ring, "y", "by"));
        oro_control_wire(&control, x, "out", y, "in");
        control.request.slot_size_bytes = 1 << 20, control.request.slot_count = 2;
        must(SEND, "wire", __LINE__);
        MUST(END(y)), MUST(FORGET(y));
        MUST(DESCRIBE(ring));
        CHECK(control.reply.memory_bytes <= UINT64_C(8) << 20);
        if (round == 49) meet();
    }
    meet();
    return clean();
}
"#,
        "",
    );
    end.ends(0);
    is_flat(had);
}

/// CTL-13: pieces of memory of any sizes are taken out of what has come back.
#[test]
fn ctl_13_memory_of_ever_new_sizes_comes_back() {
    let (had, end) = measure(
        "ctl-13-sizes",
        &[IDLE],
        r#"
static uint64_t test(void) {
    uint64_t ring = MUST(create(OWN, "r"));
    for (int round = 0; round < 400; round++) {
        oro_control_mount(&control, ring, "x", "idle");
        control.request.heap_bytes = (UINT64_C(33) << 20) + 4096 * (uint64_t)round;
        uint64_t x = must(SEND, "mount", __LINE__);
        MUST(END(x)), MUST(FORGET(x));
        if (round % 100 == 99) MUST(DESCRIBE(ring));
        if (round == 199) meet();
    }
    meet();
    return clean();
}
"#,
        "",
    );
    end.ends(0);
    is_flat(had);
}

/// CTL-13: a holder that is forgotten with requests that nobody has served leaves nothing.
#[test]
fn ctl_13_requests_of_a_forgotten_holder_are_dropped() {
    let inner = HOLDER_C.replace("\"holder\"", "\"inner\"").replace("ORO_MESSAGE(num, NUM);", "")
        + r#"
static uint64_t test(void) {
    oro_control_create(&control, OWN, "q");
    for (int i = 0; i < 1000 && oro_wait(&control.requests) > 0; i++) {
        volatile uint8_t *to = (volatile uint8_t *)oro_slot(&control.requests, control.requests.next);
        for (size_t at = 0; at < sizeof control.request; at++) to[at] = ((volatile uint8_t *)&control.request)[at];
        oro_advance(&control.requests);
    }
    oro_sleep_until(root, ORO_NO_DEADLINE - 1);
    return 0;
}
"#;
    let (had, end) = measure(
        "ctl-13-flooded",
        &[("inner", &inner)],
        r#"
static uint64_t test(void) {
    for (int round = 0; round < 40; round++) {
        uint64_t r = MUST(create(OWN, "r"));
        MUST(oro_control_remount(&control, r, 0, "ring"));
        uint64_t inner = MUST(mount(r, "inner", "inner"));
        oro_control_wire(&control, inner, "control", 0, "ring.requests");
        control.request.slot_count = 1024;
        must(SEND, "wire", __LINE__);
        MUST(wire(0, "ring.replies", inner, "answers"));
        MUST(START(inner));
        sleep_ms(20);
        MUST(END(inner)), MUST(FORGET(inner));
        (void)DESCRIBE(OWN), (void)DESCRIBE(OWN), (void)DESCRIBE(OWN);
        sleep_ms(20);
        MUST(FORGET_RING(r));
        MUST(DESCRIBE(OWN));
        if (round == 19) meet();
    }
    meet();
    return clean();
}
"#,
        "",
    );
    end.ends(0);
    is_flat(had);
}
