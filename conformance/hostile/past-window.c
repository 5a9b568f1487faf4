/* past-window.c: loads from beyond the end of a window.
 *
 * @kind trap
 * @rule PORT-7
 * @says the guard page after a slot of its consuming end
 * @port offender.in
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    (void)*at(cell(&ends.in, 1) + PAGE);
}
