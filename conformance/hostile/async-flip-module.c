/* async-flip-module.c: lets its cursor flip between a valid and an impossible value, FLIPS times,
 * while a module reads it, which sees either. Whoever reads a moment of it may call it broken.
 *
 * @feed feed-async
 * @tell tell-async
 * @outcome faulted exited
 * @kind violation
 * @rule ASYNC-4
 * @symbol ?
 * @told *
 * @exit *
 * @long FLIPS 100000000
 */
#ifndef FLIPS
#define FLIPS 1000000
#endif
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    for (uint64_t flip = 0; flip < FLIPS; flip++) {
        claim(&ends.out, ends.out.next + (flip & 1 ? 0 : 1000));
    }
    claim(&ends.out, ends.out.next);
    let_rest(root);
}
