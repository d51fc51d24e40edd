#include "reports/view.h"

#include "analyzers/attribution.h"
#include "harness/base/mem.h"
#include "reports/say.h"
#include "reports/sentences.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *view_unit_name(enum metric_unit u)
{
    static const char *const names[] = {"bytes", "count", "seconds"};

    return names[u];
}

const char *view_role_name(enum metric_role r)
{
    static const char *const names[] = {
        "memory", "cgroup", "heap", "objects", "handles", "custom", "witness"};

    return names[r];
}

char *view_kind_name(const struct record *r, int kind)
{
    if (kind < 0 || (size_t)kind >= r->nkinds)
        return mem_strdup(kind == ATTRIBUTION_CONNECTIONS ? "connections"
                                                          : "time");
    return mem_printf("%s%s", r->kinds[kind].flow ? "flow " : "",
                      r->kinds[kind].name);
}

const struct blame *view_only_blame(const struct view *v,
                                    const struct finding *f)
{
    const struct verdict *d = v->in->verdict;
    const struct blame *only = NULL;
    size_t guilty = 0;

    for (size_t i = 0; i < d->nblames; i++) {
        const struct blame *b = &d->blames[i];

        if (!b->named || b->finding < 0 || (size_t)b->finding >= d->nfindings ||
            &d->findings[b->finding] != f)
            continue;
        only = b;
        guilty++;
    }
    return guilty == 1 && only->kind >= 0 &&
                   (size_t)only->kind < v->in->record->nkinds
               ? only
               : NULL;
}

double view_rate(const struct record *r, const struct finding *f)
{
    double requests, seconds;

    if (f != NULL) {
        requests = f->to_requests - f->from_requests;
        seconds = f->to_s - f->from_s;
        if (requests > 0 && seconds > 0)
            return requests / seconds;
    }
    if (r->requests_total > 0 && r->duration_s > 0)
        return r->requests_total / r->duration_s;
    return NAN;
}

/* ---- headline ---- */

/* A run that failed says so before its verdict on memory: an exit code of 4
 * over a headline of PASS would mislead. */
static void set_word(struct view *v)
{
    static const char *const words[] = {"INCONCLUSIVE", "PASS", "LEAK"};

    v->word = words[v->in->verdict->outcome];
    v->style = outcome_name(v->in->verdict->outcome);
    if (v->in->exit_code == 4 || v->in->exit_code == 5) {
        v->word = v->in->exit_code == 4 ? "FAILED" : "ERROR";
        v->style = "failed";
    } else if (v->in->exit_code == 1 && strcmp(v->style, "leak") != 0) {
        v->word = "FAILED"; /* a criterion other than growth */
        v->style = "failed";
    }
}

static void set_facts(struct view *v)
{
    const struct record *r = v->in->record;
    struct buf b;

    buf_init(&b, 1000);
    if (isfinite(r->duration_s))
        say_time(&b, r->duration_s);
    if (isfinite(r->requests_total)) {
        buf_adds(&b, b.len > 0 ? ", " : "");
        say_count(&b, r->requests_total);
        buf_adds(&b, r->requests_total == 1 ? " request" : " requests");
    }
    if (r->errors_total > 0) {
        buf_adds(&b, ", ");
        say_count(&b, r->errors_total);
        buf_adds(&b, r->errors_total == 1 ? " error" : " errors");
    }
    v->facts = buf_take(&b);
}

/* ---- metrics in order ---- */

static int rank(const struct finding *f)
{
    static const int by_outcome[] = {1, 2, 0}; /* leak, inconclusive, pass */

    return (f->judged ? 0 : 100) + by_outcome[f->outcome] * 10 +
           (f->decisive ? 0 : 1);
}

static int by_rank(const void *a, const void *b)
{
    const struct finding *x = *(const struct finding *const *)a;
    const struct finding *y = *(const struct finding *const *)b;
    int d = rank(x) - rank(y);

    return d != 0 ? d : x < y ? -1 : x > y; /* else in the verdict's order */
}

/* What the verdict rests on most opens every table. */
static void lead_first(struct view *v)
{
    const struct finding *lead = verdict_lead(v->in->verdict);
    size_t at = 0;

    while (at < v->nmetrics && v->metrics[at] != lead)
        at++;
    if (at == v->nmetrics || !lead->judged)
        return;
    for (; at > 0; at--)
        v->metrics[at] = v->metrics[at - 1];
    v->metrics[0] = lead;
}

static void set_metrics(struct view *v)
{
    const struct verdict *d = v->in->verdict;

    v->metrics = mem_zalloc(d->nfindings, sizeof(void *));
    for (size_t i = 0; i < d->nfindings; i++) {
        v->metrics[v->nmetrics++] = &d->findings[i];
        v->njudged += d->findings[i].judged;
        if (d->findings[i].judged && isfinite(d->findings[i].per_request.value))
            v->by_request = true;
    }
    qsort(v->metrics, v->nmetrics, sizeof(void *), by_rank);
    lead_first(v);
}

