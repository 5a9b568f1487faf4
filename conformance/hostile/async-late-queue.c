/* async-late-queue.c: stores to the queue that it had before it lost the mode.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind violation
 * @rule ASYNC-5
 * @says a slot of the asynchronous mode while its end is synchronous
 * @port offender.out
 * @address
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    uint64_t window = ends.out.binding->window;
    let_rest(root);
    lose_mode(root, &ends.out);
    *at(window) = 1;
}
