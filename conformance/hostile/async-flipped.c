/* async-flipped.c: passes messages on while an operator forces both of its Ports and lets them go
 * again, ten times and more: nothing is lost (MODE-8).
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
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    while (ends.out.next < 20000 || port_entry(&ends.out)->downgrade_count < 10 ||
           port_entry(&ends.in)->downgrade_count < 10) {
        pass_one(&ends);
        /* The threshold grows to 4096; a pause now and then lets peers sleep. */
        if (ends.out.next % 5000 == 0) sleep_ns(root, 2000000);
    }
}
