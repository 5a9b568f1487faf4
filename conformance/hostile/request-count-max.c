/* request-count-max.c: asks for 2^32-1 conditions.
 *
 * @kind violation
 * @rule GATE-3
 * @says 4294967295 conditions
 * @told 1 2 3
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);
    touch_gate(root, UINT32_MAX, 0);
}
