/* Effects by name: reading "NAME:ARG:ARG" and finding the kind. */
#include "tests/server/effect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ledger ledger;

bool effect_number(const char *text, uint64_t *out)
{
    char *end;
    uint64_t n;

    if (*text < '0' || *text > '9')
        return false;
    n = strtoull(text, &end, 10);
    switch (*end) {
    case 'G':
        n *= 1024;
        /* fall through */
    case 'M':
        n *= 1024;
        /* fall through */
    case 'K':
        n *= 1024;
        end++;
        break;
    default:
        break;
    }
    if (*end != '\0')
        return false;
    *out = n;
    return true;
}

static const struct effect_kind *find(const struct effect_kind *table,
                                      const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

bool effect_init(struct effect *e, const char *spec)
{
    char *rest;

    memset(e, 0, sizeof *e);
    if (strlen(spec) >= sizeof e->spec)
        return false;
    snprintf(e->spec, sizeof e->spec, "%s", spec);
    snprintf(e->text, sizeof e->text, "%s", spec);
    rest = strchr(e->text, ':');
    if (rest != NULL)
        *rest++ = '\0';
    e->kind = find(effect_memory_kinds, e->text);
    if (e->kind == NULL)
        e->kind = find(effect_wire_kinds, e->text);
    if (e->kind == NULL)
        return false;
    for (int i = 0; i < EFFECT_ARGS; i++) {
        char *next = rest != NULL ? strchr(rest, ':') : NULL;

        /* The last argument takes the rest, colons included: a URL. */
        if (next != NULL && i + 1 < EFFECT_ARGS)
            *next++ = '\0';
        else
            next = NULL;
        e->arg[i] = rest != NULL ? rest : "";
        if (!effect_number(e->arg[i], &e->num[i]) && i < e->kind->numbers)
            return false;
        rest = next;
    }
    if (e->kind->start != NULL)
        e->kind->start(e);
    return true;
}
