/* async-switch-wrapped.c: loses the mode and earns it again three times with a queue of four slots,
 * so that every switch comes at another place of a wrapped queue.
 *
 * @feed feed-async
 * @tell tell-async
 * @slots 4
 * @outcome exited
 * @told 1-3003
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    for (int count = 0; count < 3003; count++) {
        pass_one(&ends);
        if (count % 751 == 750) lose_mode(root, &ends.out);
    }
    if (port_entry(&ends.out)->downgrade_count < 3) oro_panic(root, "too few switches");
    if (!is_asynchronous(&ends.out)) oro_panic(root, "was not upgraded again");
}
