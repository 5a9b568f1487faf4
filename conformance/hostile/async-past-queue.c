/* async-past-queue.c: stores to the guard page after the queue.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule PORT-7
 * @port offender.out
 * @signal 11
 * @address
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    let_rest(root);
    *at(ends.out.binding->window + PAGE) = 1;
}
