/* cmocka 1.1.5 compares doubles as floats; these compare doubles. */
#ifndef PLATEAU_TESTS_ASSERT_CLOSE_H
#define PLATEAU_TESTS_ASSERT_CLOSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

/* Fails unless |got - want| <= tol; NaN equals only NaN. */
#define assert_close(got, want, tol)                                           \
    assert_close_at((got), (want), (tol), #got, __FILE__, __LINE__)

static inline void assert_close_at(double got, double want, double tol,
                                   const char *what, const char *file, int line)
{
    if ((isnan(got) && isnan(want)) || got == want || fabs(got - want) <= tol)
        return;
    print_error("%s is %.17g, want %.17g within %g\n", what, got, want, tol);
    _fail(file, line);
}

#endif
