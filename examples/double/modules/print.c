/* print.c: sums numbers up to the one that says it is the last, then writes the sum as a line. */
#include "num.h"

ORO_MODULE("print");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", 0, 1);

static char line[96];
static uint32_t line_length;

static void append_text(const char *text) {
    while (*text != 0) line[line_length++] = *text++;
}

static void append_number(uint64_t number) {
    char digits[20];
    uint32_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0) line[line_length++] = digits[--count];
}

void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), text = oro_open(root, 1);
    uint64_t count = 0, sum = 0, is_last;
    do {
        const volatile struct num *number = ORO_IN(struct num, &in);
        sum += number->value;
        is_last = number->is_last;
        count++;
        oro_advance(&in);
    } while (!is_last);

    append_text("sum of ");
    append_number(count);
    append_text(" doubled numbers: ");
    append_number(sum);
    append_text("\n");

    /* One message of a byte stream: a head, then the bytes, which end the stream (TYPE-10). Slots of
     * the default 4096 bytes hold more than a line. */
    volatile struct oro_bytes_head *head = ORO_OUT(struct oro_bytes_head, &text);
    head->length = line_length;
    head->flags = ORO_BYTES_END;
    oro_copy_to_slot(head + 1, line, line_length);
}
