#include "harness/cli/nearest.h"

#include "harness/base/mem.h"
#include "harness/model/typename.h"

#include <stdlib.h>
#include <string.h>

static const char arrow[] = " -> ";

/* What holds other things, whatever leaks. */
static const char *const plain[] = {
    "dict",
    "list",
    "tuple",
    "set",
    "cell",
    "frozenset",
    "frame",
    "function",
    "method",
    "traceback",
    "str",
    "builtin_function_or_method",
    "bytes",
    "bytearray",
    "object",
    "weakref.ReferenceType",
    "int",
    "float",
    "type",
    "collections.deque",
    "functools._lru_list_elem",
};

static bool is_plain(const char *type)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(typename_short(type), plain[i]) == 0)
            return true;
    return false;
}

/* Is the step `at` of `len` bytes ("history: shop.Order") of `type`? */
static bool is_step(const char *at, size_t len, const char *type)
{
    const char *name = typename_short(type);
    size_t n = strlen(name);

    return len >= n && strncmp(at + len - n, name, n) == 0 &&
           (len == n ||
            (len >= n + 2 && at[len - n - 1] == ' ' && at[len - n - 2] == ':'));
}

/* The index of the first step's type behind the root, or n. */
static size_t first_grown(const char *text, const char *const *grown, size_t n)
{
    const char *at = strstr(text, arrow);

    while (at != NULL) {
        const char *end;
        size_t len;

        at += sizeof arrow - 1;
        end = strstr(at, arrow);
        len = end != NULL ? (size_t)(end - at) : strlen(at);
        for (size_t i = 0; i < n; i++)
            if (!is_plain(grown[i]) && is_step(at, len, grown[i]))
                return i;
        at = end;
    }
    return n;
}

const char *nearest_type(const struct diagnosis *d, const char *const *grown,
                         size_t n)
{
    double *votes = mem_zalloc(n + 1, sizeof *votes), all = 0;
    size_t best = n;

    for (size_t i = 0; i < d->nchains; i++) {
        const struct diagnosis_chain *c = &d->chains[i];
        size_t first = first_grown(c->text, grown, n);
        /* Of one type 8 may have been followed, of another 16. */
        double weight = c->sampled > 0 ? c->found / c->sampled : c->found;

        all += weight;
        if (first < n)
            votes[first] += weight;
    }
    for (size_t i = 0; i < n; i++)
        if (votes[i] * 2 >= all && all > 0 &&
            (best == n || votes[i] > votes[best]))
            best = i;
    free(votes);
    return best < n ? grown[best] : NULL;
}
