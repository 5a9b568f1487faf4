/* gate-wide.c: touches its gates in every width and at every place of the page, with values of its
 * own.
 *
 * @outcome exited
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);
    for (uint32_t offset = 0; offset < PAGE; offset += 8) {
        uint64_t gate = root->gates + PAGE * response_of(root)->armed;
        oro_request_page(root)->deadline_ns = 0;
        switch (offset / 8 % 4) {
        case 0: *(volatile uint8_t *)(uintptr_t)(gate + offset) = 0xff; break;
        case 1: *(volatile uint16_t *)(uintptr_t)(gate + offset) = 0; break;
        case 2: *(volatile uint32_t *)(uintptr_t)(gate + offset) = UINT32_MAX; break;
        default: *at(gate + offset) = offset;
        }
        if (root->gates + PAGE * response_of(root)->armed == gate) oro_panic(root, "no gate");
    }
}
