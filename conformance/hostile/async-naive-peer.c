/* async-naive-peer.c: behaves for 2000 messages that a naive thread sends: that Port is never
 * asynchronous (MODE-1).
 *
 * @tell tell-async
 * @outcome exited
 * @told 1-2000
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    for (int count = 0; count < 2000; count++) {
        pass_one(&ends);
        if (is_asynchronous(&ends.in)) oro_panic(root, "upgraded");
    }
    if (port_entry(&ends.in)->upgrade_count != 0) oro_panic(root, "was upgraded in between");
    if (!is_asynchronous(&ends.out)) oro_panic(root, "the other Port was not upgraded");
}
