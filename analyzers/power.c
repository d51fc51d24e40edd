#include "analyzers/power.h"

#include "analyzers/thresholds.h"
#include <math.h>

enum { TRIES_MAX = 7 };

#define FACTOR_MAX 50

/* A minimum of so many times what passes is not worth more work. */
#define GOOD 1.5

/* `known` is called without asking, and what is larger; NaN: none is. */
static double search(const struct bench *b, enum bench_care care, double known)
{
    const struct trial *t = &b->whole;
    double half = (t->growth.high - t->growth.low) / 2;
    double leak = b->v->leak_above + 1.84 * half; /* 1.96 + 1.645 errors */
    double step = 1;

    for (int k = 0; k < TRIES_MAX; k++, leak *= step) {
        if (!(leak >= known) && !bench_calls(b, leak, care)) {
            step = k < 2 ? 1.3 : 2;
            continue;
        }
        /* A long stride may have gone too far. */
        if (step == 2 && !(leak / sqrt(2) >= known) &&
            bench_calls(b, leak / sqrt(2), care))
            leak /= sqrt(2);
        return leak;
    }
    return NAN;
}

double power_minimum(const struct bench *b, bool thorough)
{
    double least = search(b, thorough ? BENCH_SURE : BENCH_ONCE, NAN);

    if (least <= GOOD * b->v->pass_below || !(thorough || isnan(least)))
        return least;
    return fmin(least, search(b, BENCH_ALL, least));
}

/* The slope's error falls with the run's length to the power 3/2, while the
 * growth over the run rises with it. */
static bool decides_at(const struct column_view *v, const struct column *c,
                       double factor)
{
    double leak, pass, error = sqrt(factor);

    thresholds_at(v, c, factor, &leak, &pass);
    if (v->doubt == DOUBT_BLIND)
        return leak + (v->least - v->leak_above) / error < POWER_ENOUGH * pass;
    double low =
        v->growth.value * factor - (v->growth.value - v->growth.low) / error;
    double high =
        v->growth.value * factor + (v->growth.high - v->growth.value) / error;

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
