/* peer-cursor.c: stores to the cursor of its peer.
 *
 * @kind trap
 * @rule META-1
 * @says the peer's cursor, which is read-only
 * @port offender.out
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    *at(ends.out.binding->peer_cursor) = 1000;
}
