/* jump-data.c: executes its static data.
 *
 * @kind trap
 * @rule IMG-3
 * @says jumped to data of its image
 * @signal 11
 * @address
 * @symbol code
 */
#include "hostile.h"

OFFENDER(0);

static volatile uint64_t code[2] = {0xc3, 1}; /* ret */

void run(const struct oro_root *root) {
    pass_three(root);
    code[1] = 2;
    jump_to((uint64_t)(uintptr_t)code);
}
