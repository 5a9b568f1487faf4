/* endless-cores.c: spins with eight threads, on every core that a small machine has. The others finish
 * beside it; the time limit ends it.
 *
 * @arguments --timeout 3s
 * @exit 124
 * @outcome killed
 * @why time limit
 */
#include "hostile.h"

OFFENDER(0);

static void spin(void) {
    for (;;) oro_spin_hint();
}
#define SPINNER(index)                                                                             \
    void spin_##index(const struct oro_root *root) {                                               \
        (void)root;                                                                                \
        spin();                                                                                    \
    }                                                                                              \
    ORO_ENTRY(index, spin_##index, 0, 0)
SPINNER(1);
SPINNER(2);
SPINNER(3);
SPINNER(4);
SPINNER(5);
SPINNER(6);
SPINNER(7);

void run(const struct oro_root *root) {
    pass_three(root);
    spin();
}
