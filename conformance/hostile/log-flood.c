/* log-flood.c: writes LINES lines to the log as fast as it can: it waits for each, nobody for it, and
 * each is there.
 *
 * @wire offender.log -> console.log
 * @outcome exited
 * @told
 * @stderr [offender] line 4999
 */
#include "hostile.h"

OFFENDER(0);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);

#ifndef LINES
#define LINES 5000
#endif

void run(const struct oro_root *root) {
    struct oro_endpoint log = oro_open(root, 2);
    for (uint32_t number = 0; number < LINES; number++, oro_advance(&log)) {
        char line[16] = "line 0000";
        for (uint32_t rest = number, digit = 8; rest != 0; rest /= 10, digit--) {
            line[digit] = (char)('0' + rest % 10);
        }
        volatile struct oro_log *message = ORO_OUT(struct oro_log, &log);
        message->length = 9;
        message->level = 0;
        oro_copy_to_slot(message->text, line, 9);
    }
}
