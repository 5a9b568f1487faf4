/* undefined.c: executes an undefined instruction, without last words.
 *
 * @kind trap
 * @rule END-5
 * @says undefined or forbidden instruction
 * @signal 4
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    __asm__ volatile("ud2" : : : "rax", "rcx", "rdx", "memory");
}
