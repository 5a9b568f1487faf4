/* async-migrating.c: passes 50,000 messages on while everybody is moved from CPU to CPU.
 *
 * @feed feed-async
 * @tell tell-async
 * @migrate
 * @outcome exited
 * @told 1-50000
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    for (int count = 0; count < 50000; count++) pass_one(&ends);
}
