/* non-canonical-jump.c: jumps to what is no address.
 *
 * @kind trap
 * @rule END-5
 * @signal 11
 * @symbol ?
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    jump_to(0x8000000000000000);
}
