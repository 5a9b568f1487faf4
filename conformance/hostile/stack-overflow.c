/* stack-overflow.c: a recursion without end.
 *
 * @kind trap
 * @rule ENTRY-3
 * @says overflowed its stack
 * @help raise the stack size
 * @signal 11
 * @address
 * @symbol descend
 */
#include "hostile.h"

OFFENDER(0);

__attribute__((noinline)) static uint64_t descend(volatile uint64_t *above) {
    volatile uint64_t here[32];
    here[0] = above[0] + 1;
    return descend(here) + here[0];
}

void run(const struct oro_root *root) {
    volatile uint64_t start[1] = {0};
    pass_three(root);
    descend(start);
}
