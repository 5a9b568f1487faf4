/* endless-loop.c: never ends, and touches nothing.
 *
 * @arguments --timeout 400ms
 * @exit 124
 * @outcome killed
 * @why time limit
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    for (;;) oro_spin_hint();
}
