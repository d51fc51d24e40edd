#include "analyzers/stats.h"

#include <math.h>

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
    return 0.5 * erfc(-z * 0.70710678118654752);
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

double stats_mixture_quantile(const struct part *p, size_t n, double q)
{
    double mean, sd, low, high;

    if (n == 0)
        return NAN;
    moments(p, n, &mean, &sd);
    if (!(sd > 0))
        return mean;
    low = mean - 2 * sd;
    high = mean + 2 * sd;
    for (int i = 0; i < 40 && stats_mixture_cdf(p, n, low) > q; i++)
        low -= (high - low);
    for (int i = 0; i < 40 && stats_mixture_cdf(p, n, high) < q; i++)
        high += (high - low);
    while (high - low > 2e-4 * sd) {
        double mid = low + (high - low) / 2;

        if (stats_mixture_cdf(p, n, mid) < q)
            low = mid;
        else
            high = mid;
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
