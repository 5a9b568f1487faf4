/* consumer-never.c: takes nothing any more, for a while: its producer has filled the queue and waits,
 * and not a slot more is taken up for it.
 *
 * @slots 4
 * @outcome exited
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    while (oro_load_peer_cursor(&ends.in) - ends.in.next < 4) sleep_ns(root, 1000000);
    for (int times = 0; times < 300; times++) {
        sleep_ns(root, 1000000);
        if (oro_load_peer_cursor(&ends.in) != ends.in.next + 4) oro_panic(root, "more has come");
    }
}
