/* null-jump.c: calls a null function pointer.
 *
 * @kind trap
 * @rule END-5
 * @says jumped to a null pointer
 * @signal 11
 * @address 0x0
 * @symbol -
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    jump_to(0);
}
