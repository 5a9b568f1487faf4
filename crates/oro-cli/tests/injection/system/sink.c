/* Writes a digit for each number. */
#include "common.h"
ORO_MODULE("sink");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    volatile uint64_t *marks = find_marks(root);
    marks[0] = 0x73696e6b6d61726b;
    for (uint64_t count = 1;; count++, oro_advance(&in), oro_advance(&out)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        if (value != count) marks[2]++;
        marks[1] = count;
        char digit = (char)('0' + value % 10);
        volatile struct oro_bytes_head *head = ORO_OUT(struct oro_bytes_head, &out);
        head->length = 1;
        head->flags = 0;
        oro_copy_to_slot(head + 1, &digit, 1);
    }
}
