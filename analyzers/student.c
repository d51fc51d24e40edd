#include "analyzers/student.h"

#include <math.h>

enum { EXACT_DF = 60 };

/* lgamma((df + 1) / 2) - lgamma(df / 2) - log(df pi) / 2
   + (df + 1) / 2 log(df), for df from 1 on. */
static const double log_tail[EXACT_DF] = {
    -1.1447298858494002, 0,
    1.1963357277127098,  2.4849066497880004,
    3.8596941482475766,  5.3107398865465942,
    6.8291064456498773,  8.4073783254090291,
    10.039462914593791,  11.7203206593163,
    13.445736832629668,  15.212145272878399,
    17.016495032728251,  18.856149389130742,
    20.728808689648556,  22.632450731229135,
    24.565284126997391,  26.525711396192797,
    28.512299418440683,  30.523755531937496,
    32.558908006842998,  34.616689947508497,
    36.696125909567172,  38.796320687313212,
    40.91644985165324,   43.055751711937383,
    45.213520445012463,  47.389100188093821,
    49.581879932928771,  51.791289090384566,
    54.016793619320346,  56.257892633070846,
    58.514115412312087,  60.785018765416723,
    63.070184687329579,  65.369218276025208,
    67.681745872149691,  70.007413392804665,
    72.345884834841812,  74.696840926685326,
    77.059977910736293,  79.435006440947703,
    81.821650582288655,  84.219646900608893,
    86.628743632933947,  89.048699929508416,
    91.479285160006881,  93.920278277269588,
    96.371467232728691,  98.83264843838657,
    101.30362627080619,  103.7842126130962,
    106.27422643132421,  108.77349338218521,
    111.28184544909807,  113.79912060420219,
    116.32516249399249,  118.85982014656355,
    121.40294769863841,  123.9544041407397};

/* (k - 1) / k */
static const double ratio[EXACT_DF + 1] = {
    0,         0,         1 / 2.0,   2 / 3.0,   3 / 4.0,   4 / 5.0,   5 / 6.0,
    6 / 7.0,   7 / 8.0,   8 / 9.0,   9 / 10.0,  10 / 11.0, 11 / 12.0, 12 / 13.0,
    13 / 14.0, 14 / 15.0, 15 / 16.0, 16 / 17.0, 17 / 18.0, 18 / 19.0, 19 / 20.0,
    20 / 21.0, 21 / 22.0, 22 / 23.0, 23 / 24.0, 24 / 25.0, 25 / 26.0, 26 / 27.0,
    27 / 28.0, 28 / 29.0, 29 / 30.0, 30 / 31.0, 31 / 32.0, 32 / 33.0, 33 / 34.0,
    34 / 35.0, 35 / 36.0, 36 / 37.0, 37 / 38.0, 38 / 39.0, 39 / 40.0, 40 / 41.0,
    41 / 42.0, 42 / 43.0, 43 / 44.0, 44 / 45.0, 45 / 46.0, 46 / 47.0, 47 / 48.0,
    48 / 49.0, 49 / 50.0, 50 / 51.0, 51 / 52.0, 52 / 53.0, 53 / 54.0, 54 / 55.0,
    55 / 56.0, 56 / 57.0, 57 / 58.0, 58 / 59.0, 59 / 60.0};

/* P(|T| <= t) by the finite series in cos(theta), theta = atan(t/sqrt(df)). */
static double two_sided(double t, int df)
{
    double x2 = t * t / df, c2 = 1 / (1 + x2), term = 1, sum = 1, x;

    for (int k = 2 + df % 2; k < df; k += 2) {
        term *= c2 * ratio[k];
        sum += term;
    }
    if (df % 2 == 0)
        return sqrt(x2 * c2) * sum;
    x = sqrt(x2);
    if (df == 1)
        return 2 * atan(x) / M_PI;
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
    return exp(log_tail[df - 1] - df * log(t)) / df;
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
