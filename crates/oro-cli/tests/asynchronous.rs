//! The asynchronous mode and gates, from end to end: modules in C that use nothing but the binding and
//! the request page (`ASYNC`, `MODE`, `BELL`, `GATE`).

mod support;

use support::Folder;

/// What the modules share: a message, and waiting at a gate.
const COMMON_H: &str = r#"
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);

static inline volatile struct oro_response *response_of(const struct oro_root *root) {
    return (volatile struct oro_response *)(uintptr_t)root->response;
}

static inline void ask(const struct oro_root *root, uint32_t at, uint32_t kind, uint32_t index,
                       uint64_t value) {
    volatile struct oro_request *request = oro_request_page(root);
    request->conditions[at].kind = kind;
    request->conditions[at].index = index;
    request->conditions[at].value = value;
}

static inline uint32_t touch_gate(const struct oro_root *root, uint32_t count, uint64_t deadline) {
    volatile struct oro_request *request = oro_request_page(root);
    request->count = count;
    request->deadline_ns = deadline;
    oro_barrier();
    *(volatile uint8_t *)(uintptr_t)(root->gates + 4096 * response_of(root)->armed) = 1;
    oro_barrier();
    return response_of(root)->cause;
}

/* Waits for a message or for room: so many looks, then the gate. 0: the peer has ended. */
static inline int ready(const struct oro_root *root, struct oro_endpoint *end, int looks) {
    for (int spins = 0;; spins++) {
        int64_t count = oro_available(end);
        if (count != 0) return count > 0;
        if (spins < looks) {
            oro_spin_hint();
            continue;
        }
        int produces = end->binding->direction == ORO_DIRECTION_PRODUCER;
        uint64_t past = end->next - (produces ? end->binding->slot_count : 0);
        ask(root, 0, ORO_WAIT_PEER, end->binding->port_index, past);
        touch_gate(root, 1, ORO_NO_DEADLINE);
        spins = 0;
    }
}
"#;

/// Sends `COUNT` squares. Status 0: all were sent, and its end was asynchronous.
const MAKE_C: &str = r#"
#include "common.h"
ORO_MODULE("make");
ORO_ENTRY_STATUS(0, make, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
uint64_t make(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t number = 0; number < COUNT; number++) {
        PAUSE
        if (!ready(root, &out, LOOKS)) return 1;
        ORO_OUT(struct num, &out)->value = number * number;
        oro_advance(&out);
    }
    return out.binding->mode == ORO_MODE_ASYNCHRONOUS ? 0 : 2;
}
"#;

