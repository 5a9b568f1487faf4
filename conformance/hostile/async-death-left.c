/* async-death-left.c: traps right after the store with which it leaves the asynchronous mode (D1):
 * that message arrives.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1-65
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
    ORO_OUT(struct num, &ends.out)->value = 65;
    oro_advance(&ends.out);
    __builtin_trap();
}
