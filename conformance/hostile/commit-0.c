/* commit-0.c: a managed producer that traps before the first instruction of a commit, in the synchronous mode.
 *
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1 2 3
 */
#define STEP 0
#define BEGIN(root) pass_three(root)
#include "commit.h"
