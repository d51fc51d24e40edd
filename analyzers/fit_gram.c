#include "analyzers/fit_gram.h"

#include <string.h>

/* Own functions are the jumps, and behind them the readings. */
static int own_count(const struct fit_gram *f)
{
    return f->n - f->jumps + 1;
}

static const double *own_values(const struct fit_gram *f,
                                const struct fit_points *p, int j)
{
    return f->jumps + j < f->n ? f->jump[j].v : p->y;
}

static int own_index(const struct fit_gram *f, int j)
{
    return f->jumps + j < f->n ? f->jumps + j : SHAPES_MAX;
}

static void copy_design(struct fit_gram *f)
{
    const struct shapes *s = &f->d->s;

    for (int i = 0; i < s->n; i++)
        f->b[i] = &s->b[i];
    for (int r = 0; r < FIT_RHOS; r++)
        for (int i = 0; i < s->n; i++)
            memcpy(f->g[r][i], f->d->g[r][i], (size_t)s->n * sizeof(double));
}

static void gather_own(struct fit_gram *f, const struct fit_points *p)
{
    for (int j = 0; j < own_count(f); j++) {
        const double *v = own_values(f, p, j);

        for (int m = 0; m < p->n; m++)
            f->own[m * FIT_OWN + j] = v[m];
        for (int r = 0; r < FIT_RHOS; r++)
            for (int l = 0; l < p->nlives; l++)
                f->level[r][l][j] = fit_level(f->d, v, l, fit_rhos[r]);
    }
}

/* Whitens the products of own function `j` with the shapes, in `x`, and with
 * the own ones up to itself, in `o`. */
static void whiten(struct fit_gram *f, int j, const struct fit_products *x,
                   const struct fit_products *o)
{
    int me = own_index(f, j);

    for (int r = 0; r < FIT_RHOS; r++) {
        double rho = fit_rhos[r], *mine = f->g[r][me];

        for (int k = 0; k < f->jumps; k++)
            mine[k] = x->now[k] - rho * x->lag[k] + rho * rho * x->past[k];
        for (int k = 0; k <= j; k++)
            mine[own_index(f, k)] =
                o->now[k] - rho * o->lag[k] + rho * rho * o->past[k];
        for (int l = 0; l < f->d->nlives; l++) {
            const double *level = fit_levels(f->d, r, l);
            const double *own = f->level[r][l];

            for (int k = 0; k < f->jumps; k++)
                mine[k] -= own[j] * level[k];
            for (int k = 0; k <= j; k++)
                mine[own_index(f, k)] -= own[j] * own[k];
        }
        for (int k = 0; k < f->jumps; k++)
            f->g[r][k][me] = mine[k];
        for (int k = 0; k <= j; k++)
            f->g[r][own_index(f, k)][me] = mine[own_index(f, k)];
    }
}

void fit_gram_make(struct fit_memo *m, const struct fit_points *p,
                   struct fit_gram *out)
{
    struct fit_products x, o;
    bool fresh;

    out->d = fit_design_of(m, p, &fresh);
    out->jumps = out->d->s.n;
    if (fresh)
        copy_design(out);
    out->n = out->jumps + shapes_jumps(p, out->jump);
    for (int i = out->jumps; i < out->n; i++)
        out->b[i] = &out->jump[i - out->jumps];
    gather_own(out, p);
    for (int j = 0; j < own_count(out); j++) {
        const double *v = own_values(out, p, j);

        fit_multiply(out->d, v, out->d->at, FIT_STEADY, out->jumps, &x);
        fit_multiply(out->d, v, out->own, FIT_OWN, j + 1, &o);
        whiten(out, j, &x, &o);
    }
}
