/* soak.c: an instance of the soak: four Ports that it sends to and four that it receives from, for
 * SOAK_SECONDS. Every message has a number, a payload that follows from port and number, and a hash;
 * the last one of each Port says how many there were. Compiled with SENDS_NAIVELY, RECEIVES_NAIVELY,
 * both or neither. What it sends and receives it reports by console.log. */
#include <oro/oro.h>
#include "soak-config.h"

#define SOAK(FIELD, ARRAY, TAIL) FIELD(u64, number) FIELD(u64, hash) TAIL(payload)
#define SOAK_LAYOUT ORO_LAYOUT("bench.soak.v1", SOAK)
ORO_MESSAGE(soak, SOAK);

#define PORTS 4
/* Set in the number of a Port's last message; the rest is how many came before it. */
#define LAST (UINT64_C(1) << 63)
/* Messages of one burst. */
#define BURST 256
#define SYNCHRONOUS_BURST 16

#ifdef SENDS_NAIVELY
#define SEND_FLAGS 0
#else
#define SEND_FLAGS ORO_ENTRY_MANAGED
#endif
#ifdef RECEIVES_NAIVELY
#define RECEIVE_FLAGS 0
#else
#define RECEIVE_FLAGS ORO_ENTRY_MANAGED
#endif

ORO_MODULE("soak");
ORO_ENTRY(0, send, SEND_FLAGS, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, soak, SOAK_LAYOUT, "out", 0, PORTS);
ORO_PORT(4, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "sent", 0, 1);
#ifdef RECEIVES_NAIVELY
ORO_ENTRY(1, receive0, 0, 0);
ORO_ENTRY(2, receive1, 0, 0);
ORO_ENTRY(3, receive2, 0, 0);
ORO_ENTRY(4, receive3, 0, 0);
ORO_PORT(8, 1, ORO_DIRECTION_CONSUMER, soak, SOAK_LAYOUT, "in0", 0, 1);
ORO_PORT(9, 2, ORO_DIRECTION_CONSUMER, soak, SOAK_LAYOUT, "in1", 0, 1);
ORO_PORT(10, 3, ORO_DIRECTION_CONSUMER, soak, SOAK_LAYOUT, "in2", 0, 1);
ORO_PORT(11, 4, ORO_DIRECTION_CONSUMER, soak, SOAK_LAYOUT, "in3", 0, 1);
ORO_PORT(12, 1, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "got0", 0, 1);
ORO_PORT(13, 2, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "got1", 0, 1);
ORO_PORT(14, 3, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "got2", 0, 1);
ORO_PORT(15, 4, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "got3", 0, 1);
#else
ORO_ENTRY(1, receive, ORO_ENTRY_MANAGED, 0);
ORO_PORT(8, 1, ORO_DIRECTION_CONSUMER, soak, SOAK_LAYOUT, "in0", 0, 1);
ORO_PORT(9, 1, ORO_DIRECTION_CONSUMER, soak, SOAK_LAYOUT, "in1", 0, 1);
ORO_PORT(10, 1, ORO_DIRECTION_CONSUMER, soak, SOAK_LAYOUT, "in2", 0, 1);
ORO_PORT(11, 1, ORO_DIRECTION_CONSUMER, soak, SOAK_LAYOUT, "in3", 0, 1);
ORO_PORT(12, 1, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "got", 0, 1);
#endif

/* ---- Gates and chance ------------------------------------------------------------------------ */

static volatile struct oro_response *response_of(const struct oro_root *root) {
    return (volatile struct oro_response *)(uintptr_t)root->response;
}

static void touch_gate(const struct oro_root *root, uint32_t count, uint64_t deadline) {
    volatile struct oro_request *request = oro_request_page(root);
    request->count = count;
    request->deadline_ns = deadline;
    oro_barrier();
    *(volatile uint8_t *)(uintptr_t)(root->gates + 4096 * response_of(root)->armed) = 1;
    oro_barrier();
}

