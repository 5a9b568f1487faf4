/* response-store.c: stores to its response page.
 *
 * @kind trap
 * @rule META-1
 * @signal 11
 * @address
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);
    response_of(root)->armed = 1;
}
