//! A long transfer whose Port changes its mode again and again while it runs: the same checksum as
//! without (`MODE-8`).

mod support;

use std::fmt::Write as _;

use support::place::Place;

/// Messages; a few seconds in asynchronous mode, and hours in the other.
const COUNT: u64 = 100_000_000;

/// Two managed threads: numbers, and a hash of all of them in their order.
const TRANSFER_C: &str = r#"
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value) FIELD(u64, check)
#define NUM_LAYOUT ORO_LAYOUT("demo.pair.v1", NUM)
ORO_MESSAGE(num, NUM);
ORO_MODULE("transfer");
ORO_ENTRY(0, make, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY_STATUS(1, take, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
ORO_PORT(1, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(2, 1, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);
static uint64_t mix(uint64_t hash, uint64_t value) { return (hash ^ value) * 0x100000001b3u; }
void make(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t number = 0; number < COUNT; number++) {
        if (oro_wait(&out) <= 0) return;
        volatile struct num *slot = ORO_OUT(struct num, &out);
        slot->value = number;
        slot->check = ~number;
        oro_advance(&out);
    }
}
uint64_t take(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 1), log = oro_open(root, 2);
    uint64_t hash = 0;
    for (uint64_t number = 0; number < COUNT; number++) {
        if (oro_wait(&in) <= 0) return 1;
        const volatile struct num *slot = ORO_IN(struct num, &in);
        uint64_t value = slot->value, check = slot->check;
        if (value != number || check != ~number) return 2;
        hash = mix(hash, value);
        oro_advance(&in);
    }
    if (oro_wait(&log) <= 0) return 3;
    volatile struct oro_log *line = ORO_OUT(struct oro_log, &log);
    char text[16];
    for (int digit = 0; digit < 16; digit++)
        text[digit] = "0123456789abcdef"[hash >> (60 - 4 * digit) & 15];
    line->length = 16;
    line->level = ORO_LOG_INFO;
    oro_copy_to_slot(line->text, text, 16);
    for (int rest = 16; rest < 248; rest++) line->text[rest] = 0;
    oro_advance(&log);
    return 0;
}
"#;

/// MODE-8, MODE-2 to MODE-7: forced and allowed while it runs, it loses, doubles and reorders nothing.
#[test]
fn mode_8_flips_change_nothing_of_a_long_transfer() {
    let place = Place::new("long-transfer");
    let source = TRANSFER_C.replace("COUNT", &format!("UINT64_C({COUNT})"));
    let wires = ["transfer.out -> transfer.in | slots = 1024", "transfer.log -> console.log"];
    place.folder.write_system("transfer.toml", &[("transfer", &source)], &wires);
    let running = place.start("run transfer.toml");
    let port = || place.oro("ports --json");
    let mut seen = String::new();
    let mut flips = 0;
    // Each step is seen in the metadata (MODE-7).
    while flips < 8 {
        let end = port();
        if end.code != Some(0) {
            break;
        }
        let port = end.json()["system"]["ports"][0].clone();
        let _ = write!(seen, "{}: {}; ", port["mode"], port["why"]);
        if port["mode"] == "asynchronous" {
            place.oro("force-sync 0");
            flips += 1;
        } else if port["forced_by"] == "operator" {
            place.oro("force-sync 0 --allow");
        }
    }
    // The last flip forced it: what is left passes in asynchronous mode.
    place.oro("force-sync 0 --allow");
    let mut hash = 0_u64;
    for number in 0..COUNT {
        hash = (hash ^ number).wrapping_mul(0x100_0000_01b3);
    }
    running.end().ends(0).says(&[&format!("[transfer] {hash:016x}")]);
    println!("{flips} flips of {COUNT} messages: {seen}");
    assert!(flips >= 3, "the transfer was over too soon: {flips} flips, {seen}");
    for step in ["both ends have earned it", "forced by an operator"] {
        assert!(seen.contains(step), "{step}: {seen}");
    }
}
