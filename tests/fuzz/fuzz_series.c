/* Any bytes as a CSV: refused or read, never more cells than bytes. */
#include "harness/model/series.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct series s;
    struct err err;

    if (series_parse((const char *)data, size, "fuzz.csv", &s, &err) != 0)
        return 0;
    assert(s.n <= size && s.ncolumns <= size);
    for (size_t i = 0; i < s.n; i++) {
        assert(isfinite(s.t_s[i]));
        for (size_t c = 0; c < s.ncolumns; c++)
            assert(!isinf(s.columns[c].v[i]));
    }
    series_release(&s);
    return 0;
}
