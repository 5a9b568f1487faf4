/* hostile.h: what every offender starts from. An offender behaves for three messages, then does what
 * its file is named after. README.md says how a file declares what must come of it. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <oro/oro.h>

/* The message that feed.c sends and tell.c writes down. */
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("hostile.num.v1", NUM)
ORO_MESSAGE(num, NUM);

/* Declares the module, its entry `run`, and the two ports that every offender has. */
#define OFFENDER(flags)                                                                            \
    ORO_MODULE("offender");                                                                        \
    ORO_ENTRY(0, run, flags, 0);                                                                   \
    OFFENDER_PORTS
#define OFFENDER_PORTS                                                                             \
    ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);                           \
    ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1)

struct ends {
    struct oro_endpoint in, out;
};

/* Passes messages 1, 2 and 3 on. A naive thread then still holds the third (NAIVE-1), which its end
 * must discard (NAIVE-9): 1 and 2 arrive. A managed thread has committed all three. */
static inline struct ends pass_three(const struct oro_root *root) {
    struct ends ends = {oro_open(root, 0), oro_open(root, 1)};
    for (int count = 0; count < 3; count++) {
        uint64_t value = ORO_IN(struct num, &ends.in)->value;
        ORO_OUT(struct num, &ends.out)->value = value;
        oro_advance(&ends.in);
        oro_advance(&ends.out);
    }
    return ends;
}

/* An address as something to store to, to load from, or to call. */
static inline volatile uint64_t *at(uint64_t address) {
    return (volatile uint64_t *)(uintptr_t)address;
}
static inline void jump_to(uint64_t address) {
    ((void (*)(void))(uintptr_t)address)();
}

/* The address of a cell of an endpoint in synchronous mode (PORT-4). */
static inline uint64_t cell(const struct oro_endpoint *end, uint64_t number) {
    return end->binding->window + number * end->binding->stride_bytes;
}

/* Bytes of a page, for what lies beyond a slot. */
#define PAGE 4096

#endif /* HOSTILE_H */
