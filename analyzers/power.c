#include "analyzers/power.h"

#include "analyzers/thresholds.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { TRIES_MAX = 7 };

#define FACTOR_MAX 50

/* Standard errors: two-sided 95 % of the interval, one-sided for power. */
#define TWO_SIDED 1.96
#define ONE_SIDED 1.645

/* Share of a steady leak's growth at each cell. */
static double *leak_shape(const struct rows *r)
{
    const double *x = r->requests != NULL ? r->requests : r->busy_s;
    double *share = mem_zalloc(r->n, sizeof *share), born = 0;
    double span = x[r->n - 1] - x[0];

    for (size_t i = 0; i < r->n; i++) {
        if (i == 0 || r->life[i] != r->life[i - 1])
            born = x[i];
        share[i] = (x[i] - born) / span;
    }
    return share;
}

double power_minimum(const struct trial_plan *plan, const struct trial *found,
                     const struct column_view *v)
{
    size_t n = plan->rows->n;
    struct trial_plan p = *plan;
    double half = (found->growth.high - found->growth.low) / 2, answer = NAN;
    double leak = v->leak_above + half * (1 + ONE_SIDED / TWO_SIDED);
    double *share = leak_shape(plan->rows), *y = mem_zalloc(n, sizeof *y);
    struct trial *t = mem_zalloc(1, sizeof *t);

    p.y = y;
    for (int k = 0; k < TRIES_MAX && half > 0; k++) {
        for (size_t i = 0; i < n; i++)
            y[i] = plan->y[i] + (leak - found->growth.value) * share[i];
        trial_run(&p, t);
        if (!t->ok)
            break;
        double se = (t->growth.high - t->growth.low) / (2 * TWO_SIDED);

        if (t->growth.low - (t->growth.value - leak) - ONE_SIDED * se >
            v->leak_above) {
            answer = leak;
            break;
        }
        leak *= k < 3 ? 1.3 : 2;
    }
    free(t);
    free(y);
    free(share);
    return answer;
}

/* The slope's error falls with the run's length to the power 3/2, while the
 * growth over the run rises with it. */
static bool decides_at(const struct column_view *v, const struct column *c,
                       double factor)
{
    double leak, pass, error = sqrt(factor);
    double low =
        v->growth.value * factor - (v->growth.value - v->growth.low) / error;
    double high =
        v->growth.value * factor + (v->growth.high - v->growth.value) / error;

    thresholds_at(v, c, factor, &leak, &pass);
    return low > leak || (high < pass && v->growth.value * factor < leak / 2);
}

double power_factor(const struct column_view *v, const struct column *c)
{
    double factor = 1.25;

    /* A bend, a step or a restart needs as much again to be understood. */
    if (v->doubt == DOUBT_BEND || v->doubt == DOUBT_STAIRS ||
        v->doubt == DOUBT_FALLS || v->doubt == DOUBT_NEWS)
        factor = 2;
    while (factor < FACTOR_MAX && !decides_at(v, c, factor))
        factor *= 1.1;
    return factor < FACTOR_MAX ? factor : NAN;
}
