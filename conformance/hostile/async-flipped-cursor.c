/* async-flipped-cursor.c: goes on with the cursor that it had before an operator forced its Port
 * (ASYNC-5).
 *
 * @feed feed-async
 * @tell tell-async
 * @flip offender.in offender.out
 * @kind violation
 * @rule ASYNC-5
 * @says the cursor of the asynchronous mode while its end is synchronous
 * @port offender.out
 * @arguments --timeout 10s
 * @told *
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    uint64_t cursor = ends.out.binding->own_cursor;
    while (is_asynchronous(&ends.out)) pass_one(&ends);
    *at(cursor) = ends.out.next + 1;
    sleep_ns(root, 1000);
    *at(cursor) = ends.out.next + 2;
}
