/* managed-producer-cell.c: a managed producer stores to the slot after the next.
 *
 * @kind violation
 * @rule MAN-4
 * @says stored to cell 0; the next slot is number 3, in cell 1
 * @port offender.out
 * @slot 3
 * @address
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    *at(cell(&ends.out, 0)) = 1;
}
