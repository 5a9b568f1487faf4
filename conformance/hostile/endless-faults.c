/* endless-faults.c: never ends, and keeps the supervisor busy with faults all the time.
 *
 * @wire offender.spare -> offender.rest
 * @arguments --timeout 400ms
 * @exit 124
 * @outcome killed
 * @why time limit
 * @told *
 */
#include "hostile.h"

OFFENDER(0);
ORO_ENTRY(1, storm, 0, 0);
ORO_PORT(2, 1, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "spare", 0, 1);
ORO_ENTRY(2, swallow, 0, 0);
ORO_PORT(3, 2, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "rest", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        ORO_OUT(struct num, &out)->value = value;
    }
}

void storm(const struct oro_root *root) {
    struct oro_endpoint spare = oro_open(root, 2);
    for (;; oro_advance(&spare)) ORO_OUT(struct num, &spare)->value = 1;
}

void swallow(const struct oro_root *root) {
    struct oro_endpoint rest = oro_open(root, 3);
    for (;; oro_advance(&rest)) (void)ORO_IN(struct num, &rest)->value;
}
