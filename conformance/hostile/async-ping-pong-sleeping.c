/* async-ping-pong-sleeping.c: plays ping-pong by two Ports of one slot; both sides sleep each time
 * without a look.
 *
 * @wire offender.ping -> offender.pinged | slots = 1
 * @wire offender.pong -> offender.ponged | slots = 1
 * @outcome exited
 * @told
 * @arguments --timeout 60s
 */
#define LOOKS 0
#ifndef ROUNDS
#define ROUNDS 5000
#endif
#include "ping-pong.h"
