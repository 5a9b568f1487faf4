/* request-address-null.c: waits for a word at address 0.
 *
 * @kind violation
 * @rule GATE-3
 * @says in the instance's own writable data
 * @told 1 2 3
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);

    ask(root, 0, ORO_WAIT_WORD, 0, 0);
    touch_gate(root, 1, 0);
}
