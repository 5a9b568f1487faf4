/* store-consumer-slot.c: stores to the message that it holds.
 *
 * @kind trap
 * @rule PORT-7
 * @says stored to a slot of its consuming end
 * @port offender.in
 * @slot 2
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    *at(cell(&ends.in, 0)) = 0; /* Message 2, the third, is in cell 0. */
}
