/* feed-slow.c: feed-async.c, so slow that its consumer always finds the queue empty. */
#define PAUSE_NS 300000
#include "feed-async.c"
