#include "analyzers/bound.h"

#include "harness/model/typename.h"

#include <math.h>
#include <string.h>

bool bound_found(const struct diagnosis_chain *c)
{
    return c->bound.container != NULL && c->bound.limit > 0 &&
           c->bound.size >= 0 && 2 * c->found >= c->sampled;
}

double bound_more(const struct verdict *v, const struct diagnosis_chain *c)
{
    double room = c->bound.limit - c->bound.size;
    double share = v->types_kind >= 0 ? v->types_share : 1;

    if (room <= 0)
        return 0;
    for (size_t i = 0; c->bound.entry != NULL && i < v->ntypes; i++) {
        const struct type_growth *t = &v->types[i];
        double each = t->count_per_request.value / share * c->bound.share;

        if (t->significant && each > 0 &&
            strcmp(typename_short(t->type), typename_short(c->bound.entry)) ==
                0)
            return room / each;
    }
    return NAN;
}
