/* async-two-offenders.c: two of its kind earn the mode with each other; then both lie at once, each
 * about its own cursor. Whose lie is seen first ends; the Port is broken then, and the other's lie
 * meets nobody any more (ASYNC-6).
 *
 * @accomplice faulted exited
 * @wire offender.left -> accomplice.right
 * @outcome faulted exited
 * @kind violation
 * @rule ASYNC-4
 * @symbol ?
 * @stderr error[ASYNC-4]
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
    struct oro_endpoint left = oro_open(root, 2), right = oro_open(root, 3);
    struct oro_endpoint *end = oro_state(&left) == ORO_STATE_WIRED ? &left : &right;
    while (end->next < 1000) {
        if (wait_at_gate(end) < 0) oro_panic(root, "its accomplice lies too early");
        if (end == &left) {
            ORO_OUT(struct num, end)->value = end->next;
        } else {
            (void)ORO_IN(struct num, end)->value;
        }
        oro_advance(end);
    }
    if (!is_asynchronous(end)) oro_panic(root, "was never upgraded");
    let_rest(root);
    claim(end, end == &left ? end->next + (UINT64_C(1) << 63) : 5);
    /* Each has the kernel look at the other's cursor. */
    ask(root, 0, ORO_WAIT_PEER, end->binding->port_index, end->peer + 1000);
    touch_gate(root, 1, UINT64_C(200000000));
}
