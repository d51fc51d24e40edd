#include "analyzers/compare.h"

#include "analyzers/attribution.h"
#include "analyzers/student.h"
#include "analyzers/type_columns.h"
#include "analyzers/words.h"
#include "harness/base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *change_name(enum change c)
{
    static const char *const names[] = {"cannot tell", "same", "fixed",
                                        "not fixed", "worse"};

    return names[c];
}

static struct compare_number *add_number(struct compare_side *s,
                                         const struct finding *f)
{
    struct compare_number *n;

    s->numbers = mem_realloc(s->numbers, s->n + 1, sizeof *s->numbers);
    n = &s->numbers[s->n++];
    *n = (struct compare_number){.unit = f->metric.unit,
                                 .per_request = f->per_request,
                                 .tolerance = f->tolerance_per_request,
                                 .outcome = f->outcome};
    snprintf(n->metric, sizeof n->metric, "%s", f->name);
    return n;
}

/* Growth laid at each kind, whether it leaks or not. */
static void add_kinds(const struct record *r, const struct policy *p,
                      const struct finding *f, struct compare_side *out)
{
    const struct column *c = series_column(&r->barriers, f->name);
    struct growth_data view;
    struct blocks b;
    struct blame *blame;
    size_t n;

    if (c == NULL || r->nkinds < 2)
        return;
    blocks_gather(r, c, 0, &b);
    blocks_clear_garbage(r, c, &b);
    blocks_view(&b, &f->metric, &view);
    blame = mem_zalloc(r->nkinds + 2, sizeof *blame);
    n = b.nkinds > 0 ? attribution_make(&b, 0, NULL, view.quantum,
                                        p->confidence, 0, blame)
                     : 0;
    for (size_t k = 0; k < n && k < r->nkinds; k++) {
        struct compare_number *number = add_number(out, f);
        double done = 0, all = 0;

        for (size_t i = 0; i < b.n; i++) {
            done += b.kinds[k][i];
            all += b.requests[i];
        }
        snprintf(number->kind, sizeof number->kind, "%s", r->kinds[k].name);
        number->per_request = blame[k].per_request;
        number->tolerance = f->tolerance_per_request * all / done;
        number->outcome =
            blame[k].named && blame[k].per_request.low > number->tolerance
                ? OUTCOME_LEAK
            : blame[k].per_request.high < number->tolerance
                ? OUTCOME_PASS
                : OUTCOME_INCONCLUSIVE;
    }
    free(blame);
    blocks_release(&b);
}

void compare_side_make(const struct record *r, const struct policy *p,
                       const struct verdict *v, struct compare_side *out)
{
    if (p == NULL)
        p = &r->policy;
    *out = (struct compare_side){.confidence = p->confidence,
                                 .outcome = v->outcome};
    snprintf(out->name, sizeof out->name, "%s", r->name != NULL ? r->name : "");
    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (!f->judged || isnan(f->per_request.value))
            continue;
        add_number(out, f);
        if (f->basis != BASIS_SAMPLES)
            add_kinds(r, p, f, out);
    }
}

void compare_side_release(struct compare_side *s)
{
    free(s->numbers);
    *s = (struct compare_side){0};
}

/* The interval of a difference from the intervals of both sides (the method
   of variance estimates recovery: Zou and Donner 2008). */
static struct interval difference(const struct interval *a,
                                  const struct interval *b)
{
    double v = b->value - a->value;

    return (struct interval){v,
                             v - hypot(b->value - b->low, a->high - a->value),
                             v + hypot(b->high - b->value, a->value - a->low)};
}

/* So much wider intervals are when `rows` of them are to hold together at the
   confidence of one (Bonferroni), for errors that are about normal. */
static double widening(double confidence, size_t rows)
{
    const int df = 1000; /* as good as normal */
    double a = confidence > 0.5 && confidence < 1 ? 1 - confidence : 0.05;

    return student_quantile(1 - a / 2 / (double)rows, df) /
           student_quantile(1 - a / 2, df);
}

/* Among `rows` comparisons one is "worse" by chance as seldom as a single one
   would be. */
