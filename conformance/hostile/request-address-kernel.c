/* request-address-kernel.c: waits for a word in the kernel's half.
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

    ask(root, 0, ORO_WAIT_WORD, 0, UINT64_C(0xffff800000000000));
    touch_gate(root, 1, 0);
}
