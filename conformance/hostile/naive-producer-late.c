/* naive-producer-late.c: writes to a slot that it handed over when it fetched the next message.
 *
 * @kind violation
 * @rule NAIVE-4
 * @says stored to cell 0; the next slot is number 3, in cell 1
 * @help a naive thread fills one slot at a time
 * @port offender.out
 * @slot 3
 * @address
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    (void)ORO_IN(struct num, &ends.in)->value; /* Message 4: commits the third slot (NAIVE-1). */
    *at(cell(&ends.out, 0)) = 0;
}
