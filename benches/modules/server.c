/* server.c: answers every request, until its client has ended. */
#include "block.h"

ORO_MODULE("server");
ORO_ENTRY(0, run, ENTRY_FLAGS, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, block, BLOCK_LAYOUT, "request", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, block, BLOCK_LAYOUT, "reply", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint request = oro_open(root, 0), reply = oro_open(root, 1);
    while (WAIT_FOR(&request)) {
        uint64_t number = ORO_IN(struct block, &request)->words[0];
        oro_advance(&request);
        if (!WAIT_FOR(&reply)) return;
        write_block(ORO_OUT(struct block, &reply), number + 1);
        oro_advance(&reply);
    }
}
