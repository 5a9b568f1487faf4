/* async-spurious-stale.c: rings for nothing at the cursor that it had when it earned the mode, as fast
 * as it can, and never looks whether it still has it: the store with which it leaves the mode (D1) is
 * the same as the one before, and what it has landed cannot be told from what has not. It costs a
 * doorbell each 51 ms, which is the longest delay (BELL-5).
 *
 * @feed feed-async
 * @tell tell-async
 * @outcome exited faulted
 * @kind violation
 * @rule ASYNC-5
 * @symbol ?
 * @told 1-64
 * @exit *
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

/* Ticks of about a second. */
#define SECOND UINT64_C(2500000000)

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    if (ends.out.next != 64) oro_panic(root, "the mode comes later than after 64 messages");
    volatile uint64_t *cursor = at(ends.out.binding->own_cursor);
    let_rest(root);
    uint64_t before = port_entry(&ends.out)->doorbell_count;
    uint64_t start = __builtin_ia32_rdtsc(), now;
    uint64_t half = 0;
    while ((now = __builtin_ia32_rdtsc()) - start < 4 * SECOND) {
        *cursor = 64;
        uint64_t rings = port_entry(&ends.out)->doorbell_count - before;
        if (now - start < 2 * SECOND) half = rings;
        say(root, rings - half, "doorbells in the last two seconds");
        if (rings - half > 100) oro_panic(root, "spurious doorbells are not delayed");
    }
}
