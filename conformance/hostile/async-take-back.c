/* async-take-back.c: shows three messages, waits until its peer has taken them and sleeps, and takes
 * them back (ASYNC-4).
 *
 * @feed feed-async
 * @tell tell-async
 * @kind violation
 * @rule ASYNC-4
 * @says to its cursor in asynchronous mode
 * @port offender.out
 * @symbol ?
 * @slots 1024
 * @told 1-64 0*3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    if (ends.out.next != 64) oro_panic(root, "the mode comes later than after 64 messages");
    claim(&ends.out, ends.out.next + 3);
    let_rest(root);
    claim(&ends.out, ends.out.next);
    stay(root);
}
