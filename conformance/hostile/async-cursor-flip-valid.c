/* async-cursor-flip-valid.c: lets its cursor go between two valid values, forwards and back, while
 * the kernel reads it for a built-in end, FLIPS times.
 *
 * @kind violation
 * @rule ASYNC-4
 * @says to its cursor in asynchronous mode
 * @port offender.sink
 * @symbol ?
 * @wire offender.sink -> null.bytes
 * @told 1 2 3
 * @long FLIPS 100000000
 */
#ifndef FLIPS
#define FLIPS 1000000
#endif
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "sink", 0, 1);

void run(const struct oro_root *root) {
    pass_three(root);
    struct oro_endpoint sink = earn_one(root, 2);
    let_rest(root);
    for (uint64_t flip = 0; flip < FLIPS; flip++) claim(&sink, sink.next + (flip + 1) % 2);
    claim(&sink, sink.next - 1);
    stay(root);
}
