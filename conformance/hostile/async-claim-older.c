/* async-claim-older.c: claims a whole queue again without writing a byte: it holds older messages of
 * this very Port (ASYNC-2).
 *
 * @feed feed-async
 * @tell tell-async
 * @slots 64
 * @outcome exited
 * @told 1-128 65-128
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 128);
    if (ends.out.next != 128) oro_panic(root, "the mode comes later than after 128 messages");
    let_rest(root);
    claim(&ends.out, ends.out.next + 64);
    let_rest(root);
}
