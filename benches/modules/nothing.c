/* nothing.c: ends at its first instruction. */
#include <oro/oro.h>

ORO_MODULE("nothing");
ORO_ENTRY(0, run, 0, 0);

void run(const struct oro_root *root) {
    (void)root;
}
