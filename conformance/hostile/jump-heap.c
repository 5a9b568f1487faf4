/* jump-heap.c: executes its heap.
 *
 * @quota heap = "64K"
 * @kind trap
 * @rule KRN-7
 * @says jumped to its heap
 * @signal 11
 * @address
 * @symbol -
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    *at(root->heap_start) = 0xc3; /* ret */
    jump_to(root->heap_start);
}
