/* Runs the helpers of oro.h over bindings in ordinary memory, where every value can be chosen;
 * compiled and run by tests/c_header.rs. Exits with the line of the first check that fails. */
#include <oro/oro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
static struct oro_response response;
static uint64_t gates[2][512]; /* Two pages; nothing traps, so a gate returns at once (GATE-4). */
static struct oro_ring ring;
static uint64_t own_cursor, peer_cursor;
static union {
    uint64_t words[2];
    struct oro_bytes_head head;
} window[4]; /* Four slots of 16 bytes. */

static uint64_t address_of(volatile void *thing) { return (uint64_t)(uintptr_t)thing; }

static struct oro_endpoint open_second(uint32_t direction, uint64_t first, uint64_t peer) {
    struct oro_binding *binding = &bindings[1];
    root.bindings = address_of(bindings);
    root.binding_stride_bytes = sizeof bindings[0];
    root.binding_count = 2;
    root.request = address_of(&request);
    root.response = address_of(&response);
    root.gates = address_of(gates);
    root.page_size_bytes = 4096;
    root.cpu_count = 1;
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
    CHECK((const volatile void *)head == &window[2]);
    CHECK(oro_slot(&in, 3) == &window[3] && oro_slot(&in, 4) == &window[0]);
    CHECK(oro_slot_size(&in) == 16);
    window[2].head.length = 8;
    CHECK(oro_bytes_length(&in, head) == 8);
    window[2].head.length = UINT32_MAX;
    CHECK(oro_bytes_length(&in, head) == 8);
}

/* ASYNC-3, MAN-5: a batch is one store up to the queue's end, or one slot in synchronous mode. */
static void check_batches(void) {
    struct oro_endpoint out = open_second(ORO_DIRECTION_PRODUCER, 6, 6);
    CHECK(oro_free(&out) == 4 && oro_run(&out, 4) == 2 && oro_run(&out, 1) == 1);
    oro_commit(&out, 2);
    CHECK(own_cursor == 8 && oro_free(&out) == 2 && oro_run(&out, 2) == 2);
    peer_cursor = 8;
    CHECK(oro_free(&out) == 2 && oro_refresh(&out) == 4 && oro_free(&out) == 4);
    peer_cursor = 7; /* Went back. */
    CHECK(oro_refresh(&out) == ORO_MISBEHAVED && oro_free(&out) == 4);
    struct oro_endpoint in = open_second(ORO_DIRECTION_CONSUMER, 6, 10);
    CHECK(oro_ready(&in) == 4);
    bindings[1].mode = ORO_MODE_SYNCHRONOUS;
    bindings[1].mask = 1;
    CHECK(oro_run(&in, 4) == 1 && oro_slot(&in, in.next + 1) == &window[1]);
    oro_release(&in, 1);
    CHECK(own_cursor == 7 && oro_ready(&in) == 3);
}

/* GATE-1, GATE-3, GATE-6: what is asked for at which gate, and deadlines. */
static void check_gates(void) {
    struct oro_endpoint out = open_second(ORO_DIRECTION_PRODUCER, 9, 5), in, *ends[2];
    uint64_t ready[2];
    uint32_t word = 3;

    response.now_ns = 700;
    CHECK(oro_now(&root) == 700 && request.count == 0 && request.deadline_ns == 0);
    CHECK(gates[0][0] != 0 && gates[1][0] == 0);
    response.armed = 1;
    CHECK(oro_wait_until(&out, 700) == 0 && gates[1][0] != 0);
    out.peer = 5;
    oro_write_peer_condition_(&out, 0, 1);
    CHECK(request.conditions[0].kind == ORO_WAIT_PEER && request.conditions[0].index == 1);
    CHECK(request.conditions[0].value == 6);

    ends[0] = &out;
    CHECK(oro_select(&root, ends, 1, 0, ready) == 0 && ready[0] == 0);
    CHECK(request.conditions[0].value == 5); /* One slot is free beyond it. */
    CHECK(oro_select(&root, ends, 0, 0, ready) == 0);
    peer_cursor = 6;
    in = oro_open(&root, 0); /* Never wired: an error counts as ready. */
    ends[1] = &in;
    CHECK(oro_select(&root, ends, 2, ORO_NO_DEADLINE, ready) == 2 && ready[0] == 3);
    ends[0] = 0; /* Left out; the other keeps its bit. */
    CHECK(oro_select(&root, ends, 2, ORO_NO_DEADLINE, ready) == 1 && ready[0] == 2);
    ends[1] = &out;
    peer_cursor = 5;
    out.peer = 5;
    CHECK(oro_select(&root, ends, 2, 0, ready) == 0);
    CHECK(request.conditions[0].index == 1 && request.conditions[0].value == 5);
    ends[1] = 0; /* Nothing that could come. */
    CHECK(oro_select(&root, ends, 2, ORO_NO_DEADLINE, ready) == 0 && ready[0] == 0);

    oro_sleep_until(&root, 700);
    CHECK(!oro_wait_word(&root, &word, 3, 1) && oro_wait_word(&root, &word, 4, 1));
    CHECK(request.conditions[0].kind == ORO_WAIT_WORD && request.conditions[0].index == 3);
    CHECK(request.conditions[0].value == address_of(&word));
    oro_wake_word(&root, &word);
    CHECK(request.conditions[0].kind == ORO_WAKE_WORD && request.conditions[0].index == 0);
    CHECK(request.count == 1 && request.deadline_ns == 0);
}

