/* num.h: the message that the three modules pass on, and so agree on (TYPE-1). */
#ifndef NUM_H
#define NUM_H

#include <oro/oro.h>

/* A number. A naive consumer never learns from its port that no message follows: it is ended by the
 * next touch (NAIVE-6). So the last message says that it is the last one. */
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value) FIELD(u64, is_last)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);

#endif /* NUM_H */
