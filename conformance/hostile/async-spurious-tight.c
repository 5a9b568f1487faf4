/* async-spurious-tight.c: rings for nothing while its peer sleeps, as fast as it can and without
 * another fault: for a second it costs so many doorbells, and nobody anything.
 *
 * @feed feed-async
 * @tell tell-async
 * @outcome faulted
 * @kind violation
 * @rule MAN-5
 * @symbol ?
 * @told 1-64 0
 * @words 17 doorbells
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    if (ends.out.next != 64) oro_panic(root, "the mode comes later than after 64 messages");
    let_rest(root);
    uint64_t before = port_entry(&ends.out)->doorbell_count;
    uint64_t start = __builtin_ia32_rdtsc(), rings = 0;
    while (__builtin_ia32_rdtsc() - start < UINT64_C(60000000000)) {
        claim(&ends.out, 64);
        rings = port_entry(&ends.out)->doorbell_count - before;
        say(root, rings, "doorbells");
    }
    stay(root);
}
