/* Every engine that speaks HTTP/1.1, for tests that each of them has to
 * pass. */
#ifndef PLATEAU_TESTS_LOAD_ENGINES_H
#define PLATEAU_TESTS_LOAD_ENGINES_H

#include "tests/unit/load/bed.h"

#include <curl/curl.h>
#include <signal.h>

static const struct bed_kind kinds[] = {
    {.engine = "h1"},
    {.engine = "h1", .may_rest = true},
    {.engine = "curl"},
    {.engine = "h1", .tls = true},
    {.engine = "curl", .tls = true, .keys = "http = 1.1\n"},
};

static void each(void (*test)(struct bed *b))
{
    bed_each(kinds, sizeof kinds / sizeof kinds[0], test);
}

/* The test of `name` for each of them. */
#define EACH(name)                                                             \
    static void test_##name(void **state)                                      \
    {                                                                          \
        (void)state;                                                           \
        each(name);                                                            \
    }

#endif
