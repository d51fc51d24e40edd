#include "analyzers/power.h"

#include "analyzers/stats.h"
#include "analyzers/thresholds.h"

#include <math.h>

enum { TRIES_MAX = 7 };

#define FACTOR_MAX 50

/* What is told is long enough in three of four cases. */
#define CHANCE 0.75

/* Half of a 95 % interval, in standard deviations. */
#define NORMAL_95 1.96

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

/* The probability that the growth found in `factor` times the length lies above
   `limit` (below it, where `above` is false). It has what is found now in it,
   and moves by what is not known now. */
static double lies(const struct column_view *v, double factor, double limit,
                   bool above)
{
    double mean = v->growth.value * factor;
    double half = limit > mean ? v->growth.high - v->growth.value
                               : v->growth.value - v->growth.low;
    double moves = half / NORMAL_95 * factor * sqrt(1 - pow(factor, -3));
    double share = stats_normal_cdf((limit - mean) / moves);

    return above ? 1 - share : share;
}

/* The slope's error falls with the run's length to the power 3/2, while the
 * growth over the run rises with it. */
static double decides_at(const struct column_view *v, const struct column *c,
                         double factor)
{
    double leak, pass, error = sqrt(factor);

    thresholds_at(v, c, factor, &leak, &pass);
    if (v->doubt == DOUBT_BLIND)
        return leak + (v->least - v->leak_above) / error < POWER_ENOUGH * pass;
    double low = (v->growth.value - v->growth.low) / error;
    double high = (v->growth.high - v->growth.value) / error;

    return lies(v, factor, leak + low, true) +
           lies(v, factor, fmin(pass - high, leak / 2), false);
}

/* So many times as long a run mostly has to be at least, whatever its numbers
   promise: three of four that were doubted for that reason were decided then,
   in simulation. A bend, stairs or restarts need more of them to be understood,
   a growth that is certain needs less. */
static double least_factor(enum doubt doubt)
{
    switch (doubt) {
    case DOUBT_FALLS:
        return 4;
    case DOUBT_SHORT:
    case DOUBT_BEND:
    case DOUBT_STAIRS:
    case DOUBT_NEWS:
        return 3;
    case DOUBT_SMALL:
    case DOUBT_LOAD:
    case DOUBT_BLIND:
        return 2;
    default:
        return 2.5;
    }
}

double power_factor(const struct column_view *v, const struct column *c)
{
    double factor = least_factor(v->doubt);

    if (v->doubt == DOUBT_VAST)
        return NAN;
    while (factor < FACTOR_MAX && !(decides_at(v, c, factor) >= CHANCE))
        factor *= 1.1;
    return factor < FACTOR_MAX ? factor : NAN;
}
