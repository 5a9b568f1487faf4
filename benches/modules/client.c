/* client.c: WARM_UP + COUNT times a request and its reply; its status is the ticks that the last
 * COUNT took. */
#include "block.h"

ORO_MODULE("client");
ORO_ENTRY_STATUS(0, run, ENTRY_FLAGS, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, block, BLOCK_LAYOUT, "request", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, block, BLOCK_LAYOUT, "reply", 0, 1);

uint64_t run(const struct oro_root *root) {
    struct oro_endpoint request = oro_open(root, 0), reply = oro_open(root, 1);
    uint64_t start = 0;
    for (uint64_t number = 0; number < WARM_UP + COUNT && WAIT_FOR(&request); number++) {
        write_block(ORO_OUT(struct block, &request), number);
        oro_advance(&request);
        if (!WAIT_FOR(&reply)) break;
        uint64_t sum = read_block(ORO_IN(struct block, &reply));
        if (sum != sum_of_block(number + 1)) oro_panic(root, "client: another reply was sent");
        oro_advance(&reply);
        if (number + 1 == WARM_UP) start = read_counter();
    }
    return read_counter() - start;
}
