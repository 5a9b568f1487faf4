/* async-death-switched.c: traps at its first instruction after an operator has had it leave the
 * asynchronous mode (D1).
 *
 * @feed feed-async
 * @tell tell-async
 * @flip offender.in offender.out
 * @kind trap
 * @rule END-5
 * @signal 4
 * @arguments --timeout 10s
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    while (is_asynchronous(&ends.out)) pass_one(&ends);
    __builtin_trap();
}
