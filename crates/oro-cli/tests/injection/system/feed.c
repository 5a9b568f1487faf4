/* Sends the numbers from 1. */
#include "common.h"
ORO_MODULE("feed");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    volatile uint64_t *marks = find_marks(root);
    marks[0] = 0x666565646d61726b;
    for (uint64_t count = 1; count <= NUMBERS; count++, oro_advance(&out)) {
        ORO_OUT(struct num, &out)->value = count;
        marks[1] = count;
    }
}
