/* request-reserved.c: asks with a reserved field that is not zero.
 *
 * @kind violation
 * @rule GATE-3
 * @says is not zero
 * @told 1 2 3
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);
    oro_request_page(root)->reserved2[119] = 1;
    touch_gate(root, 0, 0);
}
