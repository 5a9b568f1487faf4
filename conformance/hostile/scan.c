/* scan.c: loads from every page from its stack upwards, for a vDSO, or anything else.
 *
 * @kind trap
 * @rule END-5
 * @says where nothing is mapped
 * @signal 11
 * @address
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    for (uint64_t address = (uint64_t)(uintptr_t)&root;; address += PAGE) (void)*at(address);
}
