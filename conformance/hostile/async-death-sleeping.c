/* async-death-sleeping.c: traps in the asynchronous mode while its peers sleep at its doorbells.
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
    __builtin_trap();
}
