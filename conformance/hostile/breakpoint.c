/* breakpoint.c: executes a breakpoint.
 *
 * @kind trap
 * @rule END-5
 * @says breakpoint
 * @signal 5
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("int3" : : : "rax", "rcx", "rdx", "memory");
}
