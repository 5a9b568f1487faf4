/* async-spurious.c: rings for nothing while its peer sleeps: 16 times it costs nothing but time,
 * then the mode, and in the synchronous mode such a store is a violation (BELL-5, MAN-5).
 *
 * @feed feed-async
 * @tell tell-async
 * @kind violation
 * @rule MAN-5
 * @says stored 64 to its cursor; 65 would have been right
 * @port offender.out
 * @words 17 doorbells
 * @told 1-64 0
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    if (ends.out.next != 64) oro_panic(root, "the mode comes later than after 64 messages");
    let_rest(root);
    uint64_t before = port_entry(&ends.out)->doorbell_count;
    for (;;) {
        claim(&ends.out, 64);
        sleep_ns(root, 300000);
        say(root, port_entry(&ends.out)->doorbell_count - before, "doorbells");
    }
}
