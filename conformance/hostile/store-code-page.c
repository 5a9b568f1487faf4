/* store-code-page.c: stores to the kernel's code, which its entry point returns to.
 *
 * @kind trap
 * @rule META-1
 * @says stored to the kernel's instructions, which are read-only
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    uint64_t code = (uint64_t)(uintptr_t)__builtin_return_address(0) & ~(uint64_t)7;
    pass_three(root);
    *at(code) = 0;
}
