/* async-claim-zeros.c: claims 32 slots that nobody has ever written: they hold zeros and nothing
 * else (PORT-9).
 *
 * @feed feed-async
 * @tell tell-async
 * @slots 1024
 * @outcome exited
 * @told 1-64 0*32
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    if (ends.out.next != 64) oro_panic(root, "the mode comes later than after 64 messages");
    let_rest(root);
    claim(&ends.out, ends.out.next + 32);
    let_rest(root);
}
