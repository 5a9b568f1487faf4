/* store-binding.c: moves the window in one of its bindings.
 *
 * @kind trap
 * @rule META-1
 * @says stored to the bindings, which are read-only
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    *at(root->bindings) += 8;
}
