/* async-commit-1.c: a managed producer that traps after the store to the slot, in the asynchronous mode.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1-64
 */
#define STEP 1
#define BEGIN(root) earn_both(root, 64)
#include "commit.h"
