/* gates.c: touches every gate in every harmless way, then leaves by the middle of the exit gate's
 * page: a gate is a page (END-2).
 *
 * @outcome exited
 * @status 0
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    if (*at(root->exit_thread) != 0 || *at(root->exit_instance) != 0) {
        oro_panic(root, "a load from a gate gives anything but zero");
    }
    *at(root->exit_thread - PAGE) = 1; /* The start gate, passed long ago. */
    oro_request_page(root)->exit_status = 99; /* This entry gives no status. */
    *(volatile uint8_t *)(uintptr_t)(root->exit_thread + 2049) = 1;
    oro_panic(root, "went on after the exit gate");
}