/* TYPE-10: a stream, written and read back, and lengths that cannot be. */
static void check_streams(void) {
    char back[8];
    struct oro_endpoint out = open_second(ORO_DIRECTION_PRODUCER, 0, 0), in;
    struct oro_bytes_reader reader = {&in, 0, 0, 0};
    CHECK(oro_bytes_write(&out, "0123456789", 10) == 0 && oro_bytes_finish(&out) == 0);
    CHECK(own_cursor == 3 && window[0].head.length == 8 && window[1].head.length == 2);
    CHECK(window[2].head.length == 0 && window[2].head.flags == ORO_BYTES_END);
    in = open_second(ORO_DIRECTION_CONSUMER, 0, 3);
    CHECK(oro_bytes_read(&reader, back, 3) == 3 && back[2] == '2' && own_cursor == 0);
    CHECK(oro_bytes_read(&reader, back, 8) == 5 && back[4] == '7' && own_cursor == 1);
    CHECK(oro_bytes_read(&reader, back, 8) == 2 && oro_bytes_read(&reader, back, 8) == 0);
    CHECK(own_cursor == 3 && oro_bytes_read(&reader, back, 8) == 0);
    in = open_second(ORO_DIRECTION_CONSUMER, 0, 1);
    reader.is_ended = 0;
    window[0].head.length = 9;
    CHECK(oro_bytes_read(&reader, back, 8) == ORO_MISBEHAVED);
    peer_cursor = 0;
    bindings[1].state = ORO_STATE_CLOSED;
    in.peer = 0;
    CHECK(oro_bytes_read(&reader, back, 8) == 0);
    out = open_second(ORO_DIRECTION_PRODUCER, 4, 0);
    bindings[1].state = ORO_STATE_CLOSED;
    CHECK(oro_bytes_write(&out, back, 1) == ORO_ENDED);
}

static uint64_t asks[4][2], asks_own, asks_peer;

/* Binding 0: the other half of a pair with binding 1, of four slots of 16 bytes in `asks`. */
static struct oro_endpoint open_first(uint32_t direction, uint64_t first, uint64_t peer) {
    bindings[0] = bindings[1];
    bindings[0].direction = direction;
    bindings[0].window = address_of(asks);
    bindings[0].own_cursor = address_of(&asks_own);
    bindings[0].peer_cursor = address_of(&asks_peer);
    bindings[0].first = asks_own = first;
    asks_peer = peer;
    return oro_open(&root, 0);
}

