/* far-call.c: calls through a segment that does not exist.
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
    __asm__ volatile("pushq $0x7b\n\tpushq $0\n\tlretq" : : : "rax", "rcx", "rdx", "memory");
}