static enum change decide(const struct compare_number *a,
                          const struct compare_number *b,
                          const struct interval *d, double wider)
{
    bool was = a->outcome == OUTCOME_LEAK, is = b->outcome == OUTCOME_LEAK;
    double matters = fmax(b->tolerance, 0.1 * fabs(a->per_request.value));

    if (was && b->outcome == OUTCOME_PASS && d->high < 0)
        return CHANGE_FIXED;
    if (is && d->value - wider * (d->value - d->low) > (was ? matters : 0))
        return CHANGE_WORSE;
    if (was && is)
        return CHANGE_NOT_FIXED;
    if (a->outcome == OUTCOME_PASS && b->outcome == OUTCOME_PASS)
        return CHANGE_SAME;
    return CHANGE_UNKNOWN;
}

/* A type of objects is told of only where it leaks; elsewhere the counts of
   all objects speak for it. */
static bool objects_pass(const struct compare_side *s)
{
    bool pass = false;

    for (size_t i = 0; i < s->n; i++) {
        const struct compare_number *n = &s->numbers[i];
        const struct metric *m = metric_find(n->metric);

        if (n->kind[0] != '\0' || m == NULL || m->role != METRIC_OBJECTS)
            continue;
        if (n->outcome != OUTCOME_PASS)
            return false;
        pass = true;
    }
    return pass;
}

/* What became of a type that only one side tells of. */
static enum change of_type(const struct compare_number *a,
                           const struct compare_number *b,
                           const struct compare_side *silent)
{
    const struct compare_number *told = a != NULL ? a : b;

    if (!type_column_is(told->metric) || told->outcome != OUTCOME_LEAK ||
        !objects_pass(silent))
        return CHANGE_UNKNOWN;
    return a != NULL ? CHANGE_FIXED : CHANGE_WORSE;
}

static void type_text(struct compare_row *w)
{
    char a[WORDS_NUMBER];
    bool was = w->change == CHANGE_FIXED;

    snprintf(w->text, sizeof w->text,
             "%s: %s, %s per request %s; all objects together stay level %s.",
             w->metric, change_name(w->change),
             words_amount(was ? w->before.value : w->after.value, w->unit, a),
             was ? "before" : "now", was ? "now" : "before");
}

/* Why a number of both sides cannot be told. */
static const char *open_text(const struct compare_number *a,
                             const struct compare_number *b)
{
    bool was = a->outcome == OUTCOME_INCONCLUSIVE,
         is = b->outcome == OUTCOME_INCONCLUSIVE;

    return was && is ? "; neither run decides it"
           : was     ? "; the run before does not decide it"
           : is      ? "; the run now does not decide it"
                     : "; the difference may be chance";
}

static void row_text(struct compare_row *w, const struct compare_number *a,
                     const struct compare_number *b)
{
    char x[WORDS_NUMBER], y[WORDS_NUMBER], lo[WORDS_NUMBER], hi[WORDS_NUMBER];

    w->text[0] = '\0';
    words_add(w->text, sizeof w->text, "%s%s%s: %s, ", w->kind,
              w->kind[0] != '\0' ? ", " : "", w->metric,
              change_name(w->change));
    if (a == NULL || b == NULL) {
        words_add(
            w->text, sizeof w->text, "%s per request %s; not measured %s.",
            words_amount(a ? w->before.value : w->after.value, w->unit, x),
            a ? "before" : "now", a ? "now" : "before");
        return;
    }
    words_add(w->text, sizeof w->text,
              "from %s to %s per request (difference %s .. %s)%s.",
              words_amount(w->before.value, w->unit, x),
              words_amount(w->after.value, w->unit, y),
              words_amount(w->difference.low, w->unit, lo),
              words_amount(w->difference.high, w->unit, hi),
              w->change == CHANGE_UNKNOWN ? open_text(a, b) : "");
}

static const struct compare_number *find(const struct compare_side *s,
                                         const struct compare_number *n)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->numbers[i].metric, n->metric) == 0 &&
            strcmp(s->numbers[i].kind, n->kind) == 0)
            return &s->numbers[i];
    return NULL;
}

/* A row of `a` and `b`, of which the side `silent` lacks one if either is
   NULL. */
static void add_row(struct comparison *c, const struct compare_number *a,
                    const struct compare_number *b,
                    const struct compare_side *silent, double wider)
{
    static const struct interval unknown = {NAN, NAN, NAN};
    const struct compare_number *any = a != NULL ? a : b;
    struct compare_row *w;

    assert(any != NULL);
    c->rows = mem_realloc(c->rows, c->n + 1, sizeof *c->rows);
    w = &c->rows[c->n++];
    *w = (struct compare_row){.unit = any->unit,
                              .before = a ? a->per_request : unknown,
                              .after = b ? b->per_request : unknown,
                              .difference = unknown};
    snprintf(w->metric, sizeof w->metric, "%s", any->metric);
    snprintf(w->kind, sizeof w->kind, "%s", any->kind);
    if (a != NULL && b != NULL) {
        w->difference = difference(&a->per_request, &b->per_request);
        w->change = decide(a, b, &w->difference, wider);
    } else {
        w->change = of_type(a, b, silent);
    }
    if ((a != NULL && b != NULL) || w->change == CHANGE_UNKNOWN)
        row_text(w, a, b);
    else
        type_text(w);
}

