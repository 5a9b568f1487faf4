/* async-cursor-jump.c: moves its cursor by 2^63.
 *
 * @kind violation
 * @rule ASYNC-4
 * @says to its cursor in asynchronous mode
 * @port offender.sink
 * @symbol ?
 * @wire offender.sink -> null.bytes
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "sink", 0, 1);

void run(const struct oro_root *root) {
    pass_three(root);
    struct oro_endpoint sink = earn_one(root, 2);
    let_rest(root);
    claim(&sink, sink.next + (UINT64_C(1) << 63));
    stay(root);
}
