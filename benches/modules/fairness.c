/* An instance of two threads and a Port between them. -DNAIVE: a message at a time, as fast as faults are
 * served; -DBIG: the same with slots of 256 KiB; -DBELLS: asynchronous, both ends asleep at each message;
 * -DMODES: earns the asynchronous mode and loses it by spurious stores; -DGATES: 128 conditions and a
 * deadline that has passed, again and again; -DLOGS: as many lines of log as it can. */
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
#define BIG_NUM(FIELD, ARRAY, TAIL) FIELD(u64, value) ARRAY(u8, 262136, rest)
#define BIG_LAYOUT ORO_LAYOUT("demo.big.v1", BIG_NUM)
ORO_MESSAGE(big, BIG_NUM);
ORO_MODULE("fairness");

#if defined(NAIVE) || defined(BIG)
#ifdef BIG
#define TAG big
#define LAYOUT BIG_LAYOUT
#else
#define TAG num
#define LAYOUT NUM_LAYOUT
#endif
ORO_ENTRY(0, make, 0, 0);
ORO_ENTRY(1, take, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, TAG, LAYOUT, "out", 0, 1);
ORO_PORT(1, 1, ORO_DIRECTION_CONSUMER, TAG, LAYOUT, "in", 0, 1);
void make(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 0;; count++, oro_advance(&out)) ORO_OUT(struct TAG, &out)->value = count;
}
void take(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 1);
    for (;; oro_advance(&in)) (void)ORO_IN(struct TAG, &in)->value;
}
#elif defined(LOGS)
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint log = oro_open(root, 0);
    for (;; oro_advance(&log)) {
        if (oro_wait(&log) <= 0) return;
        volatile struct oro_log *line = ORO_OUT(struct oro_log, &log);
        for (uint32_t at = 0; at < sizeof line->text; at++) line->text[at] = 'x';
        line->length = sizeof line->text;
        line->level = ORO_LOG_INFO;
    }
}
#else
ORO_ENTRY(0, make, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY(1, take, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
ORO_PORT(1, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
#ifdef GATES
static void storm(const struct oro_root *root, uint32_t port) {
    for (;;) {
        for (uint32_t at = 0; at < ORO_CONDITION_COUNT; at++) {
            volatile struct oro_condition *condition = oro_condition_(root, at);
            condition->kind = ORO_WAIT_PEER;
            condition->index = port;
            condition->value = UINT64_MAX;
        }
        oro_touch_gate_(root, ORO_CONDITION_COUNT, 1);
    }
}
void make(const struct oro_root *root) { storm(root, 0); }
void take(const struct oro_root *root) { storm(root, 1); }
#else
/* Sleeps at once for a message or for room, without looking twice. */
static void sleep(const struct oro_root *root, struct oro_endpoint *end, uint64_t more) {
    oro_write_peer_condition_(end, 0, more);
    oro_touch_gate_(root, 1, ORO_NO_DEADLINE);
}
void make(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 0;; count++) {
        while (oro_available(&out) < (int64_t)out.binding->slot_count)
            sleep(root, &out, out.binding->slot_count - 1);
        ORO_OUT(struct num, &out)->value = count;
#ifdef MODES
        if (out.binding->mode == ORO_MODE_ASYNCHRONOUS)
            for (int spurious = 0; spurious < 20; spurious++) {
                oro_store64((volatile uint64_t *)(uintptr_t)out.binding->own_cursor, out.next);
                if (out.binding->mode != ORO_MODE_ASYNCHRONOUS) break;
            }
#endif
        oro_advance(&out);
    }
}
void take(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 1);
    for (;; oro_advance(&in)) {
        while (oro_available(&in) == 0) sleep(root, &in, 0);
        (void)ORO_IN(struct num, &in)->value;
    }
}
#endif
#endif
