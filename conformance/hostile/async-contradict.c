/* async-contradict.c: claims one message more than the queue has slots, of a module that has its own
 * cursor: the two contradict each other, and the Port is broken, with nobody ended (ASYNC-6).
 *
 * @feed feed-async
 * @tell tell-async
 * @outcome exited
 * @status 0
 * @told 1-? misbehaved
 * @stderr one of them lies
 * @stderr offender.out
 * @stderr tell.in
 * @exit *
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    let_rest(root);
    claim(&ends.out, ends.out.next + ends.out.binding->slot_count + 1);
    while (oro_state(&ends.out) == ORO_STATE_WIRED) sleep_ns(root, 1000000);
    if (oro_state(&ends.out) != ORO_STATE_FAULTED) oro_panic(root, "was told something else");
}
