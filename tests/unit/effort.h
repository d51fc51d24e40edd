/* How many simulated series a statistical test looks at: all of them, but
 * only every seventh in a build so slow that the runner allows it ten times
 * the time and more (valgrind). There it is memory that is looked at; rates
 * are counted in every other build. */
#ifndef PLATEAU_TESTS_UNIT_EFFORT_H
#define PLATEAU_TESTS_UNIT_EFFORT_H

#include <stdlib.h>

/* Look at every effort_step()th. */
static inline int effort_step(void)
{
    const char *slow = getenv("PLATEAU_TEST_SLOW");

    return slow != NULL && strtod(slow, NULL) >= 10 ? 7 : 1;
}

#endif
