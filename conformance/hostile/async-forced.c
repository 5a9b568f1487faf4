/* async-forced.c: behaves for 2000 messages on Ports that the manifest forces: they are never
 * asynchronous (PORT-10).
 *
 * @feed feed-async
 * @tell tell-async
 * @mode synchronous
 * @outcome exited
 * @told 1-2000
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    for (int count = 0; count < 2000; count++) {
        pass_one(&ends);
        if (is_asynchronous(&ends.in) || is_asynchronous(&ends.out)) oro_panic(root, "upgraded");
    }
    if (port_entry(&ends.out)->upgrade_count != 0) oro_panic(root, "was upgraded in between");
    if (end_entry(&ends.out)->mode_reason != ORO_MODE_REASON_FORCED) oro_panic(root, "says why not");
}
