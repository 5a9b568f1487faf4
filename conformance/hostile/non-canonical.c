/* non-canonical.c: loads from what is no address. The processor does not tell which it was.
 *
 * @kind trap
 * @rule END-5
 * @says an address that is no address
 * @signal 11
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    (void)*at(0x8000000000000000);
}
