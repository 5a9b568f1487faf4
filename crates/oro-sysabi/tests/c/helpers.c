/* Runs the helpers of oro.h over bindings in ordinary memory, where every value can be chosen;
 * compiled and run by tests/c_header.rs. Exits with the line of the first check that fails. */
#include <oro/oro.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: %s\n", __LINE__, #condition);                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static struct oro_root root;
static struct oro_binding bindings[2];
static struct oro_request request;
static struct oro_ring ring;
static uint64_t own_cursor, peer_cursor;
static struct oro_bytes_head window[4][2]; /* Four slots of 16 bytes. */

static uint64_t address_of(volatile void *thing) { return (uint64_t)(uintptr_t)thing; }

static struct oro_endpoint open_second(uint32_t direction, uint64_t first, uint64_t peer) {
    struct oro_binding *binding = &bindings[1];
    root.bindings = address_of(bindings);
    root.binding_stride_bytes = sizeof bindings[0];
    root.binding_count = 2;
    root.request = address_of(&request);
    binding->window = address_of(window);
    binding->stride_bytes = 16;
    binding->mask = 3;
    binding->own_cursor = address_of(&own_cursor);
    binding->peer_cursor = address_of(&peer_cursor);
    binding->mode = ORO_MODE_ASYNCHRONOUS;
    binding->state = ORO_STATE_WIRED;
    binding->slot_size_bytes = 16;
    binding->slot_count = 4;
    binding->first = first;
    binding->direction = direction;
    own_cursor = first;
    peer_cursor = peer;
    return oro_open(&root, 1);
}

/* BIND-4, END-6: what a producer may write, and when it hears that its consumer has ended. */
static void check_producer(void) {
    struct oro_endpoint out = open_second(ORO_DIRECTION_PRODUCER, 5, 3);
    CHECK(out.next == 5 && oro_available(&out) == 2);
    oro_advance(&out);
    CHECK(own_cursor == 6 && oro_available(&out) == 1);
    oro_advance(&out);
    CHECK(own_cursor == 7 && oro_available(&out) == 0);
    peer_cursor = 8; /* Released more than was committed. */
    CHECK(oro_available(&out) == ORO_MISBEHAVED);
    peer_cursor = 2; /* Went back. */
    CHECK(oro_available(&out) == ORO_MISBEHAVED);
    peer_cursor = 7;
    CHECK(oro_available(&out) == 4 && oro_wait(&out) == 4);
    peer_cursor = 8; /* Not looked at while the cached cursor says enough. */
    bindings[1].state = ORO_STATE_CLOSED;
    CHECK(oro_available(&out) == 4);
    for (int i = 0; i < 4; i++) oro_advance(&out);
    CHECK(own_cursor == 11 && oro_available(&out) == ORO_ENDED && oro_wait(&out) == ORO_ENDED);
    out = open_second(ORO_DIRECTION_PRODUCER, 5, 0); /* Impossible from the start. */
    CHECK(oro_available(&out) == ORO_MISBEHAVED);
}

/* BIND-4, END-6: the last messages of a producer stay readable after its end. */
static void check_consumer(void) {
    struct oro_endpoint in = open_second(ORO_DIRECTION_CONSUMER, 0, 0);
    CHECK(oro_available(&in) == 0);
    peer_cursor = 5; /* More than the queue holds. */
    CHECK(oro_available(&in) == ORO_MISBEHAVED);
    peer_cursor = 2;
    bindings[1].state = ORO_STATE_FAULTED;
    CHECK(oro_available(&in) == 2 && oro_state(&in) == ORO_STATE_FAULTED);
    oro_advance(&in);
    oro_advance(&in);
    CHECK(own_cursor == 2 && oro_available(&in) == ORO_ENDED);
    bindings[1].state = ORO_STATE_WIRED; /* A new peer. */
    CHECK(oro_available(&in) == 0);
    peer_cursor = UINT64_MAX;
    CHECK(oro_available(&in) == ORO_MISBEHAVED);
    bindings[1].state = ORO_STATE_FOREIGN;
    CHECK(oro_available(&in) == ORO_NO_PEER);
    /* A binding that was never wired: all zero but its state. */
    in = oro_open(&root, 0);
    CHECK(oro_available(&in) == ORO_NO_PEER && oro_wait(&in) == ORO_NO_PEER);
    /* A naive thread has no cursor of its own: advancing only counts (NAIVE-1). */
    in = open_second(ORO_DIRECTION_CONSUMER, 0, 1);
    bindings[1].own_cursor = 0;
    oro_advance(&in);
    CHECK(in.next == 1 && own_cursor == 0);
}

/* BIND-2: the address of a slot. */
static void check_slots(void) {
    struct oro_endpoint in = open_second(ORO_DIRECTION_CONSUMER, 6, 7);
    const volatile struct oro_bytes_head *head = ORO_IN(struct oro_bytes_head, &in);
    CHECK((const volatile void *)head == &window[2][0]);
    CHECK(oro_slot(&in, 3) == &window[3][0] && oro_slot(&in, 4) == &window[0][0]);
    CHECK(oro_slot_size(&in) == 16);
    window[2][0].length = 8;
    CHECK(oro_bytes_length(&in, head) == 8);
    window[2][0].length = UINT32_MAX;
    CHECK(oro_bytes_length(&in, head) == 8);
}

/* Every alignment and length: exactly the named bytes change. */
static void check_copies(void) {
    uint64_t from_words[5], to_words[5];
    uint8_t *from = (uint8_t *)from_words, *to = (uint8_t *)to_words;
    for (unsigned i = 0; i < sizeof from_words; i++) from[i] = (uint8_t)(i + 1);
    for (unsigned start = 0; start < 9; start++) {
        for (unsigned offset = 0; offset < 9; offset++) {
            for (unsigned size = 0; size < 31; size++) {
                for (int is_to_slot = 0; is_to_slot < 2; is_to_slot++) {
                    for (unsigned i = 0; i < sizeof to_words; i++) to[i] = 0;
                    if (is_to_slot) {
                        oro_copy_to_slot(to + offset, from + start, size);
                    } else {
                        oro_copy_from_slot(to + offset, from + start, size);
                    }
                    for (unsigned i = 0; i < sizeof to_words; i++) {
                        int is_copied = i >= offset && i < offset + size;
                        CHECK(to[i] == (is_copied ? from[i - offset + start] : 0));
                    }
                }
            }
        }
    }
}

/* END-8: last words, cut to what there is room for. META-7: the generation. */
static void check_rest(void) {
    static char text[2000];
    for (unsigned i = 0; i < sizeof text - 1; i++) text[i] = 'x';
    oro_last_words(&root, ORO_LAST_WORDS_REMARK, "hello");
    CHECK(request.last_words_length == 5 && request.last_words_kind == ORO_LAST_WORDS_REMARK);
    CHECK(request.last_words[0] == 'h' && request.last_words[4] == 'o');
    oro_last_words(&root, ORO_LAST_WORDS_PANIC, text);
    CHECK(request.last_words_length == 1016 && request.last_words[1015] == 'x');

    uint64_t generation = oro_read_begin(&ring);
    CHECK(oro_read_is_consistent(&ring, generation));
    ring.generation = 1;
    CHECK(!oro_read_is_consistent(&ring, generation));
    CHECK(!oro_read_is_consistent(&ring, oro_read_begin(&ring)));
}

int main(void) {
    check_producer();
    check_consumer();
    check_slots();
    check_copies();
    check_rest();
    puts("ok");
    return 0;
}
