/* async-one-slot.c: passes 100,000 messages on by Ports of one slot.
 *
 * @feed feed-async
 * @tell tell-async
 * @slots 1
 * @outcome exited
 * @arguments --timeout 60s
 * @told 1-100000
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    for (int count = 0; count < 100000; count++) pass_one(&ends);
}
