/* msr.c: reads a model-specific register.
 *
 * @kind trap
 * @rule END-5
 * @says privileged instruction
 * @signal 11
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("mov $0xc0000080, %%ecx\n\trdmsr" : : : "rax", "rcx", "rdx", "memory");
}
