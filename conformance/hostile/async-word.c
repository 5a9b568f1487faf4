/* async-word.c: stores to its commit word after the streak.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind violation
 * @rule ASYNC-5
 * @says the cursor of the synchronous mode while its end is asynchronous
 * @port offender.out
 * @address
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct oro_endpoint early = oro_open(root, 1);
    uint64_t word = early.binding->own_cursor;
    struct ends ends = earn_both(root, 64);
    let_rest(root);
    *at(word) = ends.out.next + 1;
}
