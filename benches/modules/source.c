/* source.c: sends WARM_UP + COUNT messages. */
#include "block.h"

ORO_MODULE("source");
ORO_ENTRY(0, run, ENTRY_FLAGS, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, block, BLOCK_LAYOUT, "out", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t number = 0; number < WARM_UP + COUNT && WAIT_FOR(&out); number++) {
        write_block(ORO_OUT(struct block, &out), number);
        oro_advance(&out);
    }
}
