/* request-rubbish.c: fills its request page with ones.
 *
 * @kind violation
 * @rule GATE-3
 * @says 4294967295 conditions
 * @told 1 2 3
 * @symbol ?
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);

    for (uint64_t offset = 0; offset < 3072; offset += 8) *at(root->request + offset) = UINT64_MAX;
    *at(root->gates + PAGE * response_of(root)->armed) = 1;
}
