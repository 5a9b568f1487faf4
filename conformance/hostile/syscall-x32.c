/* syscall-x32.c: getpid by the number that the x32 ABI gives it.
 *
 * @kind system-call
 * @rule KRN-8
 * @syscall 1073741863
 * @signal 31
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("syscall" : : "a"(0x40000000 + 39) : "rcx", "r11", "memory");
}
