/* request-deadlines.c: waits with every strange deadline, with conditions that hold and that do not.
 *
 * @outcome exited
 * @told 1 2 3
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

void run(const struct oro_root *root) {
    pass_three(root);
    static uint32_t word;
    const uint64_t deadlines[] = {0, 1, 2, 999, UINT64_C(1) << 63, UINT64_MAX - 1, ORO_NO_DEADLINE};
    for (uint32_t at = 0; at < 7; at++) {
        ask(root, 0, ORO_WAIT_RING, 0, 4); /* Holds: the generation is another one. */
        if (touch_gate(root, 1, deadlines[at]) != ORO_CAUSE_CONDITION) oro_panic(root, "holds");
        ask(root, 0, ORO_WAIT_WORD, 0, (uintptr_t)&word);
        if (at < 4 && touch_gate(root, 1, deadlines[at]) != ORO_CAUSE_DEADLINE) {
            oro_panic(root, "a deadline passes");
        }
    }
}
