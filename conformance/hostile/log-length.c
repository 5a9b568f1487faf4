/* log-length.c: a line of a log that claims to be longer than its slot.
 *
 * @wire offender.log -> console.log
 * @outcome exited
 * @status 0
 * @exit 1
 * @failed a line has 4294967295 bytes
 * @told
 */
#include "hostile.h"

OFFENDER(0);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint log = oro_open(root, 2);
    for (int count = 0; count < 100; count++, oro_advance(&log)) {
        ORO_OUT(struct oro_log, &log)->length = UINT32_MAX;
    }
}
