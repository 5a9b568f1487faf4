/* async-commit-2.c: a managed producer that traps after the store to its cursor, in the asynchronous mode.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1-65
 */
#define STEP 2
#define BEGIN(root) earn_both(root, 64)
#include "commit.h"
