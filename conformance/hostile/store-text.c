/* store-text.c: stores to its own instructions.
 *
 * @kind trap
 * @rule IMG-3
 * @says a read-only part of its image
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    *at((uint64_t)(uintptr_t)run) = 0;
}
