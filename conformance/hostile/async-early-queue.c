/* async-early-queue.c: stores to the queue before it has earned the mode; the Ring's table says
 * where it will be.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind violation
 * @rule ASYNC-5
 * @says a slot of the asynchronous mode while its end is synchronous
 * @port offender.out
 * @address
 * @told 1-3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    for (int count = 0; count < 3; count++) pass_one(&ends);
    *at(end_entry(&ends.out)->asynchronous_window) = 1;
}
