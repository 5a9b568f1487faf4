/* jump-stack.c: executes its stack.
 *
 * @kind trap
 * @rule KRN-7
 * @says jumped to a stack, which is not executable
 * @signal 11
 * @address
 * @symbol -
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    volatile uint64_t code = 0xc3; /* ret */
    pass_three(root);
    jump_to((uint64_t)(uintptr_t)&code);
}
