/* async-cell-consumer.c: loads from its cell of the synchronous mode after the streak.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind violation
 * @rule ASYNC-5
 * @says a slot of the synchronous mode while its end is asynchronous
 * @port offender.in
 * @address
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    uint64_t cell = end_entry(&ends.in)->synchronous_window;
    let_rest(root);
    (void)*at(cell);
    (void)*at(cell + 2 * PAGE);
}
