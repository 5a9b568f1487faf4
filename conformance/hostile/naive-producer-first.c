/* naive-producer-first.c: a naive producer starts with the second cell.
 *
 * @kind violation
 * @rule NAIVE-4
 * @says stored to cell 1; the next slot is number 0, in cell 0
 * @port offender.out
 * @slot 0
 * @address
 * @told
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 1);
    *at(cell(&out, 1)) = 1;
}
