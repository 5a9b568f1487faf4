/* jump-metadata.c: executes the Ring's tables.
 *
 * @kind trap
 * @rule KRN-7
 * @says jumped to the Ring's tables, which are not executable
 * @signal 11
 * @address
 * @symbol -
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    jump_to(root->ring);
}
