#include "harness/cli/worth.h"

#include "analyzers/explain.h"
#include "harness/model/typename.h"

static bool is_proven(const struct type_growth *t)
{
    return t->significant && t->count_per_request.value > 0;
}

/* Of hundreds of types some always seem to grow: beside a leak that is found
 * they only distract. */
static bool is_explained(const struct verdict *v)
{
    double bytes = 0;
    bool any = false;

    for (size_t i = 0; i < v->ntypes; i++) {
        if (!is_proven(&v->types[i]))
            continue;
        any = true;
        bytes += v->types[i].bytes_per_request;
    }
    return any && explains(v, bytes);
}

/* Where native memory leaks, some tuple always seems to. */
static bool only_seems(const struct verdict *v, const struct type_growth *t)
{
    return !t->significant && t->count_per_request.value > 0 &&
           explains(v, t->bytes_per_request);
}

/* A dict that grows tells nothing by itself: the service's own types first. */
static size_t add(const struct verdict *v, bool proven, const char *command,
                  const char **to, size_t n, size_t most)
{
    for (int o = TYPENAME_OWN; o <= TYPENAME_LANGUAGE; o++)
        for (size_t i = 0; i < v->ntypes && n < most; i++) {
            const struct type_growth *t = &v->types[i];

            if ((proven ? is_proven(t) : only_seems(v, t)) &&
                (int)typename_origin(t->type, command) == o)
                to[n++] = t->type;
        }
    return n;
}

size_t worth_types(const struct verdict *v, const char *command,
                   const char **to, size_t most)
{
    size_t n = add(v, true, command, to, 0, most);

    return is_explained(v) ? n : add(v, false, command, to, n, most);
}

bool worth_lost(unsigned lost, unsigned sampled)
{
    return lost > 0 && lost * 2 >= sampled;
}
