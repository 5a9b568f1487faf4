/* async-flipped-queue.c: goes on with the queue that it had before an operator forced its Port
 * (ASYNC-5).
 *
 * @feed feed-async
 * @tell tell-async
 * @flip offender.in offender.out
 * @kind violation
 * @rule ASYNC-5
 * @says a slot of the asynchronous mode while its end is synchronous
 * @port offender.out
 * @arguments --timeout 10s
 * @told 1-?
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    uint64_t window = ends.out.binding->window;
    while (is_asynchronous(&ends.out)) pass_one(&ends);
    *at(window) = 1;
}
