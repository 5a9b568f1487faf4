/* async-switch-empty.c: is upgraded while its input queue is empty, and loses nothing.
 *
 * @feed feed-slow
 * @tell tell-async
 * @slots 64
 * @outcome exited
 * @told 1-500
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    int was_empty = 0;
    for (int count = 0; count < 500; count++) {
        int before = is_asynchronous(&ends.in);
        pass_one(&ends);
        if (before || !is_asynchronous(&ends.in)) continue;
        was_empty = oro_load_peer_cursor(&ends.in) - ends.in.next <= 1;
    }
    if (!is_asynchronous(&ends.in)) oro_panic(root, "was never upgraded");
    /* On a busy machine the slow producer may have been the faster one. */
    say(root, (uint64_t)was_empty, "times the queue was empty at the switch");
}
