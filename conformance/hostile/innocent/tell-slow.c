/* tell-slow.c: tell-async.c, so slow that its producer always finds the queue full. */
#define PAUSE_NS 300000
#include "tell-async.c"
