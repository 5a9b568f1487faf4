/* source.c: makes the numbers 1 to 100. */
#include "num.h"

enum { COUNT = 100 };

ORO_MODULE("source");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t value = 1; value <= COUNT; value++, oro_advance(&out)) {
        volatile struct num *number = ORO_OUT(struct num, &out);
        number->value = value;
        number->is_last = value == COUNT;
    }
    /* Returning commits the last one (NAIVE-10). */
}
