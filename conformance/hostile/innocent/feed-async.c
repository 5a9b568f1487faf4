/* feed-async.c: sends 1, 2, 3 and so on, until its consumer ends; managed, and asynchronous as soon as
 * its consumer lets it. PAUSE_NS: how long it sleeps before each message. */
#include "../hostile-async.h"

#ifndef PAUSE_NS
#define PAUSE_NS 0
#endif

ORO_MODULE("feed");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t value = 1; wait_at_gate(&out) > 0; value++, oro_advance(&out)) {
        ORO_OUT(struct num, &out)->value = value;
        if (PAUSE_NS != 0) sleep_ns(root, PAUSE_NS);
    }
}
