/* A source, a filter and a sink; -DSOURCE, -DFILTER or -DSINK, the filter also with -DMANAGED. */
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);

#if defined(SOURCE)
ORO_MODULE("source");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 1; count <= COUNT; count++, oro_advance(&out))
        ORO_OUT(struct num, &out)->value = count;
}
#elif defined(FILTER)
ORO_MODULE("filter");
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
#ifdef MANAGED
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (; oro_wait(&in) > 0 && oro_wait(&out) > 0; oro_advance(&in)) {
        ORO_OUT(struct num, &out)->value = ORO_IN(struct num, &in)->value;
        oro_advance(&out);
    }
}
#else
ORO_ENTRY(0, run, 0, 0);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out))
        ORO_OUT(struct num, &out)->value = ORO_IN(struct num, &in)->value;
}
#endif
#else
ORO_MODULE("sink");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);

static uint32_t put(volatile struct oro_log *line, uint32_t at, uint64_t value) {
    char digits[20];
    int count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0) line->text[at++] = (uint8_t)digits[--count];
    line->text[at++] = ' ';
    return at;
}

/* Says how many came, how many were lost, how many came again, and its peer's epoch. */
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), log = oro_open(root, 1);
    uint64_t last = 0, count = 0, lost = 0, again = 0;
    for (; oro_wait(&in) > 0; oro_advance(&in), count++) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        if (value <= last) again++;
        else lost += value - last - 1, last = value;
    }
    lost += COUNT - last;
    volatile struct oro_log *line = ORO_OUT(struct oro_log, &log);
    uint64_t values[4] = {count, lost, again, in.binding->epoch};
    uint32_t length = 0;
    for (int at = 0; at < 4; at++) length = put(line, length, values[at]);
    for (uint32_t rest = length; rest < sizeof line->text; rest++) line->text[rest] = 0;
    line->length = length;
    line->level = ORO_LOG_INFO;
    oro_advance(&log);
    return 0;
}
#endif
