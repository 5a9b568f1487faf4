/* compat.c: goes to 32-bit mode by a far return and makes a system call there.
 *
 * @kind system-call
 * @rule KRN-8
 * @syscall 20
 * @signal 31
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    /* Selector 0x23 is Linux's 32-bit code segment; images lie below 4 GiB. */
    __asm__ volatile("pushq $0x23\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n\t"
                     ".code32\n"
                     "1:\tmovl $20, %%eax\n\t"
                     "int $0x80\n\t"
                     "hlt\n\t"
                     ".code64"
                     :
                     :
                     : "rax", "memory");
}
