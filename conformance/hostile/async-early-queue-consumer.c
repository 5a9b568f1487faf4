/* async-early-queue-consumer.c: loads from the queue before it has earned the mode.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind violation
 * @rule ASYNC-5
 * @says a slot of the asynchronous mode while its end is synchronous
 * @port offender.in
 * @address
 * @told 1-3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    for (int count = 0; count < 3; count++) pass_one(&ends);
    (void)*at(end_entry(&ends.in)->asynchronous_window);
}
