/* bad-pointer.c: stores to an address where nothing is.
 *
 * @kind trap
 * @rule END-5
 * @says 0x123456000, where nothing is mapped
 * @signal 11
 * @address 0x123456000
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    *at(0x123456000) = 1;
}
