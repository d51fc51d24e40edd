/* Reporters, for implementers: one file, one const ops struct, one line in
 * the registry of report.c. */
#ifndef PLATEAU_REPORTS_REPORT_IMPL_H
#define PLATEAU_REPORTS_REPORT_IMPL_H

#include "reports/report.h"

struct report_ops {
    const char *name;
    const char *artifact; /* file name below out_dir */
    /* Renders the whole artifact into `out`. Escapes at the sink. */
    int (*render)(const struct report_input *in, struct buf *out,
                  struct err *err);
};

extern const struct report_ops report_ops_json;
extern const struct report_ops report_ops_junit;
extern const struct report_ops report_ops_markdown;
extern const struct report_ops report_ops_html;

#endif
