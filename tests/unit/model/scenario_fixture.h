/* Scenarios from text, for the tests of the model. */
#ifndef PLATEAU_TESTS_SCENARIO_FIXTURE_H
#define PLATEAU_TESTS_SCENARIO_FIXTURE_H

#include "harness/model/scenario.h"

#include <stdlib.h>
#include <string.h>

/* Reads `text` as the file "t.ini" and gives the mistakes as one text, to be
 * freed; "" when there are none (then `sc` is to be released). */
static inline char *load_text(const char *text, char *const *sets, size_t nsets,
                              struct scenario *sc)
{
    struct mistakes m;
    struct buf b;

    mistakes_init(&m);
    buf_init(&b, 1 << 20);
    scenario_load_text(text, strlen(text), "t.ini", sets, nsets, 0, sc, &m);
    mistakes_write(&m, &b);
    mistakes_release(&m);
    return buf_take(&b);
}

#endif
