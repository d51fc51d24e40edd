#include "harness/cli/cmd_analyze.h"

#include "analyzers/limits.h"
#include "harness/base/buf.h"
#include "harness/cli/judge.h"
#include "harness/cli/options.h"
#include "harness/cli/start.h"
#include "harness/model/record.h"
#include "harness/model/scenario.h"
#include "reports/report.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool self_check;

static const struct flag flags[] = {
    {"--self-check", NULL,
     "also prove that a leak of the stated minimum would be seen", &self_check,
     NULL},
};

static const struct command_help help = {
    .usage = "plateau analyze DIR|CSV [flags]",
    .summary =
        "Judges a recorded run, or any CSV time series, again and prints the "
        "verdict. A CSV\nwants a header with t_s; with a column requests, "
        "growth is per request too; \"-\" is\nstandard input. Nothing is "
        "written unless --out says where.",
    .examples = "  plateau analyze runs/shop-soak-20261122T101500Z\n"
                "  plateau analyze production.csv --json\n"
                "  plateau analyze runs/x --set verdict.pss='128 B/request'\n"
                "  plateau analyze runs/x --out /tmp/again\n",
    .flags = flags,
    .nflags = sizeof flags / sizeof *flags,
};

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Only the judgement can be changed afterwards, not the run. */
static bool sets_are_verdicts(const struct options *o)
{
    for (size_t i = 0; i < o->nsets; i++)
        if (strncmp(o->sets[i], "verdict.", strlen("verdict.")) != 0) {
            complain("--set %s: a recorded run can only be judged otherwise: "
                     "write --set verdict.KEY=VALUE",
                     o->sets[i]);
            return false;
        }
    return true;
}

static bool adjust_policy(struct record *r, const struct options *o)
{
    struct mistakes m;
    bool ok;

    if (o->nsets == 0)
        return true;
    mistakes_init(&m);
    ok = scenario_adjust_policy(r->scenario_text, o->sets, o->nsets, &r->policy,
                                &m) == 0;
    if (!ok)
        start_complain(&m);
    mistakes_release(&m);
    return ok;
}

/* A file is all there is: what is asked of it must stand in it. (A run may
 * lack what its target did not show; then it is inconclusive.) `i` counts
 * tolerances, then requirements. */
static bool is_in_file(const struct record *r, size_t i)
{
    const struct policy *p = &r->policy;
    const struct series *s = &r->samples;
    bool limit = i < p->ntolerances;
    struct policy one = {.tolerances = limit ? &p->tolerances[i] : NULL,
                         .ntolerances = limit,
                         .require =
                             limit ? NULL : &p->require[i - p->ntolerances],
                         .nrequire = !limit};

    for (size_t k = 0; k < s->ncolumns; k++)
        if (policy_tolerance(&one, s->columns[k].name) != NULL ||
            limits_required(&one, s->columns[k].name))
            return true;
    complain("verdict.%s: the file has no such column",
             limit ? one.tolerances->metric : one.require[0]);
    return false;
}

static bool metrics_exist(const struct record *r)
{
    for (size_t i = 0; i < r->policy.ntolerances + r->policy.nrequire; i++)
        if (!is_in_file(r, i))
            return false;
    return true;
}

/* Not one reading: the document still says inconclusive, but the caller gets
 * the exit code of a wrong argument. */
static bool is_empty(const struct record *r)
{
    return r->samples.n == 0 && r->barriers.n == 0;
}

static int judge(struct record *r, const struct options *o)
{
    struct err err = {""};
    struct verdict v;
    struct buf notice;
    int code;

    verdict_judge(r, NULL, &v);
    code = r->target_failed            ? EXIT_TARGET
           : is_empty(r)               ? EXIT_USAGE
           : v.outcome == OUTCOME_PASS ? EXIT_PASS
           : v.outcome == OUTCOME_LEAK ? EXIT_LEAK
                                       : EXIT_INCONCLUSIVE;
    struct report_input in = {
        .record = r, .verdict = &v, .exit_code = code, .out_dir = o->out_dir};
    buf_init(&notice, 1 << 16);
    if (o->out_dir != NULL && judge_write(&in, &notice, &err) != 0) {
        complain("%s", err.msg);
        in.out_dir = NULL; /* no report to point at */
        code = EXIT_HARNESS;
    }
    if (code == EXIT_USAGE)
        complain("%s holds no readings: there is nothing to judge", o->args[0]);
    if (notice.len > 0 && !o->quiet)
        fputs(buf_str(&notice), stderr);
    judge_print(&in, o);
    buf_release(&notice);
    verdict_release(&v);
    return code;
}

int cmd_analyze(int argc, char **argv)
{
    struct options o;
    struct err err = {""};
    struct record r;
    int code = EXIT_USAGE;
    bool loaded;

    if (!options_parse(argc, argv, &help, &o, &code))
        goto out;
    code = EXIT_USAGE;
    if (o.nargs != 1) {
        complain("analyze wants one run directory or CSV file (see plateau "
                 "analyze --help)");
        goto out;
    }
    if (!sets_are_verdicts(&o))
        goto out;
    if (self_check)
        options_add_set(&o, "verdict.self_check=on");
    loaded =
        (is_directory(o.args[0]) ? record_load(o.args[0], &r, &err)
                                 : record_from_csv(o.args[0], &r, &err)) == 0;
    if (!loaded) {
        complain("%s", err.msg);
        goto out;
    }
    if (adjust_policy(&r, &o) && (is_directory(o.args[0]) || metrics_exist(&r)))
        code = judge(&r, &o);
    record_release(&r);
out:
    options_release(&o);
    return code;
}
