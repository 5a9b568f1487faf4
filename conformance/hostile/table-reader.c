/* table-reader.c: reads its Port's entry in the Ring's tables, as the generation says (META-7), while
 * an operator forces the Port and lets it go again: what it reads is of one moment.
 *
 * @feed feed-async
 * @tell tell-async
 * @flip offender.out
 * @outcome exited
 * @told 1-?
 * @arguments --timeout 20s
 * @long READS 30000000
 */
#include "hostile-async.h"

OFFENDER(ORO_ENTRY_MANAGED);

#ifndef READS
#define READS 300000
#endif

void run(const struct oro_root *root) {
    const volatile struct oro_ring *ring =
        (const volatile struct oro_ring *)(uintptr_t)root->ring;
    struct ends ends = earn_both(root, 64);
    const volatile struct oro_port *port = port_entry(&ends.out);
    uint64_t cursor = 0, last = 0;
    for (int reads = 0; reads < READS; reads++) {
        if (reads % 100 == 0) pass_one(&ends);
        uint64_t generation = oro_read_begin(ring);
        uint64_t slots = port->slot_count, size = port->slot_size_bytes;
        uint64_t owner = port->producer.thread_id;
        if (!oro_read_is_consistent(ring, generation)) continue;
        cursor = oro_load64(&port->consumer.cursor);
        if (generation % 2 != 0) oro_panic(root, "an odd generation was taken for a moment");
        if (slots != 16 || size != 8 || owner != root->thread_id) oro_panic(root, "read nonsense");
        if (cursor < last || cursor > ends.out.next) oro_panic(root, "a cursor went back");
        last = cursor;
    }
}
