/* trap-flag.c: makes the processor trap after each instruction.
 *
 * @kind trap
 * @rule END-5
 * @says trap flag
 * @signal 5
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("pushf\n\torq $0x100, (%%rsp)\n\tpopf\n\tnop\n\tnop" : : : "rax", "rcx", "rdx", "memory");
}
