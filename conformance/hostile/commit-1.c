/* commit-1.c: a managed producer that traps after the store to the slot, in the synchronous mode.
 *
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1 2 3
 */
#define STEP 1
#define BEGIN(root) pass_three(root)
#include "commit.h"
