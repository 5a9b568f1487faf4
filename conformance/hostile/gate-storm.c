/* gate-storm.c: touches its gates 20,000 times, waiting for nothing.
 *
 * @outcome exited
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);
    for (int count = 0; count < 20000; count++) {
        if (touch_gate(root, 0, count & 1 ? 0 : ORO_NO_DEADLINE) == ORO_CAUSE_CONDITION) {
            oro_panic(root, "nothing was asked for");
        }
    }
}
