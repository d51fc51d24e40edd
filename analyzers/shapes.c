#include "analyzers/shapes.h"

#include <math.h>
#include <string.h>

static const double taus[SHAPES_EXPS] = {0.012, 0.025, 0.04, 0.06, 0.085, 0.12,
                                         0.17,  0.24,  0.34, 0.5,  0.75};
static const double logs[SHAPES_LOGS] = {0.004, 0.02, 0.1};
static const double longs[SHAPES_LONGS] = {1.1, 1.7};
static const double powers[SHAPES_POWERS / 2] = {0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
static const double befores[2] = {0.003, 0.05};
static const double afters[2] = {0.02, 0.1};

/* The last kink must leave enough behind it to see a slope. */
#define LAST_KINK 0.92

/* So many times what the readings do, smooth parts together may not. */
#define CANCELS 4

struct builder {
    const struct fit_points *p;
    struct shapes *s;
    double last; /* the greatest age */
};

static struct basis *add(struct builder *f, enum fit_form form, double at)
{
    struct basis *b = &f->s->b[f->s->n++];

    b->form = form;
    b->at = at;
    b->future = b->late = b->cost = 0;
    return b;
}

static void add_line(struct builder *f)
{
    struct basis *b = add(f, FIT_LINE, NAN);

    memcpy(b->v, f->p->age, sizeof b->v);
    b->future = 1;
    b->late = 0.3;
}

static void add_exp(struct builder *f, double tau)
{
    struct basis *b = add(f, FIT_EXP, NAN);

    for (int i = 0; i < f->p->n; i++)
        b->v[i] = -exp(-f->p->age[i] / tau);
    b->future = exp(-f->last / tau) - exp(-(f->last + 1) / tau);
    b->late = exp(-(f->last - 0.3) / tau) - exp(-f->last / tau);
}

/* Creep like a logarithm from age `at` on. */
static void add_log(struct builder *f, double at, double c)
{
    struct basis *b = add(f, FIT_LOG, at > 0 ? at : NAN);
    double age = f->last - at;

    for (int i = 0; i < f->p->n; i++)
        b->v[i] = log1p(fmax(f->p->age[i] - at, 0) / c);
    b->future = log((c + age + 1) / (c + age));
    b->late = log((c + age) / (c + fmax(age - 0.3, 0)));
}

/* New keys of a heavy-tailed kind turn up like a power of all that were asked
 * for (Heaps 1978): ever more slowly, and without an end. */
static void add_power(struct builder *f, double power, double before)
{
    struct basis *b = add(f, FIT_LOG, NAN);
    double end = f->last + before;

    for (int i = 0; i < f->p->n; i++)
        b->v[i] = pow(f->p->age[i] + before, power);
    b->future = pow(end + 1, power) - pow(end, power);
    b->late = pow(end, power) - pow(fmax(end - 0.3, 0), power);
}

static void add_kink(struct builder *f, double at)
{
    struct basis *b = add(f, FIT_KINK, at);

    for (int i = 0; i < f->p->n; i++)
        b->v[i] = fmin(f->p->age[i], at);
    b->late = fmax(at - (f->last - 0.3), 0);
}

static double greatest_age(const struct fit_points *p)
{
    double last = 0;

    for (int i = 0; i < p->n; i++)
        last = fmax(last, p->age[i]);
    return last;
}

/* A jump inside point `i`: that point takes the share of the step that its
 * reading shows. */
static void make_jump(const struct fit_points *p, int i, double last,
                      struct basis *b)
{
    double step = p->y[i + 1] - p->y[i - 1];
    double share = step != 0 ? (p->y[i] - p->y[i - 1]) / step : 0.5;

    share = fmin(fmax(share, 0), 1);
    for (int k = 0; k < p->n; k++)
        b->v[k] = k < i ? 0 : k == i ? share : 1;
    b->form = FIT_JUMP;
    b->at = p->age[i];
    b->future = 0;
    b->late = p->age[i] > last - 0.3 ? 1 : 0;
    b->cost = 0.5;
}

int shapes_jumps(const struct fit_points *p, struct basis *out)
{
    bool used[FIT_POINTS_MAX] = {false};
    double last = greatest_age(p);
    int n = 0;

    while (p->nlives == 1 && n < SHAPES_JUMPS) {
        double best = 0;
        int at = -1;

        for (int i = 1; i + 1 < p->n; i++) {
            double d = fabs(p->y[i + 1] - p->y[i - 1]);

            if (!used[i] && d > best) {
                best = d;
                at = i;
            }
        }
        if (at < 0)
            break;
        used[at] = true;
        make_jump(p, at, last, &out[n++]);
    }
    return n;
}

void shapes_build(const struct fit_points *p, struct shapes *out)
{
    struct builder f = {p, out, greatest_age(p)};

    out->n = 0;
    add_line(&f);
    out->exps = out->n;
    for (int i = 0; i < SHAPES_EXPS; i++)
        add_exp(&f, taus[i]);
    out->logs = out->n;
    for (int i = 0; i < SHAPES_LOGS; i++)
        add_log(&f, 0, logs[i] + p->born);
    out->kinks = out->n;
    for (int i = 0; i < SHAPES_KINKS; i++)
        add_kink(&f, f.last * (i + 1) * (LAST_KINK / SHAPES_KINKS));
    out->afters = out->n;
    for (int i = 0; i < SHAPES_AFTERS; i++)
        add_log(&f, out->b[out->kinks + i / 2 * 2].at, afters[i % 2]);
    out->slows = out->n;
    for (int i = 0; i < SHAPES_LONGS; i++)
        add_exp(&f, longs[i]);
    for (int i = 0; i < SHAPES_POWERS; i++)
        add_power(&f, powers[i / 2], befores[i % 2] + p->born);
    out->loads = out->n;
    for (int i = 0; i < p->nloads; i++)
        memcpy(add(&f, FIT_LOAD, NAN)->v, p->load[i], sizeof p->load[i]);
}

static double range_of(const double *v, int n)
{
    double low = v[0], high = v[0];

    for (int i = 1; i < n; i++) {
        low = fmin(low, v[i]);
        high = fmax(high, v[i]);
    }
    return high - low;
}

bool shapes_cancel(const struct fit_points *p, const struct basis *const *part,
                   const double *c, int k)
{
    double moved = 0;
    int bends = 0;

    for (int i = 0; i < k; i++) {
        if (part[i]->form & (FIT_KINK | FIT_JUMP | FIT_LOAD))
            return false;
        bends += part[i]->form != FIT_LINE;
        moved += fabs(c[i]) * range_of(part[i]->v, p->n);
    }
    return bends > 1 && moved > CANCELS * range_of(p->y, p->n);
}

double shapes_load_change(const struct fit_points *p, const struct basis *b)
{
    int at = 0;

    while (at + 1 < p->n && p->age[at] < b->at)
        at++;
    if (p->nloads == 0 || at < 2 || at + 2 >= p->n)
        return 0;
    return p->load[0][at + 2] - p->load[0][at - 2];
}
