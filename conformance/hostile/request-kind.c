/* request-kind.c: asks for a condition of no kind.
 *
 * @kind violation
 * @rule GATE-3
 * @says of kind 4294967295 at its gate (condition 127)
 * @told 1 2 3
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);

    for (uint32_t at = 0; at < 127; at++) ask(root, at, ORO_WAIT_RING, 0, 2);
    ask(root, 127, UINT32_MAX, 0, 0);
    touch_gate(root, 128, ORO_NO_DEADLINE);
}
