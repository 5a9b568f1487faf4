/* harmless-instructions.c: what the platform grants: rdtsc, cpuid, a thread pointer of one's own
 * (ENTRY-4), segment registers, direction and alignment flags.
 *
 * @outcome exited
 * @status 0
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    uint32_t a = 7, b, c = 0, d;
    uint64_t self = (uint64_t)(uintptr_t)&self;
    struct ends ends = pass_three(root);
    __asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
    a = 7;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (b & 1) { /* FSGSBASE */
        __asm__ volatile("wrfsbase %0\n\twrgsbase %0" : : "r"(self) : "memory");
    }
    __asm__ volatile("mov %0, %%gs\n\tmov %0, %%es\n\tmov %0, %%ds" : : "r"(0) : "memory");
    __asm__ volatile("std\n\tcld" : : : "cc");
    if (ends.out.next != 3) oro_panic(root, "lost count");
}
