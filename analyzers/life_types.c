#include "analyzers/life_types.h"

#include "analyzers/life_kinds.h"
#include "analyzers/lives.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A census and a reading of the process so far apart are of one moment. */
#define SLACK_S 0.05

/* What a process loads in this part of the longest life is its start. */
#define FRESH 0.1

enum {
    RISE_LEAST = 5,     /* objects; less is nobody's leak */
    CENSUSES_LEAST = 6, /* of single processes */
};

static bool next_census(const struct record *r, size_t i)
{
    const struct record_own_object *o = &r->own_objects[i];

    return i == 0 || o->process != o[-1].process || o->block != o[-1].block;
}

/* FNV-1a of the name, spread by the count: in a sum the order does not
   matter. */
static uint64_t digest_of(const struct record_own_object *o)
{
    uint64_t h = 0xcbf29ce484222325;

    for (const char *s = o->type; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3;
    h ^= (uint64_t)fmin(fabs(o->count), 0x1p63) * 0x9e3779b97f4a7c15;
    return h * 0xbf58476d1ce4e5b9;
}

void life_types_read(const struct record *r, const char *type, size_t most,
                     struct life_types *out)
{
    size_t len = strlen(type), cap = 0;

    *out = (struct life_types){0};
    for (size_t i = 0; i < r->nown_objects; i++) {
        const struct record_own_object *o = &r->own_objects[i];

        if (next_census(r, i)) {
            out->v = mem_grow(out->v, out->n, &cap, sizeof *out->v);
            out->v[out->n++] =
                (struct life_type_count){o->process, o->t_s, 0, 0};
        }
        out->v[out->n - 1].digest += digest_of(o);
        if (strncmp(o->type, type, len) == 0 &&
            (o->type[len] == '\0' || len >= most))
            out->v[out->n - 1].count += o->count;
    }
}

const struct life_type_count *life_types_census(const struct life_types *t,
                                                size_t process, double t_s)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].process == process && fabs(t->v[i].t_s - t_s) < SLACK_S)
            return &t->v[i];
    return NULL;
}

double life_types_count(const struct life_types *t, size_t process, double t_s)
{
    const struct life_type_count *c = life_types_census(t, process, t_s);

    return c != NULL ? c->count : NAN;
}

void life_types_release(struct life_types *t)
{
    free(t->v);
    *t = (struct life_types){0};
}

/* ---- which of them rise ---- */

/* The censuses of lives that began meanwhile, and what each had served: by
   kind of request, and all of it, `drivers` rows of `n`. */
struct ages {
    size_t n, drivers;
    size_t *at; /* census -> column of `served`; n: not among them */
    double *served;
};

static const struct record_own *own_of(const struct record *r,
                                       const struct lives *l, size_t *life,
                                       const struct record_own_object *o)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].process == o->process && l->v[i].first > 0 &&
            (size_t)o->block < r->barriers.n) {
            *life = i;
            return lives_own(r, l, i, (size_t)o->block);
        }
    return NULL;
}

static void ages_fill(const struct record *r, const struct lives *l,
                      size_t censuses, struct ages *a)
{
    size_t kinds = life_kinds_known(r) ? r->nkinds : 0, c = 0, life = 0;
    double *one = mem_zalloc(kinds + 1, sizeof *one);
    double *all = mem_zalloc(censuses * (kinds + 1), sizeof *all);

    a->drivers = kinds + 1;
    a->at = mem_zalloc(censuses, sizeof *a->at);
    a->served = mem_zalloc(censuses * (kinds + 1), sizeof *a->served);
    for (size_t i = 0; i < r->nown_objects; i++) {
        const struct record_own *own;

        if (!next_census(r, i))
            continue;
        a->at[c] = censuses;
        own = own_of(r, l, &life, &r->own_objects[i]);
        one[kinds] = own != NULL ? lives_age_of(r, l, life, own) : 0;
        if (one[kinds] >= FRESH * l->oldest) {
            if (kinds > 0)
                life_kinds_at(r, l, life, own, one[kinds], one);
            memcpy(all + a->n * (kinds + 1), one, (kinds + 1) * sizeof *one);
            a->at[c] = a->n++;
        }
        c++;
    }
    for (size_t i = 0; i < a->n; i++)
        for (size_t d = 0; d <= kinds; d++)
            a->served[d * a->n + i] = all[i * (kinds + 1) + d];
    for (size_t i = 0; i < censuses; i++)
        a->at[i] = a->at[i] == censuses ? a->n : a->at[i];
    free(all);
    free(one);
}

