/* store-port.c: stores to its Port's entry in the Ring's tables: to the cursor of its peer that is
 * published there.
 *
 * @kind trap
 * @rule META-1
 * @says stored to the Ring's tables, which are read-only
 * @signal 11
 * @address
 */
#include "hostile-async.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct ends ends = pass_three(root);
    *at((uint64_t)(uintptr_t)&port_entry(&ends.out)->consumer.cursor) = 1000;
}
