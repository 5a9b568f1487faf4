/* async-ping-pong-migrating.c: plays ping-pong by two Ports of one slot, while its threads are moved
 * from CPU to CPU.
 *
 * @wire offender.ping -> offender.pinged | slots = 1
 * @wire offender.pong -> offender.ponged | slots = 1
 * @outcome exited
 * @told
 * @migrate
 * @arguments --timeout 60s
 */
#define LOOKS 50
#ifndef ROUNDS
#define ROUNDS 20000
#endif
#include "ping-pong.h"
