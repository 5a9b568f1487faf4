/* panic.c: ends with last words (END-8).
 *
 * @kind panic
 * @rule END-8
 * @words the third is one too many
 * @signal 4
 * @symbol oro_panic
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    oro_panic(root, "the third is one too many");
}
