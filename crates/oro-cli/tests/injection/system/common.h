/* What the modules of the injected system share. */
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);

/* Numbers that go through the filter, and through the Port of the managed pair. */
enum { NUMBERS = 5, SQUARES = 2000 };

/* Where a module leaves what the test reads when the supervisor is dead: a mark, slots so far, wrong
 * messages. */
static inline volatile uint64_t *find_marks(const struct oro_root *root) {
    return (volatile uint64_t *)&oro_request_page(root)->conditions[0];
}
