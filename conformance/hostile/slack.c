/* slack.c: writes all of its slot's page; what lies beyond the slot never travels (PORT-2), and its
 * reader finds zeros there (PORT-5).
 *
 * @outcome exited
 * @status 0
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    for (uint64_t offset = sizeof(struct num); offset < PAGE; offset += 8) {
        if (*at(cell(&ends.in, 0) + offset) != 0) oro_panic(root, "bytes of a stranger");
        *at(cell(&ends.out, 0) + offset) = 0x5ec3e7;
    }
}
