/* async-commit-0.c: a managed producer that traps before the first instruction of a commit, in the asynchronous mode.
 *
 * @feed feed-async
 * @tell tell-async
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1-64
 */
#define STEP 0
#define BEGIN(root) earn_both(root, 64)
#include "commit.h"
