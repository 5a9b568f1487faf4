/* managed-consumer-cell.c: a managed consumer loads from the message after the next.
 *
 * @kind violation
 * @rule MAN-4
 * @says loaded from cell 0; the next slot is number 3, in cell 1
 * @port offender.in
 * @slot 3
 * @address
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    (void)*at(cell(&ends.in, 0));
}
