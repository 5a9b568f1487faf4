/* async-flipped-wrapped.c: the same with queues of two slots.
 *
 * @feed feed-async
 * @tell tell-async
 * @flip offender.in offender.out
 * @slots 2
 * @outcome exited
 * @told 1-?
 * @arguments --timeout 20s
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    while (port_entry(&ends.out)->downgrade_count < 4 || port_entry(&ends.in)->downgrade_count < 4) {
        pass_one(&ends);
    }
}
