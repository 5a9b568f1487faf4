/* async-flipped-asleep.c: sleeps with its peers while an operator forces its Port and lets it go
 * again: the doorbells stay (MODE-3, BELL-4).
 *
 * @feed feed-async
 * @tell tell-async
 * @flip offender.in offender.out
 * @outcome exited
 * @told 1-?
 * @arguments --timeout 20s
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    for (int count = 0; count < 200; count++) {
        sleep_ns(root, 10000000);
        pass_one(&ends);
    }
    if (port_entry(&ends.out)->downgrade_count < 1) oro_panic(root, "nobody forces the Port");
}
