/* int80.c: getpid by the entry for 32-bit programs.
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
    __asm__ volatile("int $0x80" : : "a"(20) : "r8", "r9", "r10", "r11", "memory");
}
