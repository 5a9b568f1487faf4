/* syscall-none.c: a system call whose number is -1, which Linux has none for.
 *
 * @kind system-call
 * @rule KRN-8
 * @syscall -1
 * @signal 31
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("syscall" : : "a"(-1L) : "rcx", "r11", "memory");
}
