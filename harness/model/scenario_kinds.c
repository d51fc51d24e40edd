/* Kinds of traffic: what the counters, the mix plan and the verdict call a
 * request. Requests that are sent on their own first, then flows. */
#include "harness/base/mem.h"
#include "harness/model/scenario.h"
#include "harness/model/sites.h"

#include <stdlib.h>

/* True when request `i` is a kind of its own. */
static bool is_kind(const struct scenario *sc, size_t i)
{
    return sc->replay.file != NULL ? sc->requests[i].replayed
                                   : sc->requests[i].weight > 0;
}

/* With a replay the recording decides what is sent, and flows rest. */
static size_t flows_of(const struct scenario *sc)
{
    return sc->replay.file != NULL ? 0 : sc->nflows;
}

static bool flow_is_kind(const struct scenario *sc, size_t i)
{
    return sc->flows[i].weight > 0;
}

/* The kind at that place; with `out` NULL: how many there are. */
static size_t look_through(const struct scenario *sc, size_t kind,
                           struct scenario_kind *out)
{
    size_t n = 0;

    for (size_t i = 0; i < sc->nrequests; i++)
        if (is_kind(sc, i) && n++ == kind && out != NULL)
            *out = (struct scenario_kind){i, false};
    for (size_t i = 0; i < flows_of(sc); i++)
        if (flow_is_kind(sc, i) && n++ == kind && out != NULL)
            *out = (struct scenario_kind){i, true};
    return n;
}

void scenario_index_kinds(struct scenario *sc)
{
    free(sc->kinds);
    sc->kinds = NULL;
    sc->nkinds = 0;
    sites_find(sc);
    if (sc->nrequests + sc->nflows == 0)
        return;
    sc->kinds = mem_zalloc(sc->nrequests + sc->nflows, sizeof *sc->kinds);
    for (size_t i = 0; i < sc->nrequests; i++)
        if (is_kind(sc, i))
            sc->kinds[sc->nkinds++] = (struct scenario_kind){i, false};
    for (size_t i = 0; i < flows_of(sc); i++)
        if (flow_is_kind(sc, i))
            sc->kinds[sc->nkinds++] = (struct scenario_kind){i, true};
}

size_t scenario_kinds(const struct scenario *sc)
{
    return sc->kinds != NULL ? sc->nkinds : look_through(sc, 0, NULL);
}

bool scenario_kind_at(const struct scenario *sc, size_t kind, size_t *index)
{
    struct scenario_kind found = {0};

    if (sc->kinds == NULL)
        look_through(sc, kind, &found);
    else if (kind < sc->nkinds)
        found = sc->kinds[kind];
    *index = found.index;
    return found.flow;
}

const char *scenario_kind_name(const struct scenario *sc, size_t kind)
{
    size_t i;

    if (scenario_kind_at(sc, kind, &i))
        return sc->flows[i].name;
    return sc->requests[i].name;
}

double scenario_kind_weight(const struct scenario *sc, size_t kind)
{
    size_t i;

    if (scenario_kind_at(sc, kind, &i))
        return sc->flows[i].weight;
    return sc->requests[i].weight;
}
