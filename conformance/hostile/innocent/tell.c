/* tell.c: writes every number that it gets as a line, then how its producer ended. */
#include "../hostile.h"

ORO_MODULE("tell");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", 0, 1);

static void write_line(struct oro_endpoint *text, const char *line, uint32_t length) {
    volatile struct oro_bytes_head *head = ORO_OUT(struct oro_bytes_head, text);
    head->length = length;
    head->flags = 0;
    oro_copy_to_slot(head + 1, line, length);
    oro_advance(text);
}

void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), text = oro_open(root, 1);
    while (oro_wait(&in) > 0) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        char line[21], *start = line + sizeof line;
        oro_advance(&in);
        *--start = '\n';
        do {
            *--start = (char)('0' + value % 10);
            value /= 10;
        } while (value != 0);
        write_line(&text, start, (uint32_t)(line + sizeof line - start));
    }
    if (oro_state(&in) == ORO_STATE_FAULTED) {
        write_line(&text, "faulted\n", 8);
    } else {
        write_line(&text, "closed\n", 7);
    }
}
