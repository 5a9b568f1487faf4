/* alignment.c: sets the alignment-check flag and makes an unaligned access.
 *
 * @kind trap
 * @rule END-5
 * @says an unaligned access
 * @signal 7
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    volatile uint64_t words[2] = {0, 0};
    pass_three(root);
    __asm__ volatile("pushf\n\torq $0x40000, (%%rsp)\n\tpopf\n\tmovq $1, 1(%0)"
                     :
                     : "r"(words)
                     : "memory", "cc");
}
