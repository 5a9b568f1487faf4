/* word-empty.c: releases a message that was never sent.
 *
 * @wire offender.spare -> offender.rest
 * @kind violation
 * @rule MAN-6
 * @says advanced its cursor from 0, but the peer's is 0: there is no message
 * @help check the peer's cursor
 * @port offender.rest
 * @slot 0
 * @address
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);
ORO_PORT(2, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "rest", 0, 1);
ORO_ENTRY(1, idle, 0, 0);
ORO_PORT(3, 1, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "spare", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint rest = oro_open(root, 2);
    pass_three(root);
    oro_advance(&rest);
}

/* Lives, and sends nothing. */
void idle(const struct oro_root *root) {
    (void)root;
    for (;;) oro_spin_hint();
}
