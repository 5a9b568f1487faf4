/* block.h: what the benchmark's modules agree on. COUNT, WARM_UP and MANAGED come from the command
 * line of the compiler. */
#ifndef BLOCK_H
#define BLOCK_H

#include <oro/oro.h>

/* A cache line. */
#define BLOCK(FIELD, ARRAY, TAIL) ARRAY(u64, 8, words)
#define BLOCK_LAYOUT ORO_LAYOUT("bench.block.v1", BLOCK)
ORO_MESSAGE(block, BLOCK);

/* A managed thread asks before each slot, a naive one just touches it. */
#ifdef MANAGED
#define ENTRY_FLAGS ORO_ENTRY_MANAGED
#define WAIT_FOR(end) (oro_wait(end) > 0)
#else
#define ENTRY_FLAGS 0
#define WAIT_FOR(end) 1
#endif

static inline uint64_t read_counter(void) {
    return __builtin_ia32_rdtsc();
}

static inline void write_block(volatile struct block *to, uint64_t number) {
    for (int i = 0; i < 8; i++) to->words[i] = number + i;
}

static inline uint64_t read_block(const volatile struct block *from) {
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++) sum += from->words[i];
    return sum;
}

/* What read_block gives for write_block's message. */
static inline uint64_t sum_of_block(uint64_t number) {
    return 8 * number + 28;
}

#endif /* BLOCK_H */
