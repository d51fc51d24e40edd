#include "analyzers/stats.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

/* A quantile is found when no more than this lies between. */
#define QUANTILE_MISS 1e-5

static void insertion(double *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double x = v[i];
        size_t k = i;

        for (; k > 0 && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

static void sift(double *v, size_t at, size_t n)
{
    double x = v[at];

    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && v[child + 1] > v[child])
            child++;
        if (v[child] <= x)
            break;
        v[at] = v[child];
    }
    v[at] = x;
}

void stats_sort(double *v, size_t n)
{
    if (n <= 24) {
        insertion(v, n);
        return;
    }
    for (size_t i = n / 2; i-- > 0;)
        sift(v, i, n);
    for (size_t end = n - 1; end > 0; end--) {
        double top = v[0];

        v[0] = v[end];
        v[end] = top;
        sift(v, 0, end);
    }
}

double stats_quantile_sorted(const double *v, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;

    if (n == 0)
        return NAN;
    if (i + 1 >= n)
        return v[n - 1];
    return v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}

double stats_median(double *v, size_t n)
{
    if (n == 0)
        return NAN;
    stats_sort(v, n);
    return stats_quantile_sorted(v, n, 0.5);
}

double stats_middle(double *v, size_t n)
{
    size_t cut = n / 5;
    double sum = 0;

    if (n == 0)
        return NAN;
    stats_sort(v, n);
    for (size_t i = cut; i < n - cut; i++)
        sum += v[i];
    return sum / (double)(n - 2 * cut);
}

double stats_floor(double *v, size_t n, double share)
{
    size_t k = (size_t)(share * (double)n);
    double sum = 0;

    if (n == 0)
        return NAN;
    if (k == 0)
        k = 1;
    stats_sort(v, n);
    for (size_t i = 0; i < k; i++)
        sum += v[i];
    return sum / (double)k;
}

double stats_normal_cdf(double z)
{
    double t = 1 / (1 + 0.2316419 * fabs(z));
    double tail =
        0.3989422804014327 * exp(-z * z / 2) * t *
        (0.319381530 +
         t * (-0.356563782 +
              t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));

    return z > 0 ? 1 - tail : tail;
}

double stats_t_cdf(double t, double df)
{
    double z = sqrt(df * log1p(t * t / df)) * (8 * df + 1) / (8 * df + 3);

    return stats_normal_cdf(t < 0 ? -z : z);
}

double stats_t_quantile(double p, double df)
{
    struct part one = {1, 0, 1, df};

    return stats_mixture_quantile(&one, 1, p);
}

double stats_mixture_cdf(const struct part *p, size_t n, double x)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double off = x - p[i].mean, far = 60 * p[i].scale;

        all += p[i].weight;
        if (off > far || (off == 0 && far == 0))
            sum += p[i].weight;
        else if (off >= -far && far > 0)
            sum += p[i].weight * stats_t_cdf(off / p[i].scale, p[i].df);
    }
    return all > 0 ? sum / all : NAN;
}

/* The mixture's mean and standard deviation, roughly. */
static void moments(const struct part *p, size_t n, double *mean, double *sd)
{
    double all = 0, sum = 0, square = 0;

    for (size_t i = 0; i < n; i++) {
        all += p[i].weight;
        sum += p[i].weight * p[i].mean;
    }
    *mean = sum / all;
    for (size_t i = 0; i < n; i++) {
        double off = p[i].mean - *mean;

        square += p[i].weight * (off * off + p[i].scale * p[i].scale);
    }
    *sd = sqrt(square / all);
}

/* How far the distribution function at `x` is beyond `q`: the difference in
 * `*off`, that of the log odds, in which it is nearly straight, returned. */
static double beyond(const struct part *p, size_t n, double x, double q,
                     double *off)
{
    double at = stats_mixture_cdf(p, n, x);
    double inside = fmin(fmax(at, 1e-9), 1 - 1e-9);

    *off = at - q;
    return log(inside / (1 - inside)) - log(q / (1 - q));
}

double stats_mixture_quantile(const struct part *p, size_t n, double q)
{
    double mean, sd, low, high, at_low, at_high, mid, at, off;

    if (n == 0)
        return NAN;
    moments(p, n, &mean, &sd);
    if (!(sd > 0))
        return mean;
    /* From where a normal's would be, outwards until it is enclosed. */
    low = high = mean + sd * log(q / (1 - q)) / 1.7;
    at_low = at_high = beyond(p, n, low, q, &off);
    if (fabs(off) < QUANTILE_MISS)
        return low;
    for (int i = 0; i < 40 && at_low > 0; i++) {
        high = low;
        at_high = at_low;
        low -= ldexp(0.25 * sd, i);
        at_low = beyond(p, n, low, q, &off);
    }
    for (int i = 0; i < 40 && at_high < 0; i++) {
        low = high;
        at_low = at_high;
        high += ldexp(0.25 * sd, i);
        at_high = beyond(p, n, high, q, &off);
    }
    /* Regula falsi, Illinois variant, with a bisection now and then where a
       part without width makes a step. */
    for (int i = 0, side = 0; i < 60 && high - low > 1e-3 * sd; i++) {
        mid = (low * at_high - high * at_low) / (at_high - at_low);
        if (i % 4 == 3 || !(mid > low && mid < high))
            mid = low + (high - low) / 2;
        at = beyond(p, n, mid, q, &off);
        if (fabs(off) < QUANTILE_MISS)
            return mid;
        if (at < 0) {
            low = mid;
            at_low = at;
            at_high = side < 0 ? at_high / 2 : at_high;
            side = -1;
        } else {
            high = mid;
            at_high = at;
            at_low = side > 0 ? at_low / 2 : at_low;
            side = 1;
        }
    }
    return low + (high - low) / 2;
}

double stats_round(double x, int digits)
{
    if (x == 0 || !isfinite(x))
        return x;
    double power = pow(10, digits - 1 - (int)floor(log10(fabs(x))));

    if (!isfinite(power) || power == 0)
        return x;
    return round(x * power) / power;
}

double stats_spread(const double *v, size_t n)
{
    double *w = mem_zalloc(n, sizeof *w), spread;
    size_t m = 0;

    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            w[m++] = v[i];
    stats_sort(w, m);
    spread =
        stats_quantile_sorted(w, m, 0.98) - stats_quantile_sorted(w, m, 0.02);
    free(w);
    return m > 0 ? spread : 0;
}