/// Takes `COUNT` squares. Status 0: all came, none was wrong, and its end was asynchronous.
const TAKE_C: &str = r#"
#include "common.h"
ORO_MODULE("take");
ORO_ENTRY_STATUS(0, take, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
uint64_t take(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    uint64_t count = 0, wrong = 0;
    for (; ready(root, &in, LOOKS); count++) {
        wrong += ORO_IN(struct num, &in)->value != count * count;
        oro_advance(&in);
    }
    if (wrong != 0) return 3;
    if (count != COUNT) return 4;
    return in.binding->mode == ORO_MODE_ASYNCHRONOUS ? 0 : 5;
}
"#;

const PAIR: &str = r#"oro = 1
[modules]
make = { source = "make.c" }
take = { source = "take.c" }
[instance.a]
module = "make"
[instance.b]
module = "take"
[[wire]]
from = "a.out"
to = "b.in"
slots = SLOTS
"#;

/// One run of a producer and a consumer; how many faults it took.
fn transfer(name: &str, count: u64, slots: u32, looks: u32, pause: &str, options: &str) -> u64 {
    let folder = Folder::new(name);
    folder.write("common.h", COMMON_H);
    let fill = |text: &str| {
        text.replace("COUNT", &count.to_string())
            .replace("LOOKS", &looks.to_string())
            .replace("PAUSE", pause)
    };
    folder.write("make.c", fill(MAKE_C));
    folder.write("take.c", fill(TAKE_C));
    folder.write("pair.toml", PAIR.replace("SLOTS", &slots.to_string()));
    let end = folder.oro(&format!("run pair.toml --timeout 100s --json=end.json {options}"));
    end.ends(0);
    let json = std::fs::read_to_string(folder.path("end.json")).expect("the report is there");
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    json["fault_count"].as_u64().expect("faults are counted")
}

#[test]
fn mode_2_a_million_messages_take_few_faults() {
    // MODE-2, ASYNC-1, BELL-6: one by one they would take two million and more.
    let faults = transfer("async-million", 1_000_000, 256, 1000, "", "");
    assert!(faults < 200_000, "{faults}");
}

#[test]
fn async_7_a_long_queue_is_mapped_as_it_is_used() {
    // ASYNC-7: eight parts of 1 MiB, of which the first is mapped at once; twice around.
    let faults = transfer("async-long-queue", 2_200_000, 1 << 20, 1000, "", "");
    assert!(faults < 100_000, "{faults}");
}

#[test]
fn bell_1_no_message_is_lost_when_both_sides_sleep() {
    // BELL-1, GATE-5, PORT-8: without a look before they sleep, also on one processor.
    for (name, slots, options) in [
        ("async-one-slot", 1, ""),
        ("async-two-slots", 2, ""),
        ("async-many-slots", 64, ""),
        ("async-one-slot-pinned", 1, "--pin 0"),
        ("async-many-slots-pinned", 64, "--pin 0"),
    ] {
        transfer(name, 20_000, slots, 0, "", options);
    }
}

#[test]
fn gate_6_a_consumer_sleeps_while_its_producer_does() {
    // GATE-6: the producer sleeps for 200 us between two messages, by deadline. Once for each message
    // both of them touch a gate, and the producer's cursor rings.
    let pause = "if (number > 100 && touch_gate(root, 0, 200000) != ORO_CAUSE_DEADLINE) return 7;";
    let faults = transfer("async-sleep", 600, 16, 1000, pause, "");
    assert!(faults < 4_000, "{faults}");
}

#[test]
fn bell_5_rings_for_nothing_cost_the_mode() {
    // BELL-5, MODE-3 to MODE-6, MODE-8: the producer stores the cursor that it has while its consumer
    // sleeps, three times until it is synchronous. All messages come, and both ends are asynchronous
    // again in the end.
    let pause = "if (number == 1000 || number == 2000 || number == 5000)
            for (int rings = 0; out.binding->mode == ORO_MODE_ASYNCHRONOUS; rings++) {
                if (rings > 20000) return 9;
                oro_store64((volatile uint64_t *)(uintptr_t)out.binding->own_cursor, out.next);
                touch_gate(root, 0, 300000);
            }";
    transfer("async-spurious", 10_000, 16, 0, pause, "");
    transfer("async-spurious-pinned", 10_000, 16, 0, pause, "--pin 0");
}

/// A thread that asks for something at its gate.
fn ask(name: &str, body: &str) -> support::End {
    let folder = Folder::new(name);
    folder.write("common.h", COMMON_H);
    folder.write(
        "ask.c",
        format!(
            "#include \"common.h\"\nORO_MODULE(\"ask\");\n\
             ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);\n\
             ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, \"out\", 0, 1);\n\
             ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, \"in\", ORO_NOTE_PORT_OPTIONAL, 1);\n\
             static uint32_t word;\n\
             uint64_t run(const struct oro_root *root) {{ (void)word; {body} return 0; }}\n"
        ),
    );
    folder.write(
        "ask.toml",
        "oro = 1\n[modules]\nask = { source = \"ask.c\" }\n[instance.a]\nmodule = \"ask\"\n\
         [[wire]]\nfrom = \"a.out\"\nto = \"null.bytes\"\n",
    );
    folder.oro("run ask.toml --timeout 20s")
}

#[test]
fn gate_3_what_cannot_be_understood_is_explained() {
    // GATE-3
    for (name, body, what) in [
        (
            "kind",
            "ask(root, 1, 6, 0, 0); ask(root, 0, ORO_WAIT_RING, 0, 0); touch_gate(root, 2, 0);",
            "of kind 6 at its gate (condition 1)",
        ),
        ("count", "touch_gate(root, 129, 0);", "129 conditions at its gate"),
        ("flags", "oro_request_page(root)->flags = 1; touch_gate(root, 0, 0);", "not zero"),
        (
            "binding",
            "ask(root, 0, ORO_WAIT_BINDING, 2, 0); touch_gate(root, 1, 0);",
            "its own are 0, 1",
        ),
        ("unwired", "ask(root, 0, ORO_WAIT_PEER, 1, 0); touch_gate(root, 1, 0);", "not wired"),
        (
            "unaligned",
            "ask(root, 0, ORO_WAIT_WORD, 0, (uintptr_t)&word + 2); touch_gate(root, 1, 0);",
            "multiple of 4",
        ),
        (
            "text",
            "ask(root, 0, ORO_WAKE_WORD, 0, (uintptr_t)&run & ~3ull); touch_gate(root, 1, 0);",
            "writable data",
        ),
    ] {
        ask(&format!("gate-bad-{name}"), body).ends(1).says(&["error[GATE-3]", what]);
    }
}

#[test]
fn gate_4_what_holds_already_returns_at_once() {
    // GATE-1, GATE-4, GATE-5, GATE-6, GATE-7
    let body = "
        if (touch_gate(root, 0, ORO_NO_DEADLINE) != ORO_CAUSE_NONE) return 1;
        uint64_t before = response_of(root)->now_ns;
        if (touch_gate(root, 0, 2000000) != ORO_CAUSE_DEADLINE) return 2;
        if (response_of(root)->now_ns - before < 2000000) return 3;
        ask(root, 0, ORO_WAIT_RING, 0, 2);
        ask(root, 1, ORO_WAIT_RING, 0, 4);
        ask(root, 2, ORO_WAIT_BINDING, 1, ORO_STATE_UNWIRED);
        ask(root, 3, ORO_WAIT_BINDING, 0, ORO_STATE_WIRED | 1ull << 32);
        ask(root, 4, ORO_WAIT_WORD, 0, (uintptr_t)&word);
        ask(root, 5, ORO_WAIT_WORD, 1, (uintptr_t)&word);
        if (touch_gate(root, 6, ORO_NO_DEADLINE) != ORO_CAUSE_CONDITION) return 4;
        if (response_of(root)->ready[0] != 0x2a || response_of(root)->ready[1] != 0) return 5;
        uint32_t armed = response_of(root)->armed;
        *(volatile uint8_t *)(uintptr_t)(root->gates + 4096 * (1 - armed)) = 1;
        if (response_of(root)->armed != armed) return 6;
        ask(root, 0, ORO_WAKE_WORD, 0, (uintptr_t)&word);
        if (touch_gate(root, 1, ORO_NO_DEADLINE) != ORO_CAUSE_CONDITION) return 7;";
    ask("gate-at-once", body).ends(0);
}

#[test]
fn krn_10_a_gate_that_nothing_opens_is_a_deadlock() {
    // KRN-10
    let body =
        "ask(root, 0, ORO_WAIT_WORD, 0, (uintptr_t)&word); touch_gate(root, 1, ORO_NO_DEADLINE);";
    ask("gate-deadlock", body)
        .ends(1)
        .says(&["DEADLOCK", "waits at its gate for a sibling to wake"]);
}

#[test]
fn gate_7_siblings_wake_each_other() {
    // GATE-7: two threads take turns by two words.
    let folder = Folder::new("gate-words");
    folder.write("common.h", COMMON_H);
    folder.write(
        "turns.c",
        r#"
#include "common.h"
ORO_MODULE("turns");
ORO_ENTRY_STATUS(0, left, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY_STATUS(1, right, ORO_ENTRY_MANAGED, 0);
static volatile uint32_t turn;
static uint64_t run(const struct oro_root *root, uint32_t mine) {
    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t seen;
        while ((seen = oro_load32(&turn)) % 2 != mine) {
            ask(root, 0, ORO_WAIT_WORD, seen, (uintptr_t)&turn);
            touch_gate(root, 1, ORO_NO_DEADLINE);
        }
        oro_store32(&turn, seen + 1);
        ask(root, 0, ORO_WAKE_WORD, 0, (uintptr_t)&turn);
        touch_gate(root, 1, ORO_NO_DEADLINE);
    }
    return mine == 1 && turn != 4000;
}
uint64_t left(const struct oro_root *root) { return run(root, 0); }
uint64_t right(const struct oro_root *root) { return run(root, 1); }
"#,
    );
    folder.write(
        "turns.toml",
        "oro = 1\n[modules]\nturns = { source = \"turns.c\" }\n[instance.a]\nmodule = \"turns\"\n",
    );
    folder.oro("run turns.toml --timeout 60s").ends(0);
}

/// A producer that behaves until it is asynchronous, then does `body`, with a consumer that goes on.
fn offend(name: &str, body: &str) -> support::End {
    let folder = Folder::new(name);
    folder.write("common.h", COMMON_H);
    folder.write(
        "make.c",
        format!(
            "#include \"common.h\"\nORO_MODULE(\"make\");\nORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);\n\
             ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, \"out\", 0, 1);\n\
             void run(const struct oro_root *root) {{\n\
             struct oro_endpoint out = oro_open(root, 0);\n\
             uint64_t window = out.binding->window, word = out.binding->own_cursor;\n\
             volatile uint64_t *store; (void)store; (void)window; (void)word;\n\
             for (uint64_t number = 0; number < 200; number++) {{\n\
             if (!ready(root, &out, 1000)) return;\n\
             ORO_OUT(struct num, &out)->value = number * number; oro_advance(&out);\n\
             }}\n{body}\nfor (;;) touch_gate(root, 0, 1000000);\n}}\n"
        ),
    );
    folder.write("take.c", TAKE_C.replace("COUNT", "200").replace("LOOKS", "1000"));
    // Few slots: the producer cannot run ahead of a consumer that has not earned the mode yet.
    folder.write("pair.toml", PAIR.replace("SLOTS", "16"));
    folder.oro("run pair.toml --timeout 60s")
}

#[test]
fn async_4_and_5_an_offender_ends_alone() {
    // ASYNC-4: a cursor that goes back. ASYNC-5: cell and commit word of the other mode. BLAME-1: the
    // consumer has got all 200 messages and ends with status 0.
    let store = |address: &str, value: u64| {
        format!(
            "touch_gate(root, 0, 20000000); store = (volatile uint64_t *)(uintptr_t)({address}); \
             *store = {value};"
        )
    };
    for (name, body, rule) in [
        ("cell", store("window", 1), "ASYNC-5"),
        ("word", store("word", 201), "ASYNC-5"),
        ("back", store("out.binding->own_cursor", 1), "ASYNC-4"),
        ("queue", store("out.binding->window + 4096", 1), "PORT-7"),
    ] {
        let end = offend(&format!("async-offender-{name}"), &body);
        end.ends(1).says(&[&format!("error[{rule}]"), "instance `a` faulted", "Port a.out"]);
        assert!(!end.stderr.contains("instance `b`"), "{end:?}");
    }
}

#[test]
fn builtin_1_streams_become_asynchronous() {
    // MODE-1: a built-in end always qualifies. BUILTIN-2: what comes in goes out.
    let folder = Folder::new("async-stream");
    folder.write("common.h", COMMON_H);
    folder.write(
        "copy.c",
        r#"
#include "common.h"
ORO_MODULE("copy");
ORO_ENTRY_STATUS(0, copy, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
static uint64_t buffer[512];
uint64_t copy(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    while (ready(root, &in, 100)) {
        const volatile struct oro_bytes_head *from = ORO_IN(struct oro_bytes_head, &in);
        uint32_t length = oro_bytes_length(&in, from), flags = from->flags;
        oro_copy_from_slot(buffer, from + 1, length);
        oro_advance(&in);
        if (!ready(root, &out, 100)) return 1;
        volatile struct oro_bytes_head *to = ORO_OUT(struct oro_bytes_head, &out);
        oro_copy_to_slot(to + 1, buffer, length);
        to->length = length;
        to->flags = flags;
        oro_advance(&out);
    }
    return in.binding->mode == ORO_MODE_ASYNCHRONOUS
        && out.binding->mode == ORO_MODE_ASYNCHRONOUS ? 0 : 2;
}
"#,
    );
    folder.write(
        "copy.toml",
        "oro = 1\n[modules]\ncopy = { source = \"copy.c\" }\n[instance.c]\nmodule = \"copy\"\n\
         [[wire]]\nfrom = \"files.from\"\nto = \"c.in\"\nslots = 64\nslot_size = 4096\n\
         [[wire]]\nfrom = \"c.out\"\nto = \"files.to\"\nslots = 64\nslot_size = 4096\n",
    );
    let bytes: Vec<u8> =
        (0..10_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    folder.write("from", &bytes);
    folder
        .oro("run copy.toml --file from=from --file to=to --timeout 100s --json=end.json")
        .ends(0);
    assert!(std::fs::read(folder.path("to")).expect("it was written") == bytes);
    let json = std::fs::read_to_string(folder.path("end.json")).expect("the report is there");
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let faults = json["fault_count"].as_u64().expect("faults are counted");
    // One by one it would be two for each of 2446 messages, at each end.
    assert!(faults < 5_000, "{faults}");
}
