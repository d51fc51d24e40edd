#include "reports/axis.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void axis_range(const double *v, size_t n, double *low, double *high)
{
    for (size_t i = 0; v != NULL && i < n; i++) {
        if (!isfinite(v[i]))
            continue;
        *low = isnan(*low) || v[i] < *low ? v[i] : *low;
        *high = isnan(*high) || v[i] > *high ? v[i] : *high;
    }
}

/* False for spans that no drawing can show; they come from hostile files. */
static bool drawable(double low, double high)
{
    return fabs(low) < 1e100 && fabs(high) < 1e100;
}

/* The size of the unit in which `a` is written: 1024 for KiB ... */
static double unit_size(double a, enum metric_unit unit, const char **name)
{
    static const char *const names[] = {" B", " KiB", " MiB", " GiB", " TiB"};
    double size = 1;
    int i = 0;

    *name = unit == METRIC_SECONDS ? " s" : "";
    if (unit != METRIC_BYTES)
        return 1;
    for (; i < 4 && a / size >= 1023.5; i++)
        size *= 1024;
    *name = names[i];
    return size;
}

/* The least 1, 2 or 5 times a power of ten that is not below `v` > 0. */
static double round_step(double v)
{
    double power = pow(10, floor(log10(v)));
    double m = v / power;

    return power * (m <= 1.0001 ? 1 : m <= 2.0001 ? 2 : m <= 5.0001 ? 5 : 10);
}

static void widen(double *low, double *high, double least)
{
    double missing = least - (*high - *low);
    bool positive = *low >= 0;

    if (missing <= 0)
        return;
    *low -= missing / 2;
    *high += missing / 2;
    if (positive && *low < 0) {
        *high -= *low;
        *low = 0;
    }
}

struct axis axis_values(double low, double high, double least,
                        enum metric_unit unit, int ticks)
{
    const char *name;
    double size;
    struct axis a;

    if (!drawable(low, high) || !drawable(least, 0))
        return (struct axis){0, 1, 1};
    widen(&low, &high, least);
    if (!(high > low))
        high = low + 1;
    size = unit_size(fmax(fabs(low), fabs(high)), unit, &name);
    a.step = round_step((high - low) / ticks / size) * size;
    a.low = floor(low / a.step + 1e-9) * a.step;
    a.high = ceil(high / a.step - 1e-9) * a.step;
    return a;
}

struct axis axis_exact(double low, double high, int ticks)
{
    if (!drawable(low, high) || !(high > low))
        return (struct axis){0, 1, 1};
    return (struct axis){low, high, round_step((high - low) / ticks)};
}

struct axis axis_time(double low, double high, int ticks)
{
    static const double steps[] = {
        0.1,   0.2,   0.5,   1,      2,      5,       10,        15,   30,
        60,    120,   300,   600,    900,    1800,    3600,      7200, 10800,
        21600, 43200, 86400, 172800, 604800, 1209600, 31536000.0};
    struct axis a = {low, high > low ? high : low + 1, 0};
    size_t i = 0, n = sizeof steps / sizeof *steps;

    if (!drawable(low, high))
        return (struct axis){0, 1, 1};
    while (i + 1 < n && (a.high - a.low) / steps[i] > ticks)
        i++;
    a.step = steps[i];
    if ((a.high - a.low) / a.step > ticks) /* a clock that went mad */
        a.step = round_step((a.high - a.low) / ticks);
    return a;
}

double axis_first(const struct axis *a)
{
    return ceil(a->low / a->step - 1e-9) * a->step;
}

void axis_label_value(struct buf *out, const struct axis *a, double v,
                      enum metric_unit unit)
{
    const char *name;
    double size = unit_size(fmax(fabs(a->low), fabs(a->high)), unit, &name);
    int d = (int)ceil(-log10(a->step / size) - 1e-9);
    char text[64];
    size_t n;

    v /= size;
    if (fabs(v) < a->step / size / 1000) {
        buf_addc(out, '0');
        return;
    }
    if (fabs(v) >= 1e12 || d > 9) {
        buf_addf(out, "%.3g%s", v, name);
        return;
    }
    snprintf(text, sizeof text, "%.*f", d > 0 ? d : 0, v);
    n = strcspn(text, ".");
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0 && text[i - 1] != '-')
            buf_addc(out, ',');
        buf_addc(out, text[i]);
    }
    buf_addf(out, "%s%s", text + n, name);
}

void axis_label_time(struct buf *out, const struct axis *a, double s)
{
    const char *sign = s < -1e-9 ? "-" : "";
    double t = fabs(s);

    if (a->step >= 86400)
        buf_addf(out, "%s%.0f d", sign, t / 86400);
    else if (a->step >= 3600)
        buf_addf(out, "%s%.0f h", sign, t / 3600);
    else if (a->high > 7200)
        buf_addf(out, "%s%.0f:%02.0f h", sign, floor(t / 3600),
                 fmod(round(t / 60), 60));
    else if (a->step >= 60)
        buf_addf(out, "%s%.0f min", sign, t / 60);
    else if (a->high > 120)
        buf_addf(out, "%s%.0f:%02.0f", sign, floor(t / 60), fmod(t, 60));
    else
        buf_addf(out, "%s%.*f s", sign, a->step < 1 ? 1 : 0, t);
}
