/* async-death-forced.c: traps as soon as an operator wants it out of the asynchronous mode, which it
 * is not told (D0).
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
    while (end_entry(&ends.out)->mode_reason == ORO_MODE_REASON_EARNED) pass_one(&ends);
    __builtin_trap();
}
