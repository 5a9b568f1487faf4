/* division.c: divides by zero.
 *
 * @kind trap
 * @rule END-5
 * @says divided by zero
 * @signal 8
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("xor %%ecx, %%ecx\n\txor %%edx, %%edx\n\tdiv %%rcx" : : : "rax", "rcx", "rdx", "memory");
}
