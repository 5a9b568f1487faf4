/* word-rewrite.c: commits a message, then writes to its slot again: the peer has it as it was
 * committed (PORT-6).
 *
 * @kind violation
 * @rule MAN-4
 * @says stored to cell 1; the next slot is number 4, in cell 0
 * @port offender.out
 * @slot 4
 * @address
 * @told 1 2 3 4
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    volatile struct num *committed = ORO_OUT(struct num, &ends.out);
    committed->value = 4;
    oro_advance(&ends.out);
    committed->value = 99;
}
