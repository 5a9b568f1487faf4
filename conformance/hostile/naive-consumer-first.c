/* naive-consumer-first.c: a naive consumer starts with the second cell.
 *
 * @kind violation
 * @rule NAIVE-7
 * @says loaded from cell 1; the next slot is number 0, in cell 0
 * @port offender.in
 * @slot 0
 * @address
 * @told
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    (void)*at(cell(&in, 1));
}
