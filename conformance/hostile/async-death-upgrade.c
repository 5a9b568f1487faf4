/* async-death-upgrade.c: traps at its first instruction in the asynchronous mode; what it has
 * committed arrives.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    while (!is_asynchronous(&ends.out)) pass_one(&ends);
    __builtin_trap();
}
