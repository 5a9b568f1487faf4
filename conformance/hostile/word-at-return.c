/* word-at-return.c: stores a wrong cursor and returns at once, before any other fault.
 *
 * @kind violation
 * @rule MAN-5
 * @says stored 9 to its cursor; 4 would have been right
 * @port offender.out
 * @slot 3
 * @told 1 2 3 4
 * @symbol -
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    volatile uint64_t *word = at(ends.out.binding->own_cursor);
    ORO_OUT(struct num, &ends.out)->value = 4;
    *word = 9;
}
