/* tell-async.c: writes which numbers it has got, then how its producer ended. A line is a run: `1-64`
 * for 1, 2 and so on up to 64, `0*8` for eight zeros. Managed, and asynchronous as soon as its producer
 * lets it. PAUSE_NS: how long it sleeps with each message. */
#include "../hostile-async.h"

#ifndef PAUSE_NS
#define PAUSE_NS 0
#endif

ORO_MODULE("tell");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", 0, 1);

/* Numbers in a row: `count` of them, each `step` more than the one before. */
struct run {
    uint64_t first, count, step;
};

static void write_line(struct oro_endpoint *text, const char *line, uint32_t length) {
    if (wait_at_gate(text) < 0) return;
    volatile struct oro_bytes_head *head = ORO_OUT(struct oro_bytes_head, text);
    head->length = length;
    head->flags = 0;
    oro_copy_to_slot(head + 1, line, length);
    oro_advance(text);
}

static char *write_number(char *end, uint64_t number) {
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return end;
}

static void write_run(struct oro_endpoint *text, const struct run *run) {
    char line[64], *end = line + sizeof line, *start = end;
    if (run->count == 0) return;
    *--start = '\n';
    if (run->count > 1) {
        start = write_number(start, run->step == 0 ? run->count : run->first + run->count - 1);
        *--start = run->step == 0 ? '*' : '-';
    }
    start = write_number(start, run->first);
    write_line(text, start, (uint32_t)(end - start));
}

void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), text = oro_open(root, 1);
    struct run run = {0, 0, 1};
    int64_t count;
    while ((count = wait_at_gate(&in)) > 0) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        if (PAUSE_NS != 0) sleep_ns(root, PAUSE_NS);
        oro_advance(&in);
        if (run.count == 1 && (value == run.first || value == run.first + 1)) {
            run.step = value - run.first;
            run.count = 2;
        } else if (run.count > 1 && value == run.first + run.step * run.count) {
            run.count++;
        } else {
            write_run(&text, &run);
            run.first = value;
            run.count = 1;
            run.step = 1;
        }
    }
    write_run(&text, &run);
    if (count == ORO_MISBEHAVED) write_line(&text, "misbehaved\n", 11);
    if (oro_state(&in) == ORO_STATE_FAULTED) {
        write_line(&text, "faulted\n", 8);
    } else if (count != ORO_MISBEHAVED) {
        write_line(&text, "closed\n", 7);
    }
}
