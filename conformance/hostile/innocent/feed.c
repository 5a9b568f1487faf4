/* feed.c: sends 1, 2, 3 and so on, until its consumer ends (NAIVE-3). */
#include "../hostile.h"

ORO_MODULE("feed");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t value = 1;; value++, oro_advance(&out)) ORO_OUT(struct num, &out)->value = value;
}
