/* log-controls.c: lines of a log that would clear the terminal and forge another instance's line.
 *
 * @wire offender.log -> console.log
 * @outcome exited
 * @status 0
 * @stderr [offender] \u{1b}[2J\n[bystander] trust me\x9b
 * @told
 */
#include "hostile.h"

OFFENDER(0);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);

void run(const struct oro_root *root) {
    static const char line[] = "\033[2J\n[bystander] trust me\x9b";
    struct oro_endpoint log = oro_open(root, 2);
    volatile struct oro_log *message = ORO_OUT(struct oro_log, &log);
    message->length = sizeof line - 1;
    message->level = UINT32_MAX;
    oro_copy_to_slot(message->text, line, sizeof line - 1);
}
