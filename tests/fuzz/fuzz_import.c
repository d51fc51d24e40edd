/* Any bytes as a recording (the first byte picks its form): refused, or made
 * into a scenario that is right but for requests that lack their bodies. */
#include "harness/import/import.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct import_options how = {0};
    struct import_summary sum;
    struct scenario sc;
    struct mistakes m;
    struct buf out;

    if (size == 0)
        return 0;
    buf_init(&out, 64u << 20);
    mistakes_init(&m);
    if (import_scenario((enum import_format)(data[0] % IMPORT_FORMATS),
                        (const char *)data + 1, size - 1, &how, &out, &sum,
                        NULL) == 0 &&
        scenario_load_text(out.p, out.len, "imported.ini", NULL, 0, 0, &sc,
                           &m) == 0)
        scenario_release(&sc);
    for (size_t i = 0; i < m.n; i++)
        assert(strstr(m.at[i].text, "every weight is 0") != NULL);
    mistakes_release(&m);
    buf_release(&out);
    return 0;
}
