/* async-two-offenders.c: two of its kind earn the mode with each other; then both lie at once, each
 * about its own cursor.
 *
 * @accomplice faulted exited killed
 * @wire offender.left -> accomplice.right
 * @outcome faulted exited
 * @kind violation
 * @rule ASYNC-4
 * @symbol ?
 * @told
 * @exit *
 */
#include "hostile-async.h"

ORO_MODULE("offender");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", ORO_NOTE_PORT_OPTIONAL, 1);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "left", ORO_NOTE_PORT_OPTIONAL, 1);
ORO_PORT(3, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "right", ORO_NOTE_PORT_OPTIONAL, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint left = oro_open(root, 2);
    if (oro_state(&left) == ORO_STATE_WIRED) {
        while (left.next < 1000) {
            if (wait_at_gate(&left) < 0) return;
            ORO_OUT(struct num, &left)->value = left.next;
            oro_advance(&left);
        }
        claim(&left, left.next + (UINT64_C(1) << 63));
    } else {
        struct oro_endpoint right = oro_open(root, 3);
        while (right.next < 1000) {
            if (wait_at_gate(&right) < 0) return;
            oro_advance(&right);
        }
        claim(&right, 5);
    }
    for (int count = 0; count < 100; count++) sleep_ns(root, 1000000);
}
