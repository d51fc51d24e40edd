#include "analyzers/load.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOWS = 24 };

/* The versions: width in shares of the run, and whether the rate is smoothed
 * from both sides (less counting noise, no delay) or followed. */
static const struct {
    double width;
    bool both;
} versions[FIT_LOADS_MAX] = {
    {0.015, true},
    {0.08, true},
    {0.02, false},
    {0.08, false},
};

/* More requests in the last third than in the first, or fewer, by far more
 * than counting noise. */
static bool ramps(const struct rows *r)
{
    size_t a = r->n / 3, b = r->n - 1 - r->n / 3;
    double first =
        (r->requests[a] - r->requests[0]) / (r->busy_s[a] - r->busy_s[0]);
    double last = (r->requests[r->n - 1] - r->requests[b]) /
                  (r->busy_s[r->n - 1] - r->busy_s[b]);
    double noise = sqrt((first + last) / (r->busy_s[a] - r->busy_s[0]));

    return fabs(last - first) > 6 * noise &&
           fabs(last - first) > 0.15 * fmax(last, first);
}

/* Did the rate move by more than counting noise and a little? */
static bool moved(const struct rows *r, double *typical)
{
    double rate[WINDOWS];
    double all = r->requests[r->n - 1] - r->requests[0];
    size_t n = 0;

    for (size_t k = 0; k < WINDOWS; k++) {
        size_t a = (r->n - 1) * k / WINDOWS;
        size_t b = (r->n - 1) * (k + 1) / WINDOWS;
        double dt = r->busy_s[b] - r->busy_s[a];

        if (dt > 0)
            rate[n++] = (r->requests[b] - r->requests[a]) / dt;
    }
    stats_sort(rate, n);
    *typical = stats_quantile_sorted(rate, n, 0.5);
    double spread = stats_quantile_sorted(rate, n, 0.9) -
                    stats_quantile_sorted(rate, n, 0.1);

    if (ramps(r))
        return true;
    return n >= WINDOWS / 2 && *typical > 0 &&
           spread / *typical > fmax(0.08, 5 / sqrt(all / WINDOWS));
}

/* Rate at each cell by a straight line through the counts within `width`
 * seconds on either side: unbiased where the rate ramps. */
static void smooth(const struct rows *r, double width, double *v)
{
    size_t a = 0, b = 0;
    double n = 0, st = 0, sv = 0, stt = 0, stv = 0;
    double t0 = r->busy_s[0];
    double *raw = mem_zalloc(r->n, sizeof *raw);

    memcpy(raw, v, r->n * sizeof *raw);
    for (size_t i = 0; i < r->n; i++) {
        for (; b < r->n && r->busy_s[b] <= r->busy_s[i] + width; b++) {
            double t = r->busy_s[b] - t0;

            n++, st += t, sv += raw[b], stt += t * t, stv += t * raw[b];
        }
        for (; r->busy_s[a] < r->busy_s[i] - width; a++) {
            double t = r->busy_s[a] - t0;

            n--, st -= t, sv -= raw[a], stt -= t * t, stv -= t * raw[a];
        }
        double det = n * stt - st * st, slope = 0;

        if (det > 1e-9 * n * stt)
            slope = (n * stv - st * sv) / det;
        v[i] = (sv - slope * st) / n + slope * (r->busy_s[i] - t0);
    }
    free(raw);
}

/* The rate as something slow sees it that remembers `tau` seconds. */
static void follow(const struct rows *r, double tau, double *v)
{
    double state = v[0];

    for (size_t i = 1; i < r->n; i++) {
        double keep = exp(-(r->busy_s[i] - r->busy_s[i - 1]) / tau);

        v[i] = state = keep * state + (1 - keep) * v[i];
    }
}

/* A load that ramps evenly from end to end is that straight line; its
 * counting noise would speak against it. */
static void straighten(const struct rows *r, double *v)
{
    double n = (double)r->n, st = 0, sv = 0, stt = 0, stv = 0, svv = 0;

    for (size_t i = 0; i < r->n; i++) {
        double t = r->busy_s[i] - r->busy_s[0];

        st += t, sv += v[i], stt += t * t, stv += t * v[i];
        svv += v[i] * v[i];
    }
    double vt = stt - st * st / n, vv = svv - sv * sv / n;
    double cov = stv - st * sv / n, slope = cov / vt;
    double change = fabs(slope * (r->busy_s[r->n - 1] - r->busy_s[0]));

    if (!(cov * cov > 0.9 * vt * vv) || !(change > 0.15))
        return;
    for (size_t i = 0; i < r->n; i++)
        v[i] = sv / n + slope * (r->busy_s[i] - r->busy_s[0] - st / n);
}

void load_measure(const struct rows *r, struct load *out)
{
    double typical = 0, span;

    *out = (struct load){0};
    if (r->requests == NULL || r->n < 2 * WINDOWS || !moved(r, &typical))
        return;
    out->varied = true;
    span = r->busy_s[r->n - 1] - r->busy_s[0];
    for (int k = 0; k < FIT_LOADS_MAX; k++) {
        double *v = out->v[k] = mem_zalloc(r->n, sizeof *v);

        for (size_t i = 1; i < r->n; i++)
            v[i] = (r->requests[i] - r->requests[i - 1]) /
                   (r->busy_s[i] - r->busy_s[i - 1]) / typical;
        v[0] = v[1];
        if (!versions[k].both) {
            smooth(r, versions[0].width * span, v);
            follow(r, versions[k].width * span, v);
        } else {
            smooth(r, versions[k].width * span, v);
            if (k == 1)
                straighten(r, v);
        }
    }
}

void load_apply(const struct load *l, struct bins *b)
{
    struct fit_points *p = &b->points;

    p->nloads = l->varied ? FIT_LOADS_MAX : 0;
    for (int k = 0; k < p->nloads; k++)
        for (int i = 0; i < p->n; i++) {
            double sum = 0;

            for (size_t c = b->from[i]; c < b->to[i]; c++)
                sum += l->v[k][c];
            p->load[k][i] = sum / (double)(b->to[i] - b->from[i]);
        }
}

void load_release(struct load *l)
{
    for (int k = 0; k < FIT_LOADS_MAX; k++)
        free(l->v[k]);
    *l = (struct load){0};
}
