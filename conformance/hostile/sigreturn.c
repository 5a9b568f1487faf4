/* sigreturn.c: the return from a signal handler, which would set every register.
 *
 * @kind system-call
 * @rule KRN-8
 * @syscall 15
 * @signal 31
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("syscall" : : "a"(15) : "rcx", "r11", "memory");
}
