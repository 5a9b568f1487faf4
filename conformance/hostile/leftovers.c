/* leftovers.c: runs for a while, moved from CPU to CPU, and looks whether anything has changed in its
 * memory: what a process registers with Linux when it starts (restartable sequences, the list of
 * robust locks, the word to clear at its end) would be written to behind its back.
 *
 * @migrate
 * @outcome exited
 * @told *
 * @long SPINS 3000000000
 */
#include "hostile.h"

OFFENDER(ORO_ENTRY_MANAGED);

#ifndef SPINS
#define SPINS 30000000
#endif
#define WORDS (1 << 17)
static volatile uint64_t zeros[WORDS];

void run(const struct oro_root *root) {
    volatile uint64_t on_stack[2048];
    for (int word = 0; word < 2048; word++) on_stack[word] = 0;
    pass_three(root);
    for (uint64_t spin = 0; spin < SPINS; spin++) oro_spin_hint();
    for (int word = 0; word < WORDS; word++) {
        if (zeros[word] != 0) oro_panic(root, "its data have changed");
    }
    for (int word = 0; word < 2048; word++) {
        if (on_stack[word] != 0) oro_panic(root, "its stack has changed");
    }
}
