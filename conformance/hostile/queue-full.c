/* queue-full.c: a consumer that traps when its queue is full and its producer waits for room.
 *
 * @slots 4
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    while (oro_load_peer_cursor(&ends.in) - ends.in.next < 4) sleep_ns(root, 1000000);
    let_rest(root);
    __builtin_trap();
}
