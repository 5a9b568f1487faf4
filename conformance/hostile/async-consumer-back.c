/* async-consumer-back.c: takes its last release back from a built-in end.
 *
 * @kind violation
 * @rule ASYNC-4
 * @says to its cursor in asynchronous mode
 * @port offender.zero
 * @symbol ?
 * @wire files.zero -> offender.zero
 * @arguments --timeout 30s --file zero=/dev/zero
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);
ORO_PORT(2, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "zero", 0, 1);

void run(const struct oro_root *root) {
    pass_three(root);
    struct oro_endpoint zero = earn_one(root, 2);
    let_rest(root);
    claim(&zero, zero.next - 1);
    stay(root);
}
