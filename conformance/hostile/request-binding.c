/* request-binding.c: waits for a cursor of a binding that is not there.
 *
 * @kind violation
 * @rule GATE-3
 * @says for binding 4294967295 (condition 0)
 * @told 1 2 3
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);

    ask(root, 0, ORO_WAIT_PEER, UINT32_MAX, 0);
    touch_gate(root, 1, 0);
}
