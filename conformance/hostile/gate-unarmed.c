/* gate-unarmed.c: stores to the gate that is not armed, 10,000 times: nothing happens (GATE-1).
 *
 * @outcome exited
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);
    oro_request_page(root)->count = UINT32_MAX; /* Not looked at. */
    for (int count = 0; count < 10000; count++) {
        uint32_t armed = response_of(root)->armed;
        *at(root->gates + PAGE * (1 - armed)) = 1;
        if (response_of(root)->armed != armed) oro_panic(root, "the gate that is not armed works");
    }
    oro_request_page(root)->count = 0;
}