/* The t-value of the rise of `y` with `x`. */
static double rise(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xx = 0, xy = 0, yy = 0, r2;

    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
        yy += (y[i] - my) * (y[i] - my);
    }
    if (!(xx > 0) || !(yy > 0) || xy <= 0)
        return 0;
    r2 = fmin(xy * xy / (xx * yy), 1 - 1e-9);
    return sqrt(r2 * ((double)n - 2) / (1 - r2));
}

static struct life_rise judge_type(const char *type, const struct ages *a,
                                   const double *count)
{
    struct life_rise out = {.type = type};
    double most = count[0], least = count[0];

    for (size_t i = 1; i < a->n; i++) {
        most = fmax(most, count[i]);
        least = fmin(least, count[i]);
    }
    out.moved = most - least >= RISE_LEAST;
    if (strcmp(type, LIFE_TYPES_LINKS) == 0)
        return out;
    for (size_t d = 0; out.moved && d < a->drivers; d++)
        out.clearness =
            fmax(out.clearness, rise(a->served + d * a->n, count, a->n));
    return out;
}

struct type_row {
    const struct record_own_object *o;
    size_t at;
};

static int by_type(const void *a, const void *b)
{
    const struct type_row *x = a, *y = b;
    int c = strcmp(x->o->type, y->o->type);

    return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

/* The rows of the censuses in `a`, by type. */
static struct type_row *rows_of(const struct record *r, const struct ages *a,
                                size_t *n)
{
    struct type_row *rows = mem_zalloc(r->nown_objects, sizeof *rows);
    size_t c = 0;

    *n = 0;
    for (size_t i = 0; i < r->nown_objects; i++) {
        c += i > 0 && next_census(r, i);
        if (a->at[c] < a->n)
            rows[(*n)++] = (struct type_row){&r->own_objects[i], a->at[c]};
    }
    if (*n > 0)
        qsort(rows, *n, sizeof *rows, by_type);
    return rows;
}

static size_t rises_of(const struct record *r, const struct ages *a,
                       struct life_rise **out)
{
    size_t n, found = 0, cap = 0;
    struct type_row *rows = rows_of(r, a, &n);
    double *count = mem_zalloc(a->n, sizeof *count);

    for (size_t i = 0; i < n; i++) {
        count[rows[i].at] += rows[i].o->count;
        if (i + 1 < n && strcmp(rows[i + 1].o->type, rows[i].o->type) == 0)
            continue;
        *out = mem_grow(*out, found, &cap, sizeof **out);
        (*out)[found++] = judge_type(rows[i].o->type, a, count);
        for (size_t k = 0; k < a->n; k++)
            count[k] = 0;
    }
    free(count);
    free(rows);
    return found;
}

size_t life_types_rises(const struct record *r, struct life_rise **out)
{
    size_t *edges, censuses = 0, n = 0;
    struct ages a = {0};
    struct lives l;

    *out = NULL;
    for (size_t i = 0; i < r->nown_objects; i++)
        censuses += next_census(r, i);
    if (censuses < CENSUSES_LEAST)
        return 0;
    edges = mem_zalloc(r->barriers.n, sizeof *edges);
    for (size_t i = 0; i < r->barriers.n; i++)
        edges[i] = i;
    if (lives_find(r, edges, r->barriers.n, &l)) {
        ages_fill(r, &l, censuses, &a);
        if (a.n >= CENSUSES_LEAST)
            n = rises_of(r, &a, out);
        free(a.at);
        free(a.served);
        lives_release(&l);
    }
    free(edges);
    return n;
}
