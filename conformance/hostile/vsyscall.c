/* vsyscall.c: calls the page at a fixed address that old programs get the time from. Linux emulates
 * the call, which the filter refuses, or has no such page.
 *
 * @kind system-call trap
 * @rule KRN-8 END-5
 * @symbol ?
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    pass_three(root);
    jump_to(0xffffffffff600000);
}
