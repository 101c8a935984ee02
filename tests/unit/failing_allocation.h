/*
 * failing_allocation: allocations that fail when a test wants it. The linker leads the calls of malloc and its
 * like in what the test is linked with here; CMakeLists.txt says of which tests.
 */
#ifndef TESTS_UNIT_FAILING_ALLOCATION_H
#define TESTS_UNIT_FAILING_ALLOCATION_H

#include <stdbool.h>

/*
 * allocation_fail(turn):
 * That one from now on fails, the first being 1; 0: none. Returns the turn that was still to come.
 */
unsigned allocation_fail(unsigned turn);

/* allocation_failed(): whether one did since it was last said which is to fail, before 0 was or after. */
bool allocation_failed(void);

/* allocation_fails(): for a stand-in of another call that takes memory: whether it is its turn, and errno. */
bool allocation_fails(void);

#endif
