/* gate-naive.c: a naive thread waits at a gate: that flushes it (GATE-8), and it may go on.
 *
 * @outcome exited
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    if (touch_gate(root, 0, 1000000) != ORO_CAUSE_DEADLINE) oro_panic(root, "no deadline");
}
