/* word-full.c: commits one message more than the queue has slots.
 *
 * @wire offender.spare -> offender.rest
 * @kind violation
 * @rule MAN-6
 * @says advanced its cursor from 16, but the peer's is 0: the queue is full
 * @help check the peer's cursor
 * @port offender.spare
 * @slot 16
 * @address
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "spare", 0, 1);
ORO_ENTRY(1, idle, 0, 0);
ORO_PORT(3, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "rest", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint spare = oro_open(root, 2);
    struct ends ends = pass_three(root);
    for (int count = 0; count < 17; count++) {
        oro_advance(&spare);
        /* The word is open for one store: only another fault closes it (MAN-5). */
        (void)ORO_IN(struct num, &ends.in)->value;
        oro_advance(&ends.in);
    }
}

/* Lives, and consumes nothing. */
void idle(const struct oro_root *root) {
    (void)root;
    for (;;) oro_spin_hint();
}
