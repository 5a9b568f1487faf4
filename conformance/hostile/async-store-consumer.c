/* async-store-consumer.c: stores to a message that it consumes, in the queue itself.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule PORT-7
 * @port offender.in
 * @signal 11
 * @address
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    let_rest(root);
    *at(ends.in.binding->window) = 1;
}
