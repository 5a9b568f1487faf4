/* sink.c: receives WARM_UP + COUNT messages; its status is the ticks that the last COUNT took. */
#include "block.h"

ORO_MODULE("sink");
ORO_ENTRY_STATUS(0, run, ENTRY_FLAGS, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, block, BLOCK_LAYOUT, "in", 0, 1);

uint64_t run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    uint64_t start = 0;
    for (uint64_t number = 0; number < WARM_UP + COUNT && WAIT_FOR(&in); number++) {
        uint64_t sum = read_block(ORO_IN(struct block, &in));
        if (sum != sum_of_block(number)) oro_panic(root, "sink: another message was sent");
        if (number + 1 == WARM_UP) start = read_counter();
        oro_advance(&in);
    }
    return read_counter() - start;
}
