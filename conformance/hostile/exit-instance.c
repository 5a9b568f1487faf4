/* exit-instance.c: one of two threads ends the instance with a status of 64 bits (END-3).
 *
 * @outcome exited
 * @status 18446744073709551615
 * @exit 1
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(0);
ORO_ENTRY(1, spin, 0, 0);

void run(const struct oro_root *root) {
    pass_three(root);
    oro_exit_instance(root, UINT64_MAX);
}

void spin(const struct oro_root *root) {
    (void)root;
    for (;;) oro_spin_hint();
}
