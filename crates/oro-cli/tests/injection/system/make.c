/* Sends squares; its end is asynchronous before long. */
#include "common.h"
ORO_MODULE("make");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t number = 0; number < SQUARES; number++) {
        if (oro_wait(&out) < 0) return 1;
        ORO_OUT(struct num, &out)->value = number * number;
        oro_advance(&out);
    }
    return out.binding->mode == ORO_MODE_ASYNCHRONOUS ? 0 : 2;
}
