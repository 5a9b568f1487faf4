/* kernel-address.c: loads from the half of the address space that is the operating system's.
 *
 * @kind trap
 * @rule END-5
 * @says where nothing is mapped
 * @signal 11
 * @address 0xffff888000000000
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    (void)*at(0xffff888000000000);
}
