#include "harness/cli/drivers.h"

#include "harness/base/mem.h"
#include "harness/model/sites.h"

#include <stdlib.h>
#include <string.h>

/* How often kind `k` sends request `r` in one run of it. */
static double times_in(const struct scenario *sc, size_t k, size_t r)
{
    const struct flow *f;
    double n = 0;
    size_t at;

    if (!scenario_kind_at(sc, k, &at))
        return at == r;
    f = &sc->flows[at];
    for (size_t i = 0; i < f->nsteps; i++)
        n += (size_t)f->steps[i] == r;
    return n;
}

/* Adds a driver of request `r`; its kinds are those that send it. */
static struct run_driver *add(const struct scenario *sc, struct drivers *d,
                              size_t r, size_t index)
{
    size_t kinds = scenario_kinds(sc);
    struct run_driver *x;
    double *times = mem_zalloc(kinds, sizeof *times);
    int *at = mem_zalloc(kinds, sizeof *at);

    d->at = mem_realloc(d->at, d->n + 1, sizeof *d->at);
    d->index = mem_realloc(d->index, d->n + 1, sizeof *d->index);
    d->index[d->n] = index;
    x = &d->at[d->n++];
    *x = (struct run_driver){.kinds = at, .times = times};
    for (size_t k = 0; r != (size_t)-1 && k < kinds; k++) {
        double n = times_in(sc, k, r);

        if (n == 0)
            continue;
        at[x->nkinds] = (int)k;
        times[x->nkinds++] = n;
    }
    return x;
}

/* Requests that are a part of several kinds: only then do their counts differ
   from the kinds' own. */
static void add_steps(const struct scenario *sc, struct drivers *d)
{
    size_t kinds = scenario_kinds(sc), at;
    double *users = mem_zalloc(sc->nrequests, sizeof *users);

    for (size_t k = 0; k < kinds; k++) {
        bool flow = scenario_kind_at(sc, k, &at);
        const struct flow *f = &sc->flows[at];

        for (size_t i = 0; i < (flow ? f->nsteps : 1); i++) {
            size_t r = flow ? (size_t)f->steps[i] : at;
            bool again = false;

            for (size_t j = 0; flow && j < i; j++)
                again |= f->steps[j] == f->steps[i];
            users[r] += !again;
        }
    }
    for (size_t r = 0; r < sc->nrequests; r++) {
        struct run_driver *x;

        if (users[r] < 2)
            continue;
        x = add(sc, d, r, r);
        x->what = "step";
        x->name = scenario_mask(sc, sc->requests[r].name);
        x->column = mem_printf("step:%s", x->name);
        x->group = SITES_MAX + r;
    }
    free(users);
}

static void add_distinct(const struct scenario *sc, struct drivers *d)
{
    for (size_t i = 0; i < sc->nsites; i++) {
        const struct scenario_site *s = &sc->sites[i];
        struct run_driver *x = add(sc, d, s->request, i + 1);
        char *request = scenario_mask(sc, sc->requests[s->request].name);

        x->what = "distinct";
        x->name = scenario_mask(sc, s->name);
        x->column = mem_printf("distinct:%s:%s", request, x->name);
        x->group = s->group;
        free(request);
    }
}

void drivers_find(const struct scenario *sc, struct drivers *out)
{
    struct run_driver *x;

    *out = (struct drivers){.nrequests = sc->nrequests};
    if (sc->load.blocks == 0)
        return; /* without barriers nothing follows them */
    add_distinct(sc, out);
    if (sc->replay.nentries == 0)
        add_steps(sc, out);
    x = add(sc, out, (size_t)-1, 0);
    x->what = "connections";
    x->name = mem_strdup("connections");
    x->column = mem_strdup("opened:connections");
    x->group = SITES_MAX + sc->nrequests;
}

void drivers_release(struct drivers *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->at[i].column);
        free(d->at[i].name);
        free(d->at[i].kinds);
        free(d->at[i].times);
    }
    free(d->at);
    free(d->index);
    *d = (struct drivers){.at = NULL};
}

void drivers_read(const struct drivers *d, const struct load *l, double *out)
{
    struct load_kind_counts *requests =
        mem_zalloc(d->nrequests, sizeof *requests);
    struct load_counts c;

    load_get_counts(l, &c, NULL, requests);
    for (size_t i = 0; i < d->n; i++) {
        const char *what = d->at[i].what;
        size_t at = d->index[i];

        if (strcmp(what, "distinct") == 0)
            out[i] = load_distinct(l, at);
        else if (strcmp(what, "step") == 0)
            out[i] = (double)(requests[at].ok + requests[at].errors);
        else
            out[i] = (double)c.connects;
    }
    free(requests);
}
