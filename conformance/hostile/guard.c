/* guard.c: stores beyond the end of the slot that it holds, to the guard page.
 *
 * @kind trap
 * @rule PORT-7
 * @says the guard page after a slot of its producing end
 * @port offender.out
 * @slot 2
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    *at(cell(&ends.out, 0) + PAGE) = 0;
}
