/* async-execute.c: executes what it has written to the queue (KRN-7).
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule KRN-7 PORT-7
 * @signal 11
 * @address
 * @symbol ?
 * @told 1-?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    struct ends ends = earn_both(root, 64);
    let_rest(root);
    *at(ends.out.binding->window) = 0xc3;
    jump_to(ends.out.binding->window);
}
