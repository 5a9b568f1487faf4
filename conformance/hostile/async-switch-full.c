/* async-switch-full.c: is upgraded while its output queue is full, and loses nothing.
 *
 * @feed feed-async
 * @tell tell-slow
 * @slots 64
 * @outcome exited
 * @told 1-500
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    int was_full = 0;
    for (int count = 0; count < 500; count++) {
        int before = is_asynchronous(&ends.out);
        pass_one(&ends);
        if (before || !is_asynchronous(&ends.out)) continue;
        was_full = ends.out.next - oro_load_peer_cursor(&ends.out) >= 62;
    }
    if (!is_asynchronous(&ends.out)) oro_panic(root, "was never upgraded");
    /* On a busy machine the slow consumer may have been the faster one. */
    say(root, (uint64_t)was_full, "times the queue was full at the switch");
}
