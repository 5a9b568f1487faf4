/* null-load.c: loads through a null pointer.
 *
 * @kind trap
 * @rule END-5
 * @says a null pointer
 * @signal 11
 * @address 0x8
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    (void)*at(8);
}
