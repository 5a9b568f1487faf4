/* async-queue-full.c: a consumer that traps in the asynchronous mode when its queue is full and its
 * producer sleeps at its doorbell.
 *
 * @feed feed-async
 * @tell tell-async
 * @slots 64
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    while (oro_load_peer_cursor(&ends.in) - ends.in.next < 64) sleep_ns(root, 1000000);
    let_rest(root);
    __builtin_trap();
}
