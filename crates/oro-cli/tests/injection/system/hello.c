/* Writes its parameters, then what it reads, and says a word in the log. */
#include "common.h"
ORO_MODULE("hello");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_param, ORO_PARAMS_LAYOUT, "params", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", 0, 1);
ORO_PARAM("who", ORO_PARAM_TEXT, ORO_PARAM_REQUIRED, 0, "", "whom to greet");
static char text[512];
static void say(struct oro_endpoint *out, const char *words) {
    size_t length = 0;
    while (words[length]) length++;
    oro_bytes_write(out, words, length);
}
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint params = oro_open(root, 0), in = oro_open(root, 1), out = oro_open(root, 2);
    struct oro_param_reader from = {&params, 0};
    struct oro_param_text param;
    while (oro_param_read(&from, &param) > 0) say(&out, param.value), say(&out, "\n");
    struct oro_bytes_reader reader = {&in, 0, 0, 0};
    int64_t length;
    while ((length = oro_bytes_read(&reader, text, sizeof text)) > 0) oro_bytes_write(&out, text, (size_t)length);
    if (length < 0) return 1;
    oro_bytes_finish(&out);
    return 0;
}
