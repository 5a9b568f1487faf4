/* trampoline.c: jumps to the system call that the kernel's own code page holds: munmap.
 *
 * @kind system-call
 * @rule KRN-8
 * @syscall 11
 * @signal 31
 * @symbol -
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    /* The return address of the entry point lies in that page (END-1). */
    uint64_t page = (uint64_t)(uintptr_t)__builtin_return_address(0) & ~(uint64_t)(PAGE - 1);
    pass_three(root);
    jump_to(page);
}
