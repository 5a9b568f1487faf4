/* Ten Ports in, ten out: waits for its first message, passes it on, ends. -DFIRST: begins at the end of
 * standard input. */
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
#ifdef FIRST
ORO_MODULE("first");
#else
ORO_MODULE("idle");
#endif
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 10);
ORO_PORT(10, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 10);
#ifdef FIRST
ORO_PORT(20, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "begin", 0, 1);
#endif
void run(const struct oro_root *root) {
#ifdef FIRST
    struct oro_endpoint begin = oro_open(root, 20);
#else
    struct oro_endpoint begin = oro_open(root, 0);
#endif
    oro_wait(&begin);
    struct oro_endpoint out = oro_open(root, 10);
    if (oro_wait(&out) <= 0) return;
    ORO_OUT(struct num, &out)->value = 1;
    oro_advance(&out);
}
