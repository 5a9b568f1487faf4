/* jump-own-slot.c: writes an instruction to its own slot and executes it.
 *
 * @kind trap
 * @rule PORT-7
 * @says jumped to a slot of its producing end
 * @port offender.out
 * @signal 11
 * @address
 * @symbol -
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    *at(cell(&ends.out, 0)) = 0xc3; /* ret */
    jump_to(cell(&ends.out, 0));
}
