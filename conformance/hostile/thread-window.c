/* thread-window.c: a thread stores to a window of another thread of its instance (ENTRY-7). Both
 * threads end, also the one that does nothing wrong.
 *
 * @kind trap
 * @rule ENTRY-7
 * @says a window of thread `run`
 * @thread other
 * @symbol other
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);
ORO_ENTRY(1, other, 0, 0);

static volatile uint64_t window;

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    window = cell(&ends.out, 0);
    for (;;) oro_spin_hint();
}

void other(const struct oro_root *root) {
    (void)root;
    while (window == 0) oro_spin_hint();
    *at(window) = 1;
}
