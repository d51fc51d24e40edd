#include "reports/say.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Digits behind the point that show three significant digits of `a`, two
 * below a hundredth. */
static int decimals(double a, int most)
{
    int d = a > 0 && isfinite(a)
                ? (a < 0.01 ? 1 : 2) - (int)floor(log10(a * 1.0005))
                : 0;

    return d < 0 ? 0 : d > most ? most : d;
}

/* `v` with `d` decimals and its thousands parted; what rounds to nothing is
 * "0". */
static void add_fixed(struct buf *out, double v, int d)
{
    char text[400];
    const char *s = text;
    size_t whole;

    snprintf(text, sizeof text, "%.*f", d, v);
    if (strspn(text, "-0.") == strlen(text)) {
        buf_addc(out, '0');
        return;
    }
    if (*s == '-')
        buf_addc(out, *s++);
    whole = strcspn(s, ".");
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0)
            buf_addc(out, ',');
        buf_addc(out, s[i]);
    }
    buf_adds(out, s + whole);
}

static void add_unknown(struct buf *out, double v)
{
    buf_adds(out, isnan(v) ? "-" : v > 0 ? "endless" : "-endless");
}

void say_count(struct buf *out, double v)
{
    if (isfinite(v))
        add_fixed(out, v, 0);
    else
        add_unknown(out, v);
}

/* How a value is written: divided, with so many decimals and a unit. */
struct scale {
    double by;
    int decimals;
    const char *unit; /* with a space in front, or "" */
};

static struct scale scale_of(double largest, enum metric_unit unit)
{
    static const char *const names[] = {" B", " KiB", " MiB", " GiB", " TiB"};
    struct scale s = {1, 0, ""};
    int i = 0;

    if (unit == METRIC_BYTES) {
        for (; i < 4 && largest / s.by >= 1023.5; i++)
            s.by *= 1024;
        s.unit = names[i];
    } else if (unit == METRIC_SECONDS) {
        s.unit = " s";
    }
    /* Tenths of a byte are plenty where bytes are many; a run of millions of
       requests sees hundredths, and millionths of a thread. */
    s.decimals = decimals(largest / s.by, unit != METRIC_BYTES ? 9
                                          : s.by > 1           ? 2
                                          : largest >= 1       ? 1
                                                               : 6);
    return s;
}

static void add_scaled(struct buf *out, double v, enum metric_unit unit,
                       bool whole)
{
    struct scale s = scale_of(fabs(v), unit);

    if (!isfinite(v)) {
        add_unknown(out, v);
        return;
    }
    if (whole && v == floor(v) && s.by == 1)
        s.decimals = 0;
    add_fixed(out, v / s.by, s.decimals);
    buf_adds(out, s.unit);
}

void say_amount(struct buf *out, double v, enum metric_unit unit)
{
    add_scaled(out, v, unit, true);
}

void say_growth(struct buf *out, double v, enum metric_unit unit)
{
    add_scaled(out, v, unit, false);
}

void say_interval(struct buf *out, const struct interval *v,
                  enum metric_unit unit)
{
    double largest = fabs(v->value);
    struct scale s;

    if (!isfinite(v->value) || !isfinite(v->low) || !isfinite(v->high)) {
        say_amount(out, v->value, unit);
        return;
    }
    largest = fmax(largest, fmax(fabs(v->low), fabs(v->high)));
    s = scale_of(largest, unit);
    add_fixed(out, v->value / s.by, s.decimals);
    buf_addf(out, "%s (", s.unit);
    add_fixed(out, v->low / s.by, s.decimals);
    buf_adds(out, " .. ");
    add_fixed(out, v->high / s.by, s.decimals);
    buf_addc(out, ')');
}

void say_range(struct buf *out, double low, double high, enum metric_unit unit)
{
    struct scale s = scale_of(fmax(fabs(low), fabs(high)), unit);

    if (!isfinite(low) || !isfinite(high)) {
        say_amount(out, low, unit);
        buf_adds(out, " .. ");
        say_amount(out, high, unit);
        return;
    }
    add_fixed(out, low / s.by, s.decimals);
    buf_adds(out, " .. ");
    add_fixed(out, high / s.by, s.decimals);
    buf_adds(out, s.unit);
}

#define MINUTE 60.0
#define HOUR 3600.0
#define DAY 86400.0

void say_time(struct buf *out, double s)
{
    if (!isfinite(s))
        add_unknown(out, s);
    else if (s < 0.9995)
        buf_addf(out, "%.0f ms", s * 1e3);
    else if (s < 9.95)
        buf_addf(out, "%.1f s", s);
    else if (s < 89.5)
        buf_addf(out, "%.0f s", s);
    else if (s < 90 * MINUTE)
        buf_addf(out, "%.0f min %.0f s", floor(round(s) / MINUTE),
                 fmod(round(s), MINUTE));
    else if (s < 2 * DAY)
        buf_addf(out, "%.0f h %.0f min", floor(round(s / MINUTE) / 60),
                 fmod(round(s / MINUTE), 60));
    else if (s < 36500 * DAY) {
        add_fixed(out, s / DAY, decimals(s / DAY, 1));
        buf_adds(out, " days");
    } else
        buf_adds(out, "more than 100 years");
}

void say_time_interval(struct buf *out, const struct interval *t)
{
    double by = t->value < 90        ? 1
                : t->value < 5400    ? MINUTE
                : t->value < 2 * DAY ? HOUR
                                     : DAY;
    const char *unit = by == 1        ? " s"
                       : by == MINUTE ? " min"
                       : by == HOUR   ? " h"
                                      : " days";
    int d = decimals(t->value / by, 1);

    if (!isfinite(t->value) || t->value > 36500 * DAY) {
        say_time(out, t->value);
        return;
    }
    if (t->value / by >= 10)
        d = 0;
    add_fixed(out, t->value / by, d);
    buf_adds(out, unit);
    if (isnan(t->low) || isnan(t->high))
        return;
    buf_adds(out, " (");
    add_fixed(out, t->low / by, d);
    buf_adds(out, " .. ");
    if (t->high / by < 1e6)
        add_fixed(out, t->high / by, d);
    else
        buf_adds(out, "never");
    buf_addc(out, ')');
}

void say_percent(struct buf *out, double share)
{
    double p = share * 100;

    if (!isfinite(p))
        add_unknown(out, p);
    else if (p != 0 && fabs(p) < 0.1)
        buf_addf(out, "%s 0.1 %%", p > 0 ? "<" : ">-");
    else {
        add_fixed(out, p, p == floor(p) || fabs(p) >= 10 ? 0 : 1);
        buf_adds(out, " %");
    }
}

size_t say_sentence(const char *text)
{
    for (const char *s = text; (s = strstr(s, ". ")) != NULL; s++)
        if (s > text && s[-1] != '.') /* "2 .. 3" goes on */
            return (size_t)(s - text) + 1;
    return strlen(text);
}
