#include "harness/sampler/custom.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void custom_init(struct custom *c, const struct custom_source *source,
                 const char *word)
{
    *c = (struct custom){.source = source, .word = word};
}

void custom_release(struct custom *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->names[i]);
    c->n = 0;
}

static int find(const struct custom *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->names[i], name) == 0)
            return (int)i;
    return -1;
}

static void add_column(void *user, const char *metric, double value)
{
    struct custom *c = user;
    char name[READINGS_NAME];

    (void)value;
    if (readings_full_name(c->source->name, metric, name) != 0 ||
        find(c, name) >= 0)
        return;
    if (c->n == CUSTOM_METRICS)
        c->left_out++;
    else
        c->names[c->n++] = mem_strdup(name);
}

void custom_choose(struct custom *c, const struct source_host *host, char *text,
                   size_t len)
{
    char metric[READINGS_NAME];
    int got = 0;

    if (c->source->nonly > 0) {
        for (size_t i = 0; i < c->source->nonly; i++)
            if (readings_name(c->source->only[i], metric) == 0)
                add_column(c, metric, 0);
    } else if (text != NULL) {
        got = readings_parse(text, len, add_column, c);
        if (c->n == 0)
            host->note(host->host,
                       got < 0 ? "%s.%s: its JSON does not parse: no metric "
                                 "of it"
                               : "%s.%s: no 'name value' line and no number "
                                 "in it: no metric of it",
                       c->word, c->source->name);
    }
    if (c->left_out > 0)
        host->note(host->host,
                   "%s.%s: the first %d metrics are taken, others are left "
                   "out: choose with only.%s",
                   c->word, c->source->name, CUSTOM_METRICS, c->source->name);
}

struct filling {
    const struct custom *c;
    double *values;
};

static void fill_one(void *user, const char *metric, double value)
{
    struct filling *f = user;
    char name[READINGS_NAME];
    int i;

    if (readings_full_name(f->c->source->name, metric, name) != 0)
        return;
    i = find(f->c, name);
    if (i >= 0)
        f->values[i] = isnan(f->values[i]) ? value : f->values[i] + value;
}

void custom_fill(const struct custom *c, const struct source_host *host,
                 char *text, size_t len, double *values)
{
    struct filling f = {c, values};

    for (size_t i = 0; i < c->n; i++)
        values[i] = NAN;
    if (readings_parse(text, len, fill_one, &f) < 0)
        host->note(host->host, "%s.%s: its JSON does not parse", c->word,
                   c->source->name);
}

const char **custom_names(const struct custom *list, size_t count, size_t *n)
{
    const char **names;

    *n = 0;
    for (size_t i = 0; i < count; i++)
        *n += list[i].n;
    names = mem_zalloc(*n, sizeof *names);
    *n = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < list[i].n; k++)
            names[(*n)++] = list[i].names[k];
    return names;
}