/* END-7: a reply is told from those to other requests; a restart ends the call. */
static void check_calls(void) {
    uint64_t ask[2] = {0, 70}, tell[2] = {0, 0};
    struct oro_endpoint out, in;
    in = open_second(ORO_DIRECTION_CONSUMER, 0, 0);
    out = open_first(ORO_DIRECTION_PRODUCER, 5, 5);
    window[0].words[0] = 4; /* A predecessor's. */
    window[1].words[0] = 5;
    window[1].words[1] = 71;
    CHECK(oro_call_until(&out, ask, sizeof ask, &in, tell, sizeof tell, 0) == ORO_TIMED_OUT);
    CHECK(asks_own == 6 && asks[1][0] == 5 && asks[1][1] == 70);
    in = open_second(ORO_DIRECTION_CONSUMER, 0, 0);
    out = open_first(ORO_DIRECTION_PRODUCER, 6, 6);
    window[1].words[0] = 7;
    CHECK(oro_call_until(&out, ask, sizeof ask, &in, tell, sizeof tell, 0) == ORO_TIMED_OUT);
    peer_cursor = 2; /* The reply to this one, and one that is too late. */
    window[0].words[0] = 6;
    CHECK(oro_call(&out, ask, sizeof ask, &in, tell, sizeof tell) == 0);
    CHECK(asks_own == 8 && asks[3][0] == 7 && asks[3][1] == 70 && tell[0] == 7 && tell[1] == 71);
    CHECK(own_cursor == 2);
    bindings[1].state = ORO_STATE_CLOSED;
    CHECK(oro_call(&out, ask, sizeof ask, &in, tell, sizeof tell) == ORO_ENDED);
    memset(&bindings[0], 0, sizeof bindings[0]);
}

/* GATE-3, GATE-6: what a call waits for, and that it does not wait for ever. */
static void check_call_conditions(void) {
    uint64_t ask[2] = {0, 70}, tell[2] = {0, 0};
    struct oro_endpoint in = open_second(ORO_DIRECTION_CONSUMER, 0, 0);
    struct oro_endpoint out = open_first(ORO_DIRECTION_PRODUCER, 5, 1);
    bindings[1].epoch = 3;
    response.now_ns = 600;
    /* Full, as the server waits for room for a reply: that is taken, the room is waited for. */
    peer_cursor = 1;
    window[0].words[0] = 4;
    in.peer = 0;
    /* The gate of this memory returns at once and no time passes: the deadline has passed. */
    CHECK(oro_call_until(&out, ask, sizeof ask, &in, tell, sizeof tell, 600) == ORO_TIMED_OUT);
    CHECK(own_cursor == 1 && asks_own == 5);
    CHECK(request.conditions[0].kind == ORO_WAIT_PEER && request.conditions[0].index == 1);
    CHECK(request.conditions[0].value == 1);
    CHECK(request.conditions[1].kind == ORO_WAIT_PEER && request.conditions[1].index == 0);
    CHECK(request.conditions[1].value == 1);
    asks_peer = 5;
    CHECK(oro_call_until(&out, ask, sizeof ask, &in, tell, sizeof tell, 600) == ORO_TIMED_OUT);
    CHECK(asks_own == 6 && request.conditions[0].value == 1);
    CHECK(request.conditions[1].kind == ORO_WAIT_BINDING && request.conditions[1].index == 1);
    CHECK(request.conditions[1].value == (ORO_STATE_WIRED | UINT64_C(3) << 32));
    bindings[1].epoch = 0;
    memset(&bindings[0], 0, sizeof bindings[0]);
}

/* END-7: a reply has its request's number, and is sent before that is released. */
static void check_replies(void) {
    uint64_t tell[2] = {0, 71};
    struct oro_endpoint out = open_second(ORO_DIRECTION_PRODUCER, 8, 8), in;
    in = open_first(ORO_DIRECTION_CONSUMER, 5, 6);
    asks[1][0] = 55;
    window[0].words[0] = 0;
    CHECK(oro_reply(&in, &out, tell, sizeof tell) == 0);
    CHECK(own_cursor == 9 && window[0].words[0] == 55 && window[0].words[1] == 71);
    CHECK(asks_own == 6);
    asks_peer = 7;
    out.peer = peer_cursor = 5; /* No room, and nobody who makes it: the request is not released. */
    bindings[1].state = ORO_STATE_CLOSED;
    CHECK(oro_reply(&in, &out, tell, sizeof tell) == ORO_ENDED && asks_own == 6);
    asks_peer = 6;
    in.peer = 6;
    bindings[0].state = ORO_STATE_CLOSED;
    CHECK(oro_reply(&in, &out, tell, sizeof tell) == ORO_ENDED);
    memset(&bindings[0], 0, sizeof bindings[0]);
}

