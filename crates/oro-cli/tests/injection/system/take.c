/* Takes squares. Status 0: all came, and none was wrong. */
#include "common.h"
ORO_MODULE("take");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    uint64_t count = 0;
    for (; oro_wait(&in) > 0; count++, oro_advance(&in))
        if (ORO_IN(struct num, &in)->value != count * count) return 3;
    return count == SQUARES ? 0 : 4;
}
