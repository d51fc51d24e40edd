#include "harness/cli/cmd_report.h"

#include "harness/base/buf.h"
#include "harness/cli/judge.h"
#include "harness/cli/options.h"
#include "harness/model/record.h"
#include "reports/report.h"

#include <stdio.h>

static const struct command_help help = {
    .usage = "plateau report DIR [--out DIR] [flags]",
    .summary = "Renders a recorded run's reports again, into the run's own "
               "directory or another one.\nExits 0 when they were written, "
               "whatever they say.",
    .examples = "  plateau report runs/shop-soak-20261122T101500Z\n"
                "  plateau report runs/x --out public\n",
};

static int render(struct record *r, const struct options *o)
{
    struct err err = {""};
    struct verdict v;
    struct buf notice;
    int code = EXIT_PASS;

    verdict_judge(r, NULL, &v);
    struct report_input in = {.record = r,
                              .verdict = &v,
                              .exit_code = judge_exit_code(r, &v),
                              .out_dir =
                                  o->out_dir != NULL ? o->out_dir : r->dir};
    buf_init(&notice, 1 << 16);
    if (judge_write(&in, &notice, &err) != 0) {
        complain("%s", err.msg);
        in.out_dir = NULL; /* no report to point at */
        code = EXIT_HARNESS;
    }
    if (notice.len > 0 && !o->quiet)
        fputs(buf_str(&notice), stderr);
    if (!o->quiet || o->json)
        judge_print(&in, o);
    buf_release(&notice);
    verdict_release(&v);
    return code;
}

int cmd_report(int argc, char **argv)
{
    struct options o;
    struct err err = {""};
    struct record r;
    int code = EXIT_USAGE;

    if (!options_parse(argc, argv, &help, &o, &code))
        goto out;
    code = EXIT_USAGE;
    if (o.nargs != 1) {
        complain("report wants one run directory (see plateau report --help)");
    } else if (o.nsets > 0) {
        complain("report shows a run as it was judged: with --set, use "
                 "plateau analyze DIR --out DIR");
    } else if (record_load(o.args[0], &r, &err) != 0) {
        complain("%s", err.msg);
    } else {
        code = render(&r, &o);
        record_release(&r);
    }
out:
    options_release(&o);
    return code;
}
