/* request-count.c: asks for one condition more than a request has room for.
 *
 * @kind violation
 * @rule GATE-3
 * @says 129 conditions
 * @told 1 2 3
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);
    touch_gate(root, 129, 0);
}
