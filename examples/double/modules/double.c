/* double.c: doubles numbers. A whole filter: how it stops is the kernel's business (NAIVE-6). */
#include "num.h"

ORO_MODULE("double");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out)) {
        /* First all that is read, then the output in one go (NAIVE-1). */
        const volatile struct num *from = ORO_IN(struct num, &in);
        uint64_t value = from->value, is_last = from->is_last;
        volatile struct num *to = ORO_OUT(struct num, &out);
        to->value = 2 * value;
        to->is_last = is_last;
    }
}
