#include "harness/cli/judge.h"

#include "analyzers/sequential.h"
#include "harness/base/file.h"
#include "harness/cli/layout.h"
#include "harness/cli/result.h"
#include "harness/cli/tool_run.h"

#include <string.h>

int judge_exit_code(const struct record *r, const struct verdict *v)
{
    if (r->end == RUN_HARNESS_FAILED)
        return EXIT_HARNESS;
    if (r->target_failed || r->end == RUN_TARGET_FAILED)
        return EXIT_TARGET;
    if (r->end == RUN_INTERRUPTED && r->signal > 0)
        return 128 + r->signal;
    switch (v->outcome) {
    case OUTCOME_PASS:
        return EXIT_PASS;
    case OUTCOME_LEAK:
        return EXIT_LEAK;
    default:
        return EXIT_INCONCLUSIVE;
    }
}

bool judge_is_certain(const char *dir)
{
    struct record r;
    struct verdict v;
    struct err err;
    bool certain;

    if (record_load(dir, &r, &err) != 0)
        return false;
    verdict_judge(&r, NULL, &v);
    certain = v.certain && v.outcome != OUTCOME_INCONCLUSIVE &&
              (r.policy.stop == STOP_CERTAIN || sequential_told(&r, &v));
    verdict_release(&v);
    record_release(&r);
    return certain;
}

int judge_write(const struct report_input *in, struct buf *notice,
                struct err *err)
{
    struct graph *graph = layout_chains(&in->record->diagnosis, in->verdict);
    struct report_input with = *in;
    int rc;

    with.gnuplot = tool_found("gnuplot");
    with.graph = graph;
    rc = report_all(&with, notice, err);
    graph_free(graph);
    return rc;
}

void judge_print(const struct report_input *in, const struct options *o)
{
    struct buf out;

    buf_init(&out, 64u << 20);
    if (o->json)
        report_json(in, &out);
    else
        report_text(in, options_color(o, stdout), options_width(stdout), &out);
    result_print(&out);
    buf_release(&out);
}

int judge_and_report(const char *dir, const struct options *o)
{
    struct record r;
    struct verdict v;
    struct buf notice;
    struct err err = {""};
    int code;

    if (record_load(dir, &r, &err) != 0) {
        complain("%s", err.msg);
        return EXIT_HARNESS;
    }
    verdict_judge(&r, NULL, &v);
    code = judge_exit_code(&r, &v);
    struct report_input in = {.record = &r,
                              .verdict = &v,
                              .exit_code = code,
                              .out_dir = o->out_dir != NULL ? o->out_dir : dir};
    buf_init(&notice, 1 << 16);
    if (judge_write(&in, &notice, &err) != 0) {
        complain("%s", err.msg);
        in.out_dir = NULL; /* no report to point at */
        if (code == EXIT_PASS)
            code = EXIT_HARNESS;
    }
    if (notice.len > 0 && !o->quiet)
        fprintf(stderr, "%s", buf_str(&notice));
    judge_print(&in, o);
    buf_release(&notice);
    verdict_release(&v);
    record_release(&r);
    return code;
}
