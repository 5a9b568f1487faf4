/* thread-cursor.c: a thread stores to the commit word of another thread of its instance.
 *
 * @kind trap
 * @rule ENTRY-7
 * @says a window of thread `run`
 * @thread other
 * @symbol other
 * @signal 11
 * @address
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);
ORO_ENTRY(1, other, 0, 0);

static volatile uint64_t word;

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    oro_available(&ends.in);
    (void)ORO_IN(struct num, &ends.in)->value; /* The last commit has been seen by this fault. */
    word = ends.out.binding->own_cursor;
    for (;;) oro_spin_hint();
}

void other(const struct oro_root *root) {
    (void)root;
    while (word == 0) oro_spin_hint();
    *at(word) = 1000;
}
