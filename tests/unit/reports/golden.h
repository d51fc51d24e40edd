/* Recorded bytes. PLATEAU_UPDATE_GOLDENS=1 records them anew; read the
 * difference before you commit it. */
#ifndef PLATEAU_TESTS_REPORTS_GOLDEN_H
#define PLATEAU_TESTS_REPORTS_GOLDEN_H

#include "harness/base/buf.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"

#include <stdlib.h>
#include <string.h>

/* Fails unless `got` is what tests/unit/reports/golden/`name` holds. */
static inline void assert_golden(const char *name, const struct buf *got)
{
    char *path = mem_printf("tests/unit/reports/golden/%s", name);
    char *want = NULL;
    size_t n;

    if (getenv("PLATEAU_UPDATE_GOLDENS") != NULL)
        assert_int_equal(file_write(path, buf_str(got), got->len, NULL), 0);
    assert_int_equal(file_read(path, 1u << 24, &want, &n, NULL), 0);
    if (n != got->len || memcmp(want, buf_str(got), n) != 0) {
        size_t i = 0, line = 1;

        for (; i < n && i < got->len && want[i] == got->p[i]; i++)
            line += want[i] == '\n';
        fail_msg("%s:%zu differs:\n want %.60s\n got  %.60s", path, line,
                 want + i, buf_str(got) + i);
    }
    free(want);
    free(path);
}

#endif