static struct oro_param params[4];

static struct oro_endpoint open_params(uint64_t peer) {
    struct oro_endpoint end = open_second(ORO_DIRECTION_CONSUMER, 0, peer);
    bindings[1].window = address_of(params);
    bindings[1].stride_bytes = bindings[1].slot_size_bytes = sizeof params[0];
    return end;
}

static void put_param(int slot, const char *text, uint16_t key_length, uint16_t value_length) {
    memset(&params[slot], 0, sizeof params[slot]);
    params[slot].key_length = key_length;
    params[slot].value_length = value_length;
    memcpy(params[slot].text, text, strlen(text));
}

/* TYPE-11: parameters of naive and of managed threads, and lengths that cannot be. */
static void check_params(void) {
    for (int is_managed = 0; is_managed < 2; is_managed++) {
        struct oro_endpoint end = open_params(4);
        struct oro_param_reader reader = {&end, 0};
        struct oro_param_text param;
        bindings[1].own_cursor = is_managed ? address_of(&own_cursor) : 0;
        put_param(0, "sizeseven", 4, 5);
        put_param(1, "size", 4, 245); /* Beyond the text. */
        put_param(2, "n-9223372036854775808", 1, 20);
        put_param(3, "", 0, 0);
        params[3].flags = ORO_PARAMS_END;
        CHECK(oro_param_read(&reader, &param) == 1 && param.key_length == 4);
        CHECK(strcmp(param.key, "size") == 0 && strcmp(param.value, "seven") == 0);
        CHECK(oro_param_is(&param, "size") && !oro_param_is(&param, "siz"));
        CHECK(!oro_param_is(&param, "sizes") && !oro_param_is(&param, ""));
        CHECK(oro_param_read(&reader, &param) == 1 && oro_param_is(&param, "n"));
        CHECK(param.value_length == 20 && (int64_t)oro_param_number(&param) == INT64_MIN);
        CHECK(oro_param_read(&reader, &param) == 0 && oro_param_read(&reader, &param) == 0);
        CHECK(end.next == 4 && own_cursor == (is_managed ? 4 : 0));
        /* The last message may be a parameter too. */
        end = open_params(1);
        bindings[1].own_cursor = is_managed ? address_of(&own_cursor) : 0;
        reader.is_ended = 0;
        put_param(0, "n18446744073709551615", 1, 20);
        params[0].flags = ORO_PARAMS_END;
        CHECK(oro_param_read(&reader, &param) == 1 && oro_param_number(&param) == UINT64_MAX);
        CHECK(oro_param_read(&reader, &param) == 0 && end.next == 1);
    }
    struct oro_endpoint end = open_params(0);
    struct oro_param_reader reader = {&end, 0};
    struct oro_param_text param;
    bindings[1].state = ORO_STATE_CLOSED;
    CHECK(oro_param_read(&reader, &param) == 0);
    bindings[1].state = ORO_STATE_UNWIRED;
    CHECK(oro_param_read(&reader, &param) == ORO_NO_PEER);
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

/* Long copies go another way. */
static void check_long_copies(void) {
    static uint8_t from[5000], to[5000];
    for (unsigned i = 0; i < sizeof from; i++) from[i] = (uint8_t)(i * 7 + i / 256);
    for (unsigned size = 2046; size < 2051; size++) {
        memset(to, 0, sizeof to);
        oro_copy_to_slot(to + 1, from + 3, size);
        CHECK(memcmp(to + 1, from + 3, size) == 0 && to[0] == 0 && to[size + 1] == 0);
        memset(to, 0, sizeof to);
        oro_copy_from_slot(to + 1, from + 3, size);
        CHECK(memcmp(to + 1, from + 3, size) == 0 && to[0] == 0 && to[size + 1] == 0);
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
    check_batches();
    check_gates();
    check_streams();
    check_calls();
    check_call_conditions();
    check_replies();
    check_params();
    check_copies();
    check_long_copies();
    check_rest();
    puts("ok");
    return 0;
}
