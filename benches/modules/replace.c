/* Holds Ring control: replaces the filter of the Ring `work` by one and another module, COUNT times, a pause of
 * PAUSE_NS after each, and says how long the answers took. */
#include <oro/control.h>

ORO_MODULE("holder");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 65536);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_control_request, ORO_CONTROL_LAYOUT, "control", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, oro_control_reply, ORO_CONTROL_REPLY_LAYOUT, "answers", 0, 1);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);

static struct oro_control control;
static uint64_t took[COUNT];

static uint32_t put(volatile struct oro_log *line, uint32_t at, uint64_t value) {
    char digits[20];
    int count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0) line->text[at++] = (uint8_t)digits[--count];
    line->text[at++] = ' ';
    return at;
}

/* Says the answers' times in ns, smallest, median and largest, and how many there were. */
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint log = oro_open(root, 2);
    const volatile struct oro_ring *work = oro_ring_child(oro_own_ring(root), 0);
    uint64_t filter = 0, count = 0;
    oro_control_open(&control, root, 0, 1);
    for (uint32_t i = 0; i < work->instances.count; i++)
        if (oro_name_is(oro_ring_instance(work, i)->name, "filter")) filter = oro_ring_instance(work, i)->id;
    for (; count < COUNT; count++) {
        const uint64_t start = oro_now(root);
        if (oro_control_replace(&control, filter, count % 2 ? "filter" : "other", 0) != 0) break;
        const uint64_t time = oro_now(root) - start;
        uint64_t at = count;
        for (; at > 0 && took[at - 1] > time; at--) took[at] = took[at - 1];
        took[at] = time;
        oro_sleep_until(root, oro_now(root) + PAUSE_NS);
    }
    if (oro_wait(&log) <= 0) return 1;
    volatile struct oro_log *line = ORO_OUT(struct oro_log, &log);
    const uint64_t values[4] = {took[0], took[count / 2], count > 0 ? took[count - 1] : 0, count};
    uint32_t length = 0;
    for (int i = 0; i < 4; i++) length = put(line, length, values[i]);
    for (uint32_t rest = length; rest < sizeof line->text; rest++) line->text[rest] = 0;
    line->length = length;
    line->level = ORO_LOG_INFO;
    oro_advance(&log);
    return count == COUNT ? 0 : 2;
}
