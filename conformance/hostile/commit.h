/* commit.h: a managed producer's commit in its two instructions, with a trap before the first (STEP 0)
 * or after the first or the second: what the commit modules do. BEGIN(root) gives the ends. */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

#if STEP == 0
#define COMMIT "ud2; mov %2, %0; mov %2, %1"
#elif STEP == 1
#define COMMIT "mov %2, %0; ud2; mov %2, %1"
#else
#define COMMIT "mov %2, %0; mov %2, %1; ud2"
#endif

void run(const struct oro_root *root) {
    struct ends ends = BEGIN(root);
    volatile struct num *slot = ORO_OUT(struct num, &ends.out);
    volatile uint64_t *cursor = at(ends.out.binding->own_cursor);
    __asm__ volatile(COMMIT
                     : "=m"(slot->value), "=m"(*cursor)
                     : "r"(ends.out.next + 1)
                     : "rax", "rcx", "rdx", "memory");
}
