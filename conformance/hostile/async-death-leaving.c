/* async-death-leaving.c: traps while it is to leave the asynchronous mode and does not know it yet
 * (D0).
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1-64
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    if (ends.out.next != 64) oro_panic(root, "the mode comes later than after 64 messages");
    let_rest(root);
    for (int rings = 0; end_entry(&ends.out)->mode_reason != ORO_MODE_REASON_LEAVING; rings++) {
        if (rings > 20000 || !is_asynchronous(&ends.out)) oro_panic(root, "the moment has passed");
        claim(&ends.out, 64);
        sleep_ns(root, 300000);
    }
    __builtin_trap();
}
