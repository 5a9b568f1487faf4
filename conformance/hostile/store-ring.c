/* store-ring.c: stores to the Ring's table of instances.
 *
 * @kind trap
 * @rule META-1
 * @says stored to the Ring's tables, which are read-only
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    const volatile struct oro_ring *ring =
        (const volatile struct oro_ring *)(uintptr_t)root->ring;
    pass_three(root);
    *at(ring->instances.entries) = 0;
}
