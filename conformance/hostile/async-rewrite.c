/* async-rewrite.c: writes to slots of the queue again that it has committed, MESSAGES times, while its
 * peer reads them: the peer sees either, and nobody loses anything else (ASYNC-1).
 *
 * @feed feed-async
 * @tell tell-async
 * @outcome exited
 * @told *
 * @long MESSAGES 1000000
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

#ifndef MESSAGES
#define MESSAGES 10000
#endif

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    for (uint64_t count = 0; count < MESSAGES && is_asynchronous(&ends.out); count++) {
        if (wait_at_gate(&ends.out) < 0) return;
        volatile struct num *slot = ORO_OUT(struct num, &ends.out);
        slot->value = count;
        oro_advance(&ends.out);
        for (int times = 0; times < 100; times++) slot->value = UINT64_MAX - slot->value;
    }
}
