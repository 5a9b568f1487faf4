/* consumer-stays.c: loads from its message and the next in turn, for ever the same two: only a fresh
 * touch is one (NAIVE-5, NAIVE-7), the rest is memory. Then it returns.
 *
 * @outcome exited
 * @status 0
 * @told 4
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    uint64_t last = 0;
    for (uint64_t number = 0; number < 4; number++) last = *at(cell(&in, number & 1));
    for (int count = 0; count < 1000000; count++) {
        if (*at(cell(&in, 1)) != last) oro_panic(root, "a held message has changed");
    }
    if (*at(cell(&out, 0)) != 0 || *at(cell(&out, 1)) != 0) {
        oro_panic(root, "a slot that is not held does not read as zeros (NAIVE-4)");
    }
    ORO_OUT(struct num, &out)->value = last;
}
