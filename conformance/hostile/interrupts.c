/* interrupts.c: forbids interrupts.
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
    __asm__ volatile("cli" : : : "rax", "rcx", "rdx", "memory");
}
