/* async-ping-pong.c: plays ping-pong by two Ports of one slot, ROUNDS times.
 *
 * @wire offender.ping -> offender.pinged | slots = 1
 * @wire offender.pong -> offender.ponged | slots = 1
 * @outcome exited
 * @told
 * @long ROUNDS 100000000
 */
#define LOOKS 2000
#ifndef ROUNDS
#define ROUNDS 100000
#endif
#include "ping-pong.h"
