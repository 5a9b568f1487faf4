/* hostile-async.h: for offenders that first earn the asynchronous mode: they behave for the published
 * streak and longer, as a well-written managed thread does, so that kernel and peers trust them. */
#ifndef HOSTILE_ASYNC_H
#define HOSTILE_ASYNC_H

#include "hostile.h"

/* Looks at a cursor before a thread sleeps at its gate. */
#ifndef LOOKS
#define LOOKS 100
#endif

static inline volatile struct oro_response *response_of(const struct oro_root *root) {
    return (volatile struct oro_response *)(uintptr_t)root->response;
}

/* Writes a condition to the request page. */
static inline void ask(const struct oro_root *root, uint32_t condition, uint32_t kind,
                       uint32_t index, uint64_t value) {
    volatile struct oro_request *request = oro_request_page(root);
    request->conditions[condition].kind = kind;
    request->conditions[condition].index = index;
    request->conditions[condition].value = value;
}

/* Touches the armed gate with the conditions written before; returns the cause. */
static inline uint32_t touch_gate(const struct oro_root *root, uint32_t count, uint64_t deadline) {
    volatile struct oro_request *request = oro_request_page(root);
    request->count = count;
    request->deadline_ns = deadline;
    oro_barrier();
    *(volatile uint8_t *)(uintptr_t)(root->gates + PAGE * response_of(root)->armed) = 1;
    oro_barrier();
    return response_of(root)->cause;
}

static inline void sleep_ns(const struct oro_root *root, uint64_t nanoseconds) {
    touch_gate(root, 0, nanoseconds);
}

/* The cursor that an endpoint's peer must pass before there is a slot for it. */
static inline uint64_t awaited(const struct oro_endpoint *end) {
    int produces = end->binding->direction == ORO_DIRECTION_PRODUCER;
    return end->next - (produces ? end->binding->slot_count : 0);
}

/* Waits until a slot is available, without a touch that would find none: a few looks, then the gate.
 * What oro_available says. */
static inline int64_t wait_at_gate(const struct oro_endpoint *constant) {
    struct oro_endpoint *end = (struct oro_endpoint *)constant;
    for (int looks = 0;; looks++) {
        int64_t count = oro_available(end);
        if (count != 0) return count;
        if (looks < LOOKS) {
            oro_spin_hint();
            continue;
        }
        ask(end->root, 0, ORO_WAIT_PEER, end->binding->port_index, awaited(end));
        touch_gate(end->root, 1, ORO_NO_DEADLINE);
        looks = 0;
    }
}

static inline int is_asynchronous(const struct oro_endpoint *end) {
    return end->binding->mode == ORO_MODE_ASYNCHRONOUS;
}

/* Passes one message on. Ends the thread if a peer has ended. */
static inline void pass_one(struct ends *ends) {
    if (wait_at_gate(&ends->in) < 0) oro_exit_thread(ends->in.root, 0);
    uint64_t value = ORO_IN(struct num, &ends->in)->value;
    if (wait_at_gate(&ends->out) < 0) oro_exit_thread(ends->in.root, 0);
    ORO_OUT(struct num, &ends->out)->value = value;
    oro_advance(&ends->out);
    oro_advance(&ends->in);
}

/* Passes messages on until both ends are asynchronous, and at least `least` of them. Each is passed
 * on when the one before has been released, so that nobody's streak lags behind. */
static inline struct ends earn_both(const struct oro_root *root, uint64_t least) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    while (ends.in.next < least || !is_asynchronous(&ends.in) || !is_asynchronous(&ends.out)) {
        if (ends.in.next > 100000) oro_panic(root, "has not earned the mode by 100,000 messages");
        pass_one(&ends);
        while (oro_load_peer_cursor(&ends.out) != ends.out.next &&
               oro_state(&ends.out) == ORO_STATE_WIRED) {
            ask(root, 0, ORO_WAIT_PEER, 1, ends.out.next - 1);
            touch_gate(root, 1, ORO_NO_DEADLINE);
        }
    }
    return ends;
}

/* Uses an endpoint, whatever it carries, until it is asynchronous. */
static inline struct oro_endpoint earn_one(const struct oro_root *root, uint32_t index) {
    struct oro_endpoint end = oro_open(root, index);
    while (!is_asynchronous(&end)) {
        if (end.next > 100000) oro_panic(root, "has not earned the mode by 100,000 messages");
        if (wait_at_gate(&end) < 0) oro_panic(root, "its peer has ended");
        if (end.binding->direction == ORO_DIRECTION_PRODUCER) {
            *ORO_OUT(uint64_t, &end) = end.next;
        } else {
            (void)*ORO_IN(uint64_t, &end);
        }
        oro_advance(&end);
    }
    return end;
}

/* Lets everybody else come to rest: peers sleep at their doorbells then, and the kernel has looked at
 * this thread's cursors. */
static inline void let_rest(const struct oro_root *root) {
    sleep_ns(root, 20000000);
}

/* Stores to the own live cursor, whatever it says. */
static inline void claim(const struct oro_endpoint *end, uint64_t cursor) {
    oro_store64((volatile uint64_t *)(uintptr_t)end->binding->own_cursor, cursor);
}

/* Goes on for ever, in a gate: only what was done before can end the thread. */
__attribute__((noreturn)) static inline void stay(const struct oro_root *root) {
    for (;;) sleep_ns(root, 1000000);
}

/* The entry of an endpoint's Port in the Ring's table, and of its own end there. */
static inline const volatile struct oro_port *port_entry(const struct oro_endpoint *end) {
    const volatile struct oro_ring *ring =
        (const volatile struct oro_ring *)(uintptr_t)end->root->ring;
    for (uint64_t index = 0; index < ring->ports.count; index++) {
        const volatile struct oro_port *port =
            (const volatile struct oro_port *)(uintptr_t)(ring->ports.entries +
                                                          index * ring->ports.stride_bytes);
        if (port->producer.thread_id == end->root->thread_id &&
            port->producer.port_index == end->binding->port_index) return port;
        if (port->consumer.thread_id == end->root->thread_id &&
            port->consumer.port_index == end->binding->port_index) return port;
    }
    oro_panic(end->root, "its Port is not in the table");
}
static inline const volatile struct oro_end *end_entry(const struct oro_endpoint *end) {
    const volatile struct oro_port *port = port_entry(end);
    int produces = end->binding->direction == ORO_DIRECTION_PRODUCER;
    return produces ? &port->producer : &port->consumer;
}

/* Rings for nothing while the peer sleeps, until the mode is lost (BELL-5). */
static inline void lose_mode(const struct oro_root *root, const struct oro_endpoint *end) {
    for (int rings = 0; is_asynchronous(end); rings++) {
        if (rings > 20000) oro_panic(root, "rings for nothing do not cost the mode");
        claim(end, end->next);
        sleep_ns(root, 300000);
    }
}

/* Leaves a number and a text as last words. */
static inline void say(const struct oro_root *root, uint64_t number, const char *text) {
    char line[128], *start = line + 24;
    uint32_t at = 24;
    line[at] = ' ';
    do {
        *--start = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    for (at++; *text != 0 && at < sizeof line - 1; text++) line[at++] = *text;
    line[at] = 0;
    oro_last_words(root, ORO_LAST_WORDS_REMARK, start);
}

#endif /* HOSTILE_ASYNC_H */