static int by_change(const void *a, const void *b)
{
    static const int order[] = {[CHANGE_WORSE] = 0,
                                [CHANGE_NOT_FIXED] = 1,
                                [CHANGE_FIXED] = 2,
                                [CHANGE_UNKNOWN] = 3,
                                [CHANGE_SAME] = 4};
    const struct compare_row *x = a, *y = b;
    int c = order[x->change] - order[y->change];

    if (c == 0)
        c = (x->kind[0] != '\0') - (y->kind[0] != '\0');
    if (c == 0)
        c = strcmp(x->metric, y->metric);
    return c != 0 ? c : strcmp(x->kind, y->kind);
}

/* Rows of all requests decide; a kind's row only where nothing else is worse,
   because what it gains another may lose. What cannot be told matters where
   something leaked before, or where the run itself could not tell. */
static void sum_up(struct comparison *c, const struct compare_side *before,
                   const struct compare_side *after)
{
    size_t seen[5] = {0}, open = 0, rows = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct compare_row *w = &c->rows[i];

        if (w->kind[0] != '\0' && w->change != CHANGE_WORSE)
            continue;
        rows += w->kind[0] == '\0';
        seen[w->change]++;
        if (w->change == CHANGE_UNKNOWN)
            for (size_t j = 0; j < before->n; j++)
                open += strcmp(before->numbers[j].metric, w->metric) == 0 &&
                        before->numbers[j].kind[0] == '\0' &&
                        before->numbers[j].outcome == OUTCOME_LEAK;
    }
    if (seen[CHANGE_WORSE] > 0)
        c->change = CHANGE_WORSE;
    else if (seen[CHANGE_NOT_FIXED] > 0)
        c->change = CHANGE_NOT_FIXED;
    else if (rows == 0 || open > 0 || after->outcome != OUTCOME_PASS)
        c->change = CHANGE_UNKNOWN;
    else
        c->change = seen[CHANGE_FIXED] > 0 ? CHANGE_FIXED : CHANGE_SAME;
    snprintf(c->text, sizeof c->text, "%s%s%s",
             c->change == CHANGE_SAME ? "No growth that matters on either side."
             : rows == 0 ? "No growth per request was measured on both sides "
                           "(do both count requests?)."
                         : "",
             c->change != CHANGE_SAME && c->n > 0 ? c->rows[0].text : "",
             c->change != CHANGE_UNKNOWN ? ""
             : after->outcome == OUTCOME_INCONCLUSIVE
                 ? " The run now is inconclusive: its own verdict tells how "
                   "much more would settle it."
                 : " This cannot be told apart yet.");
}

void compare_judge(const struct compare_side *before,
                   const struct compare_side *after, struct comparison *out)
{
    double wider;
    size_t both = 0;

    *out = (struct comparison){0};
    for (size_t i = 0; i < before->n; i++)
        both += find(after, &before->numbers[i]) != NULL;
    wider = widening(before->confidence, both > 0 ? both : 1);
    for (size_t i = 0; i < before->n; i++) {
        const struct compare_number *a = &before->numbers[i];
        const struct compare_number *b = find(after, a);

        if (b != NULL || a->outcome == OUTCOME_LEAK)
            add_row(out, a, b, after, wider);
    }
    for (size_t i = 0; i < after->n; i++)
        if (find(before, &after->numbers[i]) == NULL &&
            after->numbers[i].outcome == OUTCOME_LEAK)
            add_row(out, NULL, &after->numbers[i], before, wider);
    if (out->n > 1)
        qsort(out->rows, out->n, sizeof *out->rows, by_change);
    sum_up(out, before, after);
}

void compare_release(struct comparison *c)
{
    free(c->rows);
    *c = (struct comparison){0};
}

int compare_exit(const struct comparison *c)
{
    if (c->change == CHANGE_UNKNOWN)
        return 3;
    return c->change == CHANGE_WORSE || c->change == CHANGE_NOT_FIXED;
}
