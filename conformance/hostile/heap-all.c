/* heap-all.c: writes to all the memory that it has, and goes on: there is no more than was planned.
 *
 * @quota heap = "16M"
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
    for (uint64_t address = root->heap_start;; address += PAGE) *at(address) = address;
}
