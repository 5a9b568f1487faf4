/* naive-commit-0.c: a naive producer that traps before the one instruction of its commit, which is the
 * next fresh touch (NAIVE-1): what it holds is discarded (NAIVE-9).
 *
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1 2
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    volatile struct num *slot = ORO_OUT(struct num, &ends.out);
    __asm__ volatile("ud2; movq $4, %0" : "=m"(slot->value) : : "rax", "rcx", "rdx", "memory");
}
