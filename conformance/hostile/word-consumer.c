/* word-consumer.c: releases a message that it has not got, beside the one that it has.
 *
 * @kind violation
 * @rule MAN-5
 * @says stored 5 to its cursor; 4 would have been right
 * @port offender.in
 * @slot 3
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    (void)ORO_IN(struct num, &ends.in)->value;
    *at(ends.in.binding->own_cursor) = 5;
    ORO_OUT(struct num, &ends.out)->value = 4;
}
