/* last-words-lie.c: fills its request page with ones and makes a system call: what it says of itself
 * does not change what it did.
 *
 * @kind system-call
 * @rule KRN-8
 * @syscall 1
 * @signal 31
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    volatile uint8_t *request = (volatile uint8_t *)oro_request_page(root);
    pass_three(root);
    for (uint32_t index = 0; index < PAGE; index++) request[index] = 0xff;
    __asm__ volatile("syscall" : : "a"(1), "D"(2), "S"(root), "d"(100) : "rcx", "r11", "memory");
}
