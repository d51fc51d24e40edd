/* junit.xml: one test case per judged metric, so that a CI server's test view
 * shows which one broke. A leak is a failure; inconclusive is a failure or
 * skipped, as policy.inconclusive_fails says; a failed run is an error. */
#include "reports/report_impl.h"

#include "harness/base/escape.h"
#include "reports/say.h"
#include "reports/view.h"

#include <math.h>
#include <string.h>

static void add(struct buf *out, const char *s)
{
    escape_html(out, s, strlen(s)); /* the same five entities serve XML */
}

static void attribute(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, " %s=\"", name);
    for (const char *s = value; *s != '\0';) {
        size_t n = strcspn(s, "\n\t");

        escape_html(out, s, n);
        s += n;
        if (*s != '\0') {
            buf_addc(out, ' ');
            s++;
        }
    }
    buf_addc(out, '"');
}

/* What a metric's case is: a skipped one did not fail the build. */
enum result { RESULT_OK, RESULT_FAILURE, RESULT_SKIPPED };

static enum result result_of(enum outcome o, const struct policy *p)
{
    if (o == OUTCOME_PASS)
        return RESULT_OK;
    if (o == OUTCOME_LEAK || p->inconclusive_fails)
        return RESULT_FAILURE;
    return RESULT_SKIPPED;
}

static void open_case(struct buf *out, const struct report_input *in,
                      const char *name)
{
    double s = in->record->duration_s;

    buf_adds(out, "    <testcase");
    attribute(out, "name", name);
    attribute(out, "classname", in->record->name);
    if (isfinite(s))
        buf_addf(out, " time=\"%.3f\"", s);
    buf_adds(out, ">\n");
}

static void add_result(struct buf *out, enum result r, const char *type,
                       const char *message)
{
    if (r == RESULT_OK)
        return;
    buf_adds(out, r == RESULT_SKIPPED ? "      <skipped" : "      <failure");
    attribute(out, "message", message);
    if (r == RESULT_FAILURE)
        attribute(out, "type", type);
    buf_adds(out, "/>\n");
}

static void add_metric(struct buf *out, const struct report_input *in,
                       const struct finding *f)
{
    bool by_request = isfinite(f->per_request.value);

    open_case(out, in, f->name);
    add_result(out, result_of(f->outcome, &in->record->policy),
               outcome_name(f->outcome), f->reason);
    buf_adds(out, "      <system-out>growth per ");
    buf_adds(out, by_request ? "request: " : "hour: ");
    say_interval(out, by_request ? &f->per_request : &f->per_hour,
                 f->metric.unit);
    buf_adds(out, "; smallest leak that could have been missed: ");
    say_amount(out, by_request ? f->minimum_per_request : f->minimum_per_hour,
               f->metric.unit);
    buf_adds(out, "; ");
    add(out, f->reason);
    buf_adds(out, "</system-out>\n    </testcase>\n");
}

/* The verdict as a whole is a case of its own: a run may be inconclusive, or
 * have no metric at all, without any metric saying so. */
static void add_whole(struct buf *out, const struct report_input *in)
{
    const struct verdict *d = in->verdict;

    open_case(out, in, "verdict");
    if (in->exit_code == 4 || in->exit_code == 5) {
        const char *why = in->record->end_detail;

        buf_adds(out, "      <error");
        attribute(out, "message",
                  why != NULL && *why != '\0' ? why : "the run failed");
        attribute(out, "type",
                  in->exit_code == 4 ? "target-failed" : "harness-failed");
        buf_adds(out, "/>\n");
    } else {
        add_result(out, result_of(d->outcome, &in->record->policy),
                   outcome_name(d->outcome), d->reason);
    }
    buf_adds(out, "      <system-out>");
    add(out, d->reason);
    buf_adds(out, "</system-out>\n    </testcase>\n");
}

struct tally {
    size_t tests, failures, skipped, errors;
};

static struct tally count(const struct report_input *in, const struct view *v)
{
    struct tally t = {v->njudged + 1, 0, 0, 0};

    for (size_t i = 0; i <= v->njudged; i++) {
        bool whole = i == v->njudged;
        enum result r =
            result_of(whole ? in->verdict->outcome : v->metrics[i]->outcome,
                      &in->record->policy);

        if (whole && (in->exit_code == 4 || in->exit_code == 5))
            t.errors++;
        else if (r == RESULT_FAILURE)
            t.failures++;
        else if (r == RESULT_SKIPPED)
            t.skipped++;
    }
    return t;
}

static int render(const struct report_input *in, struct buf *out,
                  struct err *err)
{
    const struct record *r = in->record;
    struct tally t;
    struct view v;

    (void)err;
    view_init(&v, in);
    t = count(in, &v);
    buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buf_addf(out,
             "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
             "skipped=\"%zu\">\n  <testsuite",
             t.tests, t.failures, t.errors, t.skipped);
    attribute(out, "name", r->name);
    buf_addf(out,
             " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
             t.tests, t.failures, t.errors, t.skipped);
    if (isfinite(r->duration_s))
        buf_addf(out, " time=\"%.3f\"", r->duration_s);
    if (r->started_utc != NULL)
        attribute(out, "timestamp", r->started_utc);
    if (r->host != NULL)
        attribute(out, "hostname", r->host);
    buf_adds(out, ">\n");
    add_whole(out, in);
    for (size_t i = 0; i < v.njudged; i++)
        add_metric(out, in, v.metrics[i]);
    buf_adds(out, "  </testsuite>\n</testsuites>\n");
    view_release(&v);
    return 0;
}

const struct report_ops report_ops_junit = {"junit", "junit.xml", render};
