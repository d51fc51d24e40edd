/* Kinds of traffic: what the counters, the mix plan and the verdict call a
 * request. Requests that are sent on their own first, then flows. */
#include "harness/model/scenario.h"

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

size_t scenario_kinds(const struct scenario *sc)
{
    size_t n = 0;

    for (size_t i = 0; i < sc->nrequests; i++)
        n += is_kind(sc, i);
    for (size_t i = 0; i < flows_of(sc); i++)
        n += flow_is_kind(sc, i);
    return n;
}

bool scenario_kind_at(const struct scenario *sc, size_t kind, size_t *index)
{
    for (size_t i = 0; i < sc->nrequests; i++)
        if (is_kind(sc, i) && kind-- == 0) {
            *index = i;
            return false;
        }
    for (size_t i = 0; i < flows_of(sc); i++)
        if (flow_is_kind(sc, i) && kind-- == 0) {
            *index = i;
            return true;
        }
    *index = 0;
    return false;
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