/* ---- requests per kind ---- */

struct weighed {
    double value, weight;
};

static int by_value(const void *a, const void *b)
{
    const struct weighed *x = a, *y = b;

    return x->value < y->value ? -1 : x->value > y->value;
}

/* The weighed median of list[0..n); NaN when empty. Sorts the list. */
static double weighed_median(struct weighed *list, size_t n)
{
    double all = 0, seen = 0;

    if (n == 0)
        return NAN;
    qsort(list, n, sizeof *list, by_value);
    for (size_t i = 0; i < n; i++)
        all += list[i].weight;
    for (size_t i = 0; i < n; i++) {
        seen += list[i].weight;
        if (seen * 2 >= all)
            return list[i].value;
    }
    return list[n - 1].value;
}

static void add_to(double *sum, double v)
{
    if (!isnan(v))
        *sum = (isnan(*sum) ? 0 : *sum) + v;
}

/* Where a second belongs in v->kinds, or -1. */
static long place_of(const struct view *v, const struct record_second *s)
{
    return s->kind >= 0   ? s->kind
           : s->step >= 0 ? (long)v->in->record->nkinds + s->step
                          : -1;
}

static void sum_seconds(struct view *v)
{
    const struct record *r = v->in->record;

    for (size_t i = 0; i < r->nseconds; i++) {
        const struct record_second *s = &r->seconds[i];
        long at = place_of(v, s);
        struct view_kind *k = &v->kinds[at < 0 ? 0 : at];

        if (at < 0)
            continue;
        add_to(&k->sent, s->sent);
        add_to(&k->ok, s->ok);
        add_to(&k->errors, s->errors);
        add_to(&k->late, s->late);
        k->p99_ms = fmax(k->p99_ms, s->p99_ms); /* fmax ignores the NaN */
    }
}

/* One pass per kind would cost kinds x seconds; so sort the seconds by kind
 * once, in buckets. */
static void set_medians(struct view *v)
{
    const struct record *r = v->in->record;
    size_t *from = mem_zalloc(v->nkinds + 1, sizeof *from);
    size_t *at = mem_zalloc(v->nkinds + 1, sizeof *at);
    struct weighed *list = mem_zalloc(r->nseconds, sizeof *list);

    for (size_t i = 0; i < r->nseconds; i++) {
        long k = place_of(v, &r->seconds[i]);

        if (k >= 0 && isfinite(r->seconds[i].p50_ms))
            from[k + 1]++;
    }
    for (size_t k = 0; k < v->nkinds; k++)
        from[k + 1] += from[k];
    memcpy(at, from, (v->nkinds + 1) * sizeof *at);
    for (size_t i = 0; i < r->nseconds; i++) {
        const struct record_second *s = &r->seconds[i];
        long k = place_of(v, s);

        if (k >= 0 && isfinite(s->p50_ms))
            list[at[k]++] = (struct weighed){
                s->p50_ms, s->ok + s->errors > 0 ? s->ok + s->errors : 1};
    }
    for (size_t k = 0; k < v->nkinds; k++)
        v->kinds[k].p50_ms =
            weighed_median(list + from[k], from[k + 1] - from[k]);
    free(list);
    free(at);
    free(from);
}

static double last_count(const struct record *r, size_t kind)
{
    const double *v = r->kinds[kind].completed;

    for (size_t i = v != NULL ? r->barriers.n : 0; i-- > 0;)
        if (isfinite(v[i]))
            return v[i];
    return NAN;
}

static void set_kinds(struct view *v)
{
    const struct record *r = v->in->record;

    v->nkinds = r->nkinds + r->nsteps;
    v->kinds = mem_zalloc(v->nkinds, sizeof *v->kinds);
    for (size_t k = 0; k < v->nkinds; k++) {
        bool step = k >= r->nkinds;

        v->kinds[k] = (struct view_kind){
            .name = step ? mem_strdup(r->steps[k - r->nkinds])
                         : view_kind_name(r, (int)k),
            .weight = step ? NAN : r->kinds[k].weight,
            .requests = step ? NAN : last_count(r, k),
            .sent = NAN,
            .ok = NAN,
            .errors = NAN,
            .late = NAN,
            .p50_ms = NAN,
            .p99_ms = NAN};
    }
    sum_seconds(v);
    set_medians(v);
}

void view_init(struct view *v, const struct report_input *in)
{
    *v = (struct view){.in = in};
    set_word(v);
    set_facts(v);
    set_metrics(v);
    set_kinds(v);
    sentences_add(v);
}

void view_release(struct view *v)
{
    for (size_t i = 0; i < v->nlines; i++)
        free(v->lines[i].text);
    free(v->lines);
    for (size_t i = 0; i < v->nkinds; i++)
        free(v->kinds[i].name);
    free(v->metrics);
    free(v->kinds);
    free(v->facts);
    *v = (struct view){0};
}
