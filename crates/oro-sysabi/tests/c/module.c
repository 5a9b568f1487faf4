/* A module that uses everything of oro.h, compiled by tests/c_header.rs as C and as C++, with control.h
 * beside it. It is made to be compiled and looked at; nobody runs it. */
#include <oro/control.h>

#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value) FIELD(f32, weight) ARRAY(i16, 2, pair)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);

#define BULK(FIELD, ARRAY, TAIL) FIELD(u32, length) TAIL(data)
#define BULK_LAYOUT ORO_LAYOUT("demo.bulk.v1", BULK)
ORO_MESSAGE(bulk, BULK);

#define PORT_OUT 1

ORO_MODULE("demo");
ORO_ENTRY(0, filter, 0, 0);
ORO_ENTRY_STATUS(1, serve, ORO_ENTRY_MANAGED, 128 * 1024);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(PORT_OUT, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
ORO_PORT(2, 1, ORO_DIRECTION_CONSUMER, bulk, BULK_LAYOUT, "clients", ORO_NOTE_PORT_OPTIONAL, 4);
ORO_PORT(6, 1, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "bytes", 0, 1);
ORO_PORT(7, 1, ORO_DIRECTION_CONSUMER, oro_param, ORO_PARAMS_LAYOUT, "params", 0, 1);
ORO_PARAM("factor", ORO_PARAM_UNSIGNED, 0, 7, "2", "What each number is multiplied by.");
ORO_PARAM("title", ORO_PARAM_TEXT, ORO_PARAM_REQUIRED, 7, "", "");

void filter(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, PORT_OUT);
    for (;; oro_advance(&in), oro_advance(&out)) {
        const volatile struct num *a = ORO_IN(struct num, &in);
        uint64_t value = a->value;
        volatile struct num *b = ORO_OUT(struct num, &out);
        b->value = 2 * value;
    }
}

uint64_t serve(const struct oro_root *root) {
    struct oro_endpoint client = oro_open(root, 2), bytes = oro_open(root, 6);
    struct oro_endpoint params = oro_open(root, 7);
    struct oro_param_reader reader = {&params, 0};
    struct oro_param_text param;
    const volatile struct oro_ring *ring = (const volatile struct oro_ring *)(uintptr_t)root->ring;
    uint64_t generation = oro_read_begin(ring);
    uint8_t block[64];

    struct oro_endpoint *ends[1] = {&client};
    uint64_t ready[2];

    while (oro_param_read(&reader, &param) > 0) {
        if (oro_param_is(&param, "factor") && oro_param_number(&param) == 0) return 2;
    }
    oro_last_words(root, ORO_LAST_WORDS_REMARK, "serving");
    if (oro_select(root, ends, 1, oro_now(root) + 1000000, ready) == 0) return 1;
    while (oro_wait(&client) > 0) {
        const volatile struct oro_bytes_head *head = ORO_IN(struct oro_bytes_head, &client);
        uint32_t length = oro_bytes_length(&client, head);
        if (length > sizeof block) oro_panic(root, "serve: more than a block");
        oro_copy_from_slot(block, head + 1, length);
        oro_advance(&client);
        if (oro_available(&bytes) < 0) oro_exit_thread(root, 1);
        oro_copy_to_slot(ORO_OUT(struct oro_bytes_head, &bytes) + 1, block, length);
        oro_advance(&bytes);
    }
    if (!oro_read_is_consistent(ring, generation)) oro_exit_instance(root, 2);
    return 0;
}
