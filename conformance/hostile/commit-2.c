/* commit-2.c: a managed producer that traps after the store to its cursor, in the synchronous mode.
 *
 * @kind trap
 * @rule END-5
 * @signal 4
 * @told 1 2 3 4
 */
#define STEP 2
#define BEGIN(root) pass_three(root)
#include "commit.h"
