/* Passes numbers on; traps with the third of each incarnation in its hands. */
#include "common.h"
ORO_MODULE("filter");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
static uint64_t seen;
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        ORO_OUT(struct num, &out)->value = value;
        if (++seen == 3) __builtin_trap();
    }
}
