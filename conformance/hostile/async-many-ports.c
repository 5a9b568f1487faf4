/* async-many-ports.c: sleeps on 128 Ports at once, of 256 that it has, and is woken by each of them
 * in turn.
 *
 * @beside ringer
 * @wires 254 ringer.bells -> offender.many
 * @outcome exited
 * @told
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);
#define BELLS 254
#define ROUNDS 56
ORO_PORT(2, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "many", 0, BELLS);

static struct oro_endpoint many[BELLS];

void run(const struct oro_root *root) {
    for (uint32_t bell = 0; bell < BELLS; bell++) many[bell] = oro_open(root, 2 + bell);
    uint64_t count = 0;
    while (count < (uint64_t)ROUNDS * BELLS) {
        uint64_t least[2] = {UINT64_MAX, UINT64_MAX};
        for (uint32_t bell = 0; bell < BELLS; bell++) {
            if (many[bell].next < least[bell / 127]) least[bell / 127] = many[bell].next;
        }
        uint32_t first = least[0] <= least[1] ? 0 : 127;
        for (uint32_t at = 0; at < 127; at++) {
            struct oro_endpoint *end = &many[first + at];
            ask(root, at, ORO_WAIT_PEER, end->binding->port_index, awaited(end));
        }
        ask(root, 127, ORO_WAIT_RING, 0, 2);
        if (touch_gate(root, 128, UINT64_C(5000000000)) != ORO_CAUSE_CONDITION) {
            oro_panic(root, "was not woken");
        }
        uint64_t ready[2] = {response_of(root)->ready[0], response_of(root)->ready[1]};
        if (ready[0] == 0 && ready[1] == 0) oro_panic(root, "was woken by nothing");
        for (uint32_t at = 0; at < 127; at++) {
            if ((ready[at / 64] >> (at % 64) & 1) == 0) continue;
            struct oro_endpoint *end = &many[first + at];
            /* The ringer may have ended: that holds for all of its Ports, the empty ones too. */
            if (end->next == ROUNDS) continue;
            if (oro_available(end) <= 0) oro_panic(root, "was woken by an empty Port");
            if (ORO_IN(struct num, end)->value != end->next * BELLS + first + at) {
                oro_panic(root, "another message came");
            }
            oro_advance(end);
            count++;
        }
    }
    if (!is_asynchronous(&many[0]) || !is_asynchronous(&many[253])) oro_panic(root, "no upgrade");
}
