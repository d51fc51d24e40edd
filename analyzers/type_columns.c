#include "analyzers/type_columns.h"

#include "analyzers/life_types.h"
#include "harness/base/mem.h"
#include "harness/model/typename.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CENSUSES_LEAST = 4, /* fewer cannot tell growth from a warm-up */
    GROWN_LEAST = 5,    /* objects; less is nobody's leak */
};

/* Falls may undo this part of the rise: more is a type that comes and goes. */
#define FALLS_MOST 0.3

/* A rise with the age, as a t-value, that is worth a look. */
#define CLEAR_LEAST 3

/* One type through the barriers. */
struct track {
    const char *type;
    double *count; /* one per barrier row, NaN: no census there */
    double steadiness;
    enum typename_origin origin;
    bool chosen;
};

bool type_column_is(const char *name)
{
    return strncmp(name, TYPE_COLUMN_PREFIX, strlen(TYPE_COLUMN_PREFIX)) == 0;
}

const char *type_column_type(const char *name)
{
    return name + strlen(TYPE_COLUMN_PREFIX);
}

static bool usable(const struct record *r, const struct record_object *o)
{
    return o->type != NULL && o->block >= 0 &&
           (size_t)o->block < r->barriers.n && isfinite(o->count);
}

static int by_type(const void *a, const void *b)
{
    const struct record_object *const *x = a, *const *y = b;
    int c = strcmp((*x)->type, (*y)->type);

    return c != 0 ? c
                  : ((*x)->block > (*y)->block) - ((*x)->block < (*y)->block);
}

/* Rows that hold a census at all: there a type that is not listed has none. */
static void mark_censuses(const struct record *r, bool *census)
{
    for (size_t i = 0; i < r->nobjects; i++)
        if (usable(r, &r->objects[i]))
            census[r->objects[i].block] = true;
}

bool type_column_read(const struct record *r, const char *name, double *v)
{
    bool *census = mem_zalloc(r->barriers.n, sizeof *census), any = false;

    mark_censuses(r, census);
    for (size_t i = 0; i < r->barriers.n; i++)
        v[i] = census[i] ? 0 : NAN;
    free(census);
    for (size_t i = 0; i < r->nobjects; i++) {
        const struct record_object *o = &r->objects[i];

        if (!usable(r, o) ||
            strncmp(o->type, type_column_type(name), TYPE_COLUMN_NAME) != 0)
            continue;
        v[o->block] += o->count;
        any = true;
    }
    return any;
}

/* How much of its movement is a rise that stays; 0: not worth a look. */
static double steadiness(const struct track *k, size_t n)
{
    double rise = 0, fall = 0, last = NAN;
    size_t seen = 0;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(k->count[i]))
            continue;
        seen++;
        if (isfinite(last) && k->count[i] > last)
            rise += k->count[i] - last;
        else if (isfinite(last))
            fall += last - k->count[i];
        last = k->count[i];
    }
    if (seen < CENSUSES_LEAST || rise - fall < GROWN_LEAST ||
        fall > FALLS_MOST * rise)
        return 0;
    return (rise - fall) / (fall + sqrt(rise));
}

static bool is_language(const struct track *k)
{
    return k->origin == TYPENAME_LANGUAGE;
}

/* The language's own types come behind all others: what a class's methods and
   frames tell, the class tells better. */
static int by_steadiness(const void *a, const void *b)
{
    const struct track *x = a, *y = b;

    if ((x->steadiness > 0) == (y->steadiness > 0) &&
        is_language(x) != is_language(y))
        return is_language(x) ? 1 : -1;
    if (x->steadiness != y->steadiness)
        return x->steadiness < y->steadiness ? 1 : -1;
    if (x->origin != y->origin)
        return x->origin < y->origin ? -1 : 1;
    return strcmp(x->type, y->type);
}

static int by_origin(const void *a, const void *b)
{
    const struct track *x = a, *y = b;

    if ((x->steadiness > 0) != (y->steadiness > 0))
        return x->steadiness > 0 ? -1 : 1;
    if (x->origin != y->origin)
        return x->origin < y->origin ? -1 : 1;
    return by_steadiness(a, b);
}

/* One structure that grows is made of forty types that rise as steadily as
   each other, and twice as fast the ones that it holds in pairs: half of the
   places are kept for the types that tell most about the program, the others
   go to the clearest. Leaves `k` in the order of clearness. */
static void choose(struct track *k, size_t n)
{
    size_t left = TYPE_COLUMNS_MOST;

    qsort(k, n, sizeof *k, by_origin);
    for (size_t i = 0; i < n && left > TYPE_COLUMNS_MOST / 2; i++, left--)
        k[i].chosen = k[i].steadiness > 0;
    qsort(k, n, sizeof *k, by_steadiness);
    for (size_t i = 0; i < n && left > 0; i++)
        if (!k[i].chosen && k[i].steadiness > 0) {
            k[i].chosen = true;
            left--;
        }
}

