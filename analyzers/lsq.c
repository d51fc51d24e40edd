#include "analyzers/lsq.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

void whitener_make(size_t n, const double *var, double rho, struct whitener *w)
{
    *w = (struct whitener){.n = n, .plain = rho == 0};
    w->diag = mem_zalloc(n, sizeof *w->diag);
    w->low = mem_zalloc(n, sizeof *w->low);
    for (size_t i = 0; i < n; i++) {
        double v = (1 - rho) * var[i] + 2 * rho;

        if (i > 0) {
            w->low[i] = -rho / w->diag[i - 1];
            v -= w->low[i] * w->low[i];
        }
        w->diag[i] = sqrt(v);
        w->log_det += 2 * log(w->diag[i]);
    }
}

void whitener_apply(const struct whitener *w, const double *x, double *z)
{
    for (size_t i = 0; w->plain && i < w->n; i++)
        z[i] = x[i] / w->diag[i];
    for (size_t i = 0; !w->plain && i < w->n; i++)
        z[i] = (x[i] - (i > 0 ? w->low[i] * z[i - 1] : 0)) / w->diag[i];
}

void whitener_gather(const struct whitener *w, const double *z, double *out)
{
    for (size_t i = w->n; i-- > 0;)
        out[i] = (z[i] - (i + 1 < w->n ? w->low[i + 1] * out[i + 1] : 0)) /
                 w->diag[i];
}

void whitener_release(struct whitener *w)
{
    free(w->diag);
    free(w->low);
    *w = (struct whitener){0};
}

bool lsq_factor(double *z, size_t n, size_t p, struct lsq *s)
{
    s->p = p;
    for (size_t j = 0; j < p; j++) {
        double *q = z + j * n, before = sqrt(lsq_dot(q, q, n)), norm;

        for (size_t k = 0; k < j; k++) {
            const double *o = z + k * n;
            double t = lsq_dot(o, q, n);

            s->r[k][j] = t;
            for (size_t i = 0; i < n; i++)
                q[i] -= t * o[i];
        }
        norm = sqrt(lsq_dot(q, q, n));
        if (!(norm > 1e-6 * before) || !isfinite(norm))
            return false;
        s->r[j][j] = norm;
        for (size_t i = 0; i < n; i++)
            q[i] /= norm;
    }
    return true;
}

void lsq_substitute(struct lsq *s)
{
    for (size_t j = s->p; j-- > 0;) {
        s->b[j] = s->c[j];
        for (size_t k = j + 1; k < s->p; k++)
            s->b[j] -= s->r[j][k] * s->b[k];
        s->b[j] /= s->r[j][j];
    }
}

void lsq_project(const double *z, size_t n, double *y, struct lsq *s)
{
    for (size_t j = 0; j < s->p; j++) {
        const double *q = z + j * n;

        s->c[j] = lsq_dot(q, y, n);
        for (size_t i = 0; i < n; i++)
            y[i] -= s->c[j] * q[i];
    }
    s->rss = lsq_dot(y, y, n);
    lsq_substitute(s);
}

bool lsq_extend(const double *z, const double *left, size_t n,
                const struct lsq *s, const double *v, size_t from, size_t to,
                struct lsq *out)
{
    size_t p = s->p, m = to - from;
    double all = lsq_dot(v + from, v + from, m), own = all, norm;

    *out = *s;
    out->p = p + 1;
    for (size_t j = 0; j < p; j++) {
        out->r[j][p] = lsq_dot(z + j * n + from, v + from, m);
        own -= out->r[j][p] * out->r[j][p];
    }
    if (!(own > 1e-10 * all) || !isfinite(own))
        return false;
    norm = sqrt(own);
    out->r[p][p] = norm;
    out->c[p] = lsq_dot(left + from, v + from, m) / norm;
    out->rss = s->rss - out->c[p] * out->c[p];
    if (out->rss < 0)
        out->rss = 0;
    lsq_substitute(out);
    return true;
}

bool lsq_solve(double *z, size_t n, size_t p, struct lsq *s)
{
    if (!lsq_factor(z, n, p, s))
        return false;
    lsq_project(z, n, z + LSQ_PARTS * n, s);
    return true;
}

double lsq_turn(const struct lsq *s, const double *a, double *v)
{
    double sum = 0;

    for (size_t j = 0; j < s->p; j++) {
        v[j] = a[j];
        for (size_t k = 0; k < j; k++)
            v[j] -= s->r[k][j] * v[k];
        v[j] /= s->r[j][j];
        sum += v[j] * v[j];
    }
    return sqrt(sum);
}

double lsq_se(const struct lsq *s, const double *a)
{
    double v[LSQ_PARTS];

    return lsq_turn(s, a, v);
}

double lsq_log_add(double a, double b)
{
    double top = fmax(a, b), other = fmin(a, b);

    /* Beyond that the sum is the same to the last bit. */
    return top == -INFINITY || other < top - 40
               ? top
               : top + log(1 + exp(other - top));
}
