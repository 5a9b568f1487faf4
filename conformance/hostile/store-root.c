/* store-root.c: stores to its Root page.
 *
 * @kind trap
 * @rule META-1
 * @says stored to the fields of Root, which are read-only
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    *at((uint64_t)(uintptr_t)root) = 1;
}
