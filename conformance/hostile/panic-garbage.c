/* panic-garbage.c: last words that claim to be 4 GiB long and hold every byte there is.
 *
 * @kind panic
 * @rule END-8
 * @words \x80\x81
 * @words \u{1b}[2J
 * @signal 4
 */
#include "hostile.h"

OFFENDER(0);

void run(const struct oro_root *root) {
    volatile struct oro_request *request = oro_request_page(root);
    const char *clear = "\033[2J\033]0;title\a";
    pass_three(root);
    for (uint32_t index = 0; index < ORO_LAST_WORDS_SIZE; index++) {
        request->last_words[index] = (uint8_t)index;
    }
    for (uint32_t index = 0; clear[index] != 0; index++) {
        request->last_words[index] = (uint8_t)clear[index];
    }
    request->last_words_length = UINT32_MAX;
    request->last_words_kind = ORO_LAST_WORDS_PANIC;
    __builtin_trap();
}
