/* sysenter.c: the other entry for 32-bit programs. It is undefined in 64-bit mode on AMD, and a
 * system call on Intel, which forgets where it came from; both end the offender.
 *
 * @kind system-call trap
 * @rule KRN-8 END-5
 * @symbol ?
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    /* The kernel would return to an address that the vDSO keeps, with this stack. */
    __asm__ volatile("mov %%rsp, %%rbp\n\tsysenter" : : "a"(20) : "rcx", "rdx", "r11", "memory");
}
