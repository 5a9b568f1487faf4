/* slack.c: writes all of its slots' pages. What lies beyond a slot never travels (PORT-2); a slot opens
 * zeroed, so that nothing is left of what an earlier one held (PORT-5); and behind a message there is
 * nothing of a stranger's (PORT-5, PORT-9).
 *
 * @outcome exited
 * @status 0
 * @told 1 2 3 4 5 6 7 8
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (int count = 0; count < 8; count++, oro_advance(&in), oro_advance(&out)) {
        volatile uint64_t *from = at(cell(&in, in.next & 1)), *to = at(cell(&out, out.next & 1));
        uint64_t value = from[0];
        to[PAGE / 8 - 1] = 0; /* The touch, far beyond the slot but in its page. */
        for (int word = 0; word < PAGE / 8; word++) {
            if (word > 0 && from[word] != 0) oro_panic(root, "something lies behind a message");
            if (to[word] != 0) oro_panic(root, "a slot did not open zeroed");
            to[word] = 0x5ec3e7;
        }
        to[0] = value;
    }
}
