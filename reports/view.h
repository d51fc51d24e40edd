/* What every reporter for people shows, worked out once from a record and its
 * verdict: the headline, the evidence in sentences, metrics in order, totals
 * per kind of request. Texts are plain and unescaped: each reporter escapes
 * at its own sink. */
#ifndef PLATEAU_REPORTS_VIEW_H
#define PLATEAU_REPORTS_VIEW_H

#include "reports/report.h"

#include <stddef.h>

/* A sentence of evidence. */
struct view_line {
    const char *label; /* "who", "limit", ...; " ": goes on from the line
                          before; "": speaks for itself */
    char *text;
};

/* requests.csv summed up per kind of the mix, then per request that only flows
 * send; NaN: not known. */
struct view_kind {
    char *name;      /* for people */
    double weight;   /* NaN: not in the mix by itself */
    double requests; /* completed, by the barriers' counters */
    double sent, ok, errors, late;
    double p50_ms; /* median over the seconds, each weighed by requests */
    double p99_ms; /* worst second */
};

struct view {
    const struct report_input *in;
    const char *word;  /* "LEAK", "PASS", "INCONCLUSIVE", "FAILED", "ERROR" */
    const char *style; /* "leak", "pass", "inconclusive" or "failed" */
    char *facts;       /* "4 min 12 s, 50,412 requests" */
    struct view_line *lines;
    size_t nlines;
    const struct finding **metrics; /* judged ones first, worst first */
    size_t nmetrics, njudged;
    struct view_kind *kinds; /* record.kinds in order, then record.steps */
    size_t nkinds;
    bool by_request; /* growth per request is known */
};

void view_init(struct view *v, const struct report_input *in);
void view_release(struct view *v);

/* "order", or "flow buy": a kind's name for people. Gives a string. */
char *view_kind_name(const struct record *r, int kind);

/* When growth of `f` is laid at one kind of request alone: that blame, else
 * NULL. Borrowed. Its kind is a valid index. */
const struct blame *view_only_blame(const struct view *v,
                                    const struct finding *f);

/* The run's requests per second over the finding's window; NaN unknown. */
double view_rate(const struct record *r, const struct finding *f);

/* "unit" and "role" in verdict.json: "bytes", "memory". */
const char *view_unit_name(enum metric_unit u);
const char *view_role_name(enum metric_role r);

#endif
