/* jump-slot.c: executes the message that it holds.
 *
 * @kind trap
 * @rule PORT-7
 * @says jumped to a slot of its consuming end
 * @port offender.in
 * @signal 11
 * @address
 * @symbol -
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    jump_to(cell(&ends.in, 0));
}
