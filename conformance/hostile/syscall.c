/* syscall.c: getpid by the `syscall` instruction.
 *
 * @kind system-call
 * @rule KRN-8
 * @says system call 39
 * @syscall 39
 * @signal 31
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("syscall" : : "a"(39) : "rcx", "r11", "memory");
}
