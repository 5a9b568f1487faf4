/* bytes-length.c: a stream's message that claims more bytes than its slot has. The file's end fails
 * (BUILTIN-6) instead of writing what is not the message's; the offender merely loses its peer.
 *
 * @wire offender.text -> files.extra
 * @outcome exited
 * @status 0
 * @exit 1
 * @failed says that it has 4294967295 bytes of data
 * @told
 */
#include "hostile.h"

OFFENDER(0);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", 0, 1);

void run(const struct oro_root *root) {
    struct oro_endpoint text = oro_open(root, 2);
    for (int count = 0; count < 100; count++, oro_advance(&text)) {
        ORO_OUT(struct oro_bytes_head, &text)->length = UINT32_MAX;
    }
}
