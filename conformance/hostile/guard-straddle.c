/* guard-straddle.c: one store whose first half is in the slot's page and whose second is not.
 *
 * @kind trap
 * @rule PORT-7
 * @says the guard page after a slot of its producing end
 * @port offender.out
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    *at(cell(&ends.out, 0) + PAGE - 4) = 0;
}
