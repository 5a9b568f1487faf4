/* async-peer-cursor.c: stores to its peer's live cursor.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule META-1
 * @says the peer's cursor, which is read-only
 * @port offender.out
 * @signal 11
 * @address
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    let_rest(root);
    *at(ends.out.binding->peer_cursor) = 1000;
}