/* Sorts the censuses into tracks. Gives them and their number. */
static struct track *gather(const struct record *r, size_t *n)
{
    const struct record_object **rows = mem_zalloc(r->nobjects, sizeof *rows);
    bool *census = mem_zalloc(r->barriers.n, sizeof *census);
    struct track *tracks = NULL;
    size_t used = 0, cap = 0;

    *n = 0;
    mark_censuses(r, census);
    for (size_t i = 0; i < r->nobjects; i++)
        if (usable(r, &r->objects[i]))
            rows[used++] = &r->objects[i];
    if (used > 0)
        qsort(rows, used, sizeof *rows, by_type);
    for (size_t i = 0; i < used; i++) {
        if (i == 0 || strcmp(rows[i]->type, rows[i - 1]->type) != 0) {
            tracks = mem_grow(tracks, *n, &cap, sizeof *tracks);
            tracks[*n] = (struct track){
                .type = rows[i]->type,
                .count = mem_zalloc(r->barriers.n, sizeof(double)),
                .origin = typename_origin(rows[i]->type, r->command)};
            for (size_t k = 0; k < r->barriers.n; k++)
                tracks[*n].count[k] = census[k] ? 0 : NAN;
            (*n)++;
        }
        tracks[*n - 1].count[rows[i]->block] += rows[i]->count;
    }
    free(census);
    free(rows);
    return tracks;
}

static void add_column(struct series *s, const struct track *k)
{
    struct column *c = &s->columns[s->ncolumns++];
    char *whole = mem_printf("%s%s", TYPE_COLUMN_PREFIX, k->type);

    /* A finding is found again by its name, which holds so much. */
    c->name = mem_strndup(whole, sizeof((struct finding *)0)->name - 1);
    c->v = k->count;
    c->metric = (struct metric){
        .name = c->name,
        .title = mem_printf("%s objects", typename_short(k->type)),
        .unit = METRIC_COUNT,
        .role = METRIC_OBJECTS};
    free(whole);
}

static int rise_named(const void *type, const void *rise)
{
    return strcmp(type, ((const struct life_rise *)rise)->type);
}

/* Within lives that are replaced a type may rise while the sum stands. Returns
   how many types could be called a leak by chance: those that moved, in lives
   or in the sum, for what stands still cannot; `n` where there are no
   lives. */
static size_t look_into_lives(const struct record *r, struct track *tracks,
                              size_t n)
{
    struct life_rise *rises, *found;
    size_t nrises = life_types_rises(r, &rises), moved = 0;

    for (size_t i = 0; nrises > 0 && i < n; i++) {
        found =
            bsearch(tracks[i].type, rises, nrises, sizeof *rises, rise_named);
        moved += tracks[i].steadiness > 0 || (found != NULL && found->moved);
        if (found != NULL && found->clearness > CLEAR_LEAST)
            tracks[i].steadiness = fmax(tracks[i].steadiness, found->clearness);
    }
    free(rises);
    return nrises > 0 && moved > 0 ? moved : n;
}

void type_columns_add(const struct record *r, struct record *out,
                      size_t *looked_at)
{
    struct series *s = &out->barriers;
    struct track *tracks;
    size_t n;

    *out = *r;
    s->columns =
        mem_zalloc(s->ncolumns + TYPE_COLUMNS_MOST, sizeof *s->columns);
    if (s->ncolumns > 0)
        memcpy(s->columns, r->barriers.columns,
               s->ncolumns * sizeof *s->columns);
    tracks = gather(r, &n);
    for (size_t i = 0; i < n; i++)
        /* Numbers, strings and what holds them accuse nobody: libraries keep
           bounded rings and sets of them that fill for thousands of requests,
           and what really piles up is in the totals as well. */
        if (!typename_is_data(tracks[i].type))
            tracks[i].steadiness = steadiness(&tracks[i], s->n);
    *looked_at = look_into_lives(r, tracks, n);
    if (n > 0)
        choose(tracks, n);
    for (size_t i = 0; i < n; i++)
        if (tracks[i].chosen)
            add_column(s, &tracks[i]);
        else
            free(tracks[i].count);
    free(tracks);
}

void type_columns_release(const struct record *r, struct record *wide,
                          struct verdict *v)
{
    for (size_t i = r->barriers.ncolumns; i < wide->barriers.ncolumns; i++) {
        struct column *c = &wide->barriers.columns[i];

        v->texts = mem_realloc(v->texts, v->ntexts + 2, sizeof *v->texts);
        v->texts[v->ntexts++] = c->name;
        v->texts[v->ntexts++] = (char *)c->metric.title;
        free(c->v);
    }
    free(wide->barriers.columns);
}
