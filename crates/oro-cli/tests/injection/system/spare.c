/* Two threads that sleep until they are ended: the holder mounts it, from its file and from its own memory. */
#include "common.h"
ORO_MODULE("spare");
ORO_ENTRY(0, first, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY(1, second, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_param, ORO_PARAMS_LAYOUT, "params", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", ORO_NOTE_PORT_OPTIONAL, 2);
ORO_PORT(3, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 2);
ORO_PORT(5, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "more", ORO_NOTE_PORT_OPTIONAL, 2);
ORO_PARAM("word", ORO_PARAM_TEXT, ORO_PARAM_REQUIRED, 0, "", "any");
void first(const struct oro_root *root) { oro_sleep_until(root, ORO_NO_DEADLINE - 1); }
void second(const struct oro_root *root) { oro_sleep_until(root, ORO_NO_DEADLINE - 1); }
