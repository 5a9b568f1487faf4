/* debug-trap.c: executes the undocumented single-byte trap.
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
    __asm__ volatile(".byte 0xf1" : : : "rax", "rcx", "rdx", "memory");
}
