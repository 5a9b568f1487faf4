/* ringer.c: rings 254 bells in turn, one message to one Port at a time, with a pause before each, so
 * that whoever waits for all of them sleeps each time. */
#include "../hostile-async.h"

#define BELLS 254
#define ROUNDS 56

ORO_MODULE("ringer");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "bells", 0, BELLS);

static struct oro_endpoint bells[BELLS];

void run(const struct oro_root *root) {
    for (uint32_t bell = 0; bell < BELLS; bell++) bells[bell] = oro_open(root, bell);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint32_t bell = 0; bell < BELLS; bell++) {
            sleep_ns(root, 30000);
            if (wait_at_gate(&bells[bell]) < 0) return;
            ORO_OUT(struct num, &bells[bell])->value = round * BELLS + bell;
            oro_advance(&bells[bell]);
        }
    }
}
