#include "analyzers/student.h"

#include <math.h>

enum { EXACT_DF = 60 };

/* P(|T| <= t) by the finite series in cos(theta), theta = atan(t/sqrt(df)). */
static double two_sided(double t, int df)
{
    double x = t / sqrt(df), c2 = 1 / (1 + x * x), term = 1, sum = 1;

    if (df == 1)
        return 2 * atan(x) / M_PI;
    if (df % 2 == 0) {
        for (int k = 2; k < df; k += 2) {
            term *= c2 * (k - 1) / k;
            sum += term;
        }
        return x * sqrt(c2) * sum;
    }
    for (int k = 3; k < df; k += 2) {
        term *= c2 * (k - 1) / k;
        sum += term;
    }
    return 2 / M_PI * (atan(x) + x * c2 * sum);
}

/* Hill (1970): a normal deviate with the same tail. */
static double as_normal(double t, int df)
{
    double a = df - 0.5, b = 48 * a * a, z = a * log1p(t * t / df);

    z = (((-0.4 * z - 3.3) * z - 24) * z - 85.5) / (0.8 * z * z + 100 + b) + z +
        3;
    return z / b * sqrt(a * log1p(t * t / df)) + sqrt(a * log1p(t * t / df));
}

/* Far out the series cancels: there the density's leading tail term serves,
   P(T > t) ~ K(df) t^-df. */
static double tail(double t, int df)
{
    double log_k = lgamma((df + 1) / 2.0) - lgamma(df / 2.0) -
                   0.5 * log(df * M_PI) + (df + 1) / 2.0 * log(df);

    return exp(log_k - df * log(t)) / df;
}

double student_cdf(double t, int df)
{
    double a = fabs(t), upper;

    if (isnan(t))
        return NAN;
    if (df > EXACT_DF)
        upper = 0.5 * erfc(as_normal(a, df) / M_SQRT2);
    else
        upper = 0.5 * (1 - two_sided(a, df));
    if (df <= EXACT_DF && upper < 1e-11)
        upper = a > 0 ? fmin(tail(a, df), 1e-11) : 0.5;
    return t < 0 ? upper : 1 - upper;
}

double student_quantile(double p, int df)
{
    double lo = -1, hi = 1;

    while (student_cdf(lo, df) > p && lo > -1e12)
        lo *= 2;
    while (student_cdf(hi, df) < p && hi < 1e12)
        hi *= 2;
    for (int i = 0; i < 80; i++) {
        double mid = lo + (hi - lo) / 2;

        if (student_cdf(mid, df) < p)
            lo = mid;
        else
            hi = mid;
    }
    return lo + (hi - lo) / 2;
}
