/* async-take-back-end.c: shows three messages, takes them back at once, and ends: whatever the peer
 * has seen, it ends well and is told (ASYNC-6).
 *
 * @feed feed-async
 * @tell tell-async
 * @outcome exited faulted
 * @kind violation
 * @rule ASYNC-4
 * @symbol ?
 * @told *
 * @exit *
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    for (int count = 0; count < 1000; count++) {
        claim(&ends.out, ends.out.next + 3);
        claim(&ends.out, ends.out.next);
    }
}
