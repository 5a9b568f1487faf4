/* word-after-end.c: a touch that resumes because the peer has ended gives no right to release (MAN-3).
 *
 * @wire offender.spare -> offender.rest
 * @kind violation
 * @rule MAN-6
 * @says there is no message
 * @port offender.rest
 * @slot 0
 * @address
 * @told 1 2 3
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);
ORO_PORT(2, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "rest", 0, 1);
ORO_ENTRY(1, leave, 0, 0);
ORO_PORT(3, 1, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "spare", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint rest = oro_open(root, 2);
    pass_three(root);
    if (oro_wait(&rest) != ORO_ENDED) oro_panic(root, "a message from nobody");
    if (ORO_IN(struct num, &rest)->value != 0) oro_panic(root, "no zeros where no message is");
    oro_advance(&rest);
}

void leave(const struct oro_root *root) {
    (void)root;
}
