/* ping-pong.h: two Ports of one slot, a number there and back ROUNDS times: what the async-ping-pong modules do.
 * Who includes it has defined ROUNDS, and LOOKS for hostile-async.h. */
#include "hostile-async.h"

OFFENDER_PORTS;
ORO_MODULE("offender");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY(1, echo, ORO_ENTRY_MANAGED, 0);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "ping", 0, 1);
ORO_PORT(3, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "pinged", 0, 1);
ORO_PORT(4, 1, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "pong", 0, 1);
ORO_PORT(5, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "ponged", 0, 1);

void echo(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 3), out = oro_open(root, 4);
    while (wait_at_gate(&in) > 0) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        oro_advance(&in);
        if (wait_at_gate(&out) < 0) return;
        ORO_OUT(struct num, &out)->value = value + 1;
        oro_advance(&out);
    }
}

void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 2), in = oro_open(root, 5);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        if (wait_at_gate(&out) < 0) oro_panic(root, "the echo has ended");
        ORO_OUT(struct num, &out)->value = round;
        oro_advance(&out);
        if (wait_at_gate(&in) < 0) oro_panic(root, "the echo has ended");
        if (ORO_IN(struct num, &in)->value != round + 1) oro_panic(root, "another answer came");
        oro_advance(&in);
    }
    if (!is_asynchronous(&in) || !is_asynchronous(&out)) oro_panic(root, "was never upgraded");
}
