#include "reports/report_impl.h"

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "reports/plots.h"

#include <stdlib.h>

#define ARTIFACT_MAX (256u << 20)

/* The page comes last: where it is, everything else is. */
static const struct report_ops *const registry[] = {
    &report_ops_json,
    &report_ops_markdown,
    &report_ops_junit,
    &report_ops_html,
    NULL,
};

static int write_one(const struct report_ops *ops,
                     const struct report_input *in, struct err *err)
{
    char *path = file_join(in->out_dir, ops->artifact);
    struct buf out;
    int rc;

    buf_init(&out, ARTIFACT_MAX);
    rc = ops->render(in, &out, err);
    if (rc == 0 && out.overflow)
        rc = err_set(err, "%s: over 256 MiB", path);
    if (rc == 0)
        rc = file_write(path, buf_str(&out), out.len, err);
    buf_release(&out);
    free(path);
    return rc;
}

int report_all(const struct report_input *in, struct buf *notice,
               struct err *err)
{
    struct err first = {""}, later = {""};
    int rc = file_mkdirs(in->out_dir, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; registry[i] != NULL; i++) {
        if (registry[i + 1] == NULL &&
            plots_write(in, notice, rc == 0 ? &first : &later) != 0)
            rc = -1;
        if (write_one(registry[i], in, rc == 0 ? &first : &later) != 0)
            rc = -1;
    }
    return rc == 0 ? 0 : err_set(err, "%s", first.msg);
}