static inline uint64_t mix(uint64_t word) {
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

static uint64_t draw(uint64_t *seed) {
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    return mix(*seed);
}

static uint64_t make_seed(const struct oro_root *root) {
    return mix(SOAK_SEED ^ mix(root->thread_id) ^ mix(root->instance_id << 20));
}

#if !defined(SENDS_NAIVELY) || !defined(RECEIVES_NAIVELY)
/* Asks for the peer's cursor of a Port at which there is nothing to do. */
static void ask(const struct oro_root *root, uint32_t at, const struct oro_endpoint *end) {
    int produces = end->binding->direction == ORO_DIRECTION_PRODUCER;
    volatile struct oro_condition *condition = &oro_request_page(root)->conditions[at];
    condition->kind = ORO_WAIT_PEER;
    condition->index = end->binding->port_index;
    condition->value = end->next - (produces ? end->binding->slot_count : 0);
}

/* Stores the cursor after `count` messages; in synchronous mode that is one. */
static void advance(struct oro_endpoint *end, uint64_t count) {
    end->next += count;
    oro_store64((volatile uint64_t *)(uintptr_t)end->binding->own_cursor, end->next);
}
#endif

/* ---- Messages -------------------------------------------------------------------------------- */

static inline uint64_t payload_word(uint64_t base, uint64_t at) {
    return base + at * UINT64_C(0x9e3779b97f4a7c15);
}

static void write_message(volatile struct soak *to, uint32_t size, uint64_t port, uint64_t number) {
    uint64_t words = (size - sizeof(struct soak)) / 8, base = mix(number ^ port << 48), hash = base;
    volatile uint64_t *payload = (volatile uint64_t *)(to + 1);
    to->number = number;
    for (uint64_t at = 0; at < words; at++) {
        uint64_t word = payload_word(base, at);
        payload[at] = word;
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
    }
    to->hash = hash;
}

/* What a receiver has found out about a Port. */
struct count {
    uint64_t port, expected, lost, doubled, corrupt, is_over;
};

static void check_message(const volatile struct soak *from, uint32_t size, struct count *count) {
    uint64_t words = (size - sizeof(struct soak)) / 8, number = from->number;
    uint64_t base = mix(number ^ count->port << 48), hash = base, wrong = 0;
    const volatile uint64_t *payload = (const volatile uint64_t *)(from + 1);
    for (uint64_t at = 0; at < words; at++) {
        uint64_t word = payload[at];
        wrong |= word ^ payload_word(base, at);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
    }
    if (wrong != 0 || from->hash != hash) {
        count->corrupt++;
        return;
    }
    if ((number & LAST) != 0) count->is_over = 1;
    number &= ~LAST;
    if (number < count->expected) {
        count->doubled++;
    } else {
        count->lost += number - count->expected;
        count->expected = number + !count->is_over;
    }
}

/* ---- Reports --------------------------------------------------------------------------------- */

struct line {
    char text[248];
    uint32_t length;
};

static void put(struct line *line, const char *text) {
    while (*text != 0 && line->length < sizeof line->text) line->text[line->length++] = *text++;
}

static void put_number(struct line *line, const char *key, uint64_t number) {
    char digits[21], *start = digits + 20;
    *start = 0;
    do {
        *--start = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    put(line, key);
    put(line, start);
}

static void report(struct oro_endpoint *log, const struct line *line) {
    volatile struct oro_log *message = ORO_OUT(struct oro_log, log);
    message->length = line->length;
    message->level = ORO_LOG_INFO;
    oro_copy_to_slot(message->text, line->text, line->length);
    oro_advance(log);
}

static void report_received(struct oro_endpoint *log, const struct count *count) {
    struct line line = {.length = 0};
    put_number(&line, "soak port=", count->port);
    put_number(&line, " received=", count->expected);
    put_number(&line, " lost=", count->lost);
    put_number(&line, " doubled=", count->doubled);
    put_number(&line, " corrupt=", count->corrupt);
    report(log, &line);
}

static void report_sent(struct oro_endpoint *log, uint64_t port, uint64_t sent) {
    struct line line = {.length = 0};
    put_number(&line, "soak port=", port);
    put_number(&line, " sent=", sent);
    report(log, &line);
}

/* ---- Threads --------------------------------------------------------------------------------- */

#define END_NS (SOAK_SECONDS * UINT64_C(1000000000))

/* The first Port of an instance has four times its index as its number. Ids' lower halves are indices
 * from 0 or 1 on; the manifest says which Port an element goes to, not this. */
static uint64_t first_port(const struct oro_root *root) {
    return (root->instance_id & UINT32_MAX) * PORTS;
}

#ifdef SENDS_NAIVELY
void send(const struct oro_root *root) {
    struct oro_endpoint out[PORTS], log = oro_open(root, 4);
    uint64_t seed = make_seed(root), first = first_port(root), number = 0;
    for (uint32_t at = 0; at < PORTS; at++) out[at] = oro_open(root, at);
    while (response_of(root)->now_ns < END_NS) {
        for (uint32_t at = 0; at < PORTS; at++) {
            uint32_t size = oro_slot_size(&out[at]);
            write_message(ORO_OUT(struct soak, &out[at]), size, first + at, number);
            oro_advance(&out[at]);
        }
        number++;
        touch_gate(root, 0, draw(&seed) % 4000000);
    }
    for (uint32_t at = 0; at < PORTS; at++) {
        uint32_t size = oro_slot_size(&out[at]);
        write_message(ORO_OUT(struct soak, &out[at]), size, first + at, number | LAST);
        oro_advance(&out[at]);
    }
    for (uint32_t at = 0; at < PORTS; at++) report_sent(&log, first + at, number);
}
#else
/* Sends what a Port has room for; how many that were, or -1 if its consumer has ended. */
static int64_t send_burst(struct oro_endpoint *out, uint64_t port, uint64_t most) {
    int64_t room = oro_available(out);
    if (room <= 0) return room;
    uint64_t count = (uint64_t)room < most ? (uint64_t)room : most;
    uint32_t size = oro_slot_size(out);
    uint64_t done = 0;
    while (done < count) {
        if (out->binding->mode == ORO_MODE_SYNCHRONOUS) {
            if (done == SYNCHRONOUS_BURST) break;
            write_message(ORO_OUT(struct soak, out), size, port, out->next);
            advance(out, 1);
            done++;
            continue;
        }
        uint64_t rest = count - done;
        for (uint64_t at = 0; at < rest; at++) {
            volatile struct soak *to = (volatile struct soak *)oro_slot(out, out->next + at);
            write_message(to, size, port, out->next + at);
        }
        advance(out, rest);
        done = count;
    }
    return (int64_t)done;
}

void send(const struct oro_root *root) {
    struct oro_endpoint out[PORTS], log = oro_open(root, 4);
    uint64_t seed = make_seed(root), first = first_port(root);
    for (uint32_t at = 0; at < PORTS; at++) out[at] = oro_open(root, at);
    for (uint64_t pass = 1; response_of(root)->now_ns < END_NS; pass++) {
        int has_sent = 0;
        uint64_t chance = draw(&seed);
        for (uint32_t at = 0; at < PORTS; at++) {
            int64_t sent = send_burst(&out[at], first + at, 1 + (chance >> 8) % BURST);
            if (sent < 0) oro_panic(root, "soak: a receiver has ended");
            has_sent |= sent > 0;
        }
        if (!has_sent) {
            for (uint32_t at = 0; at < PORTS; at++) ask(root, at, &out[at]);
            touch_gate(root, PORTS, ORO_NO_DEADLINE);
        } else if (chance % 64 == 0) {
            touch_gate(root, 0, (chance >> 32) % 500000);
        } else if (pass % 64 == 0) {
            touch_gate(root, 0, 0);
        }
    }
    uint64_t sent[PORTS];
    for (uint32_t at = 0; at < PORTS; at++) {
        int64_t room;
        sent[at] = out[at].next;
        while ((room = oro_available(&out[at])) == 0) {
            ask(root, 0, &out[at]);
            touch_gate(root, 1, ORO_NO_DEADLINE);
        }
        if (room < 0) oro_panic(root, "soak: a receiver has ended");
        uint32_t size = oro_slot_size(&out[at]);
        write_message(ORO_OUT(struct soak, &out[at]), size, first + at, sent[at] | LAST);
        advance(&out[at], 1);
    }
    for (uint32_t at = 0; at < PORTS; at++) report_sent(&log, first + at, sent[at]);
}
#endif

/* The Port's number as its producer has it, from the Ring's table. */
static uint64_t find_port(const struct oro_root *root, uint32_t index) {
    const volatile struct oro_ring *ring =
        (const volatile struct oro_ring *)(uintptr_t)root->ring;
    for (uint64_t at = 0; at < ring->ports.count; at++) {
        const volatile struct oro_port *port =
            (const volatile struct oro_port *)(uintptr_t)(ring->ports.entries +
                                                          at * ring->ports.stride_bytes);
        if (port->consumer.thread_id == root->thread_id && port->consumer.port_index == index) {
            return (port->producer.instance_id & UINT32_MAX) * PORTS + port->producer.port_index;
        }
    }
    oro_panic(root, "soak: the Port is not in the table");
}

#ifdef RECEIVES_NAIVELY
static void receive(const struct oro_root *root, uint32_t at) {
    struct oro_endpoint in = oro_open(root, 8 + at), log = oro_open(root, 12 + at);
    struct count count = {.port = find_port(root, 8 + at)};
    uint64_t seed = make_seed(root);
    uint32_t size = oro_slot_size(&in);
    for (uint64_t number = 1; !count.is_over; number++, oro_advance(&in)) {
        check_message(ORO_IN(struct soak, &in), size, &count);
        if (number % 8 == 0) touch_gate(root, 0, draw(&seed) % 4000000);
    }
    report_received(&log, &count);
}
void receive0(const struct oro_root *root) { receive(root, 0); }
void receive1(const struct oro_root *root) { receive(root, 1); }
void receive2(const struct oro_root *root) { receive(root, 2); }
void receive3(const struct oro_root *root) { receive(root, 3); }
#else
/* Takes what a Port has; how many that were. */
static uint64_t receive_burst(struct oro_endpoint *in, struct count *count) {
    int64_t available = oro_available(in);
    if (available < 0) oro_panic(in->root, "soak: a sender has ended without a word");
    uint64_t most = (uint64_t)available < BURST ? (uint64_t)available : BURST;
    uint32_t size = oro_slot_size(in);
    uint64_t done = 0;
    while (done < most) {
        if (in->binding->mode == ORO_MODE_SYNCHRONOUS) {
            check_message(ORO_IN(struct soak, in), size, count);
            advance(in, 1);
            done++;
            continue;
        }
        for (uint64_t at = 0; at < most - done; at++) {
            const volatile struct soak *from =
                (const volatile struct soak *)oro_slot(in, in->next + at);
            check_message(from, size, count);
        }
        advance(in, most - done);
        done = most;
    }
    return done;
}

void receive(const struct oro_root *root) {
    struct oro_endpoint in[PORTS], log = oro_open(root, 12);
    struct count counts[PORTS] = {{0}};
    uint64_t seed = make_seed(root);
    uint32_t open = PORTS;
    for (uint32_t at = 0; at < PORTS; at++) {
        in[at] = oro_open(root, 8 + at);
        counts[at].port = find_port(root, 8 + at);
    }
    while (open > 0) {
        uint64_t done = 0, chance = draw(&seed);
        for (uint32_t at = 0; at < PORTS; at++) {
            if (counts[at].is_over) continue;
            done += receive_burst(&in[at], &counts[at]);
            open -= counts[at].is_over != 0;
        }
        if (open == 0) break;
        if (done == 0) {
            uint32_t asked = 0;
            for (uint32_t at = 0; at < PORTS; at++) {
                if (!counts[at].is_over) ask(root, asked++, &in[at]);
            }
            touch_gate(root, asked, ORO_NO_DEADLINE);
        } else if (chance % 64 == 0) {
            touch_gate(root, 0, (chance >> 32) % 500000);
        }
    }
    for (uint32_t at = 0; at < PORTS; at++) report_received(&log, &counts[at]);
}
#endif
