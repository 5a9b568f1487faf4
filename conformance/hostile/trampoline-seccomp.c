/* trampoline-seccomp.c: jumps to the last system call of the kernel's code page, as if to install a
 * filter of its own.
 *
 * @kind system-call
 * @rule KRN-8
 * @syscall 317
 * @signal 31
 * @symbol -
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    uint64_t page = (uint64_t)(uintptr_t)__builtin_return_address(0) & ~(uint64_t)(PAGE - 1);
    const volatile uint8_t *code = (const volatile uint8_t *)(uintptr_t)page;
    uint64_t last = 0;
    pass_three(root);
    for (uint64_t offset = 0; offset + 1 < PAGE; offset++) {
        if (code[offset] == 0x0f && code[offset + 1] == 0x05) last = page + offset;
    }
    __asm__ volatile("jmp *%0" : : "r"(last), "a"(317), "D"(1), "S"(0), "d"(0) : "memory");
}
