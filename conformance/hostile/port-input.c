/* port-input.c: reads from a device by its I/O port.
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
    __asm__ volatile("in $0x60, %%al" : : : "rax", "rcx", "rdx", "memory");
}
